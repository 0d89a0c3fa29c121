"""``PROFILE_SIGN_IN`` at the start, and what is served because of it."""

import json

import pytest

from profile_api.sign_in import SignIn
from running import SIGNER, TENANT, running

ISSUER = "https://id.example/realms/acme"
ISSUERS = json.dumps(
    [{"issuer": ISSUER, "audience": "profile", "algorithms": ["RS256"], "discovery": True}]
)


def signer(issuer):
    return SIGNER.model_copy(update={"issuer": issuer})


def said(**changes):
    return json.dumps({"issuer": ISSUER, "client_id": "page"} | changes)


@pytest.mark.parametrize(
    ("sign_in", "what_to_do"),
    [
        ("nonsense", 'such as {"issuer": "https://id.example", "client_id": "profile-page"}'),
        ("[]", 'such as {"issuer": "https://id.example", "client_id": "profile-page"}'),
        (said(issuer="https://other.example"), "none of PROFILE_ISSUERS"),
        (said(issuer=f"{ISSUER}/"), "letter for letter"),
        (said(issuer="http://id.example/realms/acme"), "http is for localhost"),
        (said(issuer="id.example"), "a provider's URL is https://host"),
        (said(client_id=""), "PROFILE_SIGN_IN.client_id"),
        ('{"issuer": "https://id.example"}', "PROFILE_SIGN_IN.client_id: it is required"),
        (said(client_secret="x"), "there is no such key; the nearest is client_id"),
        (said(scope="profile"), "name openid among the scopes"),
        (said(scope='openid "x"'), "neither quotes"),
        (said(scope="openid  profile"), "one space"),
        (said(parameters={"redirect_uri": "https://elsewhere.example"}), "leave out redirect_uri"),
        (said(origins=["https://token.example/path"]), 'write "https://token.example"'),
        (said(origins=["http://token.example"]), "http is for localhost"),
        (said(origins=["*"]), "a provider's URL"),
        (said(origins=["https://token.example;sandbox"]), "a provider's URL"),
        (said(issuer="https://*.example"), "a provider's URL"),
        (said(issuer=f"{ISSUER}?tenant=acme"), "a provider's URL"),
        (said(issuer="http://[::1]:9000"), "a provider's URL"),
    ],
)
def test_what_cannot_work_stops_the_start_and_says_what_to_do(run, sign_in, what_to_do):
    output = run("serve", ok=False, issuers=ISSUERS, sign_in=sign_in)
    assert output.startswith("profile-service: PROFILE_SIGN_IN")
    assert what_to_do in output
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    "sign_in",
    [
        said(),
        said(
            scope="openid profile tenant:{tenant}", parameters={"audience": "https://api.example"}
        ),
        said(origins=["https://acme.auth.example"]),
    ],
)
def test_what_can_work_is_taken(run, sign_in):
    assert f'"{ISSUER}"' in run("settings", issuers=ISSUERS, sign_in=sign_in)


def test_a_page_that_comes_by_http_stops_the_start(run):
    output = run(
        "serve", ok=False, issuers=ISSUERS, sign_in=said(), public_url="http://app.example/profile"
    )
    assert output.startswith("profile-service: PROFILE_SIGN_IN: browsers sign nobody in")
    assert "https" in output
    run("settings", issuers=ISSUERS, sign_in=said(), public_url="http://127.0.0.1:8000/profile")


def test_a_wrong_issuer_is_told_before_a_sign_in_that_names_it(run):
    output = run("serve", ok=False, issuers=ISSUERS.replace("audience", "audienc"), sign_in=said())
    assert "PROFILE_ISSUERS[0]" in output
    assert "PROFILE_SIGN_IN" not in output


async def test_without_it_serve_has_no_settings_page(tmp_path):
    async with running(tmp_path) as service:
        for path in ("/", "/sign-in/tenant"):
            assert (await service.client.get(path)).status_code == 404


@pytest.mark.parametrize("graphiql", [True, False])
@pytest.mark.parametrize("docs", [True, False])
async def test_the_page_leads_only_to_what_is_served(tmp_path, graphiql, docs):
    issuer = "http://127.0.0.1:1"
    changed = {
        "sign_in": SignIn(issuer=issuer, client_id="page"),
        "graphiql": graphiql,
        "docs": docs,
    }
    async with running(tmp_path, **changed, issuers=[signer(issuer)]) as service:
        answer = await service.client.get("/")
        assert answer.status_code == 200
        page = answer.text
        assert ('href="graphql"' in page) is graphiql
        assert ('href="docs"' in page) is docs


async def test_a_token_is_told_its_tenant_and_nothing_else(tmp_path):
    sign_in = SignIn(issuer="http://127.0.0.1:1", client_id="page")
    async with running(tmp_path, sign_in=sign_in, issuers=[signer(sign_in.issuer)]) as service:
        service.issuer = signer(sign_in.issuer)
        user = await service.person()

        async def told(**headers):
            answer = await service.client.get("/sign-in/tenant", headers=headers)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"
            return answer.json()

        bearer = f"Bearer {service.token(user)}"
        assert await told(Authorization=bearer) == {"tenant_id": TENANT}
        assert await told() == {"refused": "missing"}
        assert await told(Authorization="Bearer a.b.c") == {"refused": "invalid"}
        late = f"Bearer {service.token(user, exp=1)}"
        assert await told(Authorization=late) == {"refused": "expired"}
        several = f"Bearer {service.token(user, tenant_id=[TENANT, TENANT])}"
        assert await told(Authorization=several) == {"refused": "invalid"}
