"""The commands with which support finds, follows, exports and deletes people."""

import io
import json
import re
from uuid import uuid4

import pytest

from command import HEADER, ISSUERS, csv, person
from running import OTHER_TENANT, TENANT

KEYS = [
    *("id", "tenant_id", "email", "name", "auth_provider", "first_name", "last_name"),
    *("display_name", "avatar", "issuer", "subject", "version", "active"),
]


def read(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def ada(run, tmp_path):
    """A store with one person, who was changed by a second import."""
    run("migrate")
    ada = str(uuid4())
    run("users", "import", csv(tmp_path, person(ada, "ada@example.com", "oidc", "Ada")))
    run("users", "import", csv(tmp_path, person(ada, "ada@example.com", "oidc", "Augusta")))
    return ada


def test_what_is_known_of_a_person_is_printed_as_json(run, ada):
    (shown,) = read(run("users", "show", ada, "--tenant", TENANT, "--json"))
    assert list(shown) == KEYS
    assert (shown["id"], shown["first_name"], shown["avatar"]) == (ada, "Augusta", None)
    assert (shown["active"], shown["version"]) == (True, 2)
    assert read(run("users", "list", "--tenant", TENANT, "--json")) == [shown]
    assert read(run("users", "find", "Ada@Example.com", "--json")) == [shown]
    (changed,) = read(run("users", "deactivate", ada, "--tenant", TENANT, "--json"))
    assert changed == shown | {"active": False, "version": 3}
    (changed,) = read(run("users", "activate", ada, "--tenant", TENANT, "--json"))
    assert changed == shown | {"version": 4}


def test_the_history_says_who_changed_what_with_every_value(run, ada):
    run("users", "deactivate", ada, "--tenant", TENANT)
    deactivated, imported = run("users", "history", ada, "--tenant", TENANT).splitlines()
    assert "\t3\tan operator\toperator\t" in deactivated
    assert deactivated.endswith("\tactive: true → false")
    assert "\t2\tan import\timport\t" in imported
    assert imported.endswith("\tfirst_name: Ada → Augusta")
    newest = read(run("users", "history", ada, "--tenant", TENANT, "--json"))[0]
    assert newest["face"] == "operator"
    assert newest["fields"] == [{"field": "active", "old": "true", "new": "false"}]


def test_a_tenant_is_listed_and_its_history_told_in_the_order_of_time(run, ada, tmp_path):
    bob = str(uuid4())
    run("users", "import", csv(tmp_path, person(bob, "bob@example.com")))
    run("users", "deactivate", bob, "--tenant", TENANT)
    assert run("tenants", "list") == f"{TENANT}\t2\t1\n"
    assert read(run("tenants", "list", "--json")) == [
        {"tenant_id": TENANT, "users": 2, "deactivated": 1}
    ]
    run("users", "delete", ada, "--yes", "--tenant", TENANT)
    lines = [line.split("\t") for line in run("tenants", "history", TENANT).splitlines()]
    assert [(cells[1], cells[2], cells[3]) for cells in lines] == [
        (ada, "2", "an import"),
        (bob, "2", "an operator"),
        (ada, "3", "an operator"),
    ]
    assert [cells[-1] for cells in lines] == [
        *("first_name: - → -", "active: true → false", "deleted"),
    ]
    entries = read(run("tenants", "history", TENANT, "--json"))
    assert [entry["user_id"] for entry in entries] == [ada, bob, ada]
    assert run("tenants", "history", OTHER_TENANT) == ""
    at = entries[1]["at"].partition(".")[0]
    assert run("tenants", "history", TENANT, "--since", "2999-01-01") == ""
    assert len(run("tenants", "history", TENANT, "--since", at).splitlines()) >= 2
    assert run("tenants", "history", TENANT, "--until", "2020-01-01T00:00:00+0200") == ""


def test_people_of_several_tenants_are_found_by_one_address(run, ada, tmp_path):
    elsewhere = str(uuid4())
    other = person(elsewhere, "ada@example.com").replace(TENANT, OTHER_TENANT)
    run("users", "import", csv(tmp_path, other))
    found = [line.split("\t") for line in run("users", "find", "ada@example.com").splitlines()]
    assert sorted(cells[:3] for cells in found) == sorted(
        [[TENANT, ada, "ada@example.com"], [OTHER_TENANT, elsewhere, "ada@example.com"]]
    )
    assert run("users", "find", elsewhere).startswith(f"{OTHER_TENANT}\t{elsewhere}\t")
    assert "no tenant has a user" in run("users", "find", "bob@example.com", ok=False)


def test_an_export_is_one_document_of_all_that_is_kept(run, ada):
    document = json.loads(run("users", "export", "ada@example.com", "--tenant", TENANT))
    assert list(document) == ["profile", "created_at", "updated_at", "changes"]
    assert document["profile"]["first_name"] == "Augusta"
    assert [change["new_version"] for change in document["changes"]] == [2]
    run("users", "delete", ada, "--yes", "--tenant", TENANT)
    document = json.loads(run("users", "export", ada, "--tenant", TENANT))
    assert document["profile"] is None
    assert [change["face"] for change in document["changes"]] == ["operator", "import"]


def test_the_history_of_a_deleted_person_is_there_by_the_id(run, ada):
    run("users", "delete", ada, "--yes", "--tenant", TENANT)
    deleted, changed = run("users", "history", ada, "--tenant", TENANT).splitlines()
    assert "\t3\tan operator\toperator\t" in deleted
    assert deleted.endswith("\tdeleted")
    assert changed.endswith("first_name: - → -")
    for who in ("history", "export"):
        said = run("users", who, "ada@example.com", "--tenant", TENANT, ok=False)
        assert "give the id" in said
        assert "no user" in run("users", who, str(uuid4()), "--tenant", TENANT, ok=False)


def test_deleting_asks_who_sits_at_a_terminal_and_nobody_else(run, ada, monkeypatch):
    said = run("users", "delete", ada, "--tenant", TENANT, ok=False)
    assert f"--yes deletes {ada}" in said

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for answer in ("n\n", "\n", ""):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        said = run("users", "delete", ada, "--tenant", TENANT, ok=False)
        assert f"{ada}, ada@example.com, Augusta" in said
        assert run("users", "list", "--tenant", TENANT)
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert "is deleted" in run("users", "delete", "ada@example.com", "--tenant", TENANT)
    assert run("users", "list", "--tenant", TENANT) == ""


def test_a_deletion_is_told_as_json(run, ada):
    (said,) = read(run("users", "delete", ada, "--yes", "--tenant", TENANT, "--json"))
    assert said == {
        "tenant_id": TENANT,
        "id": ada,
        "deleted": True,
        "picture": False,
        "changes_emptied": 1,
    }


def test_a_deletion_says_that_the_next_token_makes_the_person_anew(run, tmp_path):
    run("migrate")
    ada, bob = str(uuid4()), str(uuid4())
    run("users", "import", csv(
        tmp_path,
        person(ada, "ada@example.com", "oidc", "Ada", "", "", "https://idp.example", "a-1"),
        person(bob, "bob@example.com"),
    ))  # fmt: skip
    issuers = json.dumps([json.loads(ISSUERS)[0] | {"provision": True}])
    hint = "https://idp.example provisions users: the person's next token makes a new, empty one."
    assert hint in run("users", "delete", ada, "--yes", "--tenant", TENANT, issuers=issuers)
    assert hint not in run("users", "delete", bob, "--yes", "--tenant", TENANT, issuers=issuers)


def test_an_import_says_who_was_deleted_and_makes_them_again_only_when_told(run, ada, tmp_path):
    run("users", "delete", ada, "--yes", "--tenant", TENANT)
    bob = str(uuid4())
    file = csv(tmp_path, person(bob, "bob@example.com"), person(ada, "ada@example.com"))
    for more in ([], ["--dry-run"]):
        said = run("users", "import", file, *more, ok=False)
        assert re.search(
            r"row 3, column id: this user was deleted on \d{4}-\d\d-\d\d: .*--again", said
        )
    assert run("users", "list", "--tenant", TENANT) == ""
    said = run("users", "import", file, "--skip-deleted")
    assert said == "1 added, 0 changed, 0 unchanged, 1 passed over.\n"
    assert ada not in run("users", "list", "--tenant", TENANT)
    assert "one of the two" in run("users", "import", file, "--skip-deleted", "--again", ok=False)
    said = run("users", "import", file, "--again")
    assert "1 who were deleted are made anew, and may sign in" in said
    assert said.endswith("1 added, 0 changed, 1 unchanged.\n")
    (shown,) = read(run("users", "show", ada, "--tenant", TENANT, "--json"))
    assert shown["version"] == 5
    assert run("users", "import", file) == "0 added, 0 changed, 2 unchanged.\n"


def test_the_column_active_keeps_people_out_and_lets_in_again_when_told(run, ada, tmp_path):
    header = f"{HEADER},active"
    bob = str(uuid4())

    def file(*active):
        people = zip((ada, bob), ("ada@example.com", "bob@example.com"), active, strict=True)
        rows = [f"{person(user, email)},{said}" for user, email, said in people]
        return csv(tmp_path, *rows, header=header)

    def active():
        users = read(run("users", "list", "--tenant", TENANT, "--json"))
        return [next(user["active"] for user in users if user["id"] == each) for each in (ada, bob)]

    run("users", "import", file("", "NO"))
    assert active() == [True, False]
    run("users", "import", file("False", ""))
    assert active() == [False, False]
    said = run("users", "import", file(" TRUE ", "1"))
    assert "2 who are active in the file stay deactivated (--overwrite lets them in)" in said
    assert active() == [False, False]
    run("users", "import", file("yes", "0"), "--overwrite")
    assert active() == [True, False]
    said = run("users", "import", file("perhaps", "false"), ok=False)
    assert "row 2, column active: write true or false, or nothing" in said


def test_an_import_warns_of_one_address_for_two_people(run, ada, tmp_path):
    bob, cleo, dora = (str(uuid4()) for _ in range(3))
    file = csv(
        tmp_path,
        person(bob, "ada@example.com"),
        person(cleo, "cleo@example.com"),
        person(dora, "cleo@example.com"),
    )
    for more in (["--dry-run"], []):
        said = run("users", "import", file, *more)
        for two, address in (((ada, bob), "ada"), ((cleo, dora), "cleo")):
            ids = ", ".join(sorted(two))
            assert f"2 people of one tenant have the address {address}@example.com: {ids}." in said
    assert "address" not in run("users", "import", file)
    (said,) = read(run("users", "import", csv(tmp_path, person(uuid4())), "--json"))
    assert len(said.pop("warnings")) == 1
    assert said == {
        "added": 1,
        "changed": 0,
        "unchanged": 0,
        "passed_over": 0,
        "dry_run": False,
    }


def test_two_people_who_swap_their_addresses_share_none(run, ada, tmp_path):
    bob = str(uuid4())
    run("users", "import", csv(tmp_path, person(bob, "bob@example.com")))
    swapped = csv(tmp_path, person(ada, "bob@example.com"), person(bob, "ada@example.com"))
    assert run("users", "import", swapped) == "0 added, 2 changed, 0 unchanged.\n"


def test_people_are_imported_from_standard_input(run, monkeypatch):
    run("migrate")

    def stdin(*rows):
        text = "\n".join([HEADER, *rows]) + "\n"
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    stdin(person(uuid4()))
    assert run("users", "import", "-") == "1 added, 0 changed, 0 unchanged.\n"
    stdin(person("7"))
    said = run("users", "import", "-", ok=False)
    assert "nobody in standard input was imported" in said
