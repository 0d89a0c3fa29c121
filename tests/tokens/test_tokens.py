import json
import string

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError
from profile_infra.tokens.issuers import UnusableKeys
from profile_infra.tokens.jose import JoseTokens, sign
from profile_infra.tokens.jwks import read_key_set
from profile_infra.tokens.keys import keys_of
from profile_infra.tokens.strict import read_base64url
from profile_testing.signing import (
    AUDIENCE,
    ISSUER,
    OTHER_TENANT,
    SECRET,
    TENANT,
    b64,
    claims,
    der,
    ec_key,
    edwards_key,
    issuer,
    outcome,
    pem,
    private_jwk,
    public_jwk,
    rsa_key,
    signer,
    token,
    tokens_of,
    write_jwks,
)

curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
edwards = ["EdDSA", "Ed25519"]
asymmetric_algorithms = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), *curves, *edwards
]  # fmt: skip


def key_for(algorithm):
    if algorithm in edwards:
        return edwards_key()
    return ec_key(curves[algorithm]) if algorithm in curves else rsa_key()


@pytest.fixture
def asymmetric(tmp_path):
    """Verification with the public key of ``key_for(algorithm)``, under the kid ``k``."""

    def made(algorithm, **members):
        file = write_jwks(tmp_path / "k", public_jwk(key_for(algorithm), kid="k", **members))
        return tokens_of(issuer(secret=None, jwks_file=file, algorithms=[algorithm]))

    return made


async def test_a_valid_token_names_one_subject_of_one_issuer_in_one_tenant():
    identity = await tokens_of().verify(token(claims(scope="profile  email")))
    assert isinstance(identity, Identity)
    assert str(identity.tenant_id) == TENANT
    assert (identity.issuer, identity.subject) == (ISSUER, "ada")
    assert identity.scopes == {"profile", "email"}


@pytest.mark.parametrize("algorithm", asymmetric_algorithms)
async def test_each_asymmetric_algorithm_works_with_and_without_a_kid(asymmetric, algorithm):
    tokens = asymmetric(algorithm)
    for header in ({"kid": "k"}, {}):
        await tokens.verify(token(algorithm=algorithm, key=key_for(algorithm), header=header))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_each_hmac_works_whatever_the_kid(algorithm):
    tokens = tokens_of(issuer(algorithms=[algorithm]))
    for header in ({"kid": "k"}, {}):
        await tokens.verify(token(algorithm=algorithm, header=header))


async def test_of_several_secrets_the_first_signs_and_all_verify():
    old, new, other = "o" * 32, "n" * 32, "x" * 32
    tokens = tokens_of(issuer(secret=[new, old], algorithms=["HS256", "HS512"]))
    for algorithm in ("HS256", "HS512"):
        for secret, expected in ((old, "accepted"), (new, "accepted"), (other, "invalid")):
            assert await outcome(tokens, token(algorithm=algorithm, key=secret)) == expected
    sent = sign(issuer(secret=[new, old]), claims())
    assert await outcome(tokens_of(issuer(secret=new)), sent) == "accepted"
    assert await outcome(tokens_of(issuer(secret=old)), sent) == "invalid"


async def test_an_issuer_may_have_several_hmacs():
    tokens = tokens_of(issuer(algorithms=["HS256", "HS512"]))
    await tokens.verify(token(algorithm="HS512"))
    assert await outcome(tokens, token(algorithm="HS384")) == "invalid"


async def test_a_token_is_judged_by_its_own_issuer():
    tokens = tokens_of(issuer(), issuer(issuer="other", secret="y" * 32, audience="b"))
    mine, other = token(), claims(iss="other", aud="b")
    assert (await tokens.verify(mine)).issuer == ISSUER
    assert (await tokens.verify(token(other, key="y" * 32))).issuer == "other"
    assert await outcome(tokens, token(other)) == "invalid"
    assert await outcome(tokens, token(claims(iss="other"), key="y" * 32)) == "invalid"
    assert await outcome(tokens, token(key="y" * 32)) == "invalid"


