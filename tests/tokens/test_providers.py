"""Tokens and key sets of well-known providers, with the configuration of docs/providers.md."""

import json
import re
import time
from uuid import UUID

import pytest

from profile_api.settings import Settings
from profile_testing.signing import edwards_key, rsa_key, token
from providers import ACME, GLOBEX, PROVIDERS
from running import ME, ME_QUERY, UPDATE, running


def signed(provider, changes=None, *, by="first", **header):
    """A token of this provider, of an hour from now on."""
    now = int(time.time())
    claims = {"iat": now, "nbf": now, "exp": now + 3600} | provider.claims | (changes or {})
    key = edwards_key(by) if provider.algorithm == "EdDSA" else rsa_key(by)
    return token(
        {name: value for name, value in claims.items() if value is not ...},
        algorithm=provider.algorithm,
        key=key,
        header=provider.header | header,
    )


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """The settings that read the page's entry, with the provider's keys at hand in a file."""

    def read(provider):
        file = tmp_path / "keys.json"
        file.write_bytes(b"\xef\xbb\xbf" + json.dumps(provider.key_set(), indent=2).encode())
        source = {"discovery", "jwks_url", "jwks_file"}
        entry = {name: each for name, each in provider.entry.items() if name not in source}
        monkeypatch.setenv("PROFILE_ISSUERS", json.dumps([entry | {"jwks_file": str(file)}]))
        return {"issuers": Settings(_env_file=None).issuers}

    return read


async def asked(service, sent, tenant=ACME):
    """What either face answers: the profile, or the error's code."""
    headers = {"Authorization": f"Bearer {sent}", "X-Tenant-ID": tenant}
    seen = (await service.client.get(ME, headers=headers)).json()
    answer = await service.client.post("/graphql", headers=headers, json={"query": ME_QUERY})
    result = answer.json()
    if "code" in seen:
        assert result["errors"][0]["extensions"]["code"] == seen["code"]
        return seen["code"]
    assert result["data"]["me"]["id"] == seen["id"]
    return seen


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_providers_person_is_met_by_both_faces(tmp_path, settings, name):
    provider = PROVIDERS[name]
    async with running(tmp_path, **settings(provider)) as service:
        stored = None
        if provider.made is None:
            stored = await service.person(
                issuer=provider.entry["issuer"], subject=provider.subject, provider="oidc"
            )
        met = await asked(service, signed(provider))
        assert met.items() >= (provider.made or {"id": str(stored.profile.id)}).items()
        headers = {"Authorization": f"Bearer {signed(provider)}", "X-Tenant-ID": ACME}
        named = await service.client.put(ME, json={"display_name": "A"}, headers=headers)
        assert named.json() == met | {"display_name": "A", "name": "A"}
        body = {"query": UPDATE, "variables": {"input": {"displayName": "B"}}}
        changed = await service.client.post("/graphql", json=body, headers=headers)
        assert changed.json()["data"]["updateMyProfile"]["displayName"] == "B"
        identity = await service.app.state.service._tokens.verify(signed(provider))
        assert (identity.subject, identity.scopes) == (provider.subject, provider.scopes)


@pytest.mark.parametrize("name", PROVIDERS)
async def test_nobody_else_is_met(tmp_path, settings, name):
    provider = PROVIDERS[name]
    audience = next(each for each in ("aud", "client_id") if each in provider.claims)
    async with running(tmp_path, **settings(provider)) as service:
        for refused in (
            signed(provider, provider.elsewhere),
            signed(provider, {audience: "somebody-else"}),
            signed(provider, {audience: ...}),
            signed(provider, {"iss": provider.claims["iss"] + "x"}),
            signed(provider, {"exp": 1}),
            signed(provider, by="attacker"),
            signed(provider, by="attacker", kid=...),
            signed(provider, kid="unknown"),
            signed(provider, alg="none"),
        ):
            assert await asked(service, refused) == "unauthenticated"
        assert await asked(service, signed(provider), GLOBEX) == "tenant_mismatch"
        assert await service.store.list_users(UUID(ACME), first=5) == []


@pytest.mark.parametrize("name", PROVIDERS)
async def test_the_right_key_is_found_without_its_name(tmp_path, settings, name):
    provider = PROVIDERS[name]
    async with running(tmp_path, **settings(provider)) as service:
        sent = signed(provider, kid=...)
        assert await asked(service, sent) != "unauthenticated"


def test_each_entry_works_as_it_stands(monkeypatch):
    for provider in PROVIDERS.values():
        monkeypatch.setenv("PROFILE_ISSUERS", json.dumps([provider.entry]))
        (made,) = Settings(_env_file=None).issuers
        assert made.issuer == provider.claims["iss"]


def test_what_is_shown_of_the_settings_reads_the_same_again(monkeypatch):
    by_issuer = {each.entry["issuer"]: each.entry for each in PROVIDERS.values()}
    monkeypatch.setenv("PROFILE_ISSUERS", json.dumps(list(by_issuer.values())))
    read = Settings(_env_file=None)
    monkeypatch.setenv("PROFILE_ISSUERS", read.shown()["PROFILE_ISSUERS"])
    assert Settings(_env_file=None) == read


def test_the_page_shows_the_very_entries_of_this_table(repository):
    page = (repository / "docs" / "providers.md").read_text()
    sections = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    shown = {
        heading: json.loads(entry)
        for heading, section in sections
        for entry in re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    }
    assert shown == {provider.name: provider.entry for provider in PROVIDERS.values()}
