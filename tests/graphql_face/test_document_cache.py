"""The cache of documents stays within its bytes, whatever the documents are."""

import gc
import tracemalloc

import pytest

from profile_graphql.errors import RequestRefused
from profile_graphql.execution import documents
from profile_graphql.execution.documents import Documents
from profile_graphql.schema import schema

FIELDS = (
    "id email name authProvider firstName lastName displayName etag editableFields avatarBase64"
)
CHANGES = (
    "changes { edges { cursor node { at issuer subject face requestId oldVersion newVersion"
    " fields { field old new } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
)
SHAPES = {
    "small": lambda: "{me{id}}",
    "comments of four bytes a character": lambda: "{me{id}}#" + "😀" * 4_000,
    "a long name": lambda: "query " + "x" * 4_000 + "{me{id}}",
    "a long string": lambda: '{me{changes(after:"' + "😀" * 4_000 + '"){edges{cursor}}}}',
    "one field": lambda: "{me{" + "id " * 20 + "}}",
    "all fields": lambda: "{me{" + f"{FIELDS} " * 20 + "}}",
    "merged selections": lambda: "{" + f"me{{{FIELDS} {CHANGES}}} " * 10 + "}",
    "aliases of one fragment": lambda: (
        "{" + " ".join(f"a{at}:me{{...F}}" for at in range(15)) + "}"
        f"fragment F on Profile{{{FIELDS} {CHANGES}}}"
    ),
    "aliases of many fragments": lambda: (
        "{" + " ".join(f"a{at}:me{{...F}}" for at in range(15)) + "}fragment F on Profile{"
        + " ".join(f"...F{at}" for at in range(15)) + "}"
        + "".join(f"fragment F{at} on Profile{{{FIELDS}}}" for at in range(15))
    ),
    "fragments": lambda: (
        "{me{" + " ".join(f"...F{at}" for at in range(90)) + "}}"
        + "".join(f"fragment F{at} on Profile{{{FIELDS.split()[at % 10]}}}" for at in range(90))
    ),
    "operations, not planned": lambda: (
        " ".join(f"query Q{at}{{...F}}" for at in range(140)) + "fragment F on Query{me{id}}"
    ),
    "directives, not planned": lambda: (
        "{me{" + " ".join(f"{each} @include(if:true)" for each in FIELDS.split() * 10) + "}}"
    ),
    "introspection, not planned": lambda: (
        "{__schema{types{" + "name kind description " * 20 + "fields{name type{name kind}}}}}"
    ),
    "an update": lambda: (
        "mutation M($i: UpdateMyProfileInput!, $e: String) { updateMyProfile(input: $i, ifMatch: $e)"
        " { __typename ... on Profile { " + FIELDS + " } ... on ProfileError { code message"
        " details notices violations { field code message } } } }"
    ),
}  # fmt: skip


def remembering(*texts):
    """Documents that remember these, and the bytes that they take from the second half on."""
    reader = Documents(schema._schema, introspection=True)
    half = len(texts) // 2
    for text in texts[:half]:  # what graphql-core and Python keep for all documents alike
        reader.read(text)
    gc.collect()
    tracemalloc.start(1)
    try:
        estimated, before = reader.cached_bytes, tracemalloc.get_traced_memory()[0]
        for text in texts[half:]:
            reader.read(text)
        gc.collect()
        return (
            tracemalloc.get_traced_memory()[0] - before,
            reader.cached_bytes - estimated,
        )
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cached_document_takes_no_more_memory_than_estimated(shape):
    text = SHAPES[shape]()
    assert len(text) < documents.MAX_CACHED_LENGTH - 10
    taken, reckoned = remembering(*(f"{text}#{at}" for at in range(12)))
    # Python's cache of attributes (4,096 names) fills up with what the visitors are asked for.
    assert taken <= reckoned + 6 * 10_240
    assert taken > reckoned / 4, "the bound is of some use"


def test_the_cache_stays_within_its_bytes_and_evicts_the_least_recently_used(monkeypatch):
    monkeypatch.setattr(documents, "MAX_CACHED_BYTES", 500_000)
    reader = Documents(schema._schema, introspection=True)
    text = SHAPES["an update"]()
    for at in range(100):
        reader.read(f"{text}#{at}")
        reader.read("{me{id}}")
        assert reader.cached_bytes <= 500_000
    assert 1 < len(reader._cache) < 20
    assert reader.cached_bytes == sum(size for _, size in reader._cache.values())
    assert "{me{id}}" in reader._cache, "what is used often stays"


def test_neither_invalid_nor_long_documents_are_cached():
    reader = Documents(schema._schema, introspection=True)
    for text in ("{", "{ nonsense }", "{me{id}}" + "#" * documents.MAX_CACHED_LENGTH):
        for _ in range(2):
            try:
                reader.read(text)
            except RequestRefused:
                continue
    assert (len(reader._cache), reader.cached_bytes) == (0, 0)
