"""The adapters that the settings ask for: made, and so checked, but not yet open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from profile_api.settings import Settings
from profile_api.telemetry.tracing import spans_from_environment
from profile_infra.policies.cedar import CedarPolicy
from profile_infra.rate_limits.in_process import InProcessRateLimit
from profile_infra.rate_limits.in_redis import RedisRateLimit
from profile_infra.stores.store import Store
from profile_infra.tokens.jose import JoseTokens
from profile_infra.tokens.keys import keys_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


class Adapters(NamedTuple):
    """Those that can be refused."""

    store: Store
    tokens: JoseTokens
    policy: CedarPolicy
    rate_limit: InProcessRateLimit | RedisRateLimit
    spans: TracerProvider | None


def adapters_of(settings: Settings) -> Adapters:
    """Raises UnusableDatabase, UnusableKeys, UnusableRateLimitStore, UnusableVariable or
    PolicyError for settings that cannot work.
    """
    return Adapters(
        settings.store(),
        JoseTokens(
            {each: keys_of(each, kept=settings.keys_kept_seconds) for each in settings.issuers}
        ),
        CedarPolicy(settings.policy_dir),
        settings.limit(),
        spans_from_environment(),
    )
