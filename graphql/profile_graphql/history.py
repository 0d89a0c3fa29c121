"""The audit trail as a Relay connection, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import strawberry

from profile_domain.audit import AuditEntry
from profile_graphql.names import camel_case


@strawberry.type(description="One field of a change. Of a picture only its digest is kept.")
class ChangedField:
    field: str
    old: str | None
    new: str | None


@strawberry.type(description="One change of your profile: who, when, by which way in, what.")
class ProfileChange:
    at: datetime
    issuer: str = strawberry.field(description="Who vouched for the one who made the change.")
    subject: str
    face: str = strawberry.field(description="`rest`, `graphql`, or another way in, as `import`.")
    request_id: str
    old_version: int
    new_version: int
    fields: list[ChangedField]

    @classmethod
    def of(cls, change: AuditEntry) -> Self:
        return cls(
            at=change.at,
            issuer=change.issuer,
            subject=change.subject,
            face=change.face,
            request_id=change.request_id,
            old_version=change.old_version,
            new_version=change.new_version,
            fields=[
                ChangedField(field=camel_case(field), old=old, new=new)
                for field, old, new in change.changed_fields
            ],
        )


@strawberry.type(description="Where a page begins and ends (Relay).")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class ProfileChangeEdge:
    cursor: str
    node: ProfileChange


@strawberry.type(description="A page of changes, newest first.")
class ProfileChangeConnection:
    edges: list[ProfileChangeEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, changes: Sequence[AuditEntry], *, first: int, after: int | None) -> Self:
        """The first ``first`` of ``changes``; one more means that there is a next page."""
        edges = [
            ProfileChangeEdge(cursor=str(change.new_version), node=ProfileChange.of(change))
            for change in changes[:first]
        ]
        return cls(
            edges=edges,
            page_info=PageInfo(
                has_next_page=len(changes) > first,
                has_previous_page=after is not None,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )
