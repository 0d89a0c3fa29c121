"""A GraphQL document: parsed, held to the limits, validated and planned; and remembered."""

from __future__ import annotations

from typing import Any

from profile_graphql.execution.documents import Documents
from profile_graphql.schema import schema

UPDATE = """
mutation ($input: UpdateMyProfileInput!, $ifMatch: String) {
  updateMyProfile(input: $input, ifMatch: $ifMatch) {
    __typename
    ... on Profile { id email name authProvider displayName etag editableFields }
    ... on ProfileError { code message violations { field code message } }
  }
}
"""


def test_document_planned(benchmark: Any) -> None:
    def fresh() -> tuple[tuple[Documents], dict[str, object]]:
        return (_documents(),), {}

    read = benchmark.pedantic(
        lambda documents: documents.read(UPDATE), setup=fresh, rounds=200, warmup_rounds=5
    )
    assert read.plan is not None


def test_document_remembered(benchmark: Any) -> None:
    documents = _documents()
    documents.read(UPDATE)
    assert benchmark(documents.read, UPDATE).plan is not None


def _documents() -> Documents:
    return Documents(schema._schema, introspection=False)  # as app.py has it
