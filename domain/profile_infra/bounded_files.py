"""Reading an operator's files: none can fill the memory, or keep its reader for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

MAX_FILE_BYTES: Final = 1024 * 1024


def read_file(path: Path) -> bytes:
    """The content of a regular file of at most 1 MiB. Raises OSError."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:  # Path.open() has no opener
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is not a file")  # while it is open
            content = file.read(MAX_FILE_BYTES + 1)
    except ValueError:  # a NUL or a lone surrogate in the path
        raise OSError(errno.EINVAL, "no file can have this name") from None
    if len(content) > MAX_FILE_BYTES:
        raise OSError(errno.EFBIG, f"it is over {MAX_FILE_BYTES // 1024} KiB")
    return content


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would wait for its writer
