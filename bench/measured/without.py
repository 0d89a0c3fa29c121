"""``profile-service`` with one piece of its machinery taken out: ``python without.py PIECE serve …``.

Each piece is replaced by the simplest thing that gives the same answers.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from profile_api.cli.main import main
from profile_api.middleware import each_request
from profile_domain import keyed_locks as locks
from profile_graphql.execution import documents
from profile_infra.policies import cedar
from profile_infra.stores.postgres import batching as call_batching
from profile_infra.stores.sqlite import group_commit as commits
from profile_infra.tokens import cache as tokens


def planned_operations() -> None:
    """graphql-core executes every operation."""
    documents.Documents._planned = lambda _, document: document  # type: ignore[method-assign,assignment]


def direct_dispatch() -> None:
    """FastAPI's router finds each route."""
    begin = each_request.EachRequest.__init__

    def without(self: Any, app: Any, **given: Any) -> None:
        begin(self, app, **{**given, "routes": {}})

    each_request.EachRequest.__init__ = without  # type: ignore[method-assign]


def batching() -> None:
    """Each call to Postgres makes a round trip of its own."""
    call_batching.CallBatcher.run = lambda self, job: self._run_one(job)  # type: ignore[method-assign,assignment,return-value]


def keyed_locks() -> None:
    """Updates of one person race, and the version decides."""
    locks.KeyedLocks.of = lambda *_: asyncio.Lock()  # type: ignore[method-assign,assignment]


def group_commit() -> None:
    """Each write to SQLite has a commit of its own."""
    commits.MAX_BATCH = 1  # type: ignore[misc]


def commit_thread() -> None:
    """The event loop waits for each commit to SQLite."""

    class Here:
        def submit(self, work: Any, *arguments: Any) -> Any:
            from concurrent.futures import Future

            done: Future[Any] = Future()
            try:
                done.set_result(work(*arguments))
            except Exception as error:  # noqa: BLE001  # as an executor does
                done.set_exception(error)
            return done

        def shutdown(self) -> None: ...

    commits.ThreadPoolExecutor = lambda *_: Here()  # type: ignore[assignment,attr-defined]


def token_cache() -> None:
    """Every request's token is verified anew."""
    tokens.TokenCache.get = lambda *_: None  # type: ignore[method-assign]


def decision_cache() -> None:
    """Cedar is asked by every request."""
    cedar.MAX_CACHED_DECISIONS = 0


PIECES = (
    planned_operations, direct_dispatch, batching, keyed_locks, group_commit,
    commit_thread, token_cache, decision_cache,
)  # fmt: skip

if __name__ == "__main__":
    piece = sys.argv.pop(1)
    {each.__name__: each for each in PIECES}[piece]()
    main()
