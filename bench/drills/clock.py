"""The clock steps back an hour while the service works: nobody waits for it to catch up.

What asks for the time of day is given one that steps; the machine's clock is left alone. The rate
limit does not ask for it.
"""

from __future__ import annotations

import asyncio
import time
from unittest import mock
from uuid import UUID

from service import ISSUER, TENANT, verdict

from profile_domain.caller import Identity
from profile_domain.errors import DomainError
from profile_infra.rate_limits.in_process import InProcessRateLimit, parse_rate
from profile_infra.tokens.jose import JoseTokens, sign
from profile_infra.tokens.keys import keys_of

HOUR = 3600


async def drill() -> tuple[bool, bool]:
    now = time.time()
    claims = {"sub": "ada", "tenant_id": str(TENANT), "exp": int(now) + 4 * HOUR}
    token = sign(ISSUER, claims)
    rate_limit = InProcessRateLimit(parse_rate("5/minute"))
    ada = Identity(UUID(str(TENANT)), ISSUER.issuer, "ada")

    def stepped() -> float:
        return now

    tokens = JoseTokens({ISSUER: keys_of(ISSUER)}, now=stepped)
    await tokens.verify(token)
    with mock.patch("time.time", stepped):
        for _ in range(5):
            await rate_limit.take(ada)
        now -= HOUR
        known = await tokens.verify(token) is not None
        try:
            await rate_limit.take(ada)
        except DomainError as limited:
            return known, (limited.retry_after or 0) <= 60
    return known, True


def main() -> None:
    known, patient = asyncio.run(drill())
    result = f"token still good: {known}; a limited user waits at most a minute: {patient}"
    verdict("clock", result, holds=known and patient)


main()
