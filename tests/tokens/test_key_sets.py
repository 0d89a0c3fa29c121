import json
from codecs import BOM_UTF8

import pytest

from profile_infra.tokens.issuers import UnusableKeys
from profile_infra.tokens.jose import JoseTokens
from profile_infra.tokens.jwks import MAX_TRIED, read_key_set
from profile_infra.tokens.keys import keys_of
from profile_testing.signing import (
    b64,
    claims,
    ec_key,
    edwards_key,
    issuer,
    outcome,
    private_jwk,
    public_jwk,
    rsa_key,
    token,
    write_jwks,
)

MIXED = ["RS256", "RS512", "ES256", "ES384", "ES512"]


def reading(*keys, algorithms=MIXED):
    made = issuer(secret=None, jwks_file="unread", algorithms=algorithms)
    return read_key_set(json.dumps({"keys": keys}).encode(), made)


async def accepts(keys, algorithm, key, **header) -> bool:
    made = issuer(secret=None, jwks_file="unread", algorithms=MIXED)
    sent = token(algorithm=algorithm, key=key, header=header)
    return await outcome(JoseTokens({made: keys}), sent) == "accepted"


async def test_a_set_may_mix_rsa_and_elliptic_keys():
    keys = reading(
        public_jwk(rsa_key(), kid="r"),
        public_jwk(ec_key("P-256"), kid="e"),
        public_jwk(ec_key("P-384"), kid="e3"),
        public_jwk(ec_key("P-521"), kid="e5"),
    )
    for algorithm, key, kid in (
        ("RS256", rsa_key(), "r"),
        ("RS512", rsa_key(), "r"),
        ("ES256", ec_key("P-256"), "e"),
        ("ES384", ec_key("P-384"), "e3"),
        ("ES512", ec_key("P-521"), "e5"),
    ):
        assert await accepts(keys, algorithm, key, kid=kid)
        assert await accepts(keys, algorithm, key)
        assert not await accepts(keys, algorithm, key, kid="r" if kid == "e" else "e")


async def test_a_key_with_alg_serves_that_algorithm_only():
    keys = reading(public_jwk(rsa_key(), kid="r", alg="RS512"))
    assert await accepts(keys, "RS512", rsa_key(), kid="r")
    assert not await accepts(keys, "RS256", rsa_key(), kid="r")


async def test_a_key_serves_the_issuers_algorithms_only():
    keys = reading(public_jwk(rsa_key(), kid="r"), algorithms=["RS256"])
    assert await keys.keys_for("r", "RS256")
    assert not await keys.keys_for("r", "RS512")
    assert not await keys.keys_for("r", "HS256")
    assert not await keys.keys_for(None, "none")


async def test_each_key_is_built_once():
    keys = reading(public_jwk(rsa_key(), kid="r"))
    (first,), (second,) = [await keys.keys_for("r", "RS256") for _ in range(2)]
    assert first is second


async def test_a_token_without_kid_is_tried_with_each_key_that_fits():
    keys = reading(
        public_jwk(ec_key(), kid="e"),
        public_jwk(rsa_key(), kid="a"),
        public_jwk(rsa_key("second"), kid="b", alg="RS256"),
    )
    for key in (rsa_key(), rsa_key("second")):
        assert await accepts(keys, "RS256", key)
    assert await accepts(keys, "RS512", rsa_key())
    assert not await accepts(keys, "RS512", rsa_key("second"))
    assert not await accepts(keys, "RS256", rsa_key("third"))


async def test_a_token_with_a_kid_is_tried_with_no_other_key_that_has_one():
    keys = reading(public_jwk(rsa_key(), kid="a"), public_jwk(rsa_key("second"), kid="b"))
    assert await accepts(keys, "RS256", rsa_key(), kid="a")
    assert await accepts(keys, "RS256", rsa_key("second"), kid="b")
    assert not await accepts(keys, "RS256", rsa_key("second"), kid="a")


async def test_keys_without_a_kid_are_tried_whatever_the_tokens_kid():
    keys = reading(public_jwk(rsa_key()), public_jwk(rsa_key("second"), alg="RS512"))
    for header in ({}, {"kid": "r"}):
        assert await accepts(keys, "RS256", rsa_key(), **header)
        assert await accepts(keys, "RS512", rsa_key("second"), **header)
        assert not await accepts(keys, "RS256", rsa_key("second"), **header)


async def test_at_most_eight_keys_are_tried_the_one_of_the_tokens_kid_first():
    many = [ec_key(name=str(number)) for number in range(MAX_TRIED + 1)]
    keys = reading(*(public_jwk(each) for each in many), public_jwk(ec_key(), kid="named"))
    assert MAX_TRIED == 8
    assert len(await keys.keys_for(None, "ES256")) == MAX_TRIED
    assert await accepts(keys, "ES256", many[7])
    assert not await accepts(keys, "ES256", many[8])
    assert await accepts(keys, "ES256", ec_key(), kid="named")
    assert await accepts(keys, "ES256", many[6], kid="named")
    assert not await accepts(keys, "ES256", many[7], kid="named")


