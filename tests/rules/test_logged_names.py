"""What a log may say of a caller."""

from uuid import UUID

from profile_domain.caller import Caller, Identity

TENANT = UUID("7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f")
USER = UUID("0c6f4f3e-6d3f-4d39-9d3b-2f5a1c7e8b90")


def test_a_user_is_logged_by_ids_and_who_is_none_by_tenant_and_issuer():
    caller = Caller(Identity(TENANT, "https://idp.example", "ada@example.org"), "rest", "r-1")
    assert caller.log_fields == {"tenant": str(TENANT), "issuer": "https://idp.example"}
    caller.user_id = USER
    assert caller.log_fields == {"tenant": str(TENANT), "user": str(USER)}
