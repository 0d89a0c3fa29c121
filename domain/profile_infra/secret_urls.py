"""URLs that may contain a secret: whether they are unambiguous, and masking them."""

from __future__ import annotations

import string
from typing import Final
from urllib.parse import SplitResult, unquote_plus, urlsplit

MASK: Final = "***"
# Parameters of libpq and asyncpg that hold no credentials.
_HARMLESS: Final = frozenset(
    {
        *("host", "hostaddr", "port", "database", "dbname", "application_name", "client_encoding"),
        *("connect_timeout", "target_session_attrs", "load_balance_hosts", "tcp_user_timeout"),
        *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval"),
        *("ssl", "sslmode", "sslrootcert", "ssl_min_protocol_version", "ssl_max_protocol_version"),
        *("channel_binding", "gssencmode", "direct_tls", "sslnegotiation"),
    }
)
_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "-._~+/:, ")
_SCHEME: Final = frozenset(string.ascii_letters + string.digits + "-.+:")


def is_clear(url: str) -> bool:
    """Whether the URL is unambiguous: @ / ? # and ; within a part are percent-encoded."""
    return _parts(url) is not None


def masked(text: str) -> str:
    """The URL without user, password, fragment and the values of parameters that may be secret.

    Of an ambiguous URL only the scheme is kept. A text without ``//`` is returned unchanged.
    """
    scheme, slashes, _ = text.partition("//")
    if not slashes:
        return text
    parts = _parts(text)
    if parts is None:
        return f"{scheme}//{MASK}" if set(scheme) <= _SCHEME else MASK
    _, at, hosts = parts.netloc.rpartition("@")
    query = "&".join(_masked_parameter(each) for each in parts.query.split("&"))
    return (
        f"{scheme}//{MASK + at if at else ''}{hosts}{parts.path}"
        f"{f'?{query}' if query else ''}{f'#{MASK}' if parts.fragment else ''}"
    )


def _parts(url: str) -> SplitResult | None:
    """The parts of an unambiguous URL of any scheme; urlsplit treats some schemes specially."""
    scheme, _, rest = url.partition("//")
    try:
        parts = urlsplit(f"//{rest}")
        for host in parts.netloc.rpartition("@")[2].split(","):  # Postgres takes several
            _ = urlsplit(f"//{host}").port  # raises ValueError unless it is a number
    except ValueError:
        return None
    is_file = scheme == "sqlite:" and not parts.netloc
    elsewhere = parts.query + parts.fragment + ("" if is_file else parts.path)
    return parts if set(scheme) <= _SCHEME and not {"@", ";"} & set(elsewhere) else None


def _masked_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not equals:
        return MASK if name else ""
    known = unquote_plus(name).lower() in _HARMLESS and set(unquote_plus(value)) <= _PLAIN
    return parameter if known else f"{name}={MASK}"
