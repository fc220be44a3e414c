"""A key without a value, or one that an older chart did not have, renders as if it were not set."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import Sandbox
from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, one

KeyPath = tuple[str, ...]
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
#: Enables every template; all else is left to the defaults.
EVERY_TEMPLATE: dict[str, Any] = {
    "aws": {"region": "eu-west-1"},
    "networkPolicy": {"enabled": True},
    "metrics": {"serviceMonitor": {"enabled": True}},
    "prometheusRule": {"enabled": True},
    "grafanaDashboards": {"enabled": True},
    "admissionPolicy": {"enabled": True, "deleteGuard": True},
}
#: The keys without which nothing renders, and the words that name the value to set.
REQUIRED = {
    ("aws",): "aws.region is empty: set it",
    ("aws", "region"): "aws.region is empty: set it",
    ("admissionPolicy", "enabled"): "set admissionPolicy.enabled=true",
    ("admissionPolicy", "deleteGuard"): "set allowedRegions, maxShards, denyOnDemand, deleteGuard",
}
#: Maps that are one value: an empty key in them removes a part of the default, as in all of Helm.
ONE_VALUE = {
    ("resources",),
    ("podSecurityContext",),
    ("securityContext",),
    ("grafanaDashboards", "labels"),
}


def keys(node: dict[str, Any], above: KeyPath = ()) -> Iterator[KeyPath]:
    """The path of every key, at every depth of maps."""
    for key, value in node.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from keys(value, (*above, key))


def without(values: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """A copy in which the key is not there."""
    found = copy.deepcopy(values)
    node: Any = found
    for key in path[:-1]:
        node = node.get(key, {})
    node.pop(path[-1], None)
    return found


def with_value(values: dict[str, Any], path: KeyPath, value: Any) -> dict[str, Any]:
    """A copy in which the key has a value."""
    found = copy.deepcopy(values)
    node: Any = found
    for key in path[:-1]:
        node = node.setdefault(key, {})
    node[path[-1]] = value
    return found


class Renderer:
    """`helm template` of one major with a values file; `(stdout, stderr)`."""

    def __init__(self, helm: Helm, folder: Path) -> None:
        self._helm = helm
        self._file = folder / "given.yaml"

    def __call__(self, values: dict[str, Any], chart: Path = CHART) -> tuple[str, str]:
        """What Helm writes with these values; `stderr` is empty unless it fails."""
        self._file.write_text(yaml.safe_dump(values))
        done = self._helm.run("template", "x", str(chart), "-f", str(self._file), check=False)
        assert bool(done.returncode) == bool(done.stderr), done.stderr
        return done.stdout, done.stderr


@pytest.fixture
def render(offline: Helm, tmp_path: Path) -> Renderer:
    """The chart by each major of Helm."""
    return Renderer(offline, tmp_path)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A copy of the chart, whose values.yaml a test replaces."""
    return Path(shutil.copytree(CHART, tmp_path / "older"))


def test_each_key_may_be_empty_or_absent(render: Renderer, older: Path) -> None:
    """Every key of values.yaml: null in a values file and absent from the chart's defaults.

    Both give the manifests of a values file that does not name the key. Helm renders
    `--reuse-values` with the values of the old release in place of the chart's, so a key that an
    older chart did not have is one that values.yaml lacks.
    """
    default = render(EVERY_TEMPLATE)
    assert default[0]
    different: list[KeyPath] = []
    failed: dict[KeyPath, str] = {}
    for path in keys(DEFAULTS):
        given = without(EVERY_TEMPLATE, path)
        expected = default if given == EVERY_TEMPLATE else render(given)
        if expected[1]:
            failed[path] = expected[1]
        null = render(with_value(EVERY_TEMPLATE, path, None))
        (older / "values.yaml").write_text(yaml.safe_dump(without(DEFAULTS, path)))
        absent = render(given, older)
        if any(path[: len(one)] == one and path != one for one in ONE_VALUE):
            assert not null[1]
            expected = null
        if not null == absent == expected:
            different.append(path)
    assert different == []
    assert failed.keys() == REQUIRED.keys()
    for path, words in REQUIRED.items():
        assert words in failed[path]


def test_a_release_without_any_of_the_keys(render: Renderer, older: Path) -> None:
    """No default at all in values.yaml, as if every key were newer than the release."""
    (older / "values.yaml").write_text("")
    assert render(EVERY_TEMPLATE, older) == render(EVERY_TEMPLATE)


