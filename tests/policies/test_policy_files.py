import errno
import os
from functools import partial
from pathlib import Path

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cedar_files import forbid, write
from profile_infra.policies.cedar import CedarPolicy
from profile_infra.policies.files import PolicyError, check, read_policies


@pytest.fixture
def folder(tmp_path):
    return partial(write, tmp_path)


def test_problems_name_the_file_and_the_line_on_which_the_policy_begins(folder):
    broken = (
        '// A comment; with a semicolon and a "quote\n'
        + forbid('context.face == ";\n// \\"not the end;"')
        + "\n\n  // another comment\n"
        + '@id("second")\n@notice("two\nlines")\n'
        + "forbid (principal, action, resource)\nwhen { %s };\n"
    )
    files = folder(
        a=forbid("true") + forbid("false"),
        b=broken % "principal.nickname" + forbid('context.fase == "x"'),
        c=broken % "1 + ",
    )
    attribute, typo, syntax = check(files)
    assert attribute.startswith("b.cedar:7: the policy is not valid: ")
    assert "attribute `nickname`" in attribute
    assert "policy0" not in attribute
    assert typo.startswith("b.cedar:12: the policy is not valid: ")
    assert syntax == "c.cedar:7: the policy does not parse: unexpected token `}`"
    with pytest.raises(PolicyError) as error:
        CedarPolicy(files)
    assert str(error.value) == f"{attribute}\n{typo}\n{syntax}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("permit (principal, action, resource)", "a.cedar:1: the policy does not parse: "),
        (forbid("true") + ";", "a.cedar:2: the policy does not parse: "),
        (forbid("true") + "\n/* no */", "a.cedar:3: the policy does not parse: "),
        ('\n@notice("open) ' + forbid("true"), "a.cedar:2: the policy does not parse: "),
        ('@id("a") @id("b") ' + forbid("true"), "a.cedar:1: the policy does not parse: "),
        (forbid("true") + "\x00", "a.cedar:2: the policy does not parse: "),
        (forbid("[] == context.changes"), "a.cedar:1: the policy is not valid: "),
        (forbid('principal.email == "x" || 1'), "a.cedar:1: the policy is not valid: "),
        (
            forbid("true", action='action == ProfileService::Action::"view"'),
            "a.cedar:1: the policy is not valid: unable to find an applicable action",
        ),
        (
            "\n" + forbid("true").replace("principal,", "principal == ?principal,"),
            "a.cedar:2: templates (?principal, ?resource) are not supported",
        ),
        (
            forbid(" && ".join(["context.face == context.face"] * 1200)),
            "a.cedar:1: the policy is too long or nested too deeply: 20,000 characters, 100",
        ),
        *(
            (forbid(text), "a.cedar:1: the policy is too long or nested too deeply")
            for text in (
                "(" * 3000 + "true" + ")" * 3000,
                "[" * 20_000 + "1" + "]" * 20_000 + " == 1",
                "{a:" * 20_000 + "1" + "}" * 20_000 + " == 1",
                "if true then true else " * 20_000 + "true",
                "true" + " && true" * 100_000,
                "principal" + ".email" * 100_000 + ' == "x"',
            )
        ),
        (
            forbid(" || ".join(["context.face == context.face"] * 500)),
            "a.cedar:1: the policy does not parse: nested too deeply",
        ),
        (
            forbid("true") + forbid("true", id="a.cedar:1"),
            'a.cedar:2: the id "a.cedar:1" is taken by a.cedar:1',
        ),
        (
            "\n" + forbid("true", id="built-in.own-profile"),
            'a.cedar:2: the id "built-in.own-profile" is taken by built-in policies:2',
        ),
    ],
)
def test_a_policy_that_cannot_be_served_with_stops_the_start(folder, text, problem):
    (found,) = check(folder(a=text))
    assert found.startswith(problem)
    assert "\n" not in found


MISSPELT = {
    'context.changes.contains("displayname")': "context.changes never has 'displayname'; did you mean display_name?",
    'principal.email == "a" || !(context["changes"].containsAll(["first_name", "lastName"]))': (
        "context.changes never has 'lastName'; did you mean last_name?"
    ),
    '["avatar"].containsAny(context.changes)': "context.changes never has 'avatar'; did you mean avatar_base64?",
    'context.changes == ["name"]': "context.changes never has 'name'; did you mean last_name?",
    'if "SAML" == resource.auth_provider then true else false': (
        "resource.auth_provider never has 'SAML'; did you mean"
    ),
    '["samll", "oidc"].contains(principal.auth_provider)': (
        "principal.auth_provider never has 'samll'; did you mean saml?"
    ),
}


