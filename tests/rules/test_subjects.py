"""Subjects, and the tenants of an issuer: the same rules in tokens, imports and signing."""

import csv
from uuid import UUID, uuid4

import pytest

from profile_api.cli.signing import token_for
from profile_domain.caller import is_subject, matching_issuers, speaks_for
from profile_domain.errors import DomainError
from profile_infra.people.csv_file import FileRefused
from profile_infra.people.importing import import_people
from profile_infra.people.operators import Refused
from profile_testing.signing import ISSUER, claims, issuer, token, tokens_of
from running import OTHER_TENANT, TENANT
from storing import person


async def imported(store, folder, subject):
    """Whether an import takes somebody with this subject."""
    path = folder / "people.csv"
    row = [TENANT, str(uuid4()), "ada@example.org", "oidc", ISSUER, subject]
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.writer(file)
        writer.writerow(["tenant_id", "id", "email", "auth_provider", "issuer", "subject"])
        writer.writerow(row)
    try:
        await import_people(store, path, overwrite=False)
    except FileRefused:
        return False
    return True


@pytest.mark.parametrize(
    ("subject", "taken"),
    [
        ("7", True),
        ("auth0|5f7c|x y", True),
        ("\xa07\xa0", True),
        ("7\u200b7", True),
        ("7\u2028", True),
        ("\u30007", True),
        ("\U0001f600" * 255, True),
        ("7" * 256, False),
        ("7\x007", False),
        ("7\t7", False),
        ("7\x85", False),
        ("7\x7f7", False),
        ("\ud8007", False),
    ],
)
async def test_a_token_and_an_import_take_the_same_subjects(store, tmp_path, subject, taken):
    assert is_subject(subject) is taken
    assert await imported(store, tmp_path, subject) is taken
    verifying = tokens_of(issuer())
    if taken:
        identity = await verifying.verify(token(claims(sub=subject)))
        assert await store.load(identity, with_image=False) is not None
    else:
        with pytest.raises(DomainError):
            await verifying.verify(token(claims(sub=subject)))


def test_an_issuer_speaks_for_the_tenants_of_its_list_or_for_all_without_one():
    ours, others = UUID(TENANT), UUID(OTHER_TENANT)
    assert speaks_for([ours], ours)
    assert not speaks_for([ours], others)
    for without in (None, ()):
        assert speaks_for(without, others)


def test_a_token_is_signed_only_for_those_whom_it_would_meet():
    own, anyones, anothers = (
        person(UUID(TENANT), issuer=name, subject="7") for name in (ISSUER, "", "https://a.example")
    )
    for each in (own, anyones):
        assert token_for(issuer(), each)
    assert token_for(issuer(provision=True), own)
    with pytest.raises(Refused, match="meet only those stored with its name"):
        token_for(issuer(provision=True), anyones)
    with pytest.raises(Refused, match=r"signs in by https://a\.example"):
        token_for(issuer(), anothers)
    with pytest.raises(Refused, match=f"does not speak for tenant {TENANT}"):
        token_for(issuer(tenants=[OTHER_TENANT]), anyones)
    assert matching_issuers(ISSUER, provisions=True) == (ISSUER, ISSUER)
    assert matching_issuers(ISSUER, provisions=False) == (ISSUER, "")
