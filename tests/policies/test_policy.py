import logging
from dataclasses import replace
from functools import partial
from uuid import UUID

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cedar_files import forbid, write
from profile_domain.caller import Caller, Identity
from profile_domain.errors import Code, DomainError
from profile_domain.profile import EDITABLE, AuthProvider, Profile
from profile_infra.policies.cedar import CedarPolicy, Policies, Principal
from profile_infra.policies.files import check, read_policies, schema

TENANT = UUID("AAAAAAAA-0000-4000-8000-00000000000A")
ADA = Profile(
    TENANT, UUID("BBBBBBBB-0000-4000-8000-00000000000B"), "ada@a.example", AuthProvider.LOCAL
)
CALLER = Caller(Identity(TENANT, "https://idp.example", "ada"), "rest", "r-1")
UPDATE = 'action == ProfileService::Action::"updateMyProfile"'
OVERFLOW = "9223372036854775807 + 1 == 0"
BUILT_IN = CedarPolicy()


@pytest.fixture
def folder(tmp_path):
    return partial(write, tmp_path)


async def denial(policy, action="updateMyProfile", caller=CALLER, profile=ADA, changes=()):
    """The notices of the denial, or None where there is none."""
    try:
        await policy.permit(action, caller, profile, changes)
    except DomainError as error:
        return list(error.notices) if error.code is Code.FORBIDDEN else error.code
    return None


# What is decided


@pytest.mark.parametrize("face", ["rest", "graphql"])
@pytest.mark.parametrize("provider", AuthProvider)
@pytest.mark.parametrize("changes", [(), EDITABLE])
async def test_the_built_in_policy_permits_each_user_their_own_profile(face, provider, changes):
    caller, profile = replace(CALLER, face=face), replace(ADA, auth_provider=provider)
    assert await denial(BUILT_IN, "updateMyProfile", caller, profile, changes) is None
    assert await denial(BUILT_IN, "viewMyProfile", caller, profile) is None


async def test_the_built_in_policy_permits_no_other_users_profile():
    other = {"type": "ProfileService::User", "id": "other"}
    request = {
        "principal": {"type": "ProfileService::User", "id": "me"},
        "action": 'ProfileService::Action::"viewMyProfile"',
        "resource": other,
        "context": {"changes": [], "scopes": [], "face": "rest"},
    }
    (rule,) = read_policies(None)
    assert cedarpy.is_authorized(request, rule.text, "[]", schema()).diagnostics.reasons == []


async def test_a_policy_sees_the_fields_that_would_change(folder):
    no_nicknames = forbid('context.changes.contains("display_name")', notice="No nicknames.")
    policy = CedarPolicy(folder(a=no_nicknames))
    assert await denial(policy, changes=["first_name", "display_name"]) == ["No nicknames."]
    assert await denial(policy, changes={"first_name": 1, "avatar_base64": 2}.keys()) is None
    assert await denial(policy) is None
    assert await denial(policy, "viewMyProfile") is None


@pytest.mark.parametrize(
    ("when", "denied"),
    [
        ('context.face == "graphql"', replace(CALLER, face="graphql")),
        (
            'context.scopes.contains("readonly")',
            replace(CALLER, identity=replace(CALLER.identity, scopes=frozenset({"a", "readonly"}))),
        ),
    ],
)
async def test_a_policy_sees_the_face_and_the_scopes(folder, when, denied):
    policy = CedarPolicy(folder(a=forbid(when, notice="Not so.")))
    for action in ("viewMyProfile", "updateMyProfile"):
        assert await denial(policy, action, CALLER) is None
        assert await denial(policy, action, denied) == ["Not so."]
        assert await denial(policy, action, CALLER) is None


@pytest.mark.parametrize(
    ("when", "denied"),
    [
        ('principal.email like "*@b.example"', replace(ADA, email="ada@b.example")),
        ('principal.auth_provider == "saml"', replace(ADA, auth_provider=AuthProvider.SAML)),
        (
            'principal in ProfileService::Tenant::"aaaaaaaa-0000-4000-8000-0000000000ff"',
            replace(ADA, tenant_id=UUID("aaaaaaaa-0000-4000-8000-0000000000ff")),
        ),
        (
            'resource == ProfileService::User::"bbbbbbbb-0000-4000-8000-0000000000ff"',
            replace(ADA, id=UUID("bbbbbbbb-0000-4000-8000-0000000000ff")),
        ),
    ],
)
async def test_a_policy_sees_the_person_and_the_tenant(folder, when, denied):
    policy = CedarPolicy(folder(a=forbid(when, notice="Not you.")))
    assert await denial(policy, profile=ADA) is None
    assert await denial(policy, profile=denied) == ["Not you."]
    assert await denial(policy, profile=ADA) is None


