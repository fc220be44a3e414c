"""The manifests for an installation without Helm give the rights that the chart gives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from clickstream_operator.settings import Settings
from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, REGION, environment, one, options

INSTALL = Path(__file__).parents[2] / "examples" / "install"
RBAC = INSTALL / "rbac.yaml"
OUTPUTS = INSTALL / "outputs-rbac.yaml"
NAME = "app.kubernetes.io/name"


def is_operators(role: dict[str, Any]) -> bool:
    """Whether a role is the operator's own, not one for users."""
    return not any(word in role["metadata"]["name"] for word in ("viewer", "editor"))


def rights(objects: list[Any]) -> Counter[tuple[str, str, str, tuple[str, ...], str]]:
    """Each right by kind of role: (kind, API group, resource, names, verb)."""
    found: Counter[tuple[str, str, str, tuple[str, ...], str]] = Counter()
    for role in objects:
        if role["kind"] not in {"Role", "ClusterRole"} or not is_operators(role):
            continue
        for rule in role["rules"]:
            names = tuple(rule.get("resourceNames", ()))
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        found[role["kind"], group, resource, names, verb] += 1
    return found


def plain(value: Any) -> Any:
    """A Deployment without what only Helm needs: its labels, and values that are the defaults."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: plain(each) for key, each in value.items() if key not in {"env", "annotations"}}
    if "labels" in kept:
        kept["labels"] = {NAME: kept["labels"][NAME]}
    return kept


def test_the_example_deploys_what_the_chart_deploys(offline: Helm) -> None:
    """The same Deployment; its variables are the chart's with the values that are no defaults."""
    example = yaml.safe_load((INSTALL / "deployment.yaml").read_text())
    where = ("--namespace", example["metadata"]["namespace"])
    chart = one(offline.render(CHART, *where, *options("aws.region=us-east-1")), "Deployment")
    assert plain(example) == plain(chart)
    # A selector can't be changed: with another one Helm could not take the Deployment over.
    selected = example["spec"]["selector"]["matchLabels"]
    assert selected == chart["spec"]["selector"]["matchLabels"]
    assert example["spec"]["template"]["metadata"]["labels"] == selected
    chosen = environment([example])
    assert chosen.pop("AWS_REGION") == environment([chart])["CLICKSTREAM_REGION"]
    assert chosen.items() <= environment([chart]).items()
    # Probes come from the node, so the default of loopback would fail them.
    assert chosen["CLICKSTREAM_LISTEN_HOST"] == "0.0.0.0"  # noqa: S104
    for name, value in environment([chart]).items():
        if name in chosen:
            continue
        setting = Settings.model_fields[name.removeprefix("CLICKSTREAM_").lower()]
        default = setting.default
        shown = str(default).lower() if isinstance(default, bool) else str(default)
        known = name in chosen or name == "CLICKSTREAM_REGION" or value == shown
        # The chart says what the operator finds out by itself: its name and its namespace.
        assert known or name in {"CLICKSTREAM_INSTANCE", "CLICKSTREAM_LEASE_NAMESPACE"}, name


def test_the_example_for_outputs_gives_the_rights_of_the_chart(offline: Helm) -> None:
    """What operator.outputsConfigMap adds, in the whole cluster instead of in namespaces."""
    values = [REGION, "watch.namespaces={shop}"]
    before, after = (
        rights(offline.render(CHART, *options(*values, *more)))
        for more in ([], ["operator.outputsConfigMap=true"])
    )
    added = {right[1:] for right in after - before}
    example = rights([each for each in yaml.safe_load_all(OUTPUTS.read_text()) if each])
    assert {right[1:] for right in example} == added
    assert added


def test_the_example_gives_the_rights_of_the_chart(offline: Helm) -> None:
    """Right by right, with the chart's defaults."""
    example = rights([each for each in yaml.safe_load_all(RBAC.read_text()) if each])
    assert {kind for kind, *_ in example} == {"Role", "ClusterRole"}
    assert example == rights(offline.render(CHART, *options(REGION)))
