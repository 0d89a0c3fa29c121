"""The command on people, as an operator types it."""

import re
from uuid import uuid4

import pytest

from command import HEADER, ISSUERS, csv, person
from running import OTHER_TENANT, TENANT


def test_people_are_imported_listed_shown_and_signed_for(run, tmp_path):
    run("migrate")
    ada, grace = uuid4(), uuid4()
    file = csv(
        tmp_path,
        person(ada, "ada@example.com", "local", " Ada ", "Lovelace"),
        person(
            grace, "grace@example.com", "oidc", "Grace", "Hopper", "", "https://idp.example", "g-1"
        ),
    )
    assert run("users", "import", file) == "2 added, 0 changed, 0 unchanged.\n"
    assert run("users", "import", file) == "0 added, 0 changed, 2 unchanged.\n"
    listed = run("users", "list", "--tenant", TENANT)
    assert f"{ada}\tada@example.com\tlocal\tAda Lovelace\n" in listed
    assert run("users", "list", "--tenant", OTHER_TENANT) == ""
    shown = run("users", "show", "grace@example.com", "--tenant", TENANT)
    assert str(grace) in shown
    assert "g-1" in shown
    token = run("token", "--tenant", TENANT, "--user", str(ada), issuers=ISSUERS).strip()
    assert token.count(".") == 2
    assert "no user" in run("users", "show", str(uuid4()), "--tenant", TENANT, ok=False)
    assert "secret" in run("token", "--tenant", TENANT, "--user", str(ada), ok=False)


def test_people_leave_come_back_and_are_deleted(run, tmp_path):
    run("migrate")
    ada = uuid4()
    run("users", "import", csv(tmp_path, person(ada, "ada@example.com", "oidc", "Ada")))
    output = run("users", "deactivate", "ada@example.com", "--tenant", TENANT)
    assert f"{ada} is deactivated" in output
    assert re.search(r"active\s+no", run("users", "show", str(ada), "--tenant", TENANT))
    moved = csv(tmp_path, person(ada, "ada@new.example", "oidc", "Ada"))
    assert run("users", "import", moved) == "0 added, 1 changed, 0 unchanged.\n"
    assert re.search(r"active\s+no", run("users", "show", str(ada), "--tenant", TENANT))
    assert f"{ada} is active" in run("users", "activate", str(ada), "--tenant", TENANT)
    assert re.search(r"active\s+yes", run("users", "show", str(ada), "--tenant", TENANT))
    for command in (["deactivate"], ["activate"], ["delete", "--yes"]):
        assert "no user" in run("users", *command, str(ada), "--tenant", OTHER_TENANT, ok=False)
    output = run("users", "delete", str(ada), "--yes", "--tenant", TENANT)
    assert f"{ada} is deleted" in output
    assert "the values in 3 entries of the history" in output
    assert run("users", "list", "--tenant", TENANT) == ""
    assert "no user" in run("users", "delete", str(ada), "--yes", "--tenant", TENANT, ok=False)


def test_an_import_brings_up_to_date_what_the_provider_owns_and_no_more(run, tmp_path):
    run("migrate")
    ada, grace = uuid4(), uuid4()
    run("users", "import", csv(
        tmp_path,
        person(ada, "ada@example.com", "local", "Ada", "Lovelace", "Countess"),
        person(grace, "grace@example.com", "oidc", "Grace", "Hopper", "Admiral"),
    ))  # fmt: skip
    again = csv(
        tmp_path,
        person(ada, "new-ada@example.com", "local", "X", "Y", "Z"),
        person(grace, "new-grace@example.com", "oidc", "Gracie", "Murray", "Z"),
    )
    assert run("users", "import", again) == "0 added, 2 changed, 0 unchanged.\n"
    assert "new-ada@example.com\tlocal\tCountess" in run("users", "list", "--tenant", TENANT)
    shown = run("users", "show", str(grace), "--tenant", TENANT)
    assert re.search(r"first_name\s+Gracie", shown)
    assert re.search(r"display_name\s+Admiral", shown)
    assert run("users", "import", again, "--overwrite") == "0 added, 2 changed, 0 unchanged.\n"
    assert re.search(r"display_name\s+Z", run("users", "show", str(ada), "--tenant", TENANT))