#: A value in whose map or list a key is empty; the path of that key.
INSIDE: list[tuple[dict[str, Any], KeyPath]] = [
    *(
        (with_value(EVERY_TEMPLATE, (*map_, "kept"), "yes"), (*map_, "empty"))
        for map_ in [
            ("commonLabels",),
            ("podLabels",),
            ("podAnnotations",),
            ("deploymentAnnotations",),
            ("nodeSelector",),
            ("crds", "annotations"),
            ("serviceAccount", "annotations"),
            ("metrics", "service", "annotations"),
            ("metrics", "serviceMonitor", "labels"),
            ("prometheusRule", "labels"),
            ("grafanaDashboards", "labels"),
            ("grafanaDashboards", "annotations"),
        ]
    ),
    (EVERY_TEMPLATE, ("resources", "limits", "cpu")),
    (EVERY_TEMPLATE, ("affinity", "podAffinity")),
    (EVERY_TEMPLATE, ("global",)),
]


@pytest.mark.parametrize(("values", "path"), INSIDE, ids=".".join)
def test_an_empty_key_of_a_users_map(
    render: Renderer, values: dict[str, Any], path: KeyPath
) -> None:
    """A label, an annotation, a namespace without a value: the others are there as given."""
    expected = render(values)
    assert expected[0]
    assert render(with_value(values, path, None)) == expected


def test_an_empty_key_in_an_item_of_a_list(render: Renderer) -> None:
    """An item is rendered without its empty keys; Kubernetes reads both alike."""
    items: dict[str, Any] = {
        "tolerations": [{"operator": "Exists"}],
        "extraEnv": [{"name": "A"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}],
    }
    expected = render(EVERY_TEMPLATE | items)
    assert expected[0]
    for name, (item,) in items.items():
        assert render(EVERY_TEMPLATE | items | {name: [item | {"empty": None}]}) == expected


@pytest.mark.parametrize("key", ["topics", "regions", "limits", "adopt"])
def test_an_empty_key_of_a_tenant_is_refused(render: Renderer, key: str) -> None:
    """It could mean nothing or, as an absent one of `regions` and `limits` does, anything."""
    rendered, refused = render(EVERY_TEMPLATE | {"tenants": [{"namespaces": ["a"], key: None}]})
    assert not rendered
    assert f"/tenants/0/{key}" in refused or f"tenants.0.{key}" in refused
    assert "got null, want" in refused


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("imagePullSecrets", {"name": None}),
        ("extraEnv", {"name": None, "value": "x"}),
        ("extraVolumes", {"name": None, "emptyDir": {}}),
        ("extraVolumeMounts", {"name": "ca", "mountPath": None}),
    ],
)
def test_a_required_key_of_an_item_is_named(
    render: Renderer, name: str, item: dict[str, Any]
) -> None:
    """An item without what it needs is refused by the place of the value."""
    key = next(key for key, value in item.items() if value is None)
    _, refused = render(EVERY_TEMPLATE | {name: [item]})
    assert name in refused
    assert key in refused
    assert "got null, want string" in refused


def test_an_empty_key_removes_a_part_of_a_default(offline: Helm, tmp_path: Path) -> None:
    """`resources.limits:` with nothing behind it is how a limit is removed."""
    file = tmp_path / "values.yaml"
    file.write_text("aws: {region: eu-west-1}\nresources: {limits: , requests: {cpu: }}\n")
    deployment = one(offline.render(CHART, "-f", str(file)), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {"requests": {"memory": "256Mi"}}


def test_an_upgrade_that_reuses_the_values_of_an_older_chart(
    cluster: Sandbox, helm_there: Helm, older: Path
) -> None:
    """`helm upgrade --reuse-values` from a chart that had one value."""
    (older / "values.yaml").write_text("aws: {region: eu-west-1}\n")
    where = ("clickstream-operator", "-n", "default")
    helm_there.run("install", where[0], str(older), *where[1:])
    helm_there.run("upgrade", where[0], str(CHART), *where[1:], "--reuse-values")
    reused = helm_there.run("get", "manifest", *where).stdout
    helm_there.run(
        "upgrade", where[0], str(CHART), *where[1:], "--reset-values", "--set=aws.region=eu-west-1"
    )
    assert reused == helm_there.run("get", "manifest", *where).stdout
    assert cluster.kubectl("get", "deployment", *where[:1], *where[1:], "-o", "name").stdout
