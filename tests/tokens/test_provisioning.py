"""Users created by their first token, updated by later ones, deactivated and deleted."""

import asyncio
import time
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from profile_domain.caller import Caller, Identity
from profile_domain.people import Record
from profile_domain.profile import AuthProvider
from profile_infra.people.operators import delete_person, set_active
from profile_infra.people.provisioning import TokenProvisioning
from profile_testing.images import data_uri, photo, png
from profile_testing.signing import issuer, sign_for
from running import ME, ME_QUERY, OTHER_TENANT, TENANT, UPDATE, running

MAKES = issuer(issuer="https://makes.example", provision=True)
MAKES_TOO = issuer(issuer="https://makes-too.example", provision=True, auth_provider="saml")
OF_ONE = issuer(issuer="https://of-one.example", provision=True, tenants=[TENANT])
KNOWS = issuer(issuer="https://knows.example")

UNVERIFIED = [False, "false", "False", "FALSE", 0, "0", "no", "", [], {}, [True]]
VERIFIED = [True, "true", "True", None, ...]


@pytest.fixture(scope="module")
async def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("provisioning")
    async with running(folder, issuers=[MAKES, MAKES_TOO, OF_ONE, KNOWS]) as service:
        yield service


class Person:
    """Somebody of a provider, who signs in with whatever their provider tells of them."""

    def __init__(self, service, subject, by=MAKES, tenant=TENANT):
        self.service, self.subject, self.by, self.tenant = service, subject, by, tenant
        self.claims = {"email": f"{subject}@example.com"}

    def headers(self, **changes):
        claims = {"sub": self.subject, "tenant_id": self.tenant, **self.claims, **changes}
        token = sign_for(self.by, **claims)
        return {"Authorization": f"Bearer {token}", "X-Tenant-ID": self.tenant}

    async def get(self, **changes):
        return await self.service.client.get(ME, headers=self.headers(**changes))

    async def put(self, body, **changes):
        return await self.service.client.put(ME, json=body, headers=self.headers(**changes))

    async def graphql(self, query, variables=None, **changes):
        body = {"query": query, "variables": variables}
        headers = self.headers(**changes)
        return (await self.service.client.post("/graphql", json=body, headers=headers)).json()

    async def history(self):
        profile = (await self.get()).json()
        return await self.service.store.history(UUID(self.tenant), UUID(profile["id"]), first=9)


async def test_a_first_token_makes_the_user(service):
    ada = Person(service, "ada")
    made = await ada.get(given_name=" Ada ", family_name="Lovelace", display_name="No")
    assert made.status_code == 200
    profile = made.json()
    assert profile["email"] == "ada@example.com"
    assert (profile["first_name"], profile["last_name"]) == ("Ada", "Lovelace")
    assert (profile["display_name"], profile["auth_provider"]) == (None, "oidc")
    assert (await ada.get()).json() == profile


async def test_graphql_makes_the_same_user(service):
    eve = Person(service, "eve", MAKES_TOO)
    made = (await eve.graphql(ME_QUERY, given_name="Eve"))["data"]["me"]
    assert (made["firstName"], made["authProvider"]) == ("Eve", "SAML")
    assert (await eve.get()).json()["id"] == made["id"]


NAMES = {
    "\u2068Ann\u2069": "Ann",
    " A\u202enn\x00 ": "Ann",
    "A\u0301\u2028\ufdd0nn": "\u00c1nn",
    "\u2068\u2069": None,
    "\u2068" + "A" * 150: "A" * 100,
}


@pytest.mark.parametrize("by", [MAKES, MAKES_TOO], ids=["oidc", "saml"])
@pytest.mark.parametrize("sent", NAMES, ids=ascii)
async def test_of_a_providers_name_what_is_forbidden_is_taken_out_at_first_and_later(
    service, by, sent
):
    new, known = (Person(service, uuid4().hex, by) for _ in "ab")
    names = {"given_name": sent, "family_name": sent}
    profile = (await new.get(**names)).json()
    assert (profile["first_name"], profile["last_name"]) == (NAMES[sent], NAMES[sent])
    await known.get(given_name="Old", family_name="Old")
    results = (await known.graphql(ME_QUERY, **names))["data"]["me"]
    assert (results["firstName"], results["lastName"]) == (NAMES[sent], NAMES[sent])


async def test_an_update_may_be_the_first_request(service):
    kim = Person(service, "kim")
    assert (await kim.put({"display_name": "K"})).json()["name"] == "K"
    lee = Person(service, "lee")
    result = await lee.graphql(UPDATE, {"input": {"displayName": "L"}})
    assert result["data"]["updateMyProfile"]["name"] == "L"


