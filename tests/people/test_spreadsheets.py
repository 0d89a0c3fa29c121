"""Files of people as spreadsheets save them, whole or broken: the same people, or what to do."""

import csv
import io
import itertools
import random
import sys
import tracemalloc
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_infra.people import csv_file
from profile_infra.people.csv_file import COLUMNS, MAX_PROBLEMS, FileRefused, read_people
from running import TENANT

ADA, BOB, EVE = (str(UUID(int=n)) for n in (1, 2, 3))
PEOPLE = [
    [
        TENANT,
        ADA,
        "ada@example.com",
        "local",
        "Ada",
        'Love"lace"',
        "Countess; of, a|b",
        "",
        "",
        "no",
    ],
    [
        TENANT,
        BOB,
        "bob@example.com",
        "oidc",
        "Bób",
        "李",
        "",
        "https://idp.example",
        "b;1,2",
        "TRUE",
    ],
    [TENANT, EVE, "eve@example.com", "saml", "", "", "Ève 😀", "", "e|1", ""],
]
MARKS = {
    "utf-8": b"",
    "utf-8 with a mark": BOM_UTF8,
    "utf-16-le": b"",
    "utf-16-be": b"",
    "utf-16-le with a mark": BOM_UTF16_LE,
    "utf-16-be with a mark": BOM_UTF16_BE,
}
ENDS = ("\r\n", "\n", "\r")


