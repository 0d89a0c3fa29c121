"""A token's check: its signature and claims, and the memory of those that were checked."""

from __future__ import annotations

from typing import Any

import pytest

from profile_testing.signing import (
    ISSUER,
    claims,
    ec_key,
    issuer,
    public_jwk,
    rsa_key,
    token,
    tokens_of,
    write_jwks,
)


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256"])
def test_token_checked(benchmark: Any, finish: Any, tmp_path: Any, algorithm: str) -> None:
    tokens, sent = _signed(algorithm, tmp_path)

    def fresh() -> tuple[tuple[()], dict[str, object]]:
        tokens.forget(ISSUER)
        return (), {}

    benchmark.pedantic(
        lambda: finish(tokens.verify(sent)), setup=fresh, rounds=3_000, warmup_rounds=100
    )


def test_token_remembered(benchmark: Any, finish: Any, tmp_path: Any) -> None:
    tokens, sent = _signed("HS256", tmp_path)
    finish(tokens.verify(sent))
    assert benchmark(lambda: finish(tokens.verify(sent))).subject == "ada"


def _signed(algorithm: str, folder: Any) -> tuple[Any, str]:
    if algorithm == "HS256":
        return tokens_of(), token(claims())
    key = rsa_key() if algorithm == "RS256" else ec_key()
    file = write_jwks(folder / "keys.json", public_jwk(key, kid="k", alg=algorithm))
    made = issuer(algorithms=[algorithm], secret=None, jwks_file=file)
    return tokens_of(made), token(claims(), algorithm=algorithm, key=key, header={"kid": "k"})
