"""The alerts of the chart, as Prometheus' own tool reads and evaluates them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.error_codes import EXACT_CODES
from clickstream_operator.aws.errors import CREDENTIAL_CODES, Category
from clickstream_operator.telemetry.metrics import Metrics
from sandbox.programs import promtool

ROOT = Path(__file__).parents[2]
FILES = ROOT / "charts" / "clickstream-operator" / "files"
RULES = FILES / "alerts.yaml"
CASES = Path(__file__).parent / "alert_cases.yaml"
_METRIC = re.compile(r"\b((?:clickstream|controller_runtime|workqueue|leader_election)_\w+)\b")


def alerts() -> list[dict[str, Any]]:
    """Every alert."""
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def exposed() -> set[str]:
    """The names of all series that the operator can expose."""
    text = generate_latest(Metrics().registry).decode()
    names = set()
    for family in text_string_to_metric_families(text):
        kinds = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        names |= {family.name + end for end in kinds.get(family.type, ("",))}
    return names


@pytest.mark.timeout(900)
def test_rules_are_valid_and_fire_as_said(tmp_path: Path) -> None:
    """`promtool check rules`, and a case for each alert that fires and for what stays silent."""
    for source in (RULES, CASES):
        shutil.copy(source, tmp_path)
    for command in (["check", "rules", "--lint=all", "alerts.yaml"], ["test", "rules", CASES.name]):
        done = subprocess.run(
            [str(promtool.locate()), *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_refusal_counts_as_one() -> None:
    """The alert knows each code that the operator takes for a missing permission."""
    (rule,) = (one for one in alerts() if one["alert"] == "ClickstreamAwsAccessDenied")
    found = re.search(r'code=~"([^"]+)"', rule["expr"])
    assert found is not None
    denied = {code for code, one in EXACT_CODES.items() if one is Category.ACCESS_DENIED}
    codes = denied - CREDENTIAL_CODES
    assert [code for code in sorted(codes) if not re.fullmatch(found[1], code)] == []


def test_every_alert_has_a_case_that_fires() -> None:
    """An alert that was never seen firing is no alert."""
    fired = {
        case["alertname"]
        for test in yaml.safe_load(CASES.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert {alert["alert"] for alert in alerts()} == fired


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """The address in the alert leads to a page with diagnosis and repair."""
    pages = {path.name: path.read_text() for path in (ROOT / "docs" / "runbooks").glob("C*.md")}
    linked = {alert["annotations"]["runbook_url"].removeprefix("RUNBOOKS/") for alert in alerts()}
    assert linked == set(pages)
    for name, text in pages.items():
        assert text.startswith(f"# {name.removesuffix('.md')}\n")
        assert "## Diagnosis\n" in text
        assert "## Mend\n" in text


def test_every_reason_has_its_section() -> None:
    """What a condition or an Event says can be looked up."""
    text = (ROOT / "docs" / "reference" / "reasons.md").read_text()
    assert {reason.value for reason in Reason} == set(
        re.findall(r"^### (\w+)$", text, re.MULTILINE)
    )


def test_alerts_and_dashboards_ask_for_metrics_that_exist() -> None:
    """A query for a metric that nobody exposes is silent for ever."""
    asked = {name for alert in alerts() for name in _METRIC.findall(alert["expr"])}
    for path in FILES.glob("dashboards/*.json"):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                asked |= set(_METRIC.findall(target["expr"]))
    assert asked
    assert asked <= exposed()