async def test_a_key_that_was_tried_is_not_tried_again():
    keys = reading(public_jwk(ec_key(), kid="a"), public_jwk(ec_key(name="b")))
    (first, second) = await keys.keys_for("a", "ES256")
    assert await keys.keys_for("a", "ES256", [first]) == [second]
    assert await keys.keys_for("a", "ES256", [first, second]) == []


@pytest.mark.parametrize("written", [None, "EdDSA", "Ed25519"])
async def test_eddsa_and_ed25519_are_two_names_of_one_algorithm_for_a_key(written):
    member = public_jwk(edwards_key(), kid="k", alg=written)
    for algorithm in ("EdDSA", "Ed25519"):
        keys = reading(member, algorithms=[algorithm])
        sent = token(algorithm=algorithm, key=edwards_key(), header={"kid": "k"})
        made = issuer(secret=None, jwks_file="unread", algorithms=[algorithm])
        assert await outcome(JoseTokens({made: keys}), sent) == "accepted"


async def test_a_set_may_begin_with_a_byte_order_mark(tmp_path):
    file = tmp_path / "keys.json"
    document = json.dumps({"keys": [public_jwk(rsa_key(), kid="r")]}).encode()
    file.write_bytes(BOM_UTF8 + document)
    assert await accepts(
        keys_of(issuer(secret=None, jwks_file=file, algorithms=["RS256"])), "RS256", rsa_key()
    )
    file.write_bytes(BOM_UTF8 * 2 + document)
    with pytest.raises(UnusableKeys):
        keys_of(issuer(secret=None, jwks_file=file, algorithms=["RS256"]))


def padded(number):
    return number + "=" * (-len(number) % 4)


async def test_numbers_may_have_their_padding():
    point, edwards = public_jwk(ec_key()), public_jwk(edwards_key())
    keys = reading(
        good | {"n": padded(good["n"]), "e": padded(good["e"])},
        point | {"x": padded(point["x"]), "y": padded(point["y"])},
        edwards | {"x": padded(edwards["x"])},
        algorithms=["RS256", "ES256", "EdDSA"],
    )
    assert padded(good["n"]).endswith("=")
    assert await accepts(keys, "RS256", rsa_key())
    assert await accepts(keys, "ES256", ec_key())
    assert await keys.keys_for(None, "EdDSA")


async def test_a_padded_key_is_the_same_key():
    plain, other = reading(good), reading(good | {"n": padded(good["n"])})
    assert plain.has_all_of(other)
    assert other.has_all_of(plain)


async def test_of_two_keys_with_one_kid_the_first_counts(caplog):
    keys = reading(public_jwk(rsa_key(), kid="r"), public_jwk(rsa_key("second"), kid="r"))
    assert await accepts(keys, "RS256", rsa_key(), kid="r")
    assert not await accepts(keys, "RS256", rsa_key("second"), kid="r")
    assert "key 1 not used: an earlier key has its kid" in caplog.text


async def test_an_rsa_and_an_elliptic_key_may_share_a_kid():
    keys = reading(public_jwk(rsa_key(), kid="k"), public_jwk(ec_key(), kid="k"))
    assert await accepts(keys, "RS256", rsa_key(), kid="k")
    assert await accepts(keys, "ES256", ec_key(), kid="k")


