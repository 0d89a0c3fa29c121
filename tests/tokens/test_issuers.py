import json
import re

import pytest
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from profile_domain.profile import AuthProvider
from profile_infra.tokens.issuers import Issuer, Issuers, UnusableKeys
from profile_infra.tokens.keys import keys_of
from profile_testing.signing import ISSUER, OTHER_TENANT, SECRET, TENANT, issuer, pem, rsa_key

URL = "https://idp.example/keys"


def by_url(**changes):
    return issuer(**{"secret": None, "algorithms": ["RS256"], "jwks_url": URL} | changes)


def refusal(**changes) -> str:
    with pytest.raises(ValidationError) as refused:
        issuer(**changes)
    return str(refused.value)


def test_an_issuer_has_the_documented_defaults():
    made = issuer()
    assert made.audience == ("profile",)
    assert (made.tenant_claim, made.subject_claim) == (("tenant_id",), ("sub",))
    assert (made.email_claim, made.audience_claim) == (("email",), ("aud",))
    assert made.tenants is None
    assert made.tenant_ids is None
    assert made.allow_http is False
    assert made.provision is False
    assert made.auth_provider is AuthProvider.OIDC


def test_an_audience_may_be_a_list():
    assert issuer(audience=["a", "b"]).audience == ("a", "b")


def test_tenants_are_uuids():
    made = issuer(tenants=[TENANT.upper(), OTHER_TENANT])
    assert [str(each) for each in made.tenants] == [TENANT, OTHER_TENANT]


