"""Unknown fields, defaults and lists, client-side and server-side."""

from typing import Any

import pytest

from tests.integration.manifests.api_server import Api
from tests.integration.manifests.objects import Json, complete, manifest
from tests.integration.manifests.tables import DEFAULTS, spec_schema


@pytest.mark.parametrize("mode", ["--server-side=false", "--server-side"])
@pytest.mark.parametrize(
    ("spec", "field"),
    [({"strem": {}}, "spec.strem"), ({"stream": {"shard": 1}}, "spec.stream.shard")],
)
def test_kubectl_refuses_unknown_fields(api: Api, mode: str, spec: Json, field: str) -> None:
    """A slip of the pen is told, not dropped.

    One slip at a time: of several, a server-side apply names the one it comes upon first.
    """
    said = api.kubectl("apply", mode, "-f-", body=manifest(spec), check=False)
    assert f'unknown field "{field}"' in said or f".{field}: field not declared" in said
    assert api.kubectl("get", "csp", "probe", "--ignore-not-found") == ""


def test_other_clients_lose_unknown_fields(api: Api) -> None:
    """They are not stored, so that nobody believes in them."""
    stored = api.create(manifest({"strem": {}, "stream": {"shard": 1}}))
    assert stored["spec"] == complete()


CLIENT_SIDE = ("apply", "-f-")
SERVER_SIDE = ("apply", "--server-side", "-f-")
APPLIES = pytest.mark.parametrize("apply", [CLIENT_SIDE, SERVER_SIDE], ids=["client", "server"])


def applied(api: Api, apply: tuple[str, ...], spec: Json | None, *more: str) -> Json:
    """Apply an object and return its stored spec."""
    api.kubectl(*apply, *more, body=manifest(spec))
    stored: Json = api.read("probe")["spec"]
    return stored


@APPLIES
@pytest.mark.parametrize("spec", [None, {}], ids=["without", "empty"])
def test_an_empty_spec_is_complete(api: Api, apply: tuple[str, ...], spec: Json | None) -> None:
    """The stored spec is that of the table and of the models, with either kind of apply."""
    assert applied(api, apply, spec) == DEFAULTS == complete()


@pytest.mark.parametrize(
    "part",
    [name for name, node in spec_schema()["properties"].items() if "default" in node],
)
def test_null_is_the_default(api: Api, part: str) -> None:
    """`stream: null` and `stream: {}` come out complete, as templates write them."""
    assert api.create(manifest({part: None}))["spec"] == complete()


@pytest.mark.parametrize(
    "part",
    # Credentials have no default: without a role they mean nothing.
    [
        name
        for name, node in spec_schema()["properties"].items()
        if "properties" in node and name != "credentials"
    ],
)
def test_an_empty_part_is_complete(api: Api, part: str) -> None:
    """Writing one part leaves nothing out of it."""
    assert api.create(manifest({part: {}}))["spec"] == complete()


def test_a_part_keeps_its_other_defaults(api: Api) -> None:
    """One field of an object does not replace the object's defaults."""
    spec = {"events": {"fields": {"type": "kind"}}, "tables": {"ttl": {"countersHours": 72}}}
    assert api.create(manifest(spec))["spec"] == complete(**spec)


TRANSITION = {"storageClass": "GLACIER_IR", "afterDays": 60}


@APPLIES
@pytest.mark.parametrize(
    ("part", "name", "other"),
    [
        ("archive", "transitions", [TRANSITION]),
        ("stream", "shardLevelMetrics", ["IncomingBytes"]),
        ("privacy", "queryParameters", ["lang", "utm_*"]),
    ],
)
def test_default_lists_can_be_replaced_emptied_and_restored(
    api: Api, apply: tuple[str, ...], part: str, name: str, other: list[Any]
) -> None:
    """A default that could not be removed would be a bound, not a default."""
    default = complete()[part][name]
    assert applied(api, apply, {})[part][name] == default
    assert applied(api, apply, {part: {name: other}})[part][name] == other
    assert applied(api, apply, {part: {name: []}})[part][name] == []
    assert applied(api, apply, {part: {name: default[:1]}})[part][name] == default[:1]
    assert applied(api, apply, {}) == complete()


def test_owners_share_lists_without_default(api: Api) -> None:
    """With server-side apply each owner adds and removes its own items."""

    def of(owner: str, *items: str) -> Json:
        spec = {
            "alerts": {"enabled": True, "emails": [f"{item}@example.com" for item in items]},
            "alarms": {"actionArns": [f"arn:aws:sns:eu-west-1:1:{item}" for item in items]},
            "metrics": [{"name": item, "match": {"event_type": item}} for item in items],
            "anomalyDetection": {
                "rules": [{"name": item, "kind": "Rate", "value": "5"} for item in items],
            },
        }
        return applied(api, SERVER_SIDE, spec, f"--field-manager={owner}")

    def items(spec: Json) -> list[set[str]]:
        return [
            {address.removesuffix("@example.com") for address in spec["alerts"]["emails"]},
            {arn.rpartition(":")[2] for arn in spec["alarms"]["actionArns"]},
            {metric["name"] for metric in spec["metrics"]},
            {rule["name"] for rule in spec["anomalyDetection"]["rules"]},
        ]

    assert items(of("one", "a", "b")) == [{"a", "b"}] * 4
    assert items(of("two", "c")) == [{"a", "b", "c"}] * 4
    assert items(of("one", "b")) == [{"b", "c"}] * 4
    assert items(of("one")) == [{"c"}] * 4
    assert items(of("two")) == [set[str]()] * 4


def test_a_set_is_emptied_and_filled_by_owners(api: Api) -> None:
    """The set of disabled rules and the map of tags, by removing the field itself."""
    spec: Json = {
        "anomalyDetection": {"disabledRules": ["volume", "geographic"]},
        "tags": {"Team": "data", "CostCenter": "analytics"},
    }
    assert applied(api, SERVER_SIDE, spec)["tags"] == spec["tags"]
    fewer = {"anomalyDetection": {"disabledRules": ["volume"]}, "tags": {"Team": "data"}}
    stored = applied(api, SERVER_SIDE, fewer)
    assert stored["anomalyDetection"]["disabledRules"] == ["volume"]
    assert stored["tags"] == {"Team": "data"}
    assert applied(api, SERVER_SIDE, {}) == complete()


@APPLIES
def test_an_unset_field_can_be_set_and_unset(api: Api, apply: tuple[str, ...]) -> None:
    """Fields without default vanish with the line in the manifest."""
    spec = {
        "stream": {"autoscaling": {"minShards": 1, "maxShards": 4}},
        "alarms": {"noDataMinutes": 30},
        "archive": {"kmsKeyId": "alias/archive"},
    }
    stored = applied(api, apply, spec)
    assert stored["stream"]["autoscaling"] == {
        "minShards": 1,
        "maxShards": 4,
        "targetUtilizationPercent": 70,
        "scaleDownAfterSeconds": 1800,
    }
    assert stored["alarms"]["noDataMinutes"] == 30
    assert applied(api, apply, {}) == complete()