def test_an_issuer_cannot_be_given_twice():
    with pytest.raises(ValueError, match="stands twice"):
        tokens_of(issuer(), issuer(audience="b"))


# Algorithms


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", None, 256, ["HS256"], {}]
)
@pytest.mark.parametrize("signature", [b"", b"x" * 32])
async def test_no_algorithm_is_none_in_any_spelling(algorithm, signature):
    forged = token(header={"alg": algorithm}, sign=lambda _: signature)
    assert await outcome(tokens_of(), forged) == "invalid"


async def test_a_token_must_name_its_algorithm():
    assert await outcome(tokens_of(), token(header={"alg": ...})) == "invalid"


@pytest.mark.parametrize("encode", [pem, der])
@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
@pytest.mark.parametrize("hmac_algorithm", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_no_hmac_secret(asymmetric, algorithm, encode, hmac_algorithm):
    forged = token(algorithm=hmac_algorithm, key=encode(key_for(algorithm)), header={"kid": "k"})
    assert await outcome(asymmetric(algorithm), forged) == "invalid"
    lying = token(
        algorithm=algorithm,
        header={"kid": "k"},
        sign=signer(hmac_algorithm, encode(key_for(algorithm))),
    )
    assert await outcome(asymmetric(algorithm), lying) == "invalid"


async def test_the_bytes_of_an_edwards_key_are_no_hmac_secret(asymmetric):
    for secret in (edwards_key().public_key().public_bytes_raw(), public_jwk(edwards_key())["x"]):
        by_hmac = signer("HS256", secret)
        for algorithm in ("HS256", "EdDSA"):
            forged = token(algorithm=algorithm, header={"kid": "k"}, sign=by_hmac)
            assert await outcome(asymmetric("EdDSA"), forged) == "invalid"


async def test_the_number_of_a_public_key_is_no_hmac_secret(asymmetric):
    number = public_jwk(rsa_key())["n"]
    assert await outcome(asymmetric("RS256"), token(key=number, header={"kid": "k"})) == "invalid"


async def test_an_empty_secret_signs_nothing():
    assert await outcome(tokens_of(), token(key="")) == "invalid"


async def test_an_algorithm_the_issuer_does_not_list_is_refused(asymmetric):
    other = token(algorithm="RS512", key=rsa_key(), header={"kid": "k"})
    assert await outcome(asymmetric("RS256"), other) == "invalid"


async def test_the_issuers_list_holds_whatever_its_keys_could_do(tmp_path):
    file = write_jwks(tmp_path / "k", public_jwk(rsa_key()))
    wide, narrow = (
        issuer(secret=None, jwks_file=file, algorithms=each)
        for each in (["RS256", "RS512"], ["RS256"])
    )
    tokens = JoseTokens({narrow: keys_of(wide)})
    assert await outcome(tokens, token(algorithm="RS256", key=rsa_key())) == "accepted"
    assert await outcome(tokens, token(algorithm="RS512", key=rsa_key())) == "invalid"


async def test_a_pss_signature_is_no_rs256_signature(asymmetric):
    for header in ({"kid": "k", "alg": "RS256"}, {"kid": "k"}):
        forged = token(algorithm="PS256", key=rsa_key(), header=header)
        assert await outcome(asymmetric("RS256"), forged) == "invalid"


async def test_an_rs256_signature_is_no_pss_signature(asymmetric):
    for header in ({"kid": "k", "alg": "PS256"}, {"kid": "k"}):
        forged = token(algorithm="RS256", key=rsa_key(), header=header)
        assert await outcome(asymmetric("PS256"), forged) == "invalid"


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64])
async def test_the_salt_of_a_pss_signature_is_as_long_as_its_hash(asymmetric, salt):
    forged = token(
        header={"alg": "PS256", "kid": "k"},
        sign=lambda data: rsa_key().sign(
            data, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256()
        ),
    )
    assert await outcome(asymmetric("PS256"), forged) == "invalid"