def test_an_issuer_cannot_be_changed():
    with pytest.raises(ValidationError):
        issuer().issuer = "another"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": ""}, "at least 1 character"),
        ({"issuer": 5}, "valid string"),
        ({"audience": ""}, "at least 1 character"),
        ({"audience": []}, "at least 1 item"),
        ({"audience": [""]}, "at least 1 character"),
        ({"audience": ["a", 5]}, "valid string"),
        ({"audience": ["a", "a"]}, "stands twice"),
        ({"algorithms": []}, "at least 1 item"),
        ({"algorithms": "HS256"}, "valid tuple"),
        ({"algorithms": ["HS256", "HS256"]}, "stands twice"),
        ({"algorithms": ["none"]}, "should be 'HS256', 'HS384'"),
        ({"algorithms": ["None", ""]}, "should be 'HS256', 'HS384'"),
        ({"algorithms": ["hs256"]}, "should be 'HS256', 'HS384'"),
        ({"algorithms": ["PS256"]}, "choose algorithms among HS256"),
        ({"algorithms": ["EdDSA"]}, "choose algorithms among HS256"),
        ({"algorithms": ["Ed448"]}, "should be 'HS256', 'HS384'"),
        ({"algorithms": ["ES256K"]}, "should be 'HS256', 'HS384'"),
        ({"algorithms": ["RSA-OAEP"]}, "should be 'HS256', 'HS384'"),
        ({"algorithms": ["A256KW"]}, "should be 'HS256', 'HS384'"),
        ({"algorithms": ["RS256"]}, "choose algorithms among HS256"),
        ({"algorithms": ["HS256", "RS256"]}, "choose algorithms among HS256"),
        ({"secret": None}, "exactly one of secret, jwks_file, jwks_url, discovery"),
        ({"secret": None, "discovery": False}, "exactly one of"),
        ({"jwks_file": "keys.json"}, "exactly one of"),
        ({"jwks_url": URL}, "exactly one of"),
        ({"discovery": True}, "exactly one of"),
        ({"secret": None, "jwks_file": "keys.json"}, "need secret"),
        ({"secret": None, "jwks_file": "k", "algorithms": ["RS256", "HS256"]}, "need secret"),
        ({"secret": ""}, "at least 32 bytes"),
        ({"secret": "x" * 31}, "at least 32 bytes"),
        ({"secret": "ü" * 15 + "x"}, "at least 32 bytes"),
        ({"secret": []}, "at least 1 item"),
        ({"secret": [SECRET, SECRET]}, "stands twice"),
        ({"secret": [SECRET, "x" * 31]}, "at least 32 bytes"),
        ({"secret": [f"{number}" * 32 for number in range(9)]}, "at most 8 items"),
        ({"secret": {"a": SECRET}}, "valid tuple"),
        ({"tenants": []}, "at least 1 item"),
        ({"tenants": [TENANT, TENANT.upper()]}, "stands twice"),
        ({"tenants": ["{" + TENANT + "}"]}, "8-4-4-4-12"),
        ({"tenants": [TENANT.replace("-", "")]}, "8-4-4-4-12"),
        ({"tenants": [5]}, "8-4-4-4-12"),
        ({"tenants": TENANT}, "valid tuple"),
        *(
            ({f"{name}_claim": sent}, said)
            for name in ("tenant", "subject", "email", "audience")
            for sent, said in (
                ("", "at least 1 character"),
                ([], "at least 1 item"),
                (["a", "a"], "stands twice"),
                (["a", ""], "at least 1 character"),
                (["a", 5], "valid string"),
                ({"a": "b"}, "valid tuple"),
                ("/a~b", "write ~ as ~0"),
                ("/a~", "write ~ as ~0"),
                (["a", "/~2"], "write ~ as ~0"),
                ("x" * 513, "at most 512 characters"),
                ([f"a{number}" for number in range(101)], "at most 100 items"),
            )
        ),
        ({"tenant_ids": {}}, "at least 1 item"),
        ({"tenant_ids": {"": TENANT}}, "at least 1 character"),
        ({"tenant_ids": {"acme": "acme"}}, "8-4-4-4-12"),
        ({"tenant_ids": {"acme": [TENANT]}}, "8-4-4-4-12"),
        ({"tenant_ids": [TENANT]}, "valid dictionary"),
        (
            {"tenant_ids": {"a": TENANT, "b": OTHER_TENANT}, "tenants": [TENANT]},
            "not among tenants",
        ),
        ({"allow_http": "perhaps"}, "valid boolean"),
        ({"auth_provider": "ldap"}, "'local', 'oidc' or 'saml'"),
        ({"provision": "perhaps"}, "valid boolean"),
        ({"leeway": 3600}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_configuration_is_refused_with_what_to_do(changes, said):
    message = refusal(**changes)
    assert said in message
    assert SECRET not in message


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_secret_of_32_bytes_serves_each_hmac(algorithm):
    keys_of(issuer(secret="ü" * 16, algorithms=[algorithm]))


def test_an_issuer_with_a_secret_may_have_any_name():
    for name in ("us", "http://intern.example", "urn:us"):
        assert issuer(issuer=name).issuer == name


@pytest.mark.parametrize(
    "url",
    [
        "https://idp.example/keys",
        "https://idp.example:8443/keys?v=1",
        "HTTPS://IDP.example",
        "http://localhost:9000/keys",
        "http://LOCALHOST/",
        "http://127.0.0.1:9000",
        "http://127.9.8.7/",
        "http://[::1]:9000/keys",
    ],
)
def test_a_key_set_is_fetched_over_https_or_from_this_machine(url):
    assert by_url(jwks_url=url).jwks_url == url
    assert by_url(issuer=url, jwks_url=None, discovery=True).issuer == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "idp",
        "idp.example/keys",
        "//idp.example/keys",
        "https://",
        "https:///keys",
        "https:idp.example",
        "http://idp.example/keys",
        "http://localhost.idp.example/",
        "http://localhost@idp.example/",
        "https://user:word@idp.example/",
        "http://127.0.0.1.idp.example/",
        "http://127.0.0.1@idp.example/",
        "http://localhost\\@idp.example/",
        "http://localhost#@idp.example/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0.0.0.0/",
        "http://128.0.0.1/",
        "http://10.0.0.1/",
        "http://[::]/",
        "http://[::2]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1/",
        "http://ⓛocalhost/",
        "https://ídp.example/",
        "https://idp.example\\x/",
        "https://idp.example/#x",
        "https://idp.example:0/",
        "https://idp.example:99999/",
        "https://idp.example:x/",
        "https://idp.example/\n",
        " https://idp.example/",
        "file:///etc/passwd",
        "ftp://localhost/",
        "javascript:alert(1)",
    ],
)
def test_no_key_set_is_fetched_from_elsewhere(url):
    by_discovery = {"issuer": url, "jwks_url": None, "discovery": True}
    for changes in ({"jwks_url": url}, by_discovery):
        with pytest.raises(ValidationError):
            by_url(**changes)


def test_http_is_allowed_elsewhere_for_those_who_ask_for_it():
    url = "http://keycloak:8080/realms/acme"
    for changes in ({"jwks_url": url}, {"issuer": url, "jwks_url": None, "discovery": True}):
        with pytest.raises(ValidationError, match="elsewhere needs allow_http"):
            by_url(**changes)
        by_url(**changes, allow_http=True)
    for bad in ("ftp://keycloak/", "http://", "http://a@b/", "http://b/#x", "http://b:0/"):
        with pytest.raises(ValidationError):
            by_url(jwks_url=bad, allow_http=True)


