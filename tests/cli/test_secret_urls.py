"""Secrets in URLs: wherever they stand, `settings` and errors do not show them."""

import json
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from command import ISSUERS
from profile_api.settings import Settings
from profile_infra.secret_urls import is_clear, masked

SHOWN = [
    ("postgresql://u:secret@h/db", "postgresql://***@h/db"),
    ("postgresql://u@h/db", "postgresql://***@h/db"),
    ("postgresql://u:s:e@cret@a:1,b:2/db?x=y", "postgresql://***@a:1,b:2/db?x=***"),
    ("postgresql://u:s:e@cr/et@a:1,b:2/db?x=y", "postgresql://***"),
    ("postgresql://u:se?cret@h/db", "postgresql://***"),
    ("postgresql://u:se#cret@h/db", "postgresql://***"),
    ("postgresql://u:secret", "postgresql://***"),
    ("postgres://h/db?a=b&password=secret&c=d", "postgres://h/db?a=***&password=***&c=***"),
    ("postgresql://h/db?sslmode=require&sslpassword=x", "postgresql://h/db?sslmode=require&sslpassword=***"),
    ("postgresql://h/db?PASSWORD=secret", "postgresql://h/db?PASSWORD=***"),
    ("postgresql://h/db?pass%77ord=secret", "postgresql://h/db?pass%77ord=***"),
    ("postgresql://h/db?secret", "postgresql://h/db?***"),
    ("postgresql://h/db?sslmode=require;password=secret", "postgresql://***"),
    ("postgresql://h/db?sslmode=require%3Bpassword%3Dsecret", "postgresql://h/db?sslmode=***"),
    ("postgresql://[::1]:5432/db?target_session_attrs=read-write&connect_timeout=5",
     "postgresql://[::1]:5432/db?target_session_attrs=read-write&connect_timeout=5"),
    ("postgresql:///db?host=/var/run/postgresql&user=u", "postgresql:///db?host=/var/run/postgresql&user=***"),
    ("postgresql://h/db", "postgresql://h/db"),
    ("sqlite:///./a:b@c.db", "sqlite:///./a:b@c.db"),
    ("sqlite:////var/lib/a b.db", "sqlite:////var/lib/a b.db"),
    ("sqlite:///a.db?key=secret", "sqlite:///a.db?key=***"),
    ("rediss://u:secret@h:6379/0", "rediss://***@h:6379/0"),
    ("https://idp.example/keys?token=secret", "https://idp.example/keys?token=***"),
    ("https://idp.example/keys#secret", "https://idp.example/keys#***"),
    ("see https://u:secret@h", "***"),
    ("//u:secret@h", "//***@h"),
    ("api://3f2a/profile", "api://3f2a/profile"),
    ("no URL: a@b", "no URL: a@b"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "shown"), SHOWN)
def test_a_url_is_shown_without_what_proves_who_asks(url, shown):
    assert masked(url) == shown
    assert masked(shown) == shown, "what is shown can be shown"


# As somebody may write it, right or wrong: with the letters that separate the parts of a URL.
SECRET = "hunter2"
ODD = st.text("ab1@:/?#[]&=;%+ ,.\\'\"\u00e9\u2100", max_size=4)
SCHEMES = [
    "postgresql",
    "postgres",
    "redis",
    "rediss",
    "sqlite",
    "https",
    "http",
    "mysql+x",
    "amqp",
]


@st.composite
def secrets(draw):
    """The secret among other letters, plainly or percent-encoded."""
    written = draw(ODD) + SECRET + draw(ODD)
    return quote(written, safe="") if draw(st.booleans()) else written


