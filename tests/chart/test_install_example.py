"""The manifests for an installation without Helm give the rights that the chart gives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from sandbox.helm import Helm
from tests.chart.test_values import CHART, REGION, options

RBAC = Path(__file__).parents[2] / "examples" / "install" / "rbac.yaml"


def is_operators(role: dict[str, Any]) -> bool:
    """Whether a role is the operator's own, not one for users."""
    return not any(word in role["metadata"]["name"] for word in ("viewer", "editor"))


def rights(objects: list[Any]) -> Counter[tuple[str, str, str, tuple[str, ...], str]]:
    """Each right by kind of role: (kind, API group, resource, names, verb)."""
    found: Counter[tuple[str, str, str, tuple[str, ...], str]] = Counter()
    for one in objects:
        if one["kind"] not in {"Role", "ClusterRole"} or not is_operators(one):
            continue
        for rule in one["rules"]:
            names = tuple(rule.get("resourceNames", ()))
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        found[one["kind"], group, resource, names, verb] += 1
    return found


def test_the_example_gives_the_rights_of_the_chart(offline: Helm) -> None:
    """Right by right, with the chart's defaults."""
    example = rights([one for one in yaml.safe_load_all(RBAC.read_text()) if one])
    assert {kind for kind, *_ in example} == {"Role", "ClusterRole"}
    assert example == rights(offline.render(CHART, *options(REGION)))
