"""Test cases for policies, in the format of `cedar run-tests`, and what explains a decision."""

import json
from uuid import uuid4

import pytest

from cedar_files import forbid, write
from command import csv, person
from running import OTHER_TENANT, TENANT

ADA = "11111111-1111-4111-8111-111111111111"
UPDATE = 'action == ProfileService::Action::"updateMyProfile"'
FREEZE = forbid(
    'context.changes.contains("first_name")',
    action=UPDATE,
    id="no-renaming",
    notice="Names are HR's.",
)
FAILS = forbid("9223372036854775807 + 1 == 0", action=UPDATE, id="overflows")


def case(
    decision="allow", reason=(), num_errors=0, *, changes=(), action="updateMyProfile", **more
):
    """A case as Cedar's own sample files have them."""
    user = f'ProfileService::User::"{ADA}"'
    return {
        "name": "renaming",
        "request": {
            "principal": user,
            "action": f'ProfileService::Action::"{action}"',
            "resource": user,
            "context": {"changes": list(changes), "scopes": [], "face": "rest"},
        },
        "entities": [
            {
                "uid": {"type": "ProfileService::User", "id": ADA},
                "attrs": {"email": "ada@example.com", "auth_provider": "oidc"},
                "parents": [{"type": "ProfileService::Tenant", "id": TENANT}],
            },
        ],
        "decision": decision,
        "reason": list(reason),
        "num_errors": num_errors,
        **more,
    }


@pytest.fixture
def test_cases(run, tmp_path):
    """What `policies test` says of cases, with these policies beside the built-in one."""
    folder = tmp_path / "policies"
    folder.mkdir()

    def test_cases(*cases, ok=True, text=None, **policies):
        write(folder, **policies)
        path = tmp_path / "cases.json"
        path.write_text(json.dumps(cases) if text is None else text)
        settings = {"policy_dir": str(folder)} if policies else {}
        return run("policies", "test", str(path), ok=ok, **settings)

    return test_cases


def test_cases_that_hold_pass(test_cases):
    said = test_cases(
        case(reason=["built-in.own-profile"], changes=["display_name"]),
        case("deny", ["no-renaming"], changes=["first_name", "avatar_base64"], name="a rename"),
        {key: value for key, value in case().items() if key != "name"},
        case(action="viewMyProfile"),
        a=FREEZE,
    )
    assert said.splitlines() == [
        *("renaming ... ok", "a rename ... ok", "(unnamed) ... ok", "renaming ... ok"),
        "4 passed, 0 failed.",
    ]


@pytest.mark.parametrize(
    ("failing", "problem"),
    [
        (case("deny"), "expected deny, got allow"),
        (case("allow", changes=["first_name"]), "expected allow, got deny"),
        (
            case("deny", ["other"], changes=["first_name"]),
            "missing reason(s): other (no-renaming determined it)",
        ),
        (case(num_errors=1), "expected 1 error(s), got 0"),
        (case(action="deleteMyProfile"), "the engine refuses the case"),
        (
            case(entities=[{"uid": {"type": "Robot", "id": "x"}, "attrs": {}, "parents": []}]),
            "entity deserialization",
        ),
        (case(request={**case()["request"], "principal": "nobody"}), "the engine refuses the case"),
        (case(request={**case()["request"], "context": {}}), "the engine refuses the case"),
    ],
)
def test_a_case_that_does_not_hold_fails_with_the_reason(run, tmp_path, failing, problem):
    folder = tmp_path / "policies"
    folder.mkdir()
    write(folder, a=FREEZE)
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([case(), failing]))
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr("profile_api.cli.policies.say", lambda text, **_: said.append(text))
        run("policies", "test", str(path), "--policies", str(folder), ok=False)
    assert said[0] == "renaming ... ok"
    assert problem in said[1]
    assert said[2] == "1 passed, 1 failed."


