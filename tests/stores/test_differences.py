"""The differences between two versions of a user: columns, and fields of the audit entry."""

from dataclasses import replace

import pytest

from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AVATAR, EDITABLE, AuthProvider
from profile_infra.stores.changes import differences, user_differences
from profile_infra.stores.records import columns_of
from profile_infra.stores.tables import USERS
from storing import ISSUER, OTHER_PICTURE, PICTURE, person

BARE = Avatar(PICTURE.media_type, PICTURE.digest)


def test_differing_fields_are_in_the_order_of_the_columns_the_picture_last():
    before = person(avatar=BARE).profile
    after = replace(
        before, active=False, avatar=OTHER_PICTURE, display_name="D", email="new@example.org"
    )
    change = differences(before, after)
    assert change.fields == ("email", "display_name", "active", AVATAR)
    assert change.old == {"email": "ada@example.org", "display_name": None, "active": True}
    assert change.new == {"email": "new@example.org", "display_name": "D", "active": False}
    assert (change.old_digest, change.new_digest) == (PICTURE.digest, OTHER_PICTURE.digest)
    assert change.columns == {
        **change.new,
        "avatar_type": OTHER_PICTURE.media_type,
        "avatar_digest": OTHER_PICTURE.digest,
    }


def test_an_unchanged_picture_is_no_difference_and_a_removed_one_leaves_nulls():
    before = person(avatar=BARE).profile
    renamed = differences(before, replace(before, first_name=None))
    assert (renamed.fields, renamed.old_digest, renamed.new_digest) == (("first_name",), None, None)
    assert renamed.columns == {"first_name": None}
    removed = differences(before, replace(before, avatar=None))
    assert (removed.fields, removed.old_digest) == ((AVATAR,), PICTURE.digest)
    assert removed.columns == {"avatar_type": None, "avatar_digest": None}


def test_equal_users_have_no_differences():
    ada = person(avatar=PICTURE)
    assert differences(ada.profile, replace(ada.profile, avatar=BARE, version=9)) is None
    assert user_differences(ada, replace(ada, claims_issued_at=5.0)) is None


def test_a_new_picture_comes_with_its_bytes():
    before = person().profile
    with pytest.raises(ValueError, match="comes with its image"):
        differences(before, replace(before, avatar=BARE))


def test_every_column_of_a_user_can_differ():
    before = person(first_name=None)
    after = replace(
        before,
        profile=replace(
            before.profile,
            email="new@example.org",
            auth_provider=AuthProvider.OIDC,
            avatar=PICTURE,
            active=False,
            **dict.fromkeys(before.profile.texts, "new"),
        ),
        issuer=ISSUER,
        subject="7",
        claims_issued_at=5.0,
    )
    change = user_differences(before, after)
    fixed = {"tenant_id", "id", "version", "created_at", "updated_at"}
    assert set(change.columns) == set(USERS.c.keys()) - fixed == set(columns_of(after))
    assert set(EDITABLE) < set(change.fields)
