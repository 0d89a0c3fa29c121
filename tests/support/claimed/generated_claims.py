"""Issuers of every configuration, and claims of every shape that their tokens may have."""

from hypothesis import strategies as st

from profile_testing.signing import AUDIENCE, OTHER_TENANT, TENANT

NOW = 1_800_000_000
THIRD = "33333333-0000-4000-8000-000000000003"

names = st.sampled_from(["tenant_id", "tid", "org", "sub", "oid", "aud", "azp", "email", "iss"])
pointers = st.lists(names | st.sampled_from(["0", "1", "id", ""]), min_size=1, max_size=3).map(
    lambda each: "/" + "/".join(each)
)
claim_paths = st.lists(names | pointers, min_size=1, max_size=4, unique=True)
said = st.sampled_from(
    [TENANT, OTHER_TENANT, THIRD, "acme", "globex", AUDIENCE, "other", "ada", "", None, 5]
)
claim_values = st.recursive(
    said,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["0", "1", "id", "", "org", "sub"]), inner, max_size=2)
    ),
    max_leaves=5,
)
sent_claims = st.dictionaries(names, claim_values)
configurations = st.fixed_dictionaries(
    {},
    optional={
        "tenant_claim": claim_paths,
        "subject_claim": claim_paths,
        "audience_claim": claim_paths,
        "email_claim": claim_paths,
        "tenant_ids": st.dictionaries(
            st.sampled_from(["acme", "globex", THIRD]), st.just(TENANT), min_size=1
        ),
        "provision": st.booleans(),
    },
)
