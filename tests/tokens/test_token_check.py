"""`profile-service token check`: each step of the verification, for an operator."""

import io
import json
import sys
import time

import pytest
from hypothesis import given

from command import ISSUERS, csv, person
from generated_claims import NOW, configurations, sent_claims
from profile_api.cli import store as command_store
from profile_api.cli.main import main
from profile_domain.errors import DomainError
from profile_infra.tokens.check import check_token
from profile_infra.tokens.jose import JoseTokens
from profile_infra.tokens.keys import keys_of
from profile_testing.signing import (
    AUDIENCE,
    ISSUER,
    SECRET,
    claims,
    ec_key,
    issuer,
    public_jwk,
    rsa_key,
    token,
    write_jwks,
)
from refused_tokens import REFUSED, issuers_in
from running import TENANT

ADA = "2f6a0d3c-63d3-4c5a-9f2e-0d8a3f6b1c11"
BOB = "2f6a0d3c-63d3-4c5a-9f2e-0d8a3f6b1c12"
STEPS = [
    *("form", "issuer", "header", "key", "signature"),
    *("dates", "audience", "tenant", "subject", "scope", "user"),
]


async def verdicts(issuers, sent, now):
    """The log's word, if it is refused, and the steps of the check."""
    keys = {each: keys_of(each) for each in issuers}
    checked = await check_token(keys, sent, now)
    try:
        identity = await JoseTokens(keys, now=lambda: now).verify(sent)
    except DomainError as refused:
        return refused.log_reason, checked
    assert identity == checked.identity
    return None, checked


DATES = {"expired", "not_yet"}


@pytest.mark.parametrize(("word", "sent", "_result"), [row for row in REFUSED if row[1]])
async def test_the_check_fails_at_the_step_that_the_log_names(tmp_path, word, sent, _result):
    sent = sent.removeprefix("Bearer").strip()
    if sent.startswith("Basic") or not sent:
        return
    log_reason, checked = await verdicts(issuers_in(tmp_path), sent, time.time())
    assert log_reason == word
    failed = {step.name for step in checked.steps if not step.holds}
    dates = word in DATES or (word == "form" and len(checked.steps) > 1)
    assert ("dates" if dates else word) in failed


@given(configurations, sent_claims)
async def test_all_steps_hold_exactly_where_the_token_is_accepted(configuration, sent):
    made = issuer(**configuration)
    log_reason, checked = await verdicts([made], token(claims(NOW) | sent), NOW)
    assert checked.holds is (log_reason is None)


async def test_what_does_not_hold_hides_nothing_behind_it():
    sent = token(claims(exp=1, aud="other", sub="", tenant_id="acme", scope=5), key="y" * 32)
    _, checked = await verdicts([issuer()], sent, time.time())
    assert [step.name for step in checked.steps if not step.holds] == [
        *("signature", "dates", "audience", "tenant", "subject", "scope")
    ]


@pytest.fixture
def check(run, tmp_path, monkeypatch, capsys):
    """Runs the check on a store with Ada and Bob in it, of whom Bob has left.

    Gives the status, and a step's mark and words by its name.
    """
    run("migrate")
    run("users", "import", csv(tmp_path, person(ADA), person(BOB, "bob@example.com")))
    run("users", "deactivate", BOB, "--tenant", TENANT)

    def check(sent, *arguments, issuers=ISSUERS, **settings):
        data = io.BytesIO(sent if isinstance(sent, bytes) else sent.encode())
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", io.TextIOWrapper(data))
            patched.setattr(sys, "argv", ["profile-service", "token", "check", *arguments])
            for name, value in (settings | {"issuers": issuers}).items():
                patched.setenv(f"PROFILE_{name.upper()}", value)
            with pytest.raises(SystemExit) as ended:
                main()
        lines = [line.split(None, 2) for line in capsys.readouterr().out.splitlines()]
        return ended.value.code or 0, {name: (mark, detail) for mark, name, detail in lines}

    return check


def marks(steps):
    return {name: mark for name, (mark, _) in steps.items()}


def test_a_token_that_holds_is_said_to_hold_step_by_step(check, run):
    signed = run("token", "--tenant", TENANT, "--user", ADA, issuers=ISSUERS)
    for written in (signed, f"Authorization: Bearer {signed}\n\n"):
        status, steps = check(written)
        assert (status, list(steps)) == (0, STEPS)
        assert set(marks(steps).values()) == {"ok"}
        assert steps["user"][1] == ADA
        assert ISSUER in steps["issuer"][1]
        assert not [part for part in signed.strip().split(".") if part in str(steps)]
        assert SECRET not in str(steps)


def test_each_thing_that_does_not_hold_is_said_and_ends_with_a_status(check):
    sent = token(claims(iss="https://elsewhere.example\x1b[2J"))
    status, steps = check(sent)
    assert (status, marks(steps)) == (1, {"form": "ok", "issuer": "FAIL"})
    assert ISSUER in steps["issuer"][1]
    assert "\\u001b[2J" in steps["issuer"][1]
    for junk in (b"", b"a.b.c", b"\xff\x00.\xfe.x", b"x" * 100_000):
        status, steps = check(junk)
        assert (status, marks(steps)) == (1, {"form": "FAIL"})
    status, steps = check(token(claims(sub=ADA, exp=1), key="y" * 32))
    assert status == 1
    assert {name for name, mark in marks(steps).items() if mark == "FAIL"} == {"signature", "dates"}
    assert "exp 1970-01-01T00:00:01+00:00" in steps["dates"][1]
    assert steps["user"] == ("ok", ADA)


