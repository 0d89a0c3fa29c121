"""The structure of the repository, as far as linters do not check it."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from profile_domain.errors import Code


def test_no_folder_named_graphql_is_a_package(repository):
    """It would shadow graphql-core, which Strawberry imports."""
    tracked = subprocess.run(
        ["git", "ls-files", "*graphql/__init__.py"],
        cwd=repository, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [path for path in tracked.stdout.split() if Path(path).parent.name == "graphql"] == []


def test_what_is_not_a_test_imports_nothing_from_the_tests(repository):
    """What both need is a module of profile_testing."""
    of_tests = {path.stem for path in (repository / "tests").rglob("*.py")} | {"tests"}
    for folder in ("bench", "fuzz", "tools"):
        for path in (repository / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom):
                    assert node.module not in of_tests, path
                elif isinstance(node, ast.Import):
                    assert of_tests.isdisjoint(each.name for each in node.names), path


def test_the_wheel_holds_every_asset(repository, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, repository],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        root = repository / package
        for path in root.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert str(path.relative_to(root.parent)) in held


def test_no_lock_holds_an_address(repository):
    for lock in (*repository.glob("*.lock"), *repository.glob("tests/support/*/package-lock.json")):
        assert "://" not in lock.read_text(), lock


def test_the_catalogue_is_spelled_alike_everywhere():
    assert all(code.value == code.name.lower() for code in Code)