def test_a_policy_that_fails_denies_as_it_does_when_serving(test_cases):
    assert "1 passed" in test_cases(case("deny", num_errors=1), a=FAILS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "valid array"),
        ("nonsense", "Invalid JSON"),
        ('[{"request": {}}]', "case 1, request.principal: Field required"),
        (
            json.dumps([case(), case("maybe")]),
            "case 2, decision: Input should be 'allow' or 'deny'",
        ),
        (json.dumps([case(num_errors=-1)]), "case 1, num_errors"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_place(test_cases, text, problem):
    assert problem in test_cases(text=text, ok=False)


def test_a_file_that_is_not_there_and_policies_that_are_not_valid_are_told(
    run, tmp_path, test_cases
):
    assert "cannot be read" in run("policies", "test", "none.json", ok=False)
    assert "bad.cedar:1: " in test_cases(case(), ok=False, bad="forbid (principal);")


@pytest.fixture
def ada(run, tmp_path):
    run("migrate")
    ada = str(uuid4())
    run("users", "import", csv(tmp_path, person(ada, "ada@example.com", "oidc", "Ada")))
    write(tmp_path, policies=f"// Frozen for the audit.\n\n{FREEZE}")
    return ada


def asked(user, action="update", *more, tenant=TENANT):
    return ("policies", "explain", "--user", user, "--tenant", tenant, "--action", action, *more)


def test_a_decision_is_explained_by_file_and_line(run, tmp_path, ada):
    folder = {"policy_dir": str(tmp_path)}
    denied = run(
        *asked("ada@example.com", "update", "--changes", "display_name,first_name"), **folder
    )
    assert denied.splitlines() == [
        "denied",
        "forbid\tno-renaming\tpolicies.cedar:3\tNames are HR's.",
    ]
    permitted = run(*asked(ada, "update", "--changes", "display_name"), **folder)
    assert permitted.splitlines() == [
        "permitted",
        "permit\tbuilt-in.own-profile\tbuilt-in policies:2",
    ]
    explained = json.loads(run(*asked(ada, "update", "--changes=first_name", "--json"), **folder))
    assert explained == {
        "permitted": False,
        "active": True,
        "determining": [
            {
                "effect": "forbid",
                "id": "no-renaming",
                "place": "policies.cedar:3",
                "notice": "Names are HR's.",
            }
        ],
        "errors": [],
    }
    assert "first_name" not in run("users", "history", ada, "--tenant", TENANT)


def test_scopes_and_the_face_are_asked_with(run, tmp_path, ada):
    write(
        tmp_path, policies=forbid('context.scopes.contains("kiosk") && context.face == "graphql"')
    )
    for more, decision in (
        (["--scopes", "a kiosk", "--face", "graphql"], "denied"),
        (["--scopes", "a kiosk"], "permitted"),
        (["--face", "graphql"], "permitted"),
    ):
        said = run(*asked(ada, "view", *more, "--policies", str(tmp_path)))
        assert said.splitlines()[0] == decision


def test_what_policies_cannot_say_is_said_too(run, tmp_path, ada):
    run("users", "deactivate", ada, "--tenant", TENANT)
    assert "The user is deactivated" in run(*asked(ada, "view"))
    write(tmp_path, policies=FAILS)
    said = run(*asked(ada), policy_dir=str(tmp_path))
    assert said.startswith("denied\n")
    assert "error\tpolicy overflows could not be evaluated" in said


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (asked(ADA, "delete"), "delete is none of view, update"),
        (asked(ADA, "update", "--changes", "email"), "email is none of first_name"),
        (asked(ADA, "update", "--face", "soap"), "soap is none of rest, graphql"),
        (asked(ADA, "view", tenant=OTHER_TENANT), "has no user"),
    ],
)
def test_what_cannot_be_asked_is_refused(run, ada, given, problem):
    said = " ".join(run(*given, ok=False).replace("│", " ").split())
    assert problem in said


def test_the_folder_of_the_policies_is_said_beside_the_explanation(run, tmp_path, ada):
    said = run(*asked("nobody@example.com"), ok=False, policy_dir=str(tmp_path))
    assert said.startswith(f"Policies: the built-in ones and those in {tmp_path}.\n")
    said = run(*asked("nobody@example.com"), ok=False)
    assert said.startswith("Policies: the built-in ones alone.\n")
