"""The command, as an operator types it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from profile_api.cli import main
from running import ME, OTHER_TENANT, TENANT
from signing import SECRET

COMMAND = [str(Path(sys.executable).with_name("profile-service"))]
ISSUERS = json.dumps(
    [
        {
            "issuer": "https://idp.example",
            "audience": "profile",
            "algorithms": ["HS256"],
            "secret": SECRET,
        }
    ]
)
HEADER = "tenant_id,id,email,auth_provider,first_name,last_name,display_name,issuer,subject"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty folder, with nothing but these settings; gives what it prints."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PROFILE_")]:
        monkeypatch.delenv(name)

    def run(*arguments, ok=True, **settings):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["profile-service", *arguments])
            for name, value in settings.items():
                patched.setenv(f"PROFILE_{name.upper()}", value)
            with pytest.raises(SystemExit) as ended:
                main()
        told = capsys.readouterr()
        assert (not ended.value.code) is ok, told.out + told.err
        return told.out if ok else told.err

    return run


def environment(**settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PROFILE_")}
    return kept | {f"PROFILE_{name.upper()}": value for name, value in settings.items()}


def csv(folder, *rows, header=HEADER):
    path = folder / "people.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def person(user_id, email="ada@example.com", provider="local", *rest):
    return ",".join([TENANT, str(user_id), email, provider, *rest, *[""] * (5 - len(rest))])


def test_help_is_on_everything(run):
    told = run("--help")
    for command in (
        "demo",
        "serve",
        "migrate",
        "users",
        "token",
        "policies",
        "openapi",
        "sdl",
        "settings",
    ):
        assert command in told
    for command in (
        ["serve"],
        ["demo"],
        ["users"],
        ["users", "import"],
        ["policies", "check"],
        ["token"],
    ):
        assert "Usage" in run(*command, "--help")


def test_serve_without_keys_says_what_to_set_and_stops(run):
    told = run("serve", ok=False)
    assert "PROFILE_ISSUERS" in told
    assert told.count("\n") == 1


def test_serve_refuses_a_store_that_is_not_migrated(run, tmp_path):
    told = run("serve", ok=False, issuers=ISSUERS)
    assert "profile-service migrate" in told
    (tmp_path / "profile.db").touch()
    assert "profile-service migrate" in run("serve", ok=False, issuers=ISSUERS)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"issuers": "nonsense"}, "PROFILE_ISSUERS must be JSON"),
        ({"cors_origins": "https://a"}, "PROFILE_CORS_ORIGINS must be JSON"),
        ({"database_url": "foo"}, "PROFILE_DATABASE_URL"),
        ({"issuers": '[{"issuer": "x"}]'}, "PROFILE_ISSUERS"),
        ({"issuers": ISSUERS.replace(SECRET, "short")}, "32 bytes"),
        ({"issuers": ISSUERS, "rate_limit": "often"}, "PROFILE_RATE_LIMIT"),
        ({"issuers": ISSUERS, "rate_limit": "0/minute"}, "PROFILE_RATE_LIMIT"),
        ({"issuers": ISSUERS, "rate_limit": "9/minute;1/second"}, "PROFILE_RATE_LIMIT"),
        ({"issuers": ISSUERS, "max_body_bytes": "1"}, "PROFILE_MAX_BODY_BYTES"),
        ({"issuers": ISSUERS, "policy_dir": "nowhere"}, "nowhere"),
        ({"issuers": ISSUERS, "database_url": "mysql://x"}, "sqlite:///"),
    ],
)
def test_a_setting_that_cannot_work_is_named(run, settings, named):
    told = run("serve", ok=False, **settings)
    assert named in told
    assert SECRET not in told
    assert "short" not in told


def test_settings_are_shown_with_secrets_masked(run):
    told = run("settings", issuers=ISSUERS, database_url="postgresql://me:hunter2@db/profile")
    assert "PROFILE_RATE_LIMIT=120/minute" in told
    assert "https://idp.example" in told
    assert SECRET not in told
    assert "hunter2" not in told


def test_settings_can_be_pasted_into_a_dotenv_file(run, tmp_path):
    told = run("settings", cors_origins='["https://app.example"]', rate_limit="off")
    assert 'PROFILE_CORS_ORIGINS=["https://app.example"]' in told
    assert "POLICY_DIR=" not in told
    (tmp_path / ".env").write_text(told)
    assert run("settings") == told


def test_the_document_does_not_depend_on_the_settings(run):
    alone = run("openapi")
    assert run("openapi", database_url="foo", rate_limit="junk", issuers="junk") == alone


def test_a_dotenv_file_is_read(run, tmp_path):
    (tmp_path / ".env").write_text("PROFILE_RATE_LIMIT=7/minute\n")
    assert "PROFILE_RATE_LIMIT=7/minute" in run("settings")


def test_migrating_twice_says_so(run):
    assert "Migrated" in run("migrate")
    assert "already" in run("migrate")


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
    told = run("users", "deactivate", "ada@example.com", "--tenant", TENANT)
    assert f"{ada} is deactivated" in told
    assert re.search(r"active\s+no", run("users", "show", str(ada), "--tenant", TENANT))
    moved = csv(tmp_path, person(ada, "ada@new.example", "oidc", "Ada"))
    assert run("users", "import", moved) == "0 added, 1 changed, 0 unchanged.\n"
    assert re.search(r"active\s+no", run("users", "show", str(ada), "--tenant", TENANT))
    assert f"{ada} is active" in run("users", "activate", str(ada), "--tenant", TENANT)
    assert re.search(r"active\s+yes", run("users", "show", str(ada), "--tenant", TENANT))
    for command in ("deactivate", "activate", "delete"):
        assert "no user" in run("users", command, str(ada), "--tenant", OTHER_TENANT, ok=False)
    told = run("users", "delete", str(ada), "--tenant", TENANT)
    assert f"{ada} is deleted" in told
    assert "the values in 3 entries of the history" in told
    assert run("users", "list", "--tenant", TENANT) == ""
    assert "no user" in run("users", "delete", str(ada), "--tenant", TENANT, ok=False)


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
        (["x"], "tenant_id,id", "lacks email, auth_provider"),
        ([], HEADER + ",shoe_size", "shoe_size"),
        ([], HEADER + ",email", "twice"),
        ([person("no-uuid")], HEADER, "line 2: id: it must be a UUID"),
        ([person(uuid4(), "nobody")], HEADER, "line 2: email"),
        ([person(uuid4(), "a@b.c", "ldap")], HEADER, "line 2: auth_provider"),
        ([person(uuid4(), "a@b.c", "local", "x" * 101)], HEADER, "line 2: first_name"),
        ([person(uuid4(), "a@b.c", "local", "a\u202eb")], HEADER, "line 2: first_name"),
        ([f"{TENANT},{uuid4()}"], HEADER, "line 2: it does not have as many cells"),
        ([person(uuid4()) + ",more"], HEADER, "line 2: it does not have as many cells"),
        (['"' + person(uuid4())], HEADER, "line"),
    ],
)
def test_a_file_with_one_bad_line_imports_nobody(run, tmp_path, rows, header, problem):
    run("migrate")
    good = person(uuid4()) if header == HEADER else ""
    told = run("users", "import", csv(tmp_path, *rows, good, header=header), ok=False)
    assert problem in " ".join(told.split())
    assert run("users", "list", "--tenant", TENANT) == ""


def test_the_same_person_twice_in_a_file_or_a_subject_taken_imports_nobody(run, tmp_path):
    run("migrate")
    ada = uuid4()
    assert "line 2 too" in run("users", "import", csv(tmp_path, person(ada), person(ada)), ok=False)
    taken = [
        person(uuid4(), "a@b.c", "oidc", "", "", "", "https://idp.example", "same") for _ in "ab"
    ]
    told = run("users", "import", csv(tmp_path, *taken), ok=False)
    assert "issuer and subject" in " ".join(told.split())
    assert run("users", "list", "--tenant", TENANT) == ""


def test_policies_are_checked(run, tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.cedar").write_text("permit (principal, action, resource);")
    assert "valid" in run("policies", "check", str(folder))
    (folder / "b.cedar").write_text("\nforbid (principal, action, resource) when { nonsense };")
    assert run("policies", "check", str(folder), ok=False) == ""


def test_the_documents_are_printed(run):
    assert json.loads(run("openapi"))["paths"][ME]["put"]
    assert "type Mutation" in run("sdl")


@contextmanager
def started(folder, *arguments, **settings):
    """The command as a process of its own, which must end with status 0 at SIGTERM."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, env=environment(**settings), stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(60)
        process.stdout.close()