async def test_an_action_alone_can_be_forbidden(folder):
    policy = CedarPolicy(folder(a=forbid("true", action=UPDATE)))
    assert await denial(policy, "updateMyProfile") == []
    assert await denial(policy, "viewMyProfile") is None


# What a denial tells


async def test_notices_come_from_the_determining_forbids_in_byte_order_of_their_ids(folder):
    ids = ["\U0001f600", "\uff5a", "é", "z", "a10", "a2", "B", "a"]
    texts = [forbid("true", id=each, notice=f"by {each}") for each in ids]
    policy = CedarPolicy(folder(x="".join(texts[:4]), a="".join(texts[4:])))
    in_order = sorted(ids, key=str.encode)
    assert in_order[-2:] == ["\uff5a", "\U0001f600"]  # in UTF-16 the emoji would come first
    assert await denial(policy) == [f"by {each}" for each in in_order]


async def test_policies_without_an_id_are_ordered_by_file_and_position(folder):
    def numbered(name, count):
        return "".join(forbid("true", notice=f"{name}:{n}") for n in range(1, count + 1))

    policy = CedarPolicy(folder(b=numbered("b", 1), a=numbered("a", 10)))
    assert await denial(policy) == ["a:1", "a:10", *(f"a:{n}" for n in range(2, 10)), "b:1"]


async def test_only_forbids_that_determined_the_denial_and_have_a_notice_speak(folder):
    policy = CedarPolicy(
        folder(
            a=forbid("true", id="silent")
            + "@notice\n"
            + forbid("true", id="bare")
            + forbid("true", notice="")
            + forbid("false", notice="never")
            + '@notice("welcome") permit (principal, action, resource);'
            + forbid("true", notice='A "quoted"\nnotice; // no comment')
        )
    )
    assert await denial(policy) == ['A "quoted"\nnotice; // no comment']


async def test_each_of_many_policies_keeps_its_own_notice(folder):
    person = "bbbbbbbb-0000-4000-8000-{:012}"
    text = "".join(
        forbid(f'principal == ProfileService::User::"{person.format(n)}"', notice=f"no {n}")
        for n in range(200)
    )
    policy = CedarPolicy(folder(a=text))
    for n in (0, 1, 9, 10, 57, 199):
        assert await denial(policy, profile=replace(ADA, id=UUID(person.format(n)))) == [f"no {n}"]


# What cannot be evaluated


@pytest.mark.parametrize(
    "when",
    [
        OVERFLOW,
        f'context.face == "rest" && {OVERFLOW}',
        'ProfileService::User::"nobody".email == "x"',
    ],
)
@pytest.mark.parametrize("effect", ["forbid", "permit"])
async def test_a_policy_that_errors_denies_each_time_and_is_logged_by_id(
    folder, caplog, when, effect
):
    text = forbid(when, id="broken", notice="never").replace("forbid", effect)
    policy = CedarPolicy(folder(a=text))
    assert await denial(policy) == []
    assert await denial(policy) == []
    first, second = caplog.messages
    assert first == second
    assert first.startswith("request r-1 is denied: policy broken could not be evaluated: ")
    assert ADA.email not in caplog.text
    assert str(ADA.id) not in caplog.text


async def test_an_error_besides_a_denial_leaves_the_notices_of_the_forbids(folder):
    policy = CedarPolicy(folder(a=forbid(OVERFLOW) + forbid("true", notice="Closed.")))
    assert await denial(policy) == ["Closed."]


async def test_an_error_in_one_case_denies_that_case_alone(folder):
    policy = CedarPolicy(folder(a=forbid(f'context.changes.contains("first_name") && {OVERFLOW}')))
    assert await denial(policy, changes=["first_name"]) == []
    assert await denial(policy, changes=["last_name"]) is None


@pytest.mark.parametrize("where", ["email", "scope", "change"])
async def test_a_lone_surrogate_is_denied_and_logged_without_values(caplog, folder, where):
    bad = "secret\ud800"
    of_emails = CedarPolicy(folder(a=forbid('principal.email like "*@b.example"')))
    caller = replace(CALLER, identity=replace(CALLER.identity, scopes=frozenset({bad})))
    notices = await denial(
        of_emails,
        caller=caller if where == "scope" else CALLER,
        profile=replace(ADA, email=bad) if where == "email" else ADA,
        changes=[bad] if where == "change" else [],
    )
    assert notices == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "secret" not in caplog.text