def written(rows, delimiter=",", end="\n", encoding="utf-8", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return MARKS[encoding] + text.getvalue().encode(encoding.split()[0], "surrogatepass")


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """The people of a file with these bytes, without their rows' numbers."""
    path = tmp_path_factory.mktemp("spreadsheets") / "people.csv"

    def read(data):
        path.write_bytes(data)
        return [
            (row.tenant_id, row.id, row.record, row.issuer, row.subject, row.active)
            for row in read_people(path)
        ]

    return read


@pytest.fixture
def refused(read):
    """What is said of a file with these bytes, line by line."""

    def refused(data):
        with pytest.raises(FileRefused) as error:
            read(data)
        first, *lines = str(error.value).splitlines()
        assert "nobody in " in first
        assert lines
        return [line.removeprefix("  ") for line in lines]

    return refused


@pytest.fixture(scope="module")
def people(read):
    """As the plainest file has them."""
    people = read(written([COLUMNS, *PEOPLE]))
    assert [str(person[1]) for person in people] == [ADA, BOB, EVE]
    names = [person[2].names["display_name"] for person in people]
    assert names == ["Countess; of, a|b", None, "Ève 😀"]
    return people


HEADERS = {
    "as documented": str,
    "in capitals": str.upper,
    "as titles": str.title,
    "with blanks around": lambda name: f"  {name.title()} ",
    "with blanks within": lambda name: name.replace("_", " ").title(),
    "with no-break spaces": lambda name: f"\xa0{name}\xa0",
}


@pytest.mark.parametrize("encoding", MARKS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ENDS)
def test_the_same_people_are_read_however_the_spreadsheet_writes_them(
    read, people, delimiter, encoding, end
):
    for quoting, header in itertools.product((csv.QUOTE_MINIMAL, csv.QUOTE_ALL), HEADERS.values()):
        rows = [[header(name) for name in COLUMNS], *PEOPLE]
        data = written(rows, delimiter, end, encoding, quoting)
        assert read(data) == people
        last_end = len(end.encode(encoding.split()[0]))
        assert read(data[:-last_end]) == people, "Google Sheets writes no end to the last row"


def test_columns_may_stand_in_any_order_and_the_optional_ones_be_left_out(read, people):
    order = list(range(len(COLUMNS)))
    random.Random(7).shuffle(order)
    assert read(written([[row[n] for n in order] for row in [COLUMNS, *PEOPLE]])) == people
    short = read(written([row[:4] for row in [COLUMNS, *PEOPLE]]))
    assert [person[:2] for person in short] == [person[:2] for person in people]
    assert all(person[2].names == {} for person in short)


EMPTY = [[], [""], ["", "", ""], [""] * 10, [""] * 30, [" ", "\xa0", ""]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("empty", EMPTY, ids=repr)
def test_empty_rows_are_passed_over_and_counted(read, refused, people, delimiter, empty):
    rows = [COLUMNS, *PEOPLE]
    around = [each for row in rows for each in (empty, row)]
    if "\xa0" not in empty:  # nobody writes a header after that
        assert read(written([*around, empty, empty], delimiter)) == people
    bad = [TENANT, ADA, "nobody", "local"]
    (result,) = refused(written([COLUMNS, empty, PEOPLE[1], empty, bad, empty], delimiter))
    assert result == "row 5, column email: write one address, such as ada@example.com"


def test_rows_may_end_early_or_go_on_emptily(read, people):
    """Excel leaves out separators at the end of rows, and writes some for columns once used."""
    short = [row[: max(n for n, cell in enumerate(row) if cell) + 1] for row in PEOPLE]
    assert read(written([COLUMNS, *short])) == people
    long = [[*row, "", " ", ""] for row in [COLUMNS, *PEOPLE]]
    assert read(written(long)) == people
    assert read(written([COLUMNS, *long[1:]])) == people


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=,", "sep=\t"])
def test_a_line_for_excel_that_names_the_separator_is_no_row(read, refused, people, line):
    for end in ENDS:
        start = (line + end).encode()
        assert read(start + written([COLUMNS, *PEOPLE], ";", end)) == people
        bad = written([COLUMNS, [TENANT, "7", "a@b.example", "local"]], ";", end)
        (result,) = refused(start + bad)
        assert result.startswith("row 2, column id: write a UUID")


def test_line_breaks_within_a_cell_belong_to_its_row(read, refused):
    """The names break a rule, each in the row that a spreadsheet shows."""
    rows = [[TENANT, ADA, "a@b.example", "local", "A\nd\r\na"], [TENANT, BOB, "x", "local", ""]]
    for end in ENDS:
        result = refused(written([COLUMNS[:5], *rows], end=end))
        assert [each.partition(":")[0] for each in result] == [
            "row 2, column first_name",
            "row 3, column email",
        ]


GOOD = [TENANT, ADA, "ada@example.com", "oidc", "Ada", "", "", "https://idp.example", "7", "1"]


def with_cell(column, cell):
    return [cell if name == column else each for name, each in zip(COLUMNS, GOOD, strict=True)]


@pytest.mark.parametrize(
    ("column", "cell", "do"),
    [
        ("tenant_id", "", "write a UUID"),
        ("tenant_id", "acme", "write a UUID"),
        ("id", "{" + ADA + "}", "write a UUID"),
        ("id", "1", "write a UUID"),
        ("email", "", "write one address"),
        ("email", "Ada <ada@example.com>", "write one address"),
        ("email", "a@b.example, c@d.example", "write one address"),
        ("auth_provider", "", "write one of local, oidc, saml"),
        ("auth_provider", "google", "write one of local, oidc, saml"),
        ("first_name", "x" * 101, "at most 100 characters"),
        ("last_name", "\u2068Ann\u2069", "type it again: it has a line break, or a character"),
        ("display_name", "A\nd", "type it again: it has a line break, or a character"),
        ("issuer", "x" * 256, "at most 255 characters"),
        ("subject", "7\n7", "no line breaks"),
        ("subject", "1.02345E+20", "the spreadsheet has rounded the number"),
        ("subject", "1,02345E+20", "the spreadsheet has rounded the number"),
        ("subject", "1E+20", "the spreadsheet has rounded the number"),
        ("active", "WAHR", "write true or false, or nothing"),
    ],
)
def test_a_refused_cell_is_reported_with_its_row_its_column_and_what_to_do(
    refused, column, cell, do
):
    (result,) = refused(written([COLUMNS, PEOPLE[1], with_cell(column, cell)]))
    assert result.startswith(f"row 3, column {column}: ")
    assert do in result
    assert len(cell) < 2 or cell not in result


def test_all_problems_of_a_file_are_reported_up_to_a_limit(refused):
    bad = ["acme", "1", "nobody", "ldap", "x" * 101, "a\nb", "\u202e", "x" * 256, "1E+20", "x"]
    result = refused(written([COLUMNS, bad, GOOD, bad]))
    places = [each.partition(":")[0] for each in result]
    assert places == [f"row {row}, column {name}" for row in (2, 4) for name in COLUMNS]
    many = refused(written([COLUMNS, *[bad] * 1000]))
    assert many[:10] == result[:10]
    assert len(many) == MAX_PROBLEMS + 1
    assert many[-1] == f"and {10 * 1000 - MAX_PROBLEMS:,} more like these"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (["tenant_id", "id", "email"], "it lacks auth_provider"),
        (["tenant_id"], "it lacks id, email, auth_provider"),
        ([*COLUMNS, " Shoe size"], "remove or rename Shoe size. The columns are tenant_id, id"),
        ([*COLUMNS, "Email"], "the column email stands there twice"),
        ([*COLUMNS, *"abcdefgh"], "remove or rename a, b, c, d, e and 3 more"),
        ([*COLUMNS, "\x1b[31mred"], "remove or rename \\x1b[31mred"),
        (PEOPLE[0], "it must name the columns tenant_id, id, email, auth_provider, and may name"),
        (["Staff of 2026"], "Is there a title above it"),
        (["|".join(COLUMNS)], "something else than a comma, semicolon or tab between"),
    ],
)
def test_a_missing_header_is_reported_with_the_columns(refused, header, says):
    result = refused(written([header, *PEOPLE]))
    assert all(each.startswith("row 1, the header: ") for each in result)
    assert any(says in each for each in result)
    assert not any("\x1b" in each for each in result)


