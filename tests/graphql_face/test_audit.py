"""npm's graphql-http audit of GraphQL over HTTP, run against the service. Needs Node."""

import json
import subprocess
from pathlib import Path

import pytest

from programs import needs
from running import served

AUDIT = Path(__file__).parents[1] / "support/audit"
# The audits that ask for __type, which is refused where introspection is off.
BY_INTROSPECTION = {"2EA1", "28B9", "D6D5", "6A70"}

pytestmark = needs("node")


@pytest.mark.parametrize(("introspection", "refused"), [(True, set()), (False, BY_INTROSPECTION)])
def test_the_audit_passes_whole(tmp_path, introspection, refused):
    with served(tmp_path, introspection=introspection) as server:
        done = subprocess.run(
            ["node", "audit.mjs", f"{server.address}/graphql"],
            cwd=AUDIT, capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
    results = json.loads(done.stdout)
    assert len(results) == 61
    assert {each["id"] for each in results if each["status"] != "ok"} == refused