@given(
    email=st.text(st.characters(codec=None)),
    scopes=st.frozensets(st.text(st.characters(codec=None))),
    changes=st.frozensets(st.text(st.characters(codec=None))),
)
async def test_no_text_makes_a_decision_crash_or_go_wrong(email, scopes, changes):
    caller = replace(CALLER, identity=replace(CALLER.identity, scopes=scopes))
    denied = await denial(BUILT_IN, "updateMyProfile", caller, replace(ADA, email=email), changes)
    assert denied == ([] if _has_surrogate([*scopes, *changes]) else None)


def _has_surrogate(texts):
    return any("\ud800" <= character <= "\udfff" for character in "".join(texts))


# Decisions that people share


BOB = replace(ADA, id=UUID(int=7), email="bob@b.example")
CONDITIONS = [
    "true", 'context.face == "rest"', 'context.changes.contains("display_name")',
    'context.changes.contains("email")', 'context.scopes.contains("a")',
    "principal == resource", "resource in principal", f'principal in ProfileService::Tenant::"{ADA.tenant_id}"',
    "[principal].contains(resource)", "{a: principal} == {a: resource}", "{email: 1}.email == 1",
    "{type: principal, id: 1} == {type: resource, id: 1}",
    "principal is ProfileService::User", 'principal.auth_provider == "local"', OVERFLOW,
    'principal.email like "*@b.example"', "resource has email", 'principal["em\\u{61}il"] == "bob@b.example"',
    f'principal == ProfileService::User::"{BOB.id}"', f'[ProfileService::User::"{BOB.id}"].contains(resource)',
    f'principal in ProfileService // of it\n :: User::"{BOB.id}"', f'ProfileService::User::"{BOB.id}".email == principal.email',
    '"email" == "email" // email',
]  # fmt: skip
POLICIES = st.lists(
    st.tuples(
        st.sampled_from(["permit", "forbid"]),
        st.recursive(
            st.sampled_from(CONDITIONS),
            lambda inner: st.one_of(
                st.builds("!({})".format, inner),
                st.builds("({}\n&& {}\n)".format, inner, inner),
                st.builds("({}\n|| {}\n)".format, inner, inner),
                st.builds("(if {}\nthen {}\nelse {}\n)".format, inner, inner, inner),
            ),
            max_leaves=4,
        ),
    ),
    max_size=3,
)


@given(POLICIES)
def test_what_people_share_is_what_each_would_be_told(tmp_path_factory, policies):
    folder = tmp_path_factory.mktemp("policies")
    rules = read_policies(None)
    for number, (effect, condition) in enumerate(policies):
        text = f'@id("{number}")\n{effect} (principal, action, resource) when {{ {condition}\n}};'
        write(folder, **{f"p{number}": text})
        if not check(folder):
            rules = read_policies(folder)
        else:
            (folder / f"p{number}.cedar").unlink()
    compiled = Policies(rules)
    if compiled.treat_people_alike:
        asked = "updateMyProfile", frozenset({"display_name"}), frozenset({"a"}), "rest"
        verdicts = [
            compiled.decide(asked[0], Principal.of(person), *asked[1:])
            for person in (ADA, BOB, replace(ADA, id=UUID(int=0), email=""))
        ]
        assert verdicts[0] == verdicts[1] == verdicts[2]


@pytest.mark.parametrize(
    ("condition", "alike"),
    [
        *[(each, True) for each in CONDITIONS[:3]],
        *[(each, True) for each in (*CONDITIONS[5:10], CONDITIONS[11])],
        *[(each, False) for each in CONDITIONS[15:22]],
    ],
)
def test_only_a_policy_that_may_tell_people_apart_is_asked_about_each(folder, condition, alike):
    assert CedarPolicy(folder(a=forbid(condition))).files.current.treat_people_alike is alike


async def test_a_thousand_people_are_one_decision_where_no_policy_tells_them_apart():
    policy = CedarPolicy()
    for number in range(1000):
        person = replace(ADA, id=UUID(int=number), email=f"{number}@a.example")
        assert await denial(policy, profile=person) is None
    assert policy.files.current.cached_decide.cache_info().currsize == 1
