"""People of tenants from a CSV file (RFC 4180): all of a file, or what is wrong with it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from profile_domain.caller import MAX_SUBJECT, is_subject, parse_uuid
from profile_domain.people import (
    Record,
    RecordRefused,
    apply_record,
    new_profile,
    read_record,
)
from profile_domain.profile import TEXT_FIELDS
from profile_infra.stores.records import User

REQUIRED = ("tenant_id", "id", "email", "auth_provider")
TEXTS = tuple(field.name for field in TEXT_FIELDS if field.imported)
OPTIONAL = (*TEXTS, "issuer", "subject")
# White space is the spreadsheet's; any other is part of a subject, as it is in a token.
_PADDING = " \t\r\n"


class FileRefused(ValueError):
    """A file that cannot be imported; ``problems`` has one sentence for each thing wrong."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file; ``issuer`` and ``subject`` are empty where it leaves them open."""

    tenant_id: UUID
    id: UUID
    record: Record
    issuer: str
    subject: str

    def as_new(self) -> User:
        return User(new_profile(self.tenant_id, self.id, self.record), self.issuer, self.subject)

    def applied_to(self, user: User, *, overwrite: bool) -> User:
        """What the provider owns brought up to date: how its tokens are known, among others."""
        return replace(
            user,
            profile=apply_record(user.profile, self.record, overwrite=overwrite),
            issuer=self.issuer or user.issuer,
            subject=self.subject or user.subject,
        )


def read_people(path: Path, seen: Callable[[int], None] = lambda _: None) -> list[Row]:
    """Every row, checked; ``seen`` is told how many bytes each line took. Raises FileRefused."""
    problems: list[str] = []
    rows: list[Row] = []
    lines: dict[tuple[UUID, UUID], int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(_told(file, seen), strict=True, restkey="", restval=None)
            problems += _wrong_columns(reader.fieldnames or ())
            for cells in () if problems else reader:
                try:
                    row = _read(cells)
                except ValueError as error:
                    problems.append(f"line {reader.line_num}: {error}")
                    continue
                first = lines.setdefault((row.tenant_id, row.id), reader.line_num)
                if first != reader.line_num:
                    problems.append(f"line {reader.line_num}: id: it stands in line {first} too")
                rows.append(row)
    except UnicodeDecodeError:
        problems.append("it is not UTF-8")
    except csv.Error as error:
        problems.append(f"line {reader.line_num}: {error}")
    except OSError as error:
        problems.append(error.strerror or "it cannot be read")
    if problems:
        raise FileRefused(path, problems)
    return rows


def _told(lines: Iterator[str], seen: Callable[[int], None]) -> Iterator[str]:
    for line in lines:
        seen(len(line.encode()))
        yield line


def _wrong_columns(columns: object) -> list[str]:
    names = list(columns) if isinstance(columns, (list, tuple)) else []
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in (*REQUIRED, *OPTIONAL)]
    problems = []
    if missing:
        problems.append(f"the header lacks {', '.join(missing)}")
    if unknown:
        problems.append(f"the header has columns that mean nothing here: {', '.join(unknown)}")
    if len(set(names)) < len(names):
        problems.append("the header names a column twice")
    return problems


def _read(cells: dict[str, str | None]) -> Row:
    if None in cells.values() or "" in cells:
        raise ValueError("it does not have as many cells as the header")
    text = {name: cell or "" for name, cell in cells.items()}
    tenant_id, user_id = parse_uuid(text["tenant_id"].strip()), parse_uuid(text["id"].strip())
    if tenant_id is None or user_id is None:
        raise RecordRefused("id" if tenant_id else "tenant_id", "it must be a UUID")
    names = {field: text[field] for field in TEXTS if field in text}
    record = read_record(text["email"].strip(), text["auth_provider"].strip().lower(), names)
    keys = [text.get(name, "").strip(_PADDING) for name in ("issuer", "subject")]
    for name, key in zip(("issuer", "subject"), keys, strict=True):
        if key and not is_subject(key):
            reason = f"it has at most {MAX_SUBJECT} characters, and no control characters"
            raise RecordRefused(name, reason)
    return Row(tenant_id, user_id, record, *keys)
