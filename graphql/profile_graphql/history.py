"""The audit trail as a Relay connection, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import strawberry

from profile_domain.audit import AuditEntry
from profile_domain.profile import EDITABLE
from profile_graphql.names import ProfileField


@strawberry.type(description="One field of a change. Of a picture only its digest is kept.")
class ChangedField:
    field: ProfileField | None = strawberry.field(
        description="The field; null for what only others change, such as the email address."
    )
    name: str = strawberry.field(
        description="The field as REST spells it, those that only others change included: `email`,"
        " `auth_provider`, `active`, `issuer` and `subject`."
    )
    old: str | None = strawberry.field(
        description="The value before; null where there was none, or it is no longer kept."
    )
    new: str | None = strawberry.field(
        description="The value after; null where there is none, or it is no longer kept. Of a"
        " picture, `sha256:` and its digest in hex."
    )

    @classmethod
    def of(cls, name: str, old: str | None, new: str | None) -> Self:
        field = ProfileField(name) if name in EDITABLE else None
        return cls(field=field, name=name, old=old, new=new)


@strawberry.type(description="One change of your profile: who, when, by which way in, what.")
class ProfileChange:
    at: datetime = strawberry.field(description="When it was stored, in UTC.")
    issuer: str = strawberry.field(description="Who vouched for the one who made the change.")
    subject: str = strawberry.field(description="Who made the change, as the issuer names them.")
    face: str = strawberry.field(description="`rest`, `graphql`, or another way in, as `import`.")
    request_id: str = strawberry.field(
        description="`X-Request-ID` of the request that made it. Send one of your own, and the"
        " newest change says whether an update whose answer was lost has happened."
    )
    old_version: int = strawberry.field(description="The version before.")
    new_version: int = strawberry.field(description="The version after, one more.")
    fields: list[ChangedField] = strawberry.field(description="What changed.")

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
            fields=[ChangedField.of(*field) for field in change.changed_fields],
        )


@strawberry.type(description="Where a page begins and ends (Relay).")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there are older changes.")
    has_previous_page: bool = strawberry.field(
        description="Whether the page was asked for with `after`."
    )
    start_cursor: str | None = strawberry.field(
        description="The first edge's; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="The last edge's, for `after` of the next page; null on an empty page."
    )


@strawberry.type(description="A change, and its place among the others.")
class ProfileChangeEdge:
    cursor: str = strawberry.field(description="For `after`: the changes before this one.")
    node: ProfileChange = strawberry.field(description="The change.")


@strawberry.type(description="A page of changes, newest first.")
class ProfileChangeConnection:
    edges: list[ProfileChangeEdge] = strawberry.field(description="The changes.")
    page_info: PageInfo = strawberry.field(description="What is before and after this page.")

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
