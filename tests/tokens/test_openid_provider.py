"""Signing in by a real OpenID Provider: discovery, two tenants, rotation, an outage."""

import asyncio
import time

import pytest

from openid import needs_node, provider
from profile_infra.tokens import fetched_keys
from profile_infra.tokens import jwks_over_http as key_server
from profile_infra.tokens.jose import JoseTokens
from profile_infra.tokens.keys import keys_of
from profile_testing.signing import claims, outcome, rsa_key, token
from running import ME, OTHER_TENANT, TENANT, running

pytestmark = needs_node

ADA = {"tenant_id": TENANT, "email": "ada@example.com", "given_name": "Ada"}
BOB = {"tenant_id": OTHER_TENANT, "email": "bob@example.com", "family_name": "Bobson"}


def headers(sent, tenant=TENANT):
    return {"Authorization": f"Bearer {sent}", "X-Tenant-ID": tenant}


async def status(service, sent):
    return (await service.client.get(ME, headers=headers(sent))).status_code


async def ready(service):
    answer = await service.client.get("/readyz")
    return answer.json().get("details", {}).get("not_ready", [])


async def until(reached, *, seconds=120):
    """Waits for what must come, since the background brings it."""
    deadline = time.monotonic() + seconds
    while not await reached():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.02)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(fetched_keys, "MIN_FETCH_SECONDS", 0.1)
    monkeypatch.setattr(fetched_keys, "MAX_FRESH_SECONDS", 0.4)
    monkeypatch.setattr(key_server, "MAX_SECONDS", 60)


async def test_people_of_two_tenants_sign_in_and_are_known(tmp_path):
    async with provider(ada=ADA, bob=BOB) as idp:
        await idp.start()
        async with running(tmp_path, issuers=[idp.issuer(provision=True)]) as service:
            ada, bob = await idp.sign_in("ada"), await idp.sign_in("bob")
            met = (await service.client.get(ME, headers=headers(ada))).json()
            assert (met["email"], met["first_name"]) == ("ada@example.com", "Ada")
            met = (await service.client.get(ME, headers=headers(bob, OTHER_TENANT))).json()
            assert (met["name"], met["auth_provider"]) == ("Bobson", "oidc")
            crossed = await service.client.get(ME, headers=headers(bob, TENANT))
            assert crossed.json()["code"] == "tenant_mismatch"
            named = await service.client.put(
                ME, json={"display_name": "Countess"}, headers=headers(ada)
            )
            await idp.tell(accounts={"ada": ADA | {"given_name": "Augusta"}})
            again = await service.client.get(ME, headers=headers(await idp.sign_in("ada")))
            assert again.json() == named.json() | {"first_name": "Augusta"}
        one = idp.issuer(tenants=[TENANT])
        tokens = JoseTokens({one: keys_of(one)})
        assert await outcome(tokens, ada) == "accepted"
        assert await outcome(tokens, bob) == "invalid"


async def test_keys_rotate_while_requests_run(tmp_path, quick):
    async with provider(ada=ADA) as idp:
        await idp.start()
        async with running(tmp_path, issuers=[idp.issuer(provision=True)]) as service:
            old = await idp.sign_in("ada")
            running_on, over, seen = old, asyncio.Event(), []

            async def requests():
                while not over.is_set():
                    seen.append(await status(service, running_on))
                    await asyncio.sleep(0.005)

            async def many():
                return len(seen) > 10

            going_on = asyncio.create_task(requests())
            await idp.tell(keys=["two", "one"])
            new = await idp.sign_in("ada")
            await until(lambda: _is(200, service, new))
            running_on = new
            assert await status(service, old) == 200
            await idp.tell(keys=["two"])
            await until(lambda: _is(401, service, old))
            await until(many)
            over.set()
            await going_on
            assert set(seen) == {200}


async def _is(wanted, service, sent):
    return await status(service, sent) == wanted


async def test_an_outage_is_outlived_and_a_return_is_noticed(tmp_path, quick):
    async with provider(ada=ADA) as idp:
        await idp.start()
        async with running(tmp_path, issuers=[idp.issuer(provision=True)]) as service:
            sent = await idp.sign_in("ada")
            assert await status(service, sent) == 200
            await idp.stop()
            for _ in range(30):
                assert await status(service, sent) == 200
                await asyncio.sleep(0.02)
            assert await ready(service) == []
            idp.keys = ["two"]
            await idp.start()
            new = await idp.sign_in("ada")
            await until(lambda: _is(200, service, new))
            await until(lambda: _is(401, service, sent))


async def test_keys_do_not_outlive_an_outage_for_ever(tmp_path, quick):
    async with provider(ada=ADA) as idp:
        await idp.start()
        kept = {"issuers": [idp.issuer(provision=True)], "keys_kept_seconds": 1}
        async with running(tmp_path, **kept) as service:
            sent = await idp.sign_in("ada")
            assert await status(service, sent) == 200
            await idp.stop()
            await until(lambda: _is(503, service, sent))
            assert await ready(service) == ["signing_keys"]
            await idp.start()
            await until(lambda: _is(200, service, sent))


async def test_the_service_starts_before_its_provider(tmp_path, quick):
    async with provider(ada=ADA) as idp:
        await idp.start()
        sent = await idp.sign_in("ada")
        await idp.stop()
        async with running(tmp_path, issuers=[idp.issuer(provision=True)]) as service:
            answer = await service.client.get(ME, headers=headers(sent))
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1
            assert await ready(service) == ["signing_keys"]
            assert (await service.client.get("/healthz")).status_code == 200
            await idp.start()
            await until(lambda: _is(200, service, sent))
            assert await ready(service) == []


async def test_a_thousand_tokens_of_unknown_keys_cause_one_fetch(tmp_path, monkeypatch):
    monkeypatch.setattr(key_server, "MAX_SECONDS", 60)
    async with provider(ada=ADA) as idp:
        await idp.start()
        async with running(tmp_path, issuers=[idp.issuer(provision=True)]) as service:
            good = await idp.sign_in("ada")
            assert await status(service, good) == 200
            forged = [
                token(
                    claims(iss=idp.url, jti=number),
                    algorithm="RS256",
                    key=rsa_key("forged"),
                    header={"kid": f"bad-{number}"},
                )
                for number in range(1000)
            ]
            before = await idp.tell()
            answers = await asyncio.gather(*(status(service, each) for each in forged))
            assert set(answers) == {401}
            assert await idp.tell() - before <= 1
            assert await status(service, good) == 200
