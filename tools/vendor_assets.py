#!/usr/bin/env python3
"""Re-creates the vendored browser files from the npm packages that each VENDORED.json names.

python tools/vendor_assets.py             exactly what is recorded; stops at any other byte
python tools/vendor_assets.py --record    after a version was edited: records what npm gives
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = [
    ROOT / "graphql/profile_graphql/graphiql/vendored",
    ROOT / "api/profile_api/pages/docs/vendored",
    ROOT / "api/profile_api/pages/sign_in/vendored",
]


def sha512(data: bytes) -> str:
    """Subresource-integrity form, as npm's lock files have it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode("ascii")


def tarball(package: str, version: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--ignore-scripts", f"{package}@{version}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # a fixed command, names from our own manifest
        (packed,) = Path(folder).glob("*.tgz")
        return packed.read_bytes()


def hold(recorded: dict[str, Any], key: str, found: str, *, record: bool, what: str) -> None:
    if record:
        recorded[key] = found
    elif recorded.get(key) != found:
        raise SystemExit(f"{what}: {key} is {found}, recorded is {recorded.get(key)}")


def vendor(folder: Path, *, record: bool) -> None:
    manifest = folder / "VENDORED.json"
    packages = json.loads(manifest.read_text("utf-8"))["packages"]
    for package in packages:
        name = f"{package['name']}@{package['version']}"
        packed = tarball(package["name"], package["version"])
        hold(package, "integrity", sha512(packed), record=record, what=name)
        with tempfile.TemporaryFile() as stream:
            stream.write(packed)
            stream.seek(0)
            with tarfile.open(fileobj=stream, mode="r:gz") as archive:
                for file in package["files"]:
                    member = archive.extractfile(f"package/{file['from']}")
                    if member is None:
                        raise SystemExit(f"{name}: {file['from']} is no file")
                    data = member.read()
                    hold(file, "sha512", sha512(data), record=record, what=f"{name}/{file['from']}")
                    if file["to"].endswith(".gz"):
                        data = gzip.compress(data, compresslevel=9, mtime=0)
                    (folder / file["to"]).write_bytes(data)
    if record:
        manifest.write_text(json.dumps({"packages": packages}, indent=2) + "\n", "utf-8")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--record", action="store_true", help="record instead of checking")
    record = arguments.parse_args().record
    for folder in FOLDERS:
        vendor(folder, record=record)


if __name__ == "__main__":
    main()
