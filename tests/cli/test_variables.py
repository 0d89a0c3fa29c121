"""The variables that the command reads: each is known, and a secret may stand in a file."""

import json
import random

import pytest

from command import ISSUERS
from profile_api.settings import SECRET as MAY_BE_IN_FILES
from profile_api.settings import Settings
from profile_api.variables import UnusableVariable, resolved
from profile_infra.bounded_files import read_file
from profile_testing.signing import SECRET

SAID = {
    "database_url": "sqlite:///./elsewhere.db",
    "issuers": ISSUERS,
    "rate_limit_store": "redis://:hunter2@cache.example:6379/0",
}


def test_the_settings_that_may_be_in_files_are_those_that_may_hold_a_secret():
    assert set(SAID) == set(MAY_BE_IN_FILES)


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("around", ["{}", "{}\n", "{}\r\n", "\ufeff{}\n\n"])
def test_a_secret_is_read_from_the_file_that_its_variable_names(run, tmp_path, name, around):
    file = tmp_path / "secret"
    file.write_bytes(around.format(SAID[name]).encode())
    output = run("settings", **{name + "_file": str(file)})
    assert output == run("settings", **{name: SAID[name]})
    assert SECRET not in output
    assert "hunter2" not in output
    assert f"Or PROFILE_{name.upper()}_FILE, a file with it." in output
    (tmp_path / ".env").write_text(f"PROFILE_{name.upper()}_FILE=secret\n")
    assert run("settings") == output


def test_the_environment_wins_over_a_dotenv_file_whichever_names_a_file(run, tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(f"sqlite:///{name}.db")
    dotenv = tmp_path / ".env"
    dotenv.write_text("PROFILE_DATABASE_URL_FILE=a\n")
    assert "=sqlite:///a.db" in run("settings")
    assert "=sqlite:///b.db" in run("settings", database_url_file="b")
    assert "=sqlite:///c.db" in run("settings", database_url="sqlite:///c.db")
    dotenv.write_text("PROFILE_DATABASE_URL=sqlite:///a.db\n")
    assert "=sqlite:///b.db" in run("settings", database_url_file="b")


def test_what_is_wrong_with_such_a_file_is_said_without_what_is_in_it(run, tmp_path):
    said = {
        "missing": (None, "PROFILE_ISSUERS_FILE: the file cannot be read: No such file"),
        "junk": (f"junk {SECRET}".encode(), "PROFILE_ISSUERS must be JSON"),
        "binary": (b"\xff" + SECRET.encode(), "PROFILE_ISSUERS_FILE: the file is not UTF-8"),
        "large": (
            SECRET.encode() * 100_000,
            "PROFILE_ISSUERS_FILE: the file cannot be read: it is over 1024 KiB",
        ),
        "weak": (json.dumps([json.loads(ISSUERS)[0] | {"secret": "hunter2"}]).encode(), "32 bytes"),
    }
    for name, (contents, expected) in said.items():
        if contents is not None:
            (tmp_path / name).write_bytes(contents)
        output = run("serve", ok=False, issuers_file=name)
        assert expected in output
        assert SECRET not in output
        assert "hunter2" not in output
    both = run("settings", ok=False, issuers_file="weak", issuers=ISSUERS)
    assert "set PROFILE_ISSUERS or PROFILE_ISSUERS_FILE, not both" in both


COMMANDS = [
    ["serve"],
    ["demo"],
    ["migrate"],
    ["settings"],
    ["users", "list", "--tenant", "0ac3e000-0000-4000-8000-000000000001"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_variable_that_is_no_setting_stops_the_start_with_the_nearest(run, tmp_path, command):
    output = run(*command, ok=False, rate_limitt="off")
    assert "PROFILE_RATE_LIMITT is no setting; did you mean PROFILE_RATE_LIMIT?" in output
    if command == ["demo"]:
        return  # it reads no file
    (tmp_path / ".env").write_text("UNRELATED=1\nPROFILE_ISUERS=[]\n")
    output = run(*command, ok=False)
    assert "PROFILE_ISUERS is no setting; did you mean PROFILE_ISSUERS?" in output


def test_of_every_setting_each_slip_of_one_letter_is_answered_with_its_name():
    draw = random.Random(7)
    for name in Settings.model_fields:
        place = draw.randrange(len(name))
        for slip in (name[:place] + name[place + 1 :], name[:place] + "zz" + name[place:]):
            if slip in Settings.model_fields:
                continue
            with pytest.raises(UnusableVariable) as error:
                resolved(
                    {f"profile_{slip}": "secret"}, Settings.model_fields, MAY_BE_IN_FILES, read_file
                )
            assert "secret" not in str(error.value)
            assert str(error.value).startswith(f"PROFILE_{slip.upper()} is no setting")
            if len(name) > 6:
                assert f"PROFILE_{name.upper()}?" in str(error.value)


@pytest.mark.parametrize(
    ("variable", "shown"),
    [
        ("profile_", "PROFILE_ is no setting"),
        ("profile_" + "x" * 5000, "PROFILE_XXX"),
        ("profile_\x1b[31m", "'PROFILE_\\x1b[31M' is no setting"),
        ("profile_policy_dir_file", "did you mean PROFILE_POLICY_DIR?"),
        ("profile_port", "PROFILE_PORT is no setting"),
    ],
)
def test_any_other_name_is_refused_in_one_printable_line(variable, shown):
    with pytest.raises(UnusableVariable) as error:
        resolved({variable: "8000"}, Settings.model_fields, MAY_BE_IN_FILES, read_file)
    assert shown in str(error.value)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 250


def test_what_kubernetes_says_of_services_beside_it_is_passed_over(run):
    beside = {
        "service_host": "10.0.0.1",
        "service_port": "8000",
        "service_port_http": "8000",
        "port": "tcp://10.0.0.1:8000",
        "port_8000_tcp": "tcp://10.0.0.1:8000",
        "port_8000_tcp_proto": "tcp",
        "port_8000_tcp_port": "8000",
        "port_8000_tcp_addr": "10.0.0.1",
        "service_service_host": "10.0.0.1",
        "service_service_port": "8000",
        "service_port_8000_tcp_addr": "10.0.0.1",
        "web_port": "tcp://10.0.0.1:8000",
    }
    assert run("settings", **beside) == run("settings")


def test_a_variable_that_is_set_to_nothing_is_not_set(run):
    assert run("settings", rate_limitt="", issuers_file="") == run("settings")