def wait_for(address, process):
    deadline = time.monotonic() + 120  # other programs may keep the machine busy
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            return httpx2.get(address, timeout=60)
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not answer")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_answers_and_ends_with_status_0(run, tmp_path, port, workers):
    run("migrate")
    run("users", "import", csv(tmp_path, person(uuid4(), "ada@example.com")))
    token = run("token", "--tenant", TENANT, "--user", "ada@example.com", issuers=ISSUERS).strip()
    arguments = ("serve", "--port", str(port), "--workers", workers)
    with started(tmp_path, *arguments, issuers=ISSUERS) as process:
        address = f"http://127.0.0.1:{port}"
        assert wait_for(f"{address}/readyz", process).status_code == 200
        headers = {"Authorization": f"Bearer {token}", "X-Tenant-ID": TENANT}
        answer = httpx2.put(address + ME, json={"display_name": "A"}, headers=headers, timeout=60)
        assert answer.json()["display_name"] == "A"
        assert httpx2.get(f"{address}/docs", timeout=60).status_code == 404


def test_demo_prints_lines_that_work_as_printed(tmp_path, port):
    with started(tmp_path, "demo", "--port", str(port)) as process:
        wait_for(f"http://127.0.0.1:{port}/readyz", process)
        lines = []
        while not any("GraphiQL" in line for line in lines):
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended its output"
        curls = [line.strip() for line in lines if line.strip().startswith("curl")]
        providers = {
            word for line in lines for word in ("local", "oidc", "saml") if f"{word} user" in line
        }
        assert providers == {"local", "oidc", "saml"}
        assert len(curls) == 12
        for curl in curls:
            done = subprocess.run(
                ["sh", "-c", curl + " -sS"], capture_output=True, text=True, check=True, timeout=60
            )
            told = json.loads(done.stdout)
            assert "errors" not in told
            assert "code" not in told
        assert list(tmp_path.iterdir()) == [], "a demo leaves nothing behind"
