"""A room is a folder small enough to be read at a glance."""

import subprocess
from collections import Counter
from pathlib import PurePosixPath

MOST = 16


def test_no_folder_has_more_than_sixteen_python_files(repository):
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.split()
    files = Counter(str(PurePosixPath(path).parent) for path in listed)
    assert files["domain/profile_domain"] > 1
    assert {folder: count for folder, count in files.items() if count > MOST} == {}
