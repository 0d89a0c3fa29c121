"""Requests that both faces can express, with the expected results."""

import base64
from dataclasses import dataclass, field
from typing import Any

from compressing import handed_on
from profile_testing.images import animated, jpeg, photo, png, webp
from running import OTHER_TENANT, TENANT

LOCAL = {"first_name": "Ada", "last_name": "Lovelace", "display_name": "Countess"}
PLAIN = {"first_name": "Ada", "last_name": "Lovelace"}


def uri(image: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(image).decode()}"


@dataclass
class Case:
    """What is sent, to what kind of person, and what must come back from both faces.

    ``then`` has the fields that a profile must have, or the code of the error.
    """

    says: str
    body: dict[str, Any]
    then: dict[str, Any] | str
    violations: list[tuple[str, str]] | None = None
    notices: list[str] = field(default_factory=list)
    person: dict[str, Any] = field(default_factory=lambda: LOCAL)
    provider: str = "local"
    claims: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str | None] = field(default_factory=dict)
    if_match: str | None = None
    changed: bool | None = None


SMALL = png(photo(8, 8))
TOO_LARGE = b"\x89PNG\r\n\x1a\n" + bytes(262_144 - 7)
FROZEN = {"email": "frozen@example.com"}
FORBIDDEN_NOTICES = ["An audit is running.", "Names are frozen until Monday."]
CASES = [
    # names
    Case("a name is changed", {"first_name": "Grace"}, {"first_name": "Grace"}, changed=True),
    Case("all names are changed", {"first_name": "A", "last_name": "B", "display_name": "C"},
         {"first_name": "A", "last_name": "B", "display_name": "C", "name": "C"}, changed=True),
    Case("a name is trimmed", {"first_name": "\u2003 Grace\t\n"}, {"first_name": "Grace"}),
    Case("a name is stored in NFC", {"first_name": "Zoe\u0308"}, {"first_name": "Zoë"}),
    Case("an empty name clears", {"display_name": ""}, {"display_name": None, "name": "Ada Lovelace"}),
    Case("white space clears", {"display_name": " \u3000 "}, {"display_name": None}),
    Case("only joiners clear", {"display_name": "\u200d\u200c"}, {"display_name": None}),
    Case("the name falls back to the first", {"last_name": "", "display_name": ""}, {"name": "Ada"}),
    Case("the name falls back to the last", {"first_name": "", "display_name": ""},
         {"name": "Lovelace"}),
    Case("emoji sequences are kept", {"display_name": "👩\u200d🚀"}, {"display_name": "👩\u200d🚀"}),
    Case("Persian keeps its joiner", {"display_name": "نادیه\u200cخانم"},
         {"display_name": "نادیه\u200cخانم"}),
    Case("100 code points fit", {"first_name": "x" * 100}, {"first_name": "x" * 100}),
    Case("100 emoji fit", {"first_name": "😀" * 100}, {"first_name": "😀" * 100}),
    Case("101 code points do not", {"first_name": "x" * 101}, "too_long", [("first_name", "too_long")]),
    Case("34 Korean syllables, typed as 102 code points, fit", {"first_name": "\u1112\u1161\u11ab" * 34},
         {"first_name": "한" * 34}),
    Case("300 code points as sent that become 100 fit", {"first_name": "U\u031b\u0301" * 100},
         {"first_name": "\u1ee8" * 100}),
    Case("401 as sent do not", {"first_name": "x" + "\u0327" * 400}, "too_long",
         [("first_name", "too_long")]),
    Case("nor 101 spaces", {"first_name": " " * 101}, "too_long", [("first_name", "too_long")]),
    Case("nor what NFC makes longer", {"last_name": "\u0958" * 51}, "too_long",
         [("last_name", "too_long")]),
    *(Case(f"a name has no {what}", {"display_name": f"A{char}b"}, "invalid_characters",
           [("display_name", "invalid_characters")])
      for what, char in {
          "NUL": "\x00", "line feed": "\n", "tab": "\t", "DEL": "\x7f", "C1 control": "\x85",
          "escape": "\x1b", "line separator": "\u2028", "paragraph separator": "\u2029",
          "right-to-left override": "\u202e", "embedding": "\u202a", "isolate": "\u2066",
          "pop isolate": "\u2069", "noncharacter": "\ufdd0", "plane-end noncharacter": "\U0001fffe",
          "lone surrogate": "\ud800", "lone low surrogate": "\udc00",
      }.items()),
    Case("a separator within U+001C is not white space", {"display_name": "\x1cA"},
         "invalid_characters", [("display_name", "invalid_characters")]),
    Case("a forbidden name is not blank", {"display_name": "\u202e"}, "invalid_characters",
         [("display_name", "invalid_characters")]),
    *(Case(f"{name} cannot be null", {name: None}, "invalid_type", [(name, "invalid_type")])
      for name in ("first_name", "last_name", "display_name")),
    Case("all violations are reported in order",
         {"avatar_base64": "x", "display_name": None, "last_name": "\x00", "first_name": "x" * 101},
         "too_long",
         [("first_name", "too_long"), ("last_name", "invalid_characters"),
          ("display_name", "invalid_type"), ("avatar_base64", "avatar_malformed")]),
    Case("a good field beside a bad one is not stored", {"first_name": "Grace", "last_name": "\x00"},
         "invalid_characters", [("last_name", "invalid_characters")]),
    # nothing to do
    Case("nothing sent is no change", {}, LOCAL, changed=False),
    Case("the same name is no change", {"first_name": "Ada"}, LOCAL, changed=False),
    Case("the same name after clean-up is no change", {"first_name": " Ada "}, LOCAL, changed=False),
    Case("clearing what is empty is no change", {"display_name": ""}, PLAIN, person=PLAIN, changed=False),
    Case("removing no picture is no change", {"avatar_base64": None}, LOCAL, changed=False),
    # managed by an identity provider
    *(case
      for provider in ("oidc", "saml")
      for case in (
          Case(f"{provider}: the first name is managed", {"first_name": "Eve"}, "sso_managed_field",
               [("first_name", "sso_managed_field")], provider=provider),
          Case(f"{provider}: both names are managed", {"first_name": "", "last_name": "Eve"},
               "sso_managed_field",
               [("first_name", "sso_managed_field"), ("last_name", "sso_managed_field")],
               provider=provider),
          Case(f"{provider}: the whole request is refused", {"display_name": "X", "last_name": "Y"},
               "sso_managed_field", [("last_name", "sso_managed_field")], provider=provider),
          Case(f"{provider}: the stored value passes", {"first_name": "Ada", "display_name": "X"},
               {"display_name": "X"}, provider=provider, changed=True),
          Case(f"{provider}: display name is one's own", {"display_name": ""},
               {"display_name": None}, provider=provider),
          Case(f"{provider}: so is the picture", {"avatar_base64": uri(SMALL)},
               {"avatar_base64": uri(SMALL)}, provider=provider),
          Case(f"{provider}: a managed name that is too long is too long", {"first_name": "x" * 101},
               "too_long", [("first_name", "too_long")], provider=provider),
      )),
    # pictures
    Case("a clean picture is stored as sent", {"avatar_base64": uri(SMALL)},
         {"avatar_base64": uri(SMALL)}, changed=True),
    Case("scheme and type are read in any case", {"avatar_base64": uri(SMALL).replace("data:image/png", "DATA:Image/PNG")},
         {"avatar_base64": uri(SMALL)}),
    Case("image/jpg is image/jpeg", {"avatar_base64": uri(jpeg(photo(8, 8)), "image/jpg")}, {}, changed=True),
    Case("a WebP is taken", {"avatar_base64": uri(webp(photo(8, 8)), "image/webp")}, {}, changed=True),
    *(Case(f"a picture that is {what} is malformed", {"avatar_base64": sent}, "avatar_malformed",
           [("avatar_base64", "avatar_malformed")])
      for what, sent in {
          "empty": "", "no data URI": "hello", "an address": "https://example.com/me.png",
          "without data": "data:image/png;base64,", "no image": "data:text/plain;base64,AAAA",
          "not base64": "data:image/png,AAAA", "of wrong padding": "data:image/png;base64,AAA",
          "of too much padding": "data:image/png;base64,AAAA=", "of non-zero pad bits": "data:image/png;base64,AB==",
          "of the URL alphabet": "data:image/png;base64,-_-_", "broken by white space": "data:image/png;base64,AA AA",
          "followed by a line feed": uri(SMALL) + "\n", "with parameters behind its marker": "data:image/png;base64;q=1,AAAA",
          "no ASCII": "data:image/png;base64,AAAÄ", "a lone surrogate": "\ud800",
      }.items()),
    Case("262,145 bytes are too large", {"avatar_base64": uri(TOO_LARGE)}, "avatar_too_large",
         [("avatar_base64", "avatar_too_large")]),
    Case("262,144 bytes are not too large", {"avatar_base64": uri(TOO_LARGE[:-1])}, "avatar_corrupt",
         [("avatar_base64", "avatar_corrupt")]),
    Case("an SVG is unsupported", {"avatar_base64": uri(b"<svg/>", "image/svg+xml")},
         "avatar_unsupported_type", [("avatar_base64", "avatar_unsupported_type")]),
    Case("a declared type must agree", {"avatar_base64": uri(SMALL, "image/webp")},
         "avatar_unsupported_type", [("avatar_base64", "avatar_unsupported_type")]),
    Case("junk is unsupported", {"avatar_base64": uri(b"junk")}, "avatar_unsupported_type",
         [("avatar_base64", "avatar_unsupported_type")]),
    Case("an animated GIF is refused", {"avatar_base64": uri(animated("GIF"), "image/gif")},
         "avatar_animated", [("avatar_base64", "avatar_animated")]),
    Case("an animated PNG is refused", {"avatar_base64": uri(animated("PNG"))},
         "avatar_animated", [("avatar_base64", "avatar_animated")]),
    Case("4,097 pixels are too many", {"avatar_base64": uri(png(photo(4097, 1)))}, "avatar_dimensions",
         [("avatar_base64", "avatar_dimensions")]),
    Case("a truncated picture is corrupt", {"avatar_base64": uri(png(photo(32, 32))[:-20])},
         "avatar_corrupt", [("avatar_base64", "avatar_corrupt")]),
    # preconditions
    Case("the current tag holds", {"first_name": "Grace"}, {"first_name": "Grace"}, if_match="{etag}"),
    Case("a star holds", {"first_name": "Grace"}, {"first_name": "Grace"}, if_match="*"),
    Case("a list holds", {"first_name": "Grace"}, {"first_name": "Grace"}, if_match='"x", {etag}'),
    Case("another tag fails", {"first_name": "Grace"}, "precondition_failed", if_match='"x"'),
    *(
        Case(f"{tag} as a proxy has it holds", {"first_name": "Grace"}, {"first_name": "Grace"},
             if_match=tag)
        for tag in handed_on('"{version}"')
    ),
    Case("another tag as a proxy has it fails", {"first_name": "Grace"}, "precondition_failed",
         if_match='W/"x-gzip"'),
    Case("a coding behind the quotes fails", {"first_name": "Grace"}, "precondition_failed",
         if_match="{etag}-gzip"),
    Case("a malformed tag fails", {"first_name": "Grace"}, "precondition_failed", if_match="x"),
    Case("an empty tag fails", {"first_name": "Grace"}, "precondition_failed", if_match=""),
    Case("a no-op honours it", {}, "precondition_failed", if_match='"x"'),
    Case("a no-op with the current tag passes", {}, LOCAL, if_match="{etag}", changed=False),
    # policies
    Case("a policy refuses with its notices in order", {"display_name": "X"}, "forbidden",
         notices=FORBIDDEN_NOTICES, person=LOCAL | FROZEN),
    Case("what it does not name is permitted", {"first_name": "Grace"}, {"first_name": "Grace"},
         person=LOCAL | FROZEN),
    Case("a value that is no change is none for the policy", {"display_name": "Countess"}, LOCAL,
         person=LOCAL | FROZEN, changed=False),
    Case("a policy without a notice has none", {"avatar_base64": uri(SMALL)}, "forbidden",
         person=LOCAL | {"email": "faceless@example.com"}),
    Case("scopes reach the policies", {}, "forbidden", notices=["This token may only read."],
         claims={"scope": "openid profile:read"}),
    Case("scopes are a set", {"first_name": "G"}, {"first_name": "G"},
         claims={"scope": "profile:write  profile:read"}),
    # the order of the answers
    Case("fields come before the policy", {"display_name": "X", "last_name": "\x00"},
         "invalid_characters", [("last_name", "invalid_characters")], person=LOCAL | FROZEN),
    Case("the policy comes before the picture's content", {"display_name": "X", "avatar_base64": uri(b"junk")},
         "forbidden", notices=FORBIDDEN_NOTICES, person=LOCAL | FROZEN),
    Case("the picture's form comes before the policy", {"display_name": "X", "avatar_base64": "x"},
         "avatar_malformed", [("avatar_base64", "avatar_malformed")], person=LOCAL | FROZEN),
    Case("the picture's content comes before the precondition", {"avatar_base64": uri(b"junk")},
         "avatar_unsupported_type", [("avatar_base64", "avatar_unsupported_type")], if_match='"x"'),
    Case("the policy comes before the precondition", {"display_name": "X"}, "forbidden",
         notices=FORBIDDEN_NOTICES, person=LOCAL | FROZEN, if_match='"x"'),
    Case("a missing user comes before the fields", {"display_name": "\x00"}, "not_found",
         claims={"sub": "nobody"}),
    # who is calling
    Case("no token", {}, "unauthenticated", headers={"Authorization": None}),
    Case("another scheme", {}, "unauthenticated", headers={"Authorization": "Basic YWRhOmFkYQ=="}),
    Case("an empty token", {}, "unauthenticated", headers={"Authorization": "Bearer "}),
    Case("a broken token", {}, "unauthenticated", headers={"Authorization": "Bearer a.b.c"}),
    Case("an expired token", {}, "unauthenticated", claims={"exp": 1}),
    Case("a token without expiry", {}, "unauthenticated", claims={"exp": None}),
    Case("a token of the future", {}, "unauthenticated", claims={"iat": 4_000_000_000}),
    Case("a token for somebody else", {}, "unauthenticated", claims={"aud": "others"}),
    Case("a token of an unknown issuer", {}, "unauthenticated", claims={"iss": "https://evil.example"}),
    Case("a token without tenant", {}, "unauthenticated", claims={"tenant_id": None}),
    Case("a token whose tenant is no uuid", {}, "unauthenticated", claims={"tenant_id": "acme"}),
    Case("a token of a stranger", {}, "not_found", claims={"sub": "nobody"}),
    Case("identity comes before the tenant", {}, "unauthenticated",
         claims={"exp": 1}, headers={"X-Tenant-ID": "junk"}),
    Case("no tenant header", {}, "invalid_tenant_id", headers={"X-Tenant-ID": None}),
    Case("an empty tenant header", {}, "invalid_tenant_id", headers={"X-Tenant-ID": ""}),
    Case("a tenant header that is no uuid", {}, "invalid_tenant_id", headers={"X-Tenant-ID": "acme"}),
    Case("a tenant header without hyphens", {}, "invalid_tenant_id",
         headers={"X-Tenant-ID": TENANT.replace("-", "")}),
    Case("a tenant header in braces", {}, "invalid_tenant_id", headers={"X-Tenant-ID": f"{{{TENANT}}}"}),
    Case("two tenants in one header", {}, "invalid_tenant_id", headers={"X-Tenant-ID": f"{TENANT}, {TENANT}"}),
    Case("a tenant header in upper case", {}, LOCAL, headers={"X-Tenant-ID": TENANT.upper()}, changed=False),
    Case("another tenant's header", {}, "tenant_mismatch", headers={"X-Tenant-ID": OTHER_TENANT}),
    Case("another tenant's token", {}, "not_found", claims={"tenant_id": OTHER_TENANT},
         headers={"X-Tenant-ID": OTHER_TENANT}),
]  # fmt: skip
VIEWS = [
    Case("a profile is seen", {}, LOCAL),
    Case("an empty one too", {}, {"first_name": None, "avatar_base64": None}, person={}),
    Case("by an oidc user", {}, {"auth_provider": "oidc"}, provider="oidc"),
    Case("by a saml user", {}, {"auth_provider": "saml"}, provider="saml"),
    Case("whatever scopes may not write", {}, LOCAL, claims={"scope": "profile:read"}),
    Case("a policy can forbid to look", {}, "forbidden", notices=["You may not look."],
         person={"email": "hidden@example.com"}),
    Case("nobody is found", {}, "not_found", claims={"sub": "nobody"}),
    Case("nobody is known without a token", {}, "unauthenticated", headers={"Authorization": None}),
    Case("nor by an expired one", {}, "unauthenticated", claims={"exp": 1}),
    Case("the tenant must be named", {}, "invalid_tenant_id", headers={"X-Tenant-ID": None}),
    Case("and be the token's", {}, "tenant_mismatch", headers={"X-Tenant-ID": OTHER_TENANT}),
]  # fmt: skip
