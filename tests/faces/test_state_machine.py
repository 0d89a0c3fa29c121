"""Random sequences of updates by several users over both faces, compared with a small model."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from profile_testing.images import data_uri, photo, png
from running import ME_QUERY, UPDATE, running

PICTURES = [data_uri(png(photo(8, 8))), data_uri(png(photo(9, 9)))]
GRAPHQL_NAMES = {
    "first_name": "firstName",
    "last_name": "lastName",
    "display_name": "displayName",
    "avatar_base64": "avatarBase64",
}
PEOPLE = ("local", "oidc", "local")
SSO_MANAGED = {"first_name", "last_name"}

names = st.sampled_from(["", " ", "Ada", " Ada ", "Grace", "x" * 100, "x" * 101, "a\nb", 5])
changes = st.fixed_dictionaries(
    {},
    optional={
        "first_name": names,
        "last_name": names,
        "display_name": names,
        "avatar_base64": st.sampled_from([None, *PICTURES, "junk"]),
    },
)


def expected(profile, provider, change):
    """The profile after the change, and the codes that may refuse it."""
    after, refused = dict(profile), []
    for field, value in change.items():
        if field == "avatar_base64":
            if value == "junk":
                refused.append("avatar_malformed")
            after[field] = value
        elif not isinstance(value, str):
            refused.append("invalid_type")
        elif len(value) > 100:
            refused.append("too_long")
        elif "\n" in value:
            refused.append("invalid_characters")
        else:
            after[field] = value.strip() or None
            if provider != "local" and field in SSO_MANAGED and after[field] != profile[field]:
                refused.append("sso_managed_field")
    return after, refused


def machine_over(service, run):
    class Updates(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.users = [run(service.person(provider)) for provider in PEOPLE]
            self.model = [dict.fromkeys(GRAPHQL_NAMES) for _ in PEOPLE]
            self.etag = [user.profile.etag for user in self.users]

        @rule(
            who=st.integers(0, len(PEOPLE) - 1),
            face=st.sampled_from(["rest", "graphql"]),
            change=changes,
            match=st.sampled_from(["none", "current", "stale", "any"]),
        )
        def update(self, who, face, change, match):
            if_match = {"none": None, "current": self.etag[who], "stale": '"stale"', "any": "*"}[
                match
            ]
            status, results = run(self.send(who, face, change, if_match))
            after, refused = expected(self.model[who], PEOPLE[who], change)
            if refused:
                # GraphQL itself refuses a number where a string belongs.
                assert results in {*refused, "invalid_query"}
                assert set(refused) != {"invalid_type"} or results in {
                    "invalid_type",
                    "invalid_query",
                }
            elif match == "stale":
                assert results == "precondition_failed"
            else:
                assert status == 200
                etag = results
                assert (etag == self.etag[who]) is (after == self.model[who])
                self.model[who], self.etag[who] = after, etag

        @invariant()
        def both_faces_show_the_model(self):
            for user, model, etag in zip(self.users, self.model, self.etag, strict=True):
                rest = run(service.get(user))
                assert {field: rest.json()[field] for field in model} == model
                assert rest.headers["ETag"] == etag
                answer = run(
                    service.client.post(
                        "/graphql", json={"query": ME_QUERY}, headers=service.headers(user)
                    )
                ).json()["data"]["me"]
                assert {field: answer[GRAPHQL_NAMES[field]] for field in model} == model
                assert answer["etag"] == etag

        async def send(self, who, face, change, if_match):
            user = self.users[who]
            if face == "rest":
                headers = {"If-Match": if_match} if if_match else {}
                answer = await service.put(user, change, **headers)
                return answer.status_code, answer.json().get("code") or answer.headers["ETag"]
            variables = {"input": {GRAPHQL_NAMES[name]: value for name, value in change.items()}}
            variables["ifMatch"] = if_match
            answer = await service.client.post(
                "/graphql",
                json={"query": UPDATE, "variables": variables},
                headers=service.headers(user),
            )
            results = answer.json()
            if "errors" in results:
                return 400, results["errors"][0]["extensions"]["code"]
            result = results["data"]["updateMyProfile"]
            return (200, result["etag"]) if "etag" in result else (400, result["code"])

    return Updates


def test_any_sequence_of_updates_leaves_what_the_model_says(tmp_path):
    with asyncio.Runner() as runner:
        service = running(tmp_path, rate_limit="off")
        opened = runner.run(service.__aenter__())
        try:
            run_state_machine_as_test(
                machine_over(opened, runner.run),
                settings=settings(max_examples=20, stateful_step_count=12, deadline=None),
            )
        finally:
            runner.run(service.__aexit__(None, None, None))
