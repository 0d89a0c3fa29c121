"""docs/caches.md lists everything in memory that can grow; many distinct users do not fill memory."""

import gc
import re
import tracemalloc
from hashlib import sha256
from uuid import UUID

import pytest

from growing import growing
from profile_domain.caller import Caller, Identity
from profile_domain.profile import AuthProvider, Profile
from profile_graphql.execution import documents
from profile_graphql.execution.documents import Documents
from profile_graphql.schema import schema
from profile_infra.policies import cedar as policy
from profile_infra.policies.cedar import CedarPolicy
from profile_infra.rate_limits.in_process import InProcessRateLimit, parse_rate
from profile_infra.tokens.cache import TokenCache

ROOMS = (
    "domain/profile_domain",
    "domain/profile_infra",
    "graphql/profile_graphql",
    "api/profile_api",
)
MIB = 1024 * 1024


@pytest.fixture
def page(repository):
    return (repository / "docs" / "caches.md").read_text()


def test_the_page_names_all_that_can_grow_and_nothing_else(repository, page):
    found = {
        f"{'.'.join(path.relative_to((repository / room).parent).with_suffix('').parts)}.{name}"
        for room in ROOMS
        for path in (repository / room).rglob("*.py")
        for name in growing(path.read_text())
    }
    assert found == set(re.findall(r"`(profile_\w+\.[\w.]+)`", page))


def test_each_row_says_what_bounds_it(page):
    rows = [line[1:-1].split("|") for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) > 20
    assert {len(row) for row in rows} == {6}
    for what, _, bound, *_ in rows:
        assert bound.strip(), what


def test_what_can_grow_is_found_however_it_is_made():
    code = """
import functools, queue
from collections import OrderedDict, deque
KNOWN = {}
LIMITS = {"a": 1}
FILLED = [1]
pool: ThreadPoolExecutor = ThreadPoolExecutor(2)
if KNOWN:
    LATER = deque(maxlen=3)

def fill(x):
    FILLED.append(x)

@functools.lru_cache(maxsize=None)
def remembers(x): ...

@cache
def once(): ...

class Kept:
    shared = set()
    fields: dict = field(default_factory=dict)
    table = {"a": 1}

    def __init__(self, kind):
        self.empty: dict[str, int] = {}
        self.ordered = OrderedDict()
        self.results = functools.lru_cache(9)(self.compute)
        self.pairs = [1, 2]
        self.heap = [(1, 2)]
        self.fixed = {each: 1 for each in kind}
        self.given = dict(kind)
        self.either = dict(kind) if kind else {}
        one = self.queue = queue.Queue()

    @cache
    def compute(self, x): ...

    async def add(self, x):
        self.pairs += [x]
        heapq.heappush(self.heap, x)
        short_lived = {}
        short_lived[x] = 1

def around(app):
    seen = {}
    used = []
    def inner(x):
        seen[x] = 1
    used.append(inner)
    return inner
"""
    assert growing(code) == {
        "KNOWN", "FILLED", "pool", "LATER", "remembers", "around.seen",
        *("Kept." + name for name in (
            "shared", "fields", "empty", "ordered", "results", "pairs", "heap", "either", "queue",
            "compute",
        )),
    }  # fmt: skip


def taken_by(keep, most):
    """The bytes that are taken once so many strangers came, and once twice as many more did."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(most):
            keep(number)
        gc.collect()
        once = tracemalloc.get_traced_memory()[0] - before
        for number in range(most, 3 * most):
            keep(number)
        gc.collect()
        return once, tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def stranger(number):
    scopes = frozenset({"openid", f"room:{number}"})
    return Identity(UUID(int=number % 100), "https://idp.example", f"user-{number}", scopes)


def run(coroutine):
    """A coroutine that waits for nothing."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


def a_token():
    kept = TokenCache(MIB)

    def keep(number):
        digest = sha256(b"%d" % number).digest()
        kept.put(digest, stranger(number), now=1000.5, expires=2000.5)

    return keep


def an_attempt_to_write():
    limit = InProcessRateLimit(parse_rate("100/day"), max_users=5000)
    return lambda number: run(limit.take(stranger(number)))


def a_decision():
    cedar = CedarPolicy()

    def keep(number):
        caller = Caller(stranger(number), "rest", "r-1")
        email = f"{number}@example.org"
        profile = Profile(UUID(int=number % 100), UUID(int=number), email, AuthProvider.LOCAL)
        run(cedar.permit("viewMyProfile", caller, profile))

    return keep


def a_decision_on_many_scopes():
    cedar = CedarPolicy()
    profile = Profile(UUID(int=1), UUID(int=2), "a@example.org", AuthProvider.LOCAL)

    def keep(number):
        scopes = frozenset(f"{number}:{scope}" for scope in range(500))
        caller = Caller(Identity(UUID(int=1), "i", "s", scopes), "rest", "r-1")
        run(cedar.permit("viewMyProfile", caller, profile))

    return keep


def a_document():
    reader = Documents(schema._schema, introspection=False)
    return lambda number: reader.read(f"{{ a{number}: __typename }}")


@pytest.mark.parametrize(
    ("keeps", "most", "mib"),
    [
        (a_token, 2000, 1),
        (an_attempt_to_write, 6000, 2),
        (a_decision, 600, 1),
        (a_decision_on_many_scopes, 50, 1),
        pytest.param(a_document, 260, 8, marks=pytest.mark.journey),
    ],
)
def test_many_distinct_users_fill_no_more_than_the_bounds(monkeypatch, keeps, most, mib):
    monkeypatch.setattr(policy, "MAX_CACHED_DECISIONS", 500)
    monkeypatch.setattr(documents, "MAX_CACHED_BYTES", 3 * MIB)
    once, thrice = taken_by(keeps(), most)
    assert once < mib * MIB
    assert thrice < 1.3 * once + 64 * 1024