@pytest.mark.parametrize(
    ("rows", "header", "problem"),
    [
        (["x"], "tenant_id,id", "it lacks email, auth_provider"),
        ([], HEADER + ",shoe_size", "shoe_size"),
        ([], HEADER + ",email", "twice"),
        ([person("no-uuid")], HEADER, "row 2, column id: write a UUID"),
        ([person(uuid4(), "nobody")], HEADER, "row 2, column email: write one address"),
        (
            [person(uuid4(), "a@b.c", "ldap")],
            HEADER,
            "row 2, column auth_provider: write one of local, oidc, saml",
        ),
        ([person(uuid4(), "a@b.c", "local", "x" * 101)], HEADER, "row 2, column first_name:"),
        ([person(uuid4(), "a@b.c", "local", "a\u202eb")], HEADER, "row 2, column first_name:"),
        ([f"{TENANT},{uuid4()}"], HEADER, "row 2, column email: write one address"),
        ([person(uuid4()) + ",more"], HEADER, "row 2, column J: the header has no name"),
        (['"' + person(uuid4())], HEADER, 'row 2: a quotation mark (") is not closed'),
    ],
)
def test_a_file_with_one_bad_line_imports_nobody(run, tmp_path, rows, header, problem):
    run("migrate")
    good = person(uuid4()) if header == HEADER else ""
    output = run("users", "import", csv(tmp_path, *rows, good, header=header), ok=False)
    assert problem in " ".join(output.split())
    assert run("users", "list", "--tenant", TENANT) == ""


def test_a_dry_run_says_who_would_be_new_or_changed_and_imports_nobody(run, tmp_path):
    run("migrate")
    ada, bob = uuid4(), uuid4()
    first = csv(tmp_path, person(ada, "ada@example.com", "oidc", "Ada"))
    assert run("users", "import", first, "--dry-run") == (
        f"new\t{ada}\tada@example.com\n1 added, 0 changed, 0 unchanged: a dry run, nothing was"
        " written.\n"
    )
    assert run("users", "list", "--tenant", TENANT) == ""
    run("users", "import", first)
    both = csv(tmp_path, person(ada, "a@b.example", "oidc", "A"), person(bob, "bob@example.com"))
    assert run("users", "import", both, "--dry-run") == (
        f"new\t{bob}\tbob@example.com\nchanged\t{ada}\ta@b.example\temail, first_name\n"
        "1 added, 1 changed, 0 unchanged: a dry run, nothing was written.\n"
    )
    assert "1 added, 1 changed" in run("users", "import", both)
    bad = csv(tmp_path, person(uuid4()), person("7"))
    output = run("users", "import", bad, "--dry-run", ok=False)
    assert output == run("users", "import", bad, ok=False)
    assert "row 3, column id: write a UUID" in output


def test_new_people_of_an_issuer_that_is_not_configured_are_told_of(run, tmp_path):
    run("migrate")
    file = csv(
        tmp_path,
        *(
            person(uuid4(), f"{subject}@example.com", "oidc", "", "", "", issuer, subject)
            for issuer, subject in (
                ("https://idp.example", "1"),
                ("https://typo.example", "2"),
                ("https://typo.example", "3"),
            )
        ),
        person(uuid4()),
    )
    said = (
        "No entry of PROFILE_ISSUERS has the issuer 'https://typo.example': no token meets 2 of"
        " the new.\n"
    )
    assert said not in run("users", "import", file, "--dry-run")
    assert said in run("users", "import", file, "--dry-run", issuers=ISSUERS)
    added = "4 added, 0 changed, 0 unchanged.\n"
    assert run("users", "import", file, issuers=ISSUERS) == said + added
    assert "issuer" not in run("users", "import", file, issuers=ISSUERS)


def test_the_same_person_twice_in_a_file_or_a_subject_taken_imports_nobody(run, tmp_path):
    run("migrate")
    ada = uuid4()
    output = run("users", "import", csv(tmp_path, person(ada), person(ada)), ok=False)
    assert "row 3, column id: row 2 is of the same user" in output
    taken = [
        person(uuid4(), "a@b.c", "oidc", "", "", "", "https://idp.example", "same") for _ in "ab"
    ]
    output = run("users", "import", csv(tmp_path, *taken), ok=False)
    assert "row 3, column subject: the user in row 2 has the same issuer and subject" in output
    assert run("users", "list", "--tenant", TENANT) == ""