@pytest.mark.parametrize(
    ("row", "column"),
    [([*GOOD, "more"], "K"), ([*GOOD, "", "more"], "L"), ([*GOOD, *[""] * 16, "x", "x"], "AA")],
)
def test_a_cell_beyond_the_header_is_reported_with_its_letter(refused, row, column):
    result = refused(written([COLUMNS, row]))
    assert result[0].startswith(f"row 2, column {column}: the header has no name")


def test_a_column_without_a_name_must_be_empty(refused, read):
    header = [*COLUMNS[:4], "", *COLUMNS[4:]]
    rows = [[*row[:4], "", *row[4:]] for row in PEOPLE]
    assert len(read(written([header, *rows]))) == len(PEOPLE)
    rows[1][4] = "x"
    (result,) = refused(written([header, *rows]))
    assert result.startswith("row 3, column E: the header has no name")


def test_letters_of_an_old_code_page_are_reported_by_cell(refused):
    """Excel's plain "CSV" is in Windows' code page."""
    rows = [COLUMNS, GOOD, with_cell("first_name", "Zoë"), with_cell("display_name", "Ünal")]
    text = "\n".join(";".join(row) for row in rows).replace(ADA, BOB, 1).replace(ADA, EVE, 1)
    result = refused(text.encode("cp1252"))
    assert result == [
        f'row {row}, column {column}: it has letters that are not UTF-8: save the file as "CSV UTF-8"'
        for row, column in [(3, "first_name"), (4, "display_name")]
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b"\n\r\n;;;\n,,,\n", "it is empty"),
        (BOM_UTF16_LE, "it is empty"),
        (b"sep=;\r\n", "it is empty"),
        (b"PK\x03\x04" + bytes(100), "this is a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "this is a workbook"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "row 1, the header: it must name the columns"),
        (b"<html><table><tr><td>tenant_id", "row 1, the header: it must name the columns"),
        (bytes(range(256)) * 9, "row "),
        (written([COLUMNS, GOOD]) + b'"' + b"x" * 99, 'row 3: a quotation mark (") is not closed'),
        (written([COLUMNS, GOOD]) + b'"x"x,', 'row 3: a quotation mark (") is not closed'),
        (written([COLUMNS, GOOD]) + b"x" * 70_000, "row 3: it is over 65,536 characters"),
        (written([COLUMNS]) + b'"' + b"x\n" * 70_000, "row 2: it is over 65,536 characters"),
        (written([COLUMNS]) + b'"x\n",' * 20_000, "row 2: it is over 65,536 characters"),
        (b"x" * 70_000, "row 1: it is over 65,536 characters"),
        (
            written([COLUMNS, GOOD], encoding="utf-16-le") + b"\0",
            "row 3: the file ends within a letter",
        ),
    ],
)
def test_what_is_no_such_file_is_refused_with_what_to_do(refused, data, says):
    assert any(each.startswith(says) for each in refused(data))


