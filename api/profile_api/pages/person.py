"""A person that the pages of a demo can act as."""

from __future__ import annotations

from typing import NamedTuple


class Person(NamedTuple):
    """A name to choose by, and what to send for them."""

    label: str
    token: str
    tenant_id: str
