"""Every field that a person can change, by either face, on either store: none is forgotten anywhere."""

import pytest

from cases import SMALL
from fields import VALUES
from profile_domain.errors import Code, FieldRefused
from profile_domain.people import new_profile, read_claims, read_record
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import (
    AVATAR,
    EDITABLE,
    TEXT_FIELDS,
    AuthProvider,
    ProfileUpdate,
    TextField,
)
from profile_graphql.names import ProfileField, camel_case
from profile_graphql.schema import schema
from profile_infra.people.csv_file import OPTIONAL
from profile_testing.signing import TENANT
from running import ME_QUERY, UPDATE

CHANGES = "{ me { changes(first: 9) { edges { node { fields { field name old new } } } } } }"
CLEARED = dict.fromkeys(EDITABLE, "") | {AVATAR: None}


async def by_rest(service, user, change):
    answer = await service.put(user, change)
    assert answer.status_code == 200, answer.text


async def by_graphql(service, user, change):
    sent = {camel_case(field): value for field, value in change.items()}
    answer = await service.graphql(user, UPDATE, {"input": sent})
    assert answer.json()["data"]["updateMyProfile"]["__typename"] == "Profile", answer.text


async def asked(service, user, query):
    answer = await service.graphql(user, query)
    return answer.json()["data"]["me"]


@pytest.mark.parametrize("change_by", [by_rest, by_graphql])
@pytest.mark.parametrize("field", EDITABLE)
async def test_a_field_is_stored_shown_by_both_faces_cleared_and_recorded(
    on_each_store, field, change_by
):
    service = on_each_store
    user = await service.person()
    wanted = VALUES[field]
    for change, value in ((wanted, wanted), (CLEARED[field], None)):
        await change_by(service, user, {field: change})
        assert (await service.get(user)).json()[field] == value
        assert (await asked(service, user, ME_QUERY))[camel_case(field)] == value
    kept = f"sha256:{Avatar.of('image/png', SMALL).digest.hex()}" if field == AVATAR else wanted
    edges = (await asked(service, user, CHANGES))["changes"]["edges"]
    assert [edge["node"]["fields"] for edge in edges] == [
        [{"field": field.upper(), "name": field, "old": kept, "new": None}],
        [{"field": field.upper(), "name": field, "old": None, "new": kept}],
    ]


async def test_all_fields_are_stored_at_once(on_each_store):
    user = await on_each_store.person()
    await by_rest(on_each_store, user, VALUES)
    assert VALUES.items() <= (await on_each_store.get(user)).json().items()
    answer = await on_each_store.get(user)
    editable = (await asked(on_each_store, user, ME_QUERY))["editableFields"]
    assert editable == [ProfileField(field).name for field in EDITABLE]
    await by_graphql(on_each_store, user, CLEARED)
    answer = await on_each_store.get(user)
    assert dict.fromkeys(EDITABLE).items() <= answer.json().items()


async def test_what_an_import_may_bring_is_stored_with_a_new_user(on_each_store):
    texts = {field.name: field.label for field in TEXT_FIELDS if field.imported}
    user = await on_each_store.person(**texts)
    assert texts.items() <= (await on_each_store.get(user)).json().items()
    assert set(texts) == set(OPTIONAL) - {"issuer", "subject", "active"}


@pytest.mark.parametrize("field", TEXT_FIELDS, ids=lambda field: field.name)
async def test_one_code_point_too_many_is_refused_with_the_fields_limit(service, field):
    answer = await service.put(await service.person(), {field.name: "x" * (field.limit + 1)})
    assert answer.status_code == 400
    (violation,) = answer.json()["details"]["violations"]
    result = f"At most {field.limit} characters are allowed."
    assert violation == {
        "field": field.name, "code": "too_long", "message": result, "max": field.limit,
    }  # fmt: skip
    assert answer.json()["message"] == result


def test_a_limit_is_the_fields_own():
    motto = TextField("motto", "Motto", limit=5)
    assert motto.read("12345") == "12345"
    assert motto.sanitize("1234567") == "12345"
    with pytest.raises(FieldRefused) as refused:
        motto.read("123456")
    assert (refused.value.code, refused.value.limits) == (Code.TOO_LONG, {"max": 5})


@pytest.mark.parametrize("provider", [AuthProvider.OIDC, AuthProvider.SAML])
def test_what_the_provider_manages_nobody_else_changes_and_its_claims_bring(provider):
    claims = {field.claim: field.label for field in TEXT_FIELDS if field.claim}
    record, left_out = read_claims(claims | {"email": "a@b.example"}, provider, 1)
    assert left_out == []
    assert record.names == {field.name: field.label for field in TEXT_FIELDS if field.claim}
    person = new_profile(TENANT, TENANT, read_record("a@b.example", provider, {}))
    managed = [field.name for field in TEXT_FIELDS if field.sso_managed]
    assert provider.editable == tuple(field for field in EDITABLE if field not in managed)
    for field in provider.editable:
        assert ProfileUpdate({field: VALUES[field]}).changes_to(person)


def test_the_schema_of_graphql_has_every_field():
    spelled = [camel_case(field) for field in EDITABLE]
    assert [field.value for field in ProfileField] == list(EDITABLE)
    types = schema._schema.type_map
    assert list(types["UpdateMyProfileInput"].fields) == spelled
    assert set(spelled) <= set(types["Profile"].fields)
    for field in TEXT_FIELDS:
        result = types["Profile"].fields[camel_case(field.name)].description
        assert f"At most {field.limit} code points" in result
