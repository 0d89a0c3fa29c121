"""A person that the pages of a demo can act as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A name to choose by, and what to send for them."""

    label: str
    tenant_id: str
    sign: Callable[[], str]

    @property
    def token(self) -> str:
        """A new one each time, so that a page that is loaded again has not the one that expired."""
        return self.sign()

    @property
    def document(self) -> dict[str, str]:
        """As the pages have it."""
        return {"label": self.label, "token": self.token, "tenant_id": self.tenant_id}
