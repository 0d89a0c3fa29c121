"""Running test cases for policies, in the format of ``cedar run-tests`` (cedar-policy-cli 4).

A file is a JSON list of cases: ``request`` (``principal``, ``action``, ``resource`` in Cedar's
syntax, ``context``), ``entities`` (Cedar's JSON), ``decision`` (``allow`` or ``deny``), ``reason``
(ids of policies that must be among the determining ones), ``num_errors``, and optionally ``name``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cedarpy import Entities
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from profile_infra.bounded_files import read_file
from profile_infra.policies.cedar import Policies, RequestRefused
from profile_infra.policies.files import PolicyError, schema


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    principal: str
    action: str
    resource: str
    context: dict[str, Any]


class _Case(BaseModel):
    name: str = "(unnamed)"
    request: _Request
    entities: list[Any]
    decision: Literal["allow", "deny"]
    reason: list[str]
    num_errors: Annotated[int, Field(ge=0)]


_CASES = TypeAdapter(list[_Case])


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case; ``problem`` is None if it passed."""

    name: str
    problem: str | None


def run_cases(policies: Policies, path: Path) -> Iterator[Result]:
    """The result of each case. Raises PolicyError for a file that is not in the format.

    The decision is the service's: a policy that fails while it is evaluated denies, where Cedar
    alone would pass over it.
    """
    try:
        cases = _CASES.validate_json(read_file(path))
    except OSError as error:
        raise PolicyError([f"{path}: the file cannot be read: {error.strerror}"]) from None
    except ValidationError as error:
        raise PolicyError([f"{path}: {_place(each)}" for each in error.errors()]) from None
    return (Result(case.name, _problem(policies, case)) for case in cases)


def _place(error: Any) -> str:  # noqa: ANN401  # pydantic's
    """Where in the file, with the cases counted from 1, and what is wrong there."""
    case, *rest = error["loc"] or [None]
    if not isinstance(case, int):
        return str(error["msg"])
    where = ".".join(map(str, rest))
    return f"case {case + 1}{where and f', {where}'}: {error['msg']}"


def _problem(policies: Policies, case: _Case) -> str | None:
    try:
        entities = Entities.from_json_str(json.dumps(case.entities), schema())
        verdict = policies.verdict(case.request.model_dump(), entities)
    except (ValueError, RequestRefused) as error:
        return f"the engine refuses the case: {error}"
    decision = "allow" if verdict.permitted else "deny"
    failed = f": {'; '.join(verdict.failures)}" if verdict.failures else ""
    if decision != case.decision:
        return f"expected {case.decision}, got {decision}{failed}"
    ids = [rule.id for rule in verdict.determining]
    problems = []
    if missing := [each for each in case.reason if each not in ids]:
        said = ", ".join(ids) or "no policy"
        problems.append(f"missing reason(s): {', '.join(missing)} ({said} determined it)")
    if len(verdict.failures) != case.num_errors:
        problems.append(f"expected {case.num_errors} error(s), got {len(verdict.failures)}{failed}")
    return "; ".join(problems) or None