def test_which_date_it_is_that_does_not_hold_is_said(check):
    now = int(time.time())
    for changes, said in (
        ({"exp": now - 60}, "expired; "),
        ({"nbf": now + 90}, "not valid yet; "),
        ({"exp": ...}, "exp is required, and each must be a number; "),
        ({"iat": "today"}, "exp is required, and each must be a number; "),
    ):
        sent = {name: each for name, each in claims(sub=ADA, **changes).items() if each != ...}
        status, steps = check(token(sent))
        assert (status, steps["dates"][0]) == (1, "FAIL")
        assert steps["dates"][1].startswith(said)


def test_a_list_of_several_tenants_is_said_to_be_one_of_several(check):
    entry = json.loads(ISSUERS)[0]
    entry |= {"tenant_claim": "groups", "tenant_ids": {"acme": TENANT}}
    for groups, said in (
        (["Everyone", "acme"], "a list names a tenant only if it has one value, this has 2; "),
        ([], "a list names a tenant only if it has one value, this has 0; "),
        (["Everyone"], "'groups' is "),
    ):
        status, steps = check(token(claims(sub=ADA, groups=groups)), issuers=json.dumps([entry]))
        assert (status, steps["tenant"][0]) == (1, "FAIL")
        assert steps["tenant"][1].startswith(said)
        assert steps["tenant"][1].endswith('tenant_ids: "acme"')
    status, steps = check(token(claims(sub=ADA, groups=["acme"])), issuers=json.dumps([entry]))
    assert (status, steps["tenant"]) == (0, ("ok", '\'groups\' is ["acme"]; tenant_ids: "acme"'))


def test_whom_a_token_meets_is_said(check, run):
    met = {who: check(token(claims(sub=who))) for who in (ADA, BOB, "nobody")}
    assert {who: (status, steps["user"]) for who, (status, steps) in met.items()} == {
        ADA: (0, ("ok", ADA)),
        BOB: (1, ("FAIL", f"{BOB}, who is deactivated")),
        "nobody": (
            1,
            ("FAIL", "the tenant has no user of this issuer or of none with this subject"),
        ),
    }
    makes = json.dumps([json.loads(ISSUERS)[0] | {"provision": True}])
    status, steps = check(token(claims(sub="new", email="new@acme.example")), issuers=makes)
    assert (status, steps["user"]) == (0, ("ok", "nobody yet; the first request makes the user"))
    status, steps = check(token(claims(sub="new")), issuers=makes)
    assert (status, steps["user"]) == (1, ("FAIL", "nobody yet, and no email to make a user with"))
    assert run("users", "list", "--tenant", TENANT).count("\n") == 2


def test_which_keys_there_are_and_why_there_are_none_is_said(check, tmp_path, port):
    write_jwks(
        tmp_path / "keys.json",
        public_jwk(rsa_key(), kid="one"),
        public_jwk(rsa_key("second")),
        public_jwk(ec_key(), kid="other"),
    )
    made = {"issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["RS256", "ES256"]}
    by_file = json.dumps([made | {"jwks_file": "keys.json"}])
    signed = token(claims(sub=ADA), algorithm="RS256", key=rsa_key(), header={"kid": "one"})
    status, steps = check(signed, issuers=by_file)
    assert (status, steps["key"]) == (
        0,
        ("ok", 'kid is "one"; for RS256 there are: "one", one without a kid'),
    )
    unknown = token(claims(sub=ADA), algorithm="ES256", key=ec_key(), header={"kid": "two"})
    status, steps = check(unknown, issuers=by_file)
    assert (status, steps["key"]) == (1, ("FAIL", 'kid is "two"; for ES256 there are: "other"'))
    assert "signature" not in steps
    nowhere = f"http://127.0.0.1:{port}/keys?token=hunter2"
    status, steps = check(signed, issuers=json.dumps([made | {"jwks_url": nowhere}]))
    assert (status, steps["key"][0]) == (1, "FAIL")
    assert f"http://127.0.0.1:{port}/keys?token=*** is out of reach: Connect" in steps["key"][1]
    assert steps["user"] == ("ok", ADA)


def test_a_token_is_never_an_argument(check, run):
    assert check("", token()) == (2, {})
    assert "--tenant" in run("token", ok=False)
    assert "--user" in run("token", "--tenant", TENANT, ok=False)


def test_a_store_that_is_not_there_is_said(check, tmp_path, monkeypatch):
    monkeypatch.setattr(command_store, "MIGRATION_SECONDS", 0)
    elsewhere = f"sqlite:///{tmp_path}/no-such-folder/profile.db"
    status, steps = check(token(claims(sub=ADA)), database_url=elsewhere)
    assert (status, steps["user"][0]) == (1, "FAIL")
    assert set(marks(steps).values()) == {"ok", "FAIL"}
