import json

import pytest
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from profile_domain.profile import AuthProvider
from profile_infra.tokens.issuers import Issuer, Issuers, UnusableKeys
from profile_infra.tokens.keys import keys_of
from signing import ISSUER, OTHER_TENANT, SECRET, TENANT, issuer, pem, rsa_key

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
    assert made.tenant_claim == "tenant_id"
    assert made.tenants is None
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
        ({"algorithms": ["PS256"]}, "should be 'HS256', 'HS384'"),
        ({"algorithms": ["EdDSA"]}, "should be 'HS256', 'HS384'"),
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
        ({"tenants": []}, "at least 1 item"),
        ({"tenants": [TENANT, TENANT.upper()]}, "stands twice"),
        ({"tenants": ["{" + TENANT + "}"]}, "8-4-4-4-12"),
        ({"tenants": [TENANT.replace("-", "")]}, "8-4-4-4-12"),
        ({"tenants": [5]}, "8-4-4-4-12"),
        ({"tenants": TENANT}, "valid tuple"),
        ({"tenant_claim": ""}, "at least 1 character"),
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
    assert by_url(issuer=url).issuer == url
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
    for changes in ({"jwks_url": url}, {"issuer": url}):
        with pytest.raises(ValidationError):
            by_url(**changes)


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
    made = issuer()
    assert SECRET not in f"{made} {made!r} {made.model_dump()} {made.model_dump_json()}"


def test_the_setting_is_read_from_json():
    text = json.dumps([_plain(tenants=[TENANT], provision=True)])
    (made,) = TypeAdapter(Issuers).validate_python(json.loads(text))
    assert made.secret.get_secret_value() == SECRET
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
