"""How a process that serves imports: without what only costs it time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting_imports() -> Iterator[None]:
    """Without garbage collections, which find nothing in imports and take a seventh of a start;
    what is made within stays for good, and later ones do not look at it either.

    pydantic builds models when they are first used: most are FastAPI's, of an OpenAPI document,
    and take a fifteenth of a start.
    """
    gc.disable()
    from pydantic import BaseModel  # noqa: PLC0415  # a part of what is imported so

    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]
        gc.freeze()
        gc.enable()
