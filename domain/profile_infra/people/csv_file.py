"""Parsing CSV files of users: all rows, or a list of problems.

RFC 4180, and the variants that Excel, LibreOffice, Numbers and Google Sheets write: semicolons or
tabs as delimiters, UTF-16, byte order marks, any line ends, empty rows, and short rows.
"""

from __future__ import annotations

import csv
import re
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from io import BytesIO, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple
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

REQUIRED: Final = ("tenant_id", "id", "email", "auth_provider")
TEXTS: Final = tuple(field.name for field in TEXT_FIELDS if field.imported)
OPTIONAL: Final = (*TEXTS, "issuer", "subject", "active")
COLUMNS: Final = (*REQUIRED, *OPTIONAL)
STDIN: Final = Path("-")
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_ROW: Final = 64 * 1024  # characters; a row of people has some 2,500 at most
MAX_PROBLEMS: Final = 50

_DELIMITERS: Final = ",;\t"
_MARKS: Final = ((BOM_UTF8, "utf-8"), (BOM_UTF16_LE, "utf-16-le"), (BOM_UTF16_BE, "utf-16-be"))
# The signatures of ZIP (.xlsx, .ods, .numbers) and of the container of .xls.
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# Excel's declaration of the delimiter in the first line, which it neither shows nor counts.
_SAYS_DELIMITER: Final = re.compile(r'"?sep=."?', re.IGNORECASE)
# Stripped from cells; other white space may be part of a subject, as in a token.
_PADDING: Final = " \t\r\n"
_UNREADABLE: Final = re.compile("[\ud800-\udfff]")
_ROUNDED: Final = re.compile(r"\d([.,]\d+)?E\+\d+")
_BOOLEANS: Final = dict.fromkeys(("true", "yes", "1"), True) | dict.fromkeys(
    ("false", "no", "0"), False
)
_NO_UUID: Final = "write a UUID, such as 0ac3e000-0000-4000-8000-000000000001"
_NOT_UTF8: Final = 'it has letters that are not UTF-8: save the file as "CSV UTF-8"'
_WHOLE: Final = "save the file again, and see that it is copied whole"


class Problems:
    """The problems of a file: the first 50, and the number of the others."""

    def __init__(self) -> None:
        self._listed: list[str] = []
        self._omitted = 0

    def add(self, problem: str) -> None:
        if len(self._listed) < MAX_PROBLEMS:
            self._listed.append(problem)
        else:
            self._omitted += 1

    def of_cell(self, row: int, column: str, problem: str) -> None:
        self.add(f"row {row}, column {column}: {problem}")

    def __bool__(self) -> bool:
        return bool(self._listed)

    def __str__(self) -> str:
        rest = [f"and {self._omitted:,} more like these"] if self._omitted else []
        return "".join(f"\n  {line}" for line in (*self._listed, *rest))


class FileRefused(ValueError):
    """A file that cannot be imported; the text has one line for each problem."""

    def __init__(self, path: Path, problems: Problems) -> None:
        where = "standard input" if path == STDIN else path
        super().__init__(f"nobody in {where} was imported; correct this, and try again:{problems}")


@dataclass(frozen=True, slots=True)
class Row:
    """One user of the file. ``issuer`` and ``subject`` are empty if the file leaves them open.

    ``active`` is None if the file leaves it open; ``number`` is the row number of a spreadsheet,
    starting at 1.
    """

    number: int
    tenant_id: UUID
    id: UUID
    record: Record
    issuer: str
    subject: str
    active: bool | None = None

    def as_new(self) -> User:
        profile = new_profile(self.tenant_id, self.id, self.record)
        if self.active is False:
            profile = replace(profile, active=False)
        return User(profile, self.issuer, self.subject)

    def applied_to(self, user: User, *, overwrite: bool) -> User:
        """The user with the row's values in what the provider owns, issuer and subject included.

        A row may deactivate a user; it lets one in again only with ``overwrite``, because it was an
        operator, or an earlier file, who kept them out.
        """
        profile = apply_record(user.profile, self.record, overwrite=overwrite)
        if self.active is False or (self.active and overwrite):
            profile = replace(profile, active=self.active)
        return replace(
            user,
            profile=profile,
            issuer=self.issuer or user.issuer,
            subject=self.subject or user.subject,
        )