async def test_an_update_by_claims_keeps_the_picture_in_the_response(service):
    may = Person(service, "may")
    stored = (await may.put({"avatar_base64": data_uri(png(photo(8, 8)))})).json()["avatar_base64"]
    result = (await may.get(given_name="May")).json()
    assert (result["first_name"], result["avatar_base64"]) == ("May", stored)


async def test_first_requests_at_once_make_one_user(service):
    ann = Person(service, "ann")
    answers = await asyncio.gather(*(ann.get() for _ in range(50)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.json()["id"] for each in answers}) == 1
    assert len(await service.store.users_by_email(UUID(TENANT), "ann@example.com")) == 1


async def test_without_provision_a_token_makes_nobody(service):
    answer = await Person(service, "ada", KNOWS).get()
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("email", [None, "", "nobody", 5])
async def test_a_first_token_without_an_email_makes_nobody(service, email, caplog):
    nobody = Person(service, f"nobody-{email}")
    nobody.claims = {} if email is None else {"email": email}
    answer = await nobody.get(given_name="Nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "no email to make a user with" in caplog.text
    assert answer.headers["x-request-id"] in caplog.text
    assert nobody.subject not in caplog.text


@pytest.mark.parametrize("said", UNVERIFIED)
async def test_a_first_token_with_an_unverified_email_makes_nobody(service, said):
    mallory = Person(service, f"mallory-{said!r}")
    claims = {"email": f"{uuid4().hex}@acme.example", "email_verified": said}
    answer = await mallory.get(**claims)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await mallory.put({"display_name": "Mallory"}, **claims)
    assert answer.json()["code"] == "not_found"
    refused = (await mallory.graphql(ME_QUERY, **claims))["errors"][0]["extensions"]
    assert refused["code"] == "not_found"
    assert await service.store.users_by_email(UUID(TENANT), claims["email"]) == []


@pytest.mark.parametrize("said", VERIFIED)
async def test_an_email_that_is_not_called_unverified_is_taken(service, said):
    person = Person(service, f"verified-{said!r}")
    answer = await person.get(email_verified=said)
    assert answer.json()["email"] == person.claims["email"]


@pytest.mark.parametrize("said", UNVERIFIED)
async def test_a_policy_sees_the_stored_email_and_no_unverified_one(service, said):
    """The service's policies forbid to look to those whose address begins with ``hidden``."""
    hidden = Person(service, f"hidden-{said!r}")
    hidden.claims = {"email": f"hidden-{uuid4().hex}@acme.example"}
    assert (await hidden.get()).json()["code"] == "forbidden"
    free = {"email": "boss@acme.example", "email_verified": said}
    assert (await hidden.get(given_name="New", **free)).json()["code"] == "forbidden"
    refused = (await hidden.graphql(ME_QUERY, **free))["errors"][0]["extensions"]
    assert refused["code"] == "forbidden"
    (user,) = await service.store.users_by_email(UUID(TENANT), hidden.claims["email"])
    assert (user.profile.email, user.profile.first_name) == (hidden.claims["email"], "New")


async def test_forbidden_characters_are_removed_from_a_claim(service):
    bob = Person(service, "bob")
    sent = {"given_name": "\u2068Bob\u2069" + "b" * 200, "family_name": " Buil\x00der\n"}
    made = (await bob.get(**sent)).json()
    assert (made["first_name"], made["last_name"]) == ("Bob" + "b" * 97, "Builder")
    again = await bob.put({"first_name": made["first_name"], "last_name": "Builder"}, **sent)
    assert again.json() == made


async def test_a_claim_of_another_type_is_left_out_and_logged_without_the_subject(service, caplog):
    eli = Person(service, "eli@acme.example")
    made = await eli.get(given_name=["Elijah"], family_name="Secret", email="eli at acme.example")
    assert made.status_code == 404
    assert "the given_name in a token breaks a rule and is left out" in caplog.text
    assert "the email in a token breaks a rule and is left out" in caplog.text
    for value in ("eli", "Elijah", "Secret"):
        assert value not in caplog.text


async def test_the_same_subject_of_two_issuers_is_two_people(service):
    people = [Person(service, "same", by) for by in (MAKES, MAKES_TOO, OF_ONE)]
    people.append(Person(service, "same", tenant=OTHER_TENANT))
    ids = {(await each.get()).json()["id"] for each in people}
    assert len(ids) == 4
    await people[0].put({"display_name": "Mine"})
    assert (await people[1].get()).json()["display_name"] is None


async def test_an_issuer_of_one_tenant_needs_no_claim_and_speaks_for_no_other(service):
    zoe = Person(service, "zoe", OF_ONE)
    assert (await zoe.get(tenant_id=...)).status_code == 200
    assert (await zoe.get(tenant_id=OTHER_TENANT)).status_code == 401
    elsewhere = Person(service, "zoe", OF_ONE, OTHER_TENANT)
    assert (await elsewhere.get()).status_code == 401
    assert (await elsewhere.get(tenant_id=...)).json()["code"] == "tenant_mismatch"


async def test_a_later_token_brings_the_providers_changes_and_leaves_the_rest(service):
    dan = Person(service, "dan")
    first = await dan.put({"display_name": "Dan the man"}, given_name="Dan", family_name="Old")
    later = await dan.get(email="dan@new.example", family_name="New")
    assert later.headers["etag"] != first.headers["etag"]
    changed = {"email": "dan@new.example", "last_name": "New"}
    assert later.json() == first.json() | changed
    dan.claims = {}
    change = (await dan.history())[0]
    assert (change.face, change.issuer, change.subject) == ("provider", MAKES.issuer, "dan")
    assert change.fields == ["email", "last_name"]
    assert change.old_values == {"email": "dan@example.com", "last_name": "Old"}
    assert change.new_values == changed
    assert change.request_id == later.headers["x-request-id"]


async def test_an_older_token_changes_nothing(service):
    fay = Person(service, "fay")
    now = int(time.time())
    await fay.get(given_name="First", iat=now - 60)
    assert (await fay.get(given_name="Before", iat=now - 61)).json()["first_name"] == "First"
    newer = await fay.get(given_name="Second", iat=now - 30)
    for iat in (now - 31, ...):
        older = await fay.get(given_name="First", iat=iat)
        assert older.json() == newer.json()
        assert older.headers["etag"] == newer.headers["etag"]
    same = await fay.get(given_name="Third", iat=now - 30)
    assert same.json()["first_name"] == "Third"


async def test_changes_at_once_are_applied_once(service):
    guy = Person(service, "guy")
    await guy.get()
    news = {"given_name": "Guy", "iat": int(time.time())}
    answers = await asyncio.gather(*(guy.get(**news) for _ in range(20)))
    assert {each.json()["first_name"] for each in answers} == {"Guy"}
    assert len({each.headers["etag"] for each in answers}) == 1
    assert len(await guy.history()) == 1


async def test_claims_that_another_request_has_applied_are_only_read(service):
    sam = await service.person("oidc", issuer=MAKES.issuer, subject="sam", first_name="Sam")
    people = TokenProvisioning(service.store)
    for as_of in (1000, 1001):
        record = Record(sam.profile.email, AuthProvider.OIDC, {"first_name": "Samuel"}, as_of)
        identity = Identity(UUID(TENANT), MAKES.issuer, "sam", record=record)
        assert await people.provision_user(Caller(identity, "rest", "test"), sam.profile)
    stored = await service.store.load(identity, with_image=False)
    assert (stored.first_name, stored.version) == ("Samuel", 2)


async def test_who_was_given_to_another_issuer_meanwhile_is_not_changed(service):
    rob = await service.person("oidc", issuer=MAKES.issuer, subject="rob", first_name="Rob")
    freed = replace(rob, issuer="")
    await service.store.apply(service.author, [], [(rob, freed)])
    record = Record("evil@acme.example", AuthProvider.OIDC, {"first_name": "Evil"}, 1000)
    identity = Identity(UUID(TENANT), MAKES.issuer, "rob", record=record)
    caller = Caller(identity, "rest", "test")
    assert await TokenProvisioning(service.store).provision_user(caller, rob.profile)
    users = await service.store.users_of(UUID(TENANT), [rob.profile.id])
    assert users[rob.profile.id].profile.first_name == "Rob"


async def test_an_update_meets_the_providers_changes_first(service):
    ida = Person(service, "ida")
    etag = (await ida.get(given_name="Ida")).headers["etag"]
    headers = ida.headers(given_name="Idina") | {"If-Match": etag}
    answer = await service.client.put(ME, json={"display_name": "I"}, headers=headers)
    assert answer.status_code == 412
    refused = await ida.put({"first_name": "Mine"}, given_name="Idina")
    assert refused.json()["code"] == "sso_managed_field"
    kept = await ida.put({"first_name": "Idina", "display_name": "I"}, given_name="Idina")
    assert kept.json()["name"] == "I"


async def test_an_imported_user_is_brought_up_to_date_by_their_own_issuer_only(service):
    user = await service.person("oidc", issuer=MAKES.issuer, subject="jo", first_name="Jo")
    stranger = Person(service, "jo", MAKES_TOO)
    assert (await stranger.get(given_name="Evil")).json()["id"] != str(user.profile.id)
    jo = Person(service, "jo")
    met = (await jo.get(given_name="Joanna")).json()
    assert (met["id"], met["first_name"]) == (str(user.profile.id), "Joanna")


@pytest.mark.parametrize("known_as", ["id", "subject"])
async def test_a_person_stored_without_an_issuer_is_not_met_by_one_that_provisions(
    service, known_as
):
    subject = "" if known_as == "id" else f"shared|{uuid4()}"
    user = await service.person("oidc", subject=subject, first_name="Vera")
    before = (await Person(service, user.subject, KNOWS).get()).json()
    for makes in (MAKES, OF_ONE):
        own = Person(service, user.subject, makes)
        assert (await own.get()).json()["id"] != before["id"]
        changed = await own.put({"display_name": "Other"}, given_name="Evil")
        assert changed.json()["id"] != before["id"]
        unknown = Person(service, user.subject, MAKES_TOO)
        unknown.claims = {}
        assert (await unknown.get()).status_code == 404
        assert (await unknown.put({"display_name": "Other"})).status_code == 404
    assert (await Person(service, user.subject, KNOWS).get()).json() == before


async def test_who_is_deactivated_is_forbidden_all_until_active_again(service):
    max_ = Person(service, "max")
    made = (await max_.get()).json()
    await set_active(service.store, UUID(TENANT), made["id"], active=False)
    for answer in (
        await max_.get(),
        await max_.get(given_name="Back"),
        await max_.put({"display_name": "Back"}),
        await max_.put({}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    result = await max_.graphql(ME_QUERY)
    assert result["errors"][0]["extensions"]["code"] == "forbidden"
    result = await max_.graphql(UPDATE, {"input": {"displayName": "Back"}})
    assert result["data"]["updateMyProfile"]["code"] == "forbidden"
    await set_active(service.store, UUID(TENANT), made["id"], active=True)
    assert (await max_.get()).json() == made
    faces = [(change.face, change.fields) for change in await max_.history()]
    assert faces == [("operator", ["active"])] * 2


async def test_the_order_of_errors_is_the_same_for_a_deactivated_user(service):
    user = await service.person("oidc")
    await set_active(service.store, UUID(TENANT), str(user.profile.id), active=False)
    person = Person(service, user.subject, KNOWS)
    refused = await person.put({"first_name": "X"})
    assert refused.json()["code"] == "sso_managed_field"


async def test_who_is_deactivated_is_no_other_user_meanwhile(service):
    own = await service.person(issuer=KNOWS.issuer, subject="shared")
    await service.person(issuer="", subject="shared")
    await set_active(service.store, UUID(TENANT), str(own.profile.id), active=False)
    assert (await Person(service, "shared", KNOWS).get()).json()["code"] == "forbidden"


async def test_a_deleted_user_is_made_anew_by_a_valid_token(service):
    una = Person(service, "una")
    made = (await una.put({"display_name": "U"})).json()
    await delete_person(service.store, UUID(TENANT), made["id"])
    again = (await una.get()).json()
    assert again["id"] != made["id"]
    assert again["display_name"] is None


async def test_requests_with_earlier_errors_create_no_user(service):
    ned = Person(service, "ned")
    answer = await service.client.get(ME, headers=ned.headers() | {"X-Tenant-ID": OTHER_TENANT})
    assert answer.json()["code"] == "tenant_mismatch"
    answer = await service.client.put(
        ME, content=b"{", headers=ned.headers() | {"Content-Type": "application/json"}
    )
    assert answer.json()["code"] == "malformed_json"
    assert await service.store.users_by_email(UUID(TENANT), "ned@example.com") == []


async def test_nothing_strange_in_claims_is_a_500(service):
    strange = ["\ud800", "a\0b", {"a": 1}, [1], True, 1e300, "\U0010ffff", "x" * 5000]
    kept = [None, "ab", None, None, None, None, None, "x" * 100]
    for number, (value, name) in enumerate(zip(strange, kept, strict=True)):
        odd = Person(service, f"odd-{number}")
        made = await odd.get(given_name=value, family_name=value)
        assert made.status_code == 200
        assert (made.json()["first_name"], made.json()["last_name"]) == (name, name)
        assert (await odd.get(email=value)).status_code == 200