@pytest.mark.parametrize("when", MISSPELT)
def test_a_text_that_what_it_is_compared_with_never_has_is_named_and_serves(folder, when):
    files = folder(a="\n" + forbid(when))
    (found,) = check(files)
    assert found.startswith(f"a.cedar:2: {MISSPELT[when]}")
    assert len(read_policies(files)) == 2


@pytest.mark.parametrize(
    "when",
    [
        'context.changes.contains("display_name") && principal.auth_provider != "local"',
        'context.scopes.contains("displayname") && principal.email == "saml"',
        'context.changes.contains(if principal.email == "x" then "first_name" else "last_name")',
        '{contains: "displayname"}.contains == principal.email',
    ],
)
def test_a_text_that_is_compared_with_anything_else_is_not_judged(folder, when):
    assert check(folder(a=forbid(when))) == []


def test_two_policies_of_one_id_are_both_named(folder):
    files = folder(a="\n" + forbid("true", id="x"), b=forbid("true") + forbid("false", id="x"))
    assert check(files) == ['b.cedar:2: the id "x" is taken by a.cedar:2']
    files = folder(a=forbid("true", id="x\n\ny") * 2, b="")
    assert check(files) == ['a.cedar:2: the id "x y" is taken by a.cedar:1']


@pytest.mark.parametrize(
    "text",
    [
        "",
        "// nothing yet;",
        "\ufeff" + forbid("false"),
        forbid("false").replace("\n", "\r\n") * 2 + "// end",
        "// one\r" + forbid("false"),
        '@id("") ' + forbid("false") + "@id " + forbid("false"),
        '@permit("x;") @forbid("y") ' + forbid("false"),
        forbid(" || ".join(f'principal.email like "*@{n}.example"' for n in range(150))),
    ],
)
def test_unusual_but_valid_files_are_served_with(folder, text):
    files = folder(a=text)
    assert check(files) == []
    CedarPolicy(files)


def test_lines_are_counted_whatever_ends_them(tmp_path):
    (tmp_path / "a.cedar").write_bytes(b"// 1\r\n// 2\r// 3\nnonsense")
    (problem,) = check(tmp_path)
    assert problem.startswith("a.cedar:4: ")


PARTS = [
    *' \n\x1c\u2028\\";/{',
    *('\\"', "// ;", '\n//"\n', '@id("//;")', '@notice("x;\n")'),
    *("permit (principal, action, resource)", "forbid (principal, action, resource);"),
    *("when { true }", 'unless { "\\"//;" == context.face };'),
]


@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join))
def test_a_file_is_taken_apart_just_as_the_engine_reads_it(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp() / "apart"
    folder.mkdir(exist_ok=True)
    (folder / "a.cedar").write_text(text, "utf-8")
    try:
        whole = len(cedarpy.PolicySet.from_str(text))
    except ValueError:
        assert any("does not parse" in problem for problem in check(folder))
    else:
        assert len(check(folder) or read_policies(folder)[1:]) == whole


def test_a_folder_without_policies_stops_the_start(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "file", tmp_path / "missing"):
        assert check(folder) == [f"{folder}: there is no folder with .cedar files that can be read"]


def test_what_looks_like_a_policy_file_but_cannot_be_read_stops_the_start(folder):
    files = folder(good=forbid("true"))
    (files / "folder.cedar").mkdir()
    (files / "latin.cedar").write_bytes(b"// \xe9")
    (files / "lost.cedar").symlink_to("nowhere")
    (files / "sub").mkdir()
    (files / "sub" / "deeper.cedar").touch()
    Path(os.fsdecode(os.fsencode(files) + b"/\xff.cedar")).touch()
    assert check(files) == [
        "folder.cedar: this is not a file",
        "latin.cedar: the file is not UTF-8",
        "lost.cedar: this is not a file",
        "sub/deeper.cedar: policies in a subfolder are not read",
        "'\\udcff.cedar': the file's name must be printable UTF-8",
    ]


def test_a_file_that_the_system_refuses_to_read_stops_the_start(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "a.cedar").touch()
    monkeypatch.setattr(Path, "is_file", refuse)  # whoever runs as root is refused nothing
    assert check(tmp_path) == ["a.cedar: the file cannot be read: Permission denied"]


def test_a_mounted_volume_is_read_once_and_other_files_are_passed_over(folder):
    """Kubernetes mounts each file as a link into a hidden folder."""
    files = folder(**{".hidden": "junk"})
    (files / "notes.txt").write_text("junk")
    (files / "..data").mkdir()
    (files / "..data" / "a.cedar").write_text(forbid("true", id="a"))
    (files / "a.cedar").symlink_to("..data/a.cedar")
    assert check(files) == []
    assert [rule.id for rule in read_policies(files)] == ["a", "built-in.own-profile"]