def read_people(path: Path, read: Callable[[int], None] = lambda _: None) -> list[Row]:
    """All rows, validated. ``read`` is called with the bytes of each line, for a progress bar.

    The path ``-`` is standard input. At most 64 MiB per file and 65,536 characters per row.
    Raises FileRefused.
    """
    problems = Problems()
    rows: list[Row] = []
    try:
        with nullcontext(sys.stdin.buffer) if path == STDIN else path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        for row in _rows(_Lines(data, read), problems):
            rows.append(row)  # noqa: PERF402  # rows before an unreadable one are validated too
    except _Unreadable as error:
        problems.add(str(error))
    except OSError as error:
        problems.add(error.strerror or "the file cannot be read")
    if problems:
        raise FileRefused(path, problems)
    return rows


class _Unreadable(Exception):
    """An error after which the file cannot be read further."""


class _Lines:
    """The lines of a file with their line ends, for the csv module; their length is limited.

    ``row`` is the number of the current row, ``ended`` whether the last line had a line end.
    """

    def __init__(self, data: bytes, read: Callable[[int], None]) -> None:
        if data.startswith(_WORKBOOKS):
            raise _Unreadable(
                "this is a workbook, not a CSV file: open it, and save or export it as CSV; in"
                ' Excel choose "CSV UTF-8"'
            )
        if len(data) > MAX_FILE_BYTES:
            raise _Unreadable(f"it is over {MAX_FILE_BYTES // 1024**2} MiB: split it")
        mark, self._encoding = _mark_and_encoding(data)
        # Undecodable bytes are kept, to report their row and column.
        self._errors = "surrogateescape" if self._encoding == "utf-8" else "surrogatepass"
        stream = BytesIO(data)
        stream.seek(len(mark))
        self._text = TextIOWrapper(stream, self._encoding, self._errors, newline="")
        self._read = read
        self._row_length = 0
        self.row = 1
        self.ended = True

    def begin_row(self) -> None:
        self.row += 1
        self._row_length = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(MAX_ROW + 1)
        except UnicodeDecodeError:
            raise _Unreadable(f"row {self.row}: the file ends within a letter; {_WHOLE}") from None
        if not line:
            raise StopIteration
        self._row_length += len(line)
        if self._row_length > MAX_ROW:
            raise _Unreadable(
                f"row {self.row}: it is over {MAX_ROW:,} characters long; look for a quotation mark"
                " that is not closed"
            )
        self.ended = line.endswith(("\n", "\r"))
        self._read(len(line.encode(self._encoding, self._errors)))
        return line


