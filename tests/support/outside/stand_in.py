"""Stands in for systemctl, journalctl, nginx and docker where a page's commands call them.

``python stand_in.py FOLDER PROGRAM ARGUMENTS``: what would be a machine's is the folder's, and what
is to go on running is left running; its process ids are in ``FOLDER/pids``. Units and compose files
are read and done as they say, with ports of ``FOLDER/ports.json``; an unknown word of theirs fails.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

# What a unit says of the sandbox, which is checked by systemd-analyze.
_SANDBOX = re.compile(
    r"(Protect|Private|Restrict|SystemCall|Capability|Ambient)\w+|Type|KillMode|TimeoutStopSec"
    r"|Restart(Sec)?|DynamicUser|StateDirectory|UMask|NoNewPrivileges|LockPersonality"
    r"|MemoryDenyWriteExecute|RemoveIPC|LimitNOFILE|ExecReload"
)


class Machine:
    def __init__(self, folder):
        self.folder = folder
        self.ports = json.loads((folder / "ports.json").read_text())
        folders = [each for each in os.environ["PATH"].split(":") if each != f"{folder}/bin"]
        self.nginx_itself = shutil.which("nginx", path=":".join(folders))

    def start(self, command, environment, cwd):
        """Leaves it running; its output goes to ``FOLDER/log``."""
        path = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"}
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                command, env=path | environment, cwd=cwd,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        with (self.folder / "pids").open("a") as pids:
            pids.write(f"{process.pid}\n")

    def systemctl(self, *arguments):
        match arguments:
            case ["daemon-reload"]:
                pass
            case ["enable", "--now", name]:
                self._start_unit(self.folder / "etc/systemd/system" / f"{name}.service")
            case ["reload", "nginx"]:
                self._start_nginx(self.folder / "etc/nginx")
            case _:
                raise SystemExit(f"systemctl: {arguments}")

    def journalctl(self, *arguments):
        if arguments != ("--unit", "profile-service", "--output", "cat"):
            raise SystemExit(f"journalctl: {arguments}")
        sys.stdout.write((self.folder / "log").read_text())

    def nginx(self, *arguments):
        if arguments != ("-t",):
            raise SystemExit(f"nginx: {arguments}")
        conf = self._nginx_conf(self.folder / "etc/nginx")
        subprocess.run([self.nginx_itself, "-t", "-c", conf], check=True)

    def docker(self, *arguments):
        match arguments:
            case ["compose", "-f", file, "up", "--detach", "--build"]:
                Compose(self, Path(file).resolve()).up()
            case ["compose", "-f", file, "run", "--rm", "-T", service]:
                Compose(self, Path(file).resolve()).run(service)
            case _:
                raise SystemExit(f"docker: {arguments}")

    def _start_unit(self, unit):
        said = [
            line.split("=", 1)
            for line in unit.read_text().partition("[Service]")[2].partition("\n[")[0].splitlines()
            if line and not line.startswith("#")
        ]
        credentials = self.folder / "credentials"
        credentials.mkdir(mode=0o700)
        state = self.folder / "var/lib/profile-service"
        state.mkdir(parents=True)
        environment, start = {}, None
        for key, value in said:
            expanded = value.replace("%d", str(credentials)).replace("%S", str(state.parent))
            match key:
                case "LoadCredential":
                    name, _, path = expanded.partition(":")
                    shutil.copy(path, credentials / name)
                case "Environment":
                    environment.update([expanded.split("=", 1)])
                case "EnvironmentFile":
                    path = Path(expanded.removeprefix("-"))
                    if path.exists():
                        lines = path.read_text().split()
                        environment.update(line.split("=", 1) for line in lines)
                case "ExecStart":
                    start = shlex.split(expanded)
                case "WorkingDirectory":
                    assert Path(expanded) == state
                case _:
                    assert _SANDBOX.fullmatch(key), key
        self.start(start, environment, state)

    def _start_nginx(self, etc):
        conf = self._nginx_conf(etc)
        self.start([self.nginx_itself, "-c", str(conf)], {}, etc)

    def _nginx_conf(self, etc):
        conf, temporary = etc / "nginx.conf", self.folder / "nginx"
        temporary.mkdir(exist_ok=True)
        paths = " ".join(
            f"{name}_temp_path {temporary}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        conf.write_text(
            f"daemon off; master_process off; pid {temporary}/pid; error_log {temporary}/error;"
            f"events {{}} http {{ {paths} include conf.d/*.conf; }}"
        )
        return conf


class Compose:
    """What a compose file says, done on this machine; the hosts of its network are ports here."""

    def __init__(self, machine, file):
        self.machine = machine
        self.top = file.parent
        self.read = yaml.safe_load(file.read_text())
        self.services = self.read["services"]
        self.secrets = machine.folder / "run/secrets"
        self.secrets.mkdir(parents=True, exist_ok=True)

    def up(self):
        postgres = self.services["postgres"]
        mounted = dict(
            reversed(each.removesuffix(":ro").split(":")) for each in postgres["volumes"]
        )
        self._secrets_of(postgres)
        roles = self.top / mounted["/docker-entrypoint-initdb.d/roles.sh"]
        here = {"SECRETS": str(self.secrets), "ROLES": str(self.top / mounted["/roles.sql"])}
        subprocess.run([roles], env=os.environ | here, check=True, cwd="/")
        self.run("migrate")
        if shutil.which("redis-server"):
            command = [
                *self.services["redis"]["command"],
                "--port",
                str(self.machine.ports["redis"]),
            ]
            self.machine.start(command, {}, self.machine.folder)
        for name in ("first", "second")[: self.services["service"]["deploy"]["replicas"]]:
            command, environment = self._done_by("service")
            port = str(self.machine.ports[name])
            command = [port if part == "8000" else part for part in command]
            command = ["127.0.0.1" if part == "0.0.0.0" else part for part in command]
            self.machine.start(command, environment, self.machine.folder)
        self._start_proxy()

    def run(self, service):
        command, environment = self._done_by(service)
        path = {"PATH": os.environ["PATH"]}
        subprocess.run(command, env=path | environment, cwd=self.machine.folder, check=True)

    def _done_by(self, name):
        service = self.services[name]
        self._secrets_of(service)
        command = service.get("command")
        if command is None:
            (line,) = re.findall(r"^CMD (.+)$", (self.top / "Dockerfile").read_text(), re.MULTILINE)
            command = json.loads(line)
        mounted = {"/run/secrets/": f"{self.secrets}/"}
        for each in service.get("volumes", []):
            host, container, _ = each.split(":")
            assert (self.top / host).is_dir(), host
            mounted[container] = str(self.top / host)
        environment = {
            key: self._here(value, mounted) for key, value in service["environment"].items()
        }
        return command, environment

    def _here(self, value, mounted):
        for container, host in mounted.items():
            value = value.replace(container, host)
        return self._of_network(value)

    def _of_network(self, text):
        return text.replace("@postgres/", f"@127.0.0.1:{self.machine.ports['postgres']}/").replace(
            "//redis:6379/", f"//127.0.0.1:{self.machine.ports['redis']}/"
        )

    def _secrets_of(self, service):
        """Those of this service, and no others."""
        for old in self.secrets.iterdir():
            if "service" not in old.name and "issuers" not in old.name:  # replicas go on
                old.unlink()
        for each in service["secrets"]:
            path = self.top / self.read["secrets"][each]["file"]
            assert path.stat().st_mode & 0o004, f"{path}: the image's user cannot read it"
            (self.secrets / each).write_text(self._of_network(path.read_text()))

    def _start_proxy(self):
        etc = self.machine.folder / "etc/nginx"
        for each in self.services["proxy"]["volumes"]:
            host, container, _ = each.split(":")
            there = self.machine.folder / container.removeprefix("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (self.top / host).is_dir() else shutil.copy
            copy(self.top / host, there)
        site = etc / "conf.d/default.conf"
        text = re.sub(r"resolver .*;", "", site.read_text())
        (line,) = re.findall(r"  server service:8000 resolve .*\n", text)
        each = [
            line.replace("service:8000 resolve", f"127.0.0.1:{self.machine.ports[name]}")
            for name in ("first", "second")
        ]
        site.write_text(
            text.replace(line, "".join(each))
            .replace("listen 8080", f"listen 127.0.0.1:{self.machine.ports['proxy']}")
            .replace("/dev/stdout", str(self.machine.folder / "access.log"))
        )
        self.machine._start_nginx(etc)


if __name__ == "__main__":
    folder, program, *arguments = sys.argv[1:]
    getattr(Machine(Path(folder)), program)(*arguments)