@pytest.mark.parametrize(
    "members",
    [
        {"use": "sig"},
        {"key_ops": ["verify"]},
        {"x5t": "abc", "x5c": ["MIIB"], "ext": 1},
        {"use": None, "alg": None, "kid": None, "key_ops": None, "x5c": None, "x5t": None},
        {"d": None, "k": None},
        {"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "cloud": "example"},
    ],
)
async def test_a_key_for_signatures_is_used(members):
    assert await accepts(reading(public_jwk(rsa_key(), **members)), "RS256", rsa_key())


good = public_jwk(rsa_key())
point = public_jwk(ec_key())


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (None, "no object"),
        ("RSA", "no object"),
        ([good], "no object"),
        ({}, "none of the issuer's algorithms"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "symmetric"),
        ({"kty": "oct", "k": "c2VjcmV0", "alg": "RS256"}, "symmetric"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, "none of the issuer's algorithms"),
        ({"kty": ["RSA"]}, "none of the issuer's algorithms"),
        (good | {"alg": "PS256"}, "none of the issuer's algorithms"),
        (good | {"alg": "HS256"}, "none of the issuer's algorithms"),
        (good | {"alg": "ES256"}, "none of the issuer's algorithms"),
        (good | {"alg": "RS384"}, "none of the issuer's algorithms"),
        (good | {"alg": ["RS256"]}, "none of the issuer's algorithms"),
        (good | {"use": "enc"}, "use"),
        (good | {"use": "enc", "alg": "RSA-OAEP", "x5c": ["MIIB"]}, "use"),
        (good | {"alg": "RSA-OAEP"}, "none of the issuer's algorithms"),
        (good | {"use": "tls"}, "use"),
        ({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}, "none of the issuer's algorithms"),
        ({"kty": None}, "none of the issuer's algorithms"),
        (public_jwk(edwards_key()), "none of the issuer's algorithms"),
        (good | {"key_ops": ["encrypt"]}, "key_ops"),
        (good | {"key_ops": []}, "key_ops"),
        (good | {"key_ops": "verify"}, "key_ops"),
        (good | {"kid": 5}, "kid"),
        (good | {"kid": ["a"]}, "kid"),
        (private_jwk(rsa_key()), "private"),
        (private_jwk(ec_key()), "private"),
        (good | {"p": "AQAB"}, "private"),
        (good | {"k": "AQAB"}, "private"),
        ({"kty": "RSA", "n": good["n"]}, "its e"),
        ({"kty": "RSA", "e": "AQAB"}, "its n"),
        (good | {"n": ""}, "its n"),
        (good | {"n": 5}, "its n"),
        (good | {"n": good["n"] + "="}, "its n"),
        (good | {"n": good["n"] + "==="}, "its n"),
        (good | {"n": "===="}, "its n"),
        (good | {"n": padded(good["n"]) + "===="}, "its n"),
        (good | {"n": "=" + good["n"] + "="}, "its n"),
        (good | {"e": "AQAB===="}, "its e"),
        (good | {"n": good["n"][:50] + "\n" + good["n"][50:]}, "its n"),
        (good | {"n": "!" + good["n"]}, "its n"),
        (good | {"n": "é"}, "its n"),
        (good | {"n": "\ud800"}, "its n"),
        (good | {"n": b64(1 << 2046 | 1)}, "2048 to 8192"),
        (good | {"n": b64(b"\0" * 256 + b"\1")}, "2048 to 8192"),
        (good | {"n": b64((1 << 8192) + 1)}, "2048 to 8192"),
        (public_jwk(rsa_key("small", 1024)), "2048 to 8192"),
        (good | {"e": "AA"}, "no key"),
        (good | {"e": "AQ"}, "no key"),
        (good | {"e": "AAAB"}, "no key"),
        (good | {"e": "BA"}, "no key"),
        (good | {"e": good["n"]}, "no key"),
        (point | {"crv": "P-384"}, "no key"),
        (point | {"crv": "secp256k1"}, "none of the issuer's algorithms"),
        (point | {"crv": ["P-256"]}, "none of the issuer's algorithms"),
        (point | {"alg": "ES384"}, "none of the issuer's algorithms"),
        (point | {"x": point["y"]}, "no key"),
        (point | {"x": b64(b"\0" * 32), "y": b64(b"\0" * 32)}, "no key"),
        (point | {"x": good["n"]}, "no key"),
        ({"kty": "EC", "crv": "P-256", "x": point["x"]}, "its y"),
    ],
)
async def test_an_unusable_key_is_passed_over_and_logged_without_its_numbers(member, said, caplog):
    caplog.set_level("INFO")
    keys = reading(member, public_jwk(ec_key("P-384"), kid="good"))
    assert await accepts(keys, "ES384", ec_key("P-384"))
    (line,) = caplog.messages
    assert "key 0 not used" in line
    assert said in line
    for value in member.values() if isinstance(member, dict) else ():
        assert not isinstance(value, str) or len(value) < 20 or value not in line
    (record,) = caplog.records
    for_others = "use" in said or "none of the issuer's" in said
    assert record.levelname == ("INFO" if for_others else "WARNING")
    with pytest.raises(UnusableKeys, match=r"no key in its set serves RS256, RS512.*: key 0 not"):
        reading(member)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"keys":{}}',
        b'{"keys":null}',
        b'{"keys":[]}',
        b'{"keys":[],"keys":[]}',
        b"\xff",
        b'{"keys":' + b"[" * 100_000,
        b'{"kty":"RSA","n":"AQAB","e":"AQAB"}',
    ],
)
def test_what_is_no_key_set_stops_the_start(tmp_path, document):
    file = tmp_path / "keys.json"
    file.write_bytes(document)
    with pytest.raises(UnusableKeys, match=r"keys\.json(: no key in its set| is .*; a JSON obj)"):
        keys_of(issuer(secret=None, jwks_file=file, algorithms=["RS256"]))


def test_a_missing_file_and_a_folder_stop_the_start(tmp_path):
    for file in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UnusableKeys, match=f"jwks_file {file} cannot be read: .*"):
            keys_of(issuer(secret=None, jwks_file=file, algorithms=["RS256"]))


async def test_keys_are_read_from_a_file(tmp_path):
    file = write_jwks(tmp_path / "keys.json", public_jwk(rsa_key(), kid="r"))
    made = issuer(secret=None, jwks_file=file, algorithms=["RS256"])
    sent = token(claims(), algorithm="RS256", key=rsa_key(), header={"kid": "r"})
    await JoseTokens({made: keys_of(made)}).verify(sent)