async def test_the_mask_of_a_pss_signature_is_made_with_its_hash(asymmetric):
    forged = token(
        header={"alg": "PS256", "kid": "k"},
        sign=lambda data: rsa_key().sign(
            data, padding.PSS(padding.MGF1(hashes.SHA1()), 32), hashes.SHA256()
        ),
    )
    assert await outcome(asymmetric("PS256"), forged) == "invalid"


@pytest.mark.parametrize("algorithm", edwards)
async def test_an_edwards_signature_has_one_form(asymmetric, algorithm):
    tokens, order = asymmetric(algorithm), 2**252 + 27742317777372353535851937790883648493

    def malleable(data):
        """The same with the order of the group added to its second half (RFC 8032 section 5.1.7)."""
        signature = edwards_key().sign(data)
        second = int.from_bytes(signature[32:], "little") + order
        return signature[:32] + second.to_bytes(32, "little")

    for forging in (
        malleable,
        lambda _: b"",
        lambda _: bytes(64),
        lambda _: b"\1" + bytes(63),
        lambda data: edwards_key().sign(data)[:63],
        lambda data: edwards_key().sign(data) + b"\0",
        edwards_key("attacker").sign,
    ):
        forged = token(header={"alg": algorithm, "kid": "k"}, sign=forging)
        assert await outcome(tokens, forged) == "invalid"


@pytest.mark.parametrize("algorithm", asymmetric_algorithms)
async def test_no_algorithm_passes_for_another(asymmetric, algorithm):
    tokens = asymmetric(algorithm)
    for other in asymmetric_algorithms:
        sent = token(algorithm=other, key=key_for(other), header={"kid": "k"})
        assert await outcome(tokens, sent) == ("accepted" if other == algorithm else "invalid")
        lying = token(algorithm=other, key=key_for(other), header={"kid": "k", "alg": algorithm})
        twins = {other, algorithm} <= set(edwards)
        assert await outcome(tokens, lying) == (
            "accepted" if other == algorithm or twins else "invalid"
        )


async def test_a_signature_of_zeros_proves_nothing(asymmetric):
    tokens, zeros = asymmetric("ES256"), b"\0" * 64
    for signature in (
        b"",
        zeros,
        zeros[1:] + b"\1",
        b"\xff" * 64,
        zeros + b"\0",
        b"0\6\2\1\0\2\1\0",
    ):
        forged = token(header={"alg": "ES256", "kid": "k"}, sign=lambda _, made=signature: made)
        assert await outcome(tokens, forged) == "invalid"


async def test_a_signature_is_not_accepted_in_der_form(asymmetric):
    forged = token(
        header={"alg": "ES256", "kid": "k"},
        sign=lambda data: ec_key().sign(data, ec.ECDSA(hashes.SHA256())),
    )
    assert await outcome(asymmetric("ES256"), forged) == "invalid"


async def test_a_truncated_hmac_is_refused():
    full = signer("HS256", SECRET)
    for length in (0, 1, 16, 31):
        cut = token(sign=lambda data, length=length: full(data)[:length])
        assert await outcome(tokens_of(), cut) == "invalid"


# Keys in the token


async def test_an_embedded_key_is_never_used(asymmetric):
    own = rsa_key("attacker")
    for members in (
        {"jwk": public_jwk(own)},
        {"jwk": public_jwk(own, kid="k"), "kid": "k"},
        {"jwk": private_jwk(own, kid="k"), "kid": "k"},
        {"jku": "https://attacker.example/keys", "kid": "k"},
        {"x5u": "https://attacker.example/cert", "kid": "k"},
        {"x5c": ["MIIB"], "kid": "k"},
    ):
        forged = token(algorithm="RS256", key=own, header=members)
        assert await outcome(asymmetric("RS256"), forged) == "invalid"


async def test_an_honest_token_may_point_to_its_key_and_nobody_looks(asymmetric):
    header = {"kid": "k", "jku": "http://127.0.0.1:9/keys", "x5t": "abc"}
    await asymmetric("RS256").verify(token(algorithm="RS256", key=rsa_key(), header=header))


