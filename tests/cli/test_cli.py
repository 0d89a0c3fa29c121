"""The command, as an operator types it."""

import json

import pytest

from command import ISSUERS
from profile_api.cli import store as command_store
from profile_api.settings import Settings
from profile_testing.signing import SECRET
from running import ME


def test_help_is_on_everything(run):
    output = run("--help")
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
        assert command in output
    for command in (
        ["serve"],
        ["demo"],
        ["users"],
        ["users", "import"],
        ["policies", "check"],
        ["token"],
        ["token", "check"],
    ):
        assert "Usage" in run(*command, "--help")


def test_serve_without_keys_says_what_to_set_and_stops(run):
    output = run("serve", ok=False)
    assert "PROFILE_ISSUERS" in output
    assert output.count("\n") == 1


def test_serve_refuses_a_store_that_is_not_migrated(run, tmp_path, monkeypatch):
    monkeypatch.setattr(command_store, "MIGRATION_SECONDS", 0)
    output = run("serve", ok=False, issuers=ISSUERS)
    assert "profile-service migrate" in output
    (tmp_path / "profile.db").touch()
    assert "profile-service migrate" in run("serve", ok=False, issuers=ISSUERS)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"issuers": "nonsense"}, "PROFILE_ISSUERS must be JSON"),
        ({"cors_origins": "https://a"}, "PROFILE_CORS_ORIGINS must be JSON"),
        ({"database_url": "foo"}, "PROFILE_DATABASE_URL"),
        ({"issuers": '[{"issuer": "x"}]'}, "PROFILE_ISSUERS[0].audience: it is required"),
        ({"issuers": ISSUERS[1:-1]}, 'PROFILE_ISSUERS: write a JSON list, such as [{"issuer":'),
        (
            {"issuers": ISSUERS.replace('"audience":', '"tenants_ids": {}, "audience":')},
            "PROFILE_ISSUERS[0].tenants_ids: there is no such key; the nearest is tenant_ids",
        ),
        ({"issuers": ISSUERS, "cors_origins": "{}"}, "PROFILE_CORS_ORIGINS: write a JSON list"),
        ({"issuers": ISSUERS.replace(SECRET, "short")}, "32 bytes"),
        ({"issuers": ISSUERS, "rate_limit": "often"}, "PROFILE_RATE_LIMIT"),
        ({"issuers": ISSUERS, "rate_limit": "0/minute"}, "PROFILE_RATE_LIMIT"),
        ({"issuers": ISSUERS, "rate_limit": "9/minute;1/second"}, "PROFILE_RATE_LIMIT"),
        ({"issuers": ISSUERS, "max_body_bytes": "1"}, "PROFILE_MAX_BODY_BYTES"),
        ({"issuers": ISSUERS, "public_url": "app.example/profile"}, "PROFILE_PUBLIC_URL"),
        ({"issuers": ISSUERS, "public_url": "/profile"}, "PROFILE_PUBLIC_URL"),
        ({"issuers": ISSUERS, "public_url": "ftp://app.example"}, "PROFILE_PUBLIC_URL"),
        ({"issuers": ISSUERS, "public_url": f"https://u:{SECRET}@a.example"}, "PROFILE_PUBLIC_URL"),
        ({"issuers": ISSUERS, "public_url": "https://a.example?short"}, "PROFILE_PUBLIC_URL"),
        ({"issuers": ISSUERS, "public_url": "https://a.example/#short"}, "PROFILE_PUBLIC_URL"),
        ({"issuers": ISSUERS, "policy_dir": "nowhere"}, "nowhere"),
        ({"issuers": ISSUERS, "database_url": "mysql://x"}, "sqlite:///"),
    ],
)
def test_a_setting_that_cannot_work_is_named(run, settings, named):
    output = run("serve", ok=False, **settings)
    assert named in output
    assert SECRET not in output
    assert "short" not in output


@pytest.mark.parametrize(
    ("origin", "instead"),
    [
        ("https://app.example/", "https://app.example"),
        ("https://app.example/start?a#b", "https://app.example"),
        ("https://App.Example", "https://app.example"),
        ("HTTPS://app.example", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("http://[0:0:0::1]:8080", "http://[::1]:8080"),
        ("https://someone:secret@app.example", "name each in full"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        (" https://app.example", "https://app.example"),
        ("app.example", "https://app.example"),
        ("//app.example/", "https://app.example"),
        ("localhost:3000", "https://localhost:3000"),
        ("https://*.app.example", "name each in full"),
        ("https://a.example,https://b.example", "name each in full"),
        ("https:app.example", "name each in full"),
        ("https://", "name each in full"),
        ("", "name each in full"),
    ],
)
def test_an_origin_that_never_matches_stops_the_start_and_says_what_to_write(run, origin, instead):
    origins = json.dumps(["https://fine.example", origin])
    output = run("serve", ok=False, issuers=ISSUERS, cors_origins=origins)
    assert "PROFILE_CORS_ORIGINS[1]: " in output
    assert (f'write "{instead}".' if "//" in instead else instead) in output
    assert output.count("\n") == 1
    assert "secret" not in output


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example", "http://localhost:3000", "http://[::1]:8080", "https://app.example.",
        "https://app.example:80", "capacitor://localhost", "app://.", "*", "null",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ],
)  # fmt: skip
def test_an_origin_that_browsers_send_is_taken(run, origin):
    assert origin in run("settings", cors_origins=json.dumps([origin]))


def test_the_public_address_is_kept_without_a_slash_at_its_end(run):
    for said in ("https://app.example/profile", "https://App.example:443/profile/"):
        assert "\nPROFILE_PUBLIC_URL=https://app.example/profile\n" in run(
            "settings", public_url=said
        )
    assert "\nPROFILE_PUBLIC_URL=https://a.example\n" in run(
        "settings", public_url="https://a.example/"
    )


def test_settings_are_shown_with_secrets_masked(run):
    output = run("settings", issuers=ISSUERS, database_url="postgresql://me:hunter2@db/profile")
    assert "PROFILE_RATE_LIMIT=120/minute" in output
    assert "https://idp.example" in output
    assert "\n# PROFILE_DATABASE_URL='postgresql://***@db/profile'\n" in output
    assert "\n# PROFILE_ISSUERS='[{" in output
    assert SECRET not in output


def test_each_setting_is_shown_set_or_not(run):
    output = run("settings", history_days="30")
    shown = [line.partition("=")[0] for line in output.splitlines() if not line.startswith("#")]
    assert shown == [f"PROFILE_{name.upper()}" for name in Settings.model_fields]
    assert "\nPROFILE_POLICY_DIR=\n" in output
    assert "\nPROFILE_HISTORY_DAYS=30\n" in output


def test_the_document_depends_on_no_setting_but_the_public_address(run):
    alone = run("openapi")
    assert run("openapi", database_url="foo", rate_limit="junk", issuers="junk") == alone
    assert '"https://me.example/profile"' in run("openapi", public_url="https://me.example/profile")


def test_a_dotenv_file_is_read(run, tmp_path):
    (tmp_path / ".env").write_text("PROFILE_RATE_LIMIT=7/minute\n")
    assert "PROFILE_RATE_LIMIT=7/minute" in run("settings")


def test_migrating_twice_says_so(run):
    assert "Migrated" in run("migrate")
    assert "already" in run("migrate")


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