def test_a_file_that_is_too_large_is_refused_before_it_is_read(refused, monkeypatch):
    data = written([COLUMNS, *PEOPLE])
    monkeypatch.setattr(csv_file, "MAX_FILE_BYTES", len(data))
    assert refused(data + b"\n") == ["it is over 0 MiB: split it"]


def test_a_device_without_an_end_is_refused(tmp_path):
    path = tmp_path / "endless.csv"
    path.symlink_to("/dev/zero")
    tracemalloc.start()
    try:
        with pytest.raises(FileRefused, match="it is over 64 MiB"):
            read_people(path)
        assert tracemalloc.get_traced_memory()[1] < 200 * 1024**2
    finally:
        tracemalloc.stop()


CUT = [
    ("utf-8", ","),
    ("utf-8 with a mark", ";"),
    ("utf-16-le with a mark", "\t"),
    ("utf-16-be", ","),
]


@pytest.mark.parametrize(("encoding", "delimiter"), CUT)
@pytest.mark.parametrize("end", ENDS)
def test_a_file_cut_at_any_byte_gives_its_whole_rows_or_is_refused(
    read, people, encoding, delimiter, end
):
    """Only a cut within the very last cell cannot be detected: not every file ends with a line end."""
    data = written([COLUMNS, *PEOPLE], delimiter, end, encoding)
    taken = 0
    for size in range(len(data)):
        try:
            found = read(data[:size])
        except FileRefused:
            continue
        taken += 1
        *whole, last = found or [None]
        assert whole == people[: len(whole)]
        if last is not None and last != people[len(whole)]:
            assert last[:-1] == people[len(whole)][:-1]
            assert last[-1] is None
    assert taken >= len(PEOPLE)


@given(data=st.binary(max_size=300))
def test_no_bytes_bring_more_than_a_refusal(read, data):
    for start in (b"", written([COLUMNS]), written([COLUMNS], ";", "\r", "utf-16-le with a mark")):
        try:
            assert read(start + data) == []
        except FileRefused as refused:
            assert str(refused).isascii() or str(refused).replace("\n", "").isprintable()


@given(
    names=st.lists(st.text(max_size=40), min_size=3, max_size=3),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(ENDS),
    encoding=st.sampled_from(list(MARKS)),
)
def test_any_name_is_read_alike_or_refused_alike_in_every_form(
    read, names, delimiter, end, encoding
):
    rows = [COLUMNS, [*GOOD[:4], *names, *GOOD[7:]]]

    def outcome(data):
        try:
            return read(data)
        except FileRefused as refused:
            return str(refused)

    everything = csv.QUOTE_ALL  # by itself Python writes a lone CR without quotation marks
    plainest = outcome(written(rows, quoting=everything))
    assert outcome(written(rows, delimiter, end, encoding, everything)) == plainest


def test_a_file_of_twice_the_rows_takes_twice_the_steps(read):
    def steps(count):
        rows = ([*GOOD[:1], str(UUID(int=n)), *GOOD[2:-2], str(n), ""] for n in range(count))
        data = written([COLUMNS, *rows])
        calls = 0

        def count_call(*_):
            nonlocal calls
            calls += 1

        sys.setprofile(count_call)
        try:
            assert len(read(data)) == count
        finally:
            sys.setprofile(None)
        return calls

    assert steps(2000) < 2.1 * steps(1000)