@pytest.mark.parametrize(
    "kid", ["", "K", "k\0", " k", "../../etc/passwd", "' OR 1=1 --", None, 1, ["k"], {}, "\ud800"]
)
async def test_an_unknown_kid_is_refused(asymmetric, kid):
    for algorithm in ("RS256", "ES256"):
        sent = token(algorithm=algorithm, key=key_for(algorithm), header={"kid": kid})
        assert await outcome(asymmetric(algorithm), sent) == "invalid"


@pytest.mark.parametrize("kid", [None, 1, ["k"], {}])
async def test_a_kid_is_a_string_with_a_secret_too(kid):
    assert await outcome(tokens_of(), token(header={"kid": kid})) == "invalid"


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "PS256", "ES256", "EdDSA"])
async def test_no_character_of_a_token_can_be_another(asymmetric, algorithm):
    if algorithm == "HS256":
        tokens, good = tokens_of(), token()
    else:
        good = token(algorithm=algorithm, key=key_for(algorithm), header={"kid": "k"})
        tokens = asymmetric(algorithm)
    await tokens.verify(good)
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    for at, character in enumerate(good):
        others = alphabet if at == len(good) - 1 else alphabet[alphabet.find(character) - 1] + "."
        for other in set(others) - {character}:
            assert await outcome(tokens, good[:at] + other + good[at + 1 :]) == "invalid"


# Robustness


async def test_a_fault_in_the_keys_is_no_crash_and_is_logged_without_the_token(caplog):
    class Broken:
        async def keys_for(self, _kid, _algorithm, _tried):
            raise KeyError(SECRET)

    sent = token()
    assert await outcome(JoseTokens({issuer(): Broken()}), sent) == "invalid"
    assert "KeyError" in caplog.text
    assert sent not in caplog.text
    assert SECRET not in caplog.text


async def test_unreachable_keys_are_unavailable():
    class OutOfReach:
        async def keys_for(self, _kid, _algorithm, _tried):
            raise DomainError(Code.UNAVAILABLE, retry_after=1)

    with pytest.raises(DomainError) as refused:
        await JoseTokens({issuer(): OutOfReach()}).verify(token())
    assert refused.value.code is Code.UNAVAILABLE


# Signing


async def test_a_signed_token_is_verified():
    made = issuer(audience=["a", AUDIENCE], algorithms=["HS384", "HS256"])
    sent = sign(made, {"sub": "ada", "tenant_id": OTHER_TENANT, "exp": claims()["exp"]})
    assert str((await tokens_of(made).verify(sent)).tenant_id) == OTHER_TENANT


def test_only_an_issuer_with_a_secret_signs(tmp_path):
    with pytest.raises(UnusableKeys, match="no secret to sign with"):
        sign(issuer(secret=None, jwks_file=tmp_path, algorithms=["RS256"]), claims())


# What others have signed: the examples of the RFCs


async def test_the_examples_of_the_rfcs_are_verified():
    """RFC 7520 section 4.2 (PS384) and RFC 8037 appendix A.4 (Ed25519)."""
    said = (
        "It\u2019s a dangerous business, Frodo, going out your door. You step onto the road, and if"
        " you don't keep your feet, there\u2019s no knowing where you might be swept off to."
    )
    header = '{"alg":"PS384","kid":"bilbo.baggins@hobbiton.example"}'
    examples = [
        (
            "PS384",
            {"kty": "RSA", "n": BILBO, "e": "AQAB"},
            f"{b64(header.encode())}.{b64(said.encode())}",
            BILBOS_SIGNATURE,
        ),
        (
            "EdDSA",
            {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ]
    for algorithm, member, signed, signature in examples:
        made = issuer(secret=None, jwks_file="unread", algorithms=[algorithm])
        keys = read_key_set(json.dumps({"keys": [member]}).encode(), made)
        (key,) = await keys.keys_for(None, algorithm)
        assert key.verify(signed.encode(), read_base64url(signature))
        assert not key.verify(signed.encode() + b"x", read_base64url(signature))


BILBO = (
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_"
    "AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-"
    "OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_"
    "vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"
)
BILBOS_SIGNATURE = (
    "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-"
    "tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyP"
    "EgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aC"
    "N_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"
)