@st.composite
def urls(draw):
    """A URL with a secret as its user, its password or an unknown parameter, or in several."""
    user, password, other = (draw(st.none() | secrets()) for _ in range(3))
    assume(user or password or other)
    userinfo = (user or "") + (f":{password}" if password is not None else "")
    host = draw(st.sampled_from(["h", "h:1", "a:1,b:2", "[::1]:1", "127.0.0.1", ""]))
    path = draw(st.sampled_from(["", "/", "/db", "/a/b", "/./x.db"]))
    name = draw(
        st.sampled_from(["password", "PassWord", "pass%77ord", "token", "sslpassword", "é"])
    )
    parameters = [
        *draw(st.lists(st.sampled_from(["sslmode=require", "SSL=1", "x=y", "", "a&b=", "v"]))),
        *([f"{name}={other}"] if other is not None else []),
        *draw(st.lists(st.sampled_from(["application_name=me", "z"]))),
    ]
    at = "@" if user is not None or password is not None else ""
    query = "?" + "&".join(parameters) if parameters else ""
    fragment = draw(st.sampled_from(["", "#", f"#{SECRET}"]))
    return f"{draw(st.sampled_from(SCHEMES))}://{userinfo}{at}{host}{path}{query}{fragment}"


def shows_no_secret(text):
    folded = text.lower()
    return SECRET not in folded and quote(SECRET) not in folded


@given(url=urls())
@example(url=f"postgresql://u:1/{SECRET}@h/db")
@example(url=f"postgresql://u:1?a={SECRET}@h/db")
@example(url=f"postgresql://u:1#{SECRET}@h/db")
@example(url=f"https:\\\\u:{SECRET}@h/db")
@example(url=f"postgresql://u:\t{SECRET}\n@h/db")
def test_no_secret_of_any_url_is_shown(url):
    assert shows_no_secret(masked(url)) or "//" not in url


@example(url=f"postgresql://u:1:{SECRET}@h/db", issuer="issuer")
@example(url=f"sqlite://u:{SECRET}@h/db", issuer="issuer")
@example(url=f"https://[{SECRET}]/", issuer="issuer")
@example(url=f"https://u:{SECRET}", issuer="jwks_url")
@given(url=urls(), issuer=st.sampled_from(["issuer", "jwks_url", "audience"]))
@example(url=f"https://:{SECRET}\u2100@h", issuer="jwks_url")
@example(url=f"https://u:{SECRET}", issuer="jwks_url")
@example(url=f"https://[{SECRET}/keys", issuer="jwks_url")
def test_the_settings_show_no_secret_whether_they_are_taken_or_refused(url, issuer):
    (good,) = json.loads(ISSUERS)
    fetched = {"audience": "a", "algorithms": ["RS256"], "jwks_url": "https://idp.example/keys"}
    for said in (
        {"database_url": url},
        {"rate_limit_store": url},
        {"cors_origins": [url]},
        {"public_url": url},
        {"issuers": [good | {"issuer": url}]},
        {"issuers": [good | {"tenant_ids": {url: str(UUID(int=1))}}]},
        {"issuers": [{"issuer": "https://idp.example", **fetched, issuer: url}]},
    ):
        try:
            output = json.dumps(Settings(_env_file=None, **said).shown())
        except ValidationError as refused:
            output = str(refused)
        assert shows_no_secret(output)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:se/cret@h/db",
        "postgresql://u:se?cret@h/db",
        "postgresql://u:se#cret@h/db",
        "postgresql://u:12?a=secret@h/db",
        "postgresql://u:12/secret@h/db",
        "postgresql://u:12?a=b;secret",
    ],
)
@pytest.mark.parametrize("command", ["migrate", "serve", "settings"])
def test_a_password_that_reads_as_another_part_is_refused_and_not_quoted(run, command, url):
    assert not is_clear(url)
    output = run(command, ok=False, database_url=url, issuers=ISSUERS)
    assert "%2F" in output
    assert "cret" not in output
    assert "'se'" not in output


@pytest.mark.parametrize(
    "changed",
    [
        {"tenant_ids": {"https://u:hunter2@h": "no tenant"}},
        {"https://u:hunter2@h/keys": 1},
        {"jwks_url": "https://u:hunter2"},
        {"jwks_url": "https://:hunter2\u2100@h"},
        {"algorithms": ["https://u:hunter2@h"]},
    ],
)
def test_no_error_of_the_command_quotes_a_password_of_an_issuers_entry(run, changed):
    (good,) = json.loads(ISSUERS)
    output = run("settings", ok=False, issuers=json.dumps([good | changed]))
    assert "PROFILE_ISSUERS[0]" in output
    assert "hunter2" not in output
