"""Whatever the GraphQL schema permits to ask is answered as the schema says."""

import io

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from profile_domain.errors import Code
from profile_graphql.schema import schema as served_schema
from running import served

schema = schemathesis.graphql.from_file(io.StringIO(served_schema.as_str()))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@schema.parametrize()
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_operation_of_the_schema_is_answered(case, server):
    answer = case.call(base_url=f"{server.address}/graphql", headers=server.headers)
    result = {error["extensions"]["code"] for error in answer.json().get("errors", [])}
    # How many a page has, and which cursors the service gave, is more than a schema can say.
    if result != {Code.INVALID_ARGUMENT}:
        case.validate_response(answer)