def _mark_and_encoding(data: bytes) -> tuple[bytes, str]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return mark, encoding
    # The header is ASCII: in UTF-16 every other byte is zero.
    return b"", {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get(
        (data[:1] == b"\0", data[1:2] == b"\0"), "utf-8"
    )


def _rows(lines: _Lines, problems: Problems) -> Iterator[Row]:
    """The valid rows; the problems of others are added to ``problems``."""
    records = _records(lines)
    cells = next(records, [])
    header = _Header([_column(cell) for cell in cells])
    for wrong in header.wrong(cells):
        problems.add(f"row {lines.row}, the header: {wrong}")
    if problems:
        return
    first_seen: dict[tuple[UUID, UUID], int] = {}
    for cells in records:
        try:
            row = header.read(lines.row, cells, ended=lines.ended)
        except RecordRefused as refused:
            for column, reason in refused.problems.items():
                problems.of_cell(lines.row, column, reason)
            continue
        first = first_seen.setdefault((row.tenant_id, row.id), row.number)
        if first != row.number:
            problems.of_cell(row.number, "id", f"row {first} is of the same user; keep one")
        yield row


def _records(lines: _Lines) -> Iterator[list[str]]:
    """The cells of the header, then of each row that is not empty; ``lines.row`` is its number."""
    first = _first_line(lines)
    reader = csv.reader(chain([first], lines), delimiter=_delimiter(first), strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise _Unreadable(
                f'row {lines.row}: a quotation mark (") is not closed, or stands within a text:'
                ' remove it, or write it twice (""). The rows after this one were not looked at'
            ) from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield cells
        lines.begin_row()


def _first_line(lines: _Lines) -> str:
    """The first line that is not empty: the header."""
    for line in lines:
        if lines.row == 1 and _SAYS_DELIMITER.fullmatch(line.strip("\r\n")):
            continue
        if line.strip(f'{_DELIMITERS}{_PADDING}"\ufeff'):
            return line
        lines.begin_row()
    raise _Unreadable("it is empty: the first row names the columns")


def _delimiter(header: str) -> str:
    """The delimiter that splits the header into the most known column names."""

    def known(delimiter: str) -> int:
        cells = next(csv.reader([header], delimiter=delimiter), [])
        return sum(_column(cell) in COLUMNS for cell in cells)

    return max(_DELIMITERS, key=known)


def _column(cell: str) -> str:
    """The name of a column as the import knows it: ``Tenant ID`` is ``tenant_id``."""
    return "_".join(cell.replace("\ufeff", "").lower().split())


class _Header(NamedTuple):
    """The columns of a file, in order."""

    columns: list[str]

    def wrong(self, cells: list[str]) -> Iterator[str]:
        """The problems of the header."""
        named = [name for name in self.columns if name]
        optional = ", ".join(OPTIONAL)
        if not set(named) & set(COLUMNS):
            yield (
                f"it must name the columns {', '.join(REQUIRED)}, and may name {optional}. Is there"
                " a title above it, or something else than a comma, semicolon or tab between?"
            )
            return
        if missing := [name for name in REQUIRED if name not in named]:
            yield f"it lacks {', '.join(missing)}"
        unknown = [
            _shown(cell.strip())
            for cell, name in zip(cells, self.columns, strict=True)
            if name and name not in COLUMNS
        ]
        if unknown:
            more = f" and {len(unknown) - 5:,} more" if len(unknown) > 5 else ""
            yield (
                f"remove or rename {', '.join(unknown[:5])}{more}. The columns are"
                f" {', '.join(REQUIRED)}, and may be {optional}"
            )
        for name in dict.fromkeys(named):
            if name in COLUMNS and named.count(name) > 1:
                yield f"the column {name} stands there twice"

    def read(self, number: int, cells: list[str], *, ended: bool) -> Row:
        """Raises RecordRefused."""
        if len(cells) < len(self.columns) and not ended:
            column = self._name(len(cells) - 1)
            raise RecordRefused({column: f"the file ends here, within the row; {_WHOLE}"})
        texts = dict.fromkeys(self.columns, "") | dict(zip(self.columns, cells, strict=False))
        problems = {
            self._name(place): "the header has no name for this column; is a cell out of place?"
            for place, cell in enumerate(cells)
            if cell.strip() and (place >= len(self.columns) or not self.columns[place])
        }
        problems |= {
            name: _NOT_UTF8 for name, text in texts.items() if name and _UNREADABLE.search(text)
        }
        for name in ("tenant_id", "id"):
            if parse_uuid(texts[name].strip()) is None:
                problems.setdefault(name, _NO_UUID)
        issuer, subject = (texts.get(name, "").strip(_PADDING) for name in ("issuer", "subject"))
        problems = _of_keys(issuer=issuer, subject=subject) | problems
        said = texts.get("active", "").strip().lower()
        if said and said not in _BOOLEANS:
            problems.setdefault("active", "write true or false, or nothing")
        names = {name: texts[name] for name in TEXTS if name in texts}
        email, provider = texts["email"].strip(), texts["auth_provider"].strip().lower()
        try:
            record = read_record(email, provider, names)
        except RecordRefused as refused:
            raise RecordRefused(self._in_order({**refused.problems, **problems})) from None
        if problems:
            raise RecordRefused(self._in_order(problems))
        tenant_id, user_id = (UUID(texts[name].strip()) for name in ("tenant_id", "id"))
        return Row(number, tenant_id, user_id, record, issuer, subject, _BOOLEANS.get(said))

    def _name(self, place: int) -> str:
        """The column's name, or its letter where it has none."""
        named = place < len(self.columns) and self.columns[place]
        return named or _letters(place)

    def _in_order(self, problems: dict[str, str]) -> dict[str, str]:
        places = {name: place for place, name in enumerate(self.columns)}
        return dict(sorted(problems.items(), key=lambda each: places.get(each[0], len(places))))


def _of_keys(**keys: str) -> dict[str, str]:
    problems = {}
    for name, key in keys.items():
        if key and not is_subject(key):
            problems[name] = f"at most {MAX_SUBJECT} characters, and no line breaks, are allowed"
        elif _ROUNDED.fullmatch(key):
            problems[name] = (
                "the spreadsheet has rounded the number: format the column as text, and fill it in"
                " again"
            )
    return problems


def _letters(place: int) -> str:
    """The letters of a column in a spreadsheet: A to Z, AA, …"""
    high, low = divmod(place, 26)
    return (_letters(high - 1) if high else "") + chr(ord("A") + low)


def _shown(name: str) -> str:
    """A text of the file, shortened and safe for a terminal."""
    return ascii(name[:40])[1:-1] if not name.isprintable() else name[:40]
