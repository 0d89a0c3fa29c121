"""Vendored files are unchanged and have their licences."""

import base64
import gzip
import hashlib
import json
import re
import runpy
from pathlib import Path

import pytest

from profile_api.pages.docs import page as docs
from profile_api.pages.sign_in import seam as sign_in
from profile_graphql.graphiql import page as graphiql

PAGES = {"docs": docs.ASSETS, "graphiql": graphiql.ASSETS, "sign_in": sign_in.ASSETS}
MANIFESTS = [folder / "vendored/VENDORED.json" for folder in PAGES.values()]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=PAGES)
def test_vendored_files_are_those_of_the_package_and_no_others(manifest: Path) -> None:
    packages = json.loads(manifest.read_text("utf-8"))["packages"]
    recorded = {file["to"]: file["sha512"] for package in packages for file in package["files"]}
    found = {}
    for path in manifest.parent.iterdir():
        data = path.read_bytes()
        if path.suffix == ".gz":
            assert data[4:8] == bytes(4), f"{path.name} holds a time of compression"
            data = gzip.decompress(data)
        digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
        found[path.name] = f"sha512-{digest}"
    del found["VENDORED.json"]
    assert found == recorded


@pytest.mark.parametrize("manifest", MANIFESTS, ids=PAGES)
def test_each_vendored_package_comes_with_its_licence(manifest: Path) -> None:
    for package in json.loads(manifest.read_text("utf-8"))["packages"]:
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        assert package["licence"] in {"MIT", "Apache-2.0"}
        assert any(file["from"] in {"LICENSE", "LICENSE.md"} for file in package["files"])


def test_the_vendoring_script_knows_every_manifest() -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "tools/vendor_assets.py"))
    assert sorted(folder / "VENDORED.json" for folder in script["FOLDERS"]) == sorted(MANIFESTS)
