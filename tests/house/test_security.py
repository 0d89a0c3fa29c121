"""The threat model names tests that exist."""

import re


def test_each_threat_is_held_off_by_tests_that_exist(repository):
    text = (repository / "SECURITY.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", text))
    there = {
        name
        for path in (repository / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 20
    assert named <= there
