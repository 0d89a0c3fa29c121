"""A package index on loopback that has a newer release of every distribution."""

import hashlib
import threading
import zipfile
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NEWER = "9999"


def read_lock(lock: Path) -> list[Requirement]:
    """What a lock installs on this Python."""
    lines = lock.read_text().replace("\\\n", " ").splitlines()
    stripped = (line.partition("--hash")[0].strip() for line in lines)
    read = [Requirement(line) for line in stripped if line and not line.startswith("#")]
    return [each for each in read if each.marker is None or each.marker.evaluate()]


def version_of(requirement: Requirement) -> str:
    (pin,) = requirement.specifier
    assert pin.operator == "==", requirement
    return pin.version


class PackageIndex:
    """Offers each requirement in its pinned version and in a newer one, with its real dependencies.

    The wheels hold nothing but metadata, which is that of the distributions installed here.
    """

    def __init__(self, folder: Path, requirements: list[Requirement]) -> None:
        self.asked: set[str] = set()
        self.fetched: set[str] = set()
        self._folder = folder
        self._hashes: dict[str, str] = {}
        for each in requirements:
            name = canonicalize_name(each.name)
            for version in (version_of(each), NEWER):
                wheel = _wheel(folder, name, version)
                self._hashes[wheel.name] = hashlib.sha256(wheel.read_bytes()).hexdigest()

    def lock(self, path: Path, requirements: list[Requirement]) -> Path:
        """A lock of these with the hashes of this index."""
        lines = []
        for each in requirements:
            wheel = _wheel_name(canonicalize_name(each.name), version_of(each))
            named = f"{each.name}[{','.join(each.extras)}]" if each.extras else each.name
            lines.append(f"{named}=={version_of(each)} --hash=sha256:{self._hashes[wheel]}\n")
        path.write_text("".join(lines))
        return path

    @contextmanager
    def served(self):
        """The environment in which pip asks this index alone."""
        handler = partial(_Handler, self, directory=str(self._folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/simple"
        try:
            yield {
                "PIP_INDEX_URL": address,
                "PIP_CONFIG_FILE": "/dev/null",
                "PIP_NO_CACHE_DIR": "1",
            }
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, index: PackageIndex, *arguments, **named) -> None:
        self._index = index
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        first, _, name = self.path.strip("/").partition("/")
        if first != "simple":
            self._index.fetched.add(self.path.strip("/"))
            super().do_GET()
            return
        self._index.asked.add(name)
        wheels = [each for each in self._index._hashes if each.startswith(_prefix(name))]
        links = "".join(f'<a href="/{each}">{each}</a>' for each in wheels)
        body = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        self.send_response(200 if wheels else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Nothing on standard error."""


def _prefix(name: str) -> str:
    return f"{name.replace('-', '_')}-"


def _wheel_name(name: str, version: str) -> str:
    return f"{_prefix(name)}{version}-py3-none-any.whl"


def _wheel(folder: Path, name: str, version: str) -> Path:
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    real = distribution(name).metadata
    for field in ("Provides-Extra", "Requires-Dist"):
        metadata += [f"{field}: {value}" for value in real.get_all(field) or ()]
    info = f"{_prefix(name)}{version}.dist-info"
    files = {
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{info}/RECORD,,"]
    for path, text in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(text.encode())}")
    files[f"{info}/RECORD"] = "\n".join(record) + "\n"
    wheel = folder / _wheel_name(name, version)
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel
