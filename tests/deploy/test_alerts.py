"""The alert rules, the sample configuration and the dashboard, by Prometheus' own promtool."""

import json
import re
import subprocess

import pytest
import yaml

from programs import needs


@pytest.fixture
def folder(repository):
    return repository / "deploy" / "observability"


@pytest.fixture
def alerts(folder):
    (group,) = yaml.safe_load((folder / "alerts.yaml").read_text())["groups"]
    return [rule["alert"] for rule in group["rules"]]


def promtool(folder, *arguments):
    done = subprocess.run(
        ["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs("promtool")
def test_alerts_fire_when_they_shall_and_only_then(folder):
    promtool(folder, "test", "rules", "alerts_test.yaml")


@needs("promtool")
def test_the_sample_configuration_is_one(folder):
    promtool(folder, "check", "config", "prometheus.yaml")


@needs("promtool")
def test_the_panels_ask_what_can_be_asked(folder, tmp_path):
    panels = json.loads((folder / "dashboard.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    rules = [
        {"record": f"panel:{number}", "expr": each.replace("$__rate_interval", "5m")}
        for number, each in enumerate(asked)
    ]
    (tmp_path / "panels.yaml").write_text(
        json.dumps({"groups": [{"name": "panels", "rules": rules}]})
    )
    promtool(tmp_path, "check", "rules", "panels.yaml")


def test_each_alert_is_seen_to_fire(folder, alerts):
    tests = yaml.safe_load((folder / "alerts_test.yaml").read_text())["tests"]
    expected = [
        *(each["alertname"] for test in tests for each in test.get("alert_rule_test", [])),
        *re.findall(
            r'alertname="(\w+)"',
            json.dumps(
                [
                    sample["labels"]
                    for test in tests
                    for each in test.get("promql_expr_test", [])
                    for sample in each["exp_samples"]
                ]
            ).replace('\\"', '"'),
        ),
    ]
    assert set(expected) == set(alerts)