@pytest.mark.parametrize("name", ["accounts.google.com", "acme", "urn:idp", "http://idp.example"])
def test_an_issuer_is_a_url_only_where_discovery_reads_it(name, tmp_path):
    assert by_url(issuer=name).issuer == name
    assert by_url(issuer=name, jwks_url=None, jwks_file=tmp_path / "k").issuer == name
    with pytest.raises(ValidationError):
        by_url(issuer=name, jwks_url=None, discovery=True)


def test_claims_are_names_pointers_or_lists_of_them():
    made = issuer(
        tenant_claim=["/organization/acme/id", "tid"],
        subject_claim="oid",
        email_claim="/emails/0",
        audience_claim=["aud", "client_id"],
        tenant_ids={"org_9fXq": TENANT.upper()},
    )
    assert made.tenant_claim == ("/organization/acme/id", "tid")
    assert made.subject_claim == ("oid",)
    assert {word: str(each) for word, each in made.tenant_ids.items()} == {"org_9fXq": TENANT}
    assert issuer(tenant_claim="https://app.example/~org").tenant_claim


def test_no_provider_is_asked_for_its_keys_before_they_are_needed():
    for each in (by_url(), by_url(jwks_url=None, discovery=True)):
        assert keys_of(each).there is False


def test_a_public_key_is_no_secret():
    text = pem(rsa_key()).decode()
    with pytest.raises(UnusableKeys, match="its secret is a public key") as refused:
        keys_of(issuer(secret=text))
    assert "BEGIN" not in str(refused.value)


def test_a_secret_that_is_no_text_is_refused():
    with pytest.raises(UnusableKeys):
        keys_of(issuer(secret=SecretStr("x" * 32 + "\ud800")))


def test_each_issuer_stands_once():
    with pytest.raises(ValidationError, match="stands twice; merge"):
        TypeAdapter(Issuers).validate_python([_plain(), _plain(secret="y" * 32)])
    TypeAdapter(Issuers).validate_python([_plain(), _plain(issuer=ISSUER + "/")])


@pytest.mark.parametrize(
    "item",
    [
        {"secret": "a-very-secret-text"},
        {"secrets": "a-very-secret-text-of-more-than-32-bytes"},
        {"Secret": "a-very-secret-text", "audience": 5},
        {"secret": ["a-very-secret-text"]},
        {"secret": [["a-very-secret-text"], {"a": "a-very-secret-text"}]},
        {"secret": ["a-very-secret-text-of-more-than-32-bytes"] * 2},
        {"secrets": ["a-very-secret-text-of-more-than-32-bytes"]},
        {"secret": {"a": "a-very-secret-text"}},
        {"secret": "a-very-secret-text-of-more-than-32-bytes", "algorithms": ["RS256"]},
        {"secret": "a-very-secret-text-of-more-than-32-bytes", "jwks_url": URL},
        {"secret": "a-very-secret-text-of-more-than-32-bytes\ud800", "issuer": ""},
    ],
)
def test_no_validation_error_holds_the_secret_however_it_is_printed(item):
    class Settings(BaseModel):
        issuers: Issuers

    for items in ([_plain(secret=None) | item], [item], [next(iter(item.values()))], item):
        with pytest.raises(ValidationError) as refused:
            Settings(issuers=items)
        assert "very-secret" not in str(refused.value)
        assert "very-secret" not in repr(refused.value.errors())
    with pytest.raises(ValidationError) as refused:
        Issuer.model_validate(item)
    assert "very-secret" not in str(refused.value)


def test_an_issuer_is_printed_without_its_secret():
    made = issuer(secret=[SECRET[::-1], SECRET])
    assert SECRET[::-1] not in f"{made} {made!r} {made.model_dump()} {made.model_dump_json()}"
    assert SECRET not in f"{made} {made!r} {made.model_dump()} {made.model_dump_json()}"


def test_the_setting_is_read_from_json():
    text = json.dumps([_plain(tenants=[TENANT], provision=True)])
    (made,) = TypeAdapter(Issuers).validate_python(json.loads(text))
    assert [each.get_secret_value() for each in made.secret] == [SECRET]
    assert made.provision


def test_issuers_that_are_made_already_pass():
    made = issuer()
    assert TypeAdapter(Issuers).validate_python([made]) == [made]


def _plain(**changes):
    return {
        "issuer": ISSUER,
        "audience": "profile",
        "algorithms": ["HS256"],
        "secret": SECRET,
    } | changes


def test_a_key_file_that_is_missing_is_named_with_what_to_do(tmp_path):
    made = issuer(secret=None, jwks_file=tmp_path / "keys.json", algorithms=["RS256"])
    advice = f"jwks_file {tmp_path}/keys.json cannot be read: No such file or directory; put the"
    with pytest.raises(UnusableKeys, match=re.escape(advice)):
        keys_of(made)
