"""The map of the product: which resources a spec asks for, and in what order."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.api import components
from clickstream_operator.engine.outputs import OutputPending
from clickstream_operator.engine.resource import (
    DeletionPolicy,
)
from clickstream_operator.pipeline import function_config
from clickstream_operator.resources.iam_role import IAMRole
from tests.unit.pipeline.built import (
    BASE,
    LARGE,
    OUTPUTS,
    PLACE,
    ROLE,
    TOPIC,
    build,
    environment_of,
    everything,
)

ALARMS = {
    f"alarm-{part}-{metric}": f"{BASE}-{part}-{metric}"
    for part in ("processor", "detector")
    for metric in ("iterator-age", "errors", "throttles", "duration")
} | {
    "alarm-balance": f"{BASE}-balance",
    "alarm-dead-letter-depth": f"{BASE}-dead-letter-depth",
    "alarm-failed-objects": f"{BASE}-failed-objects",
}
DETECTOR = {
    "detector": f"{BASE}-detector",
    "detector-role": f"{BASE}-detector",
    "detector-logs": f"/aws/lambda/{BASE}-detector",
    "detector-mapping": f"{BASE}-detector",
    "scheduler-role": f"{BASE}-scheduler",
    "schedule": BASE,
}
DEFAULT = (
    {
        "stream": f"{BASE}-events",
        "page-metrics-table": f"{BASE}-page-metrics",
        "session-metrics-table": f"{BASE}-session-metrics",
        "counters-table": f"{BASE}-counters",
        "archive": f"{BASE}-archive-123456789012-eu-west-1-an",
        "dead-letter": f"{BASE}-dead-letter",
        "hash-key": f"/clickstream/{BASE}/hash-key",
        "processor": f"{BASE}-processor",
        "processor-role": f"{BASE}-processor",
        "processor-logs": f"/aws/lambda/{BASE}-processor",
        "processor-mapping": f"{BASE}-processor",
        "dashboard": BASE,
    }
    | DETECTOR
    | ALARMS
)


def test_empty_spec_is_the_reference_pipeline() -> None:
    """Names exactly as "Names and tags" lists them: 11 alarms, 3 roles."""
    built = build({})
    assert {name: one.physical_name for name, one in built.items()} == DEFAULT
    assert sum(one.kind == "IAMRole" for one in built.values()) == 3
    assert sum(name.startswith("alarm-") for name in built) == 11


def test_every_resource_carries_the_tags_and_its_component() -> None:
    """Owner, environment, the user's, and the part that it plays."""
    for name, resource in build({"environment": "prod", "tags": {"team": "web"}}).items():
        more = {"Environment": "prod", "ManagedBy": "clickstream-operator", "team": "web"}
        assert dict(resource.tags) == {
            "clickstream.dev/cluster": "c",
            "clickstream.dev/namespace": "shop",
            "clickstream.dev/pipeline": "web",
            "clickstream.dev/uid": "u",
            "clickstream.dev/component": name,
            **({} if isinstance(resource, IAMRole) else more),
        }


@pytest.mark.parametrize(
    ("spec", "gone"),
    [
        (
            {"anomalyDetection": {"enabled": False}},
            {*DETECTOR, "alarm-balance", *(name for name in ALARMS if "detector" in name)},
        ),
        ({"dashboard": {"enabled": False}}, {"dashboard"}),
        ({"alarms": {"enabled": False}}, set(ALARMS)),
        ({"archive": {"enabled": False}}, set()),
        ({"processor": {"roleArn": ROLE}}, {"processor-role"}),
        ({"anomalyDetection": {"roleArn": ROLE}}, {"detector-role"}),
    ],
)
def test_switch_removes_exactly_its_part(spec: dict[str, Any], gone: set[str]) -> None:
    """What is switched off is absent, all else stays."""
    assert set(DEFAULT) - set(build(spec)) == gone
    assert set(build(spec)) <= set(DEFAULT)


@pytest.mark.parametrize(
    ("spec", "more"),
    [
        ({"alerts": {"enabled": True}}, {"alerts"}),
        (
            {"alerts": {"enabled": True, "emails": ["a@example.com"]}},
            {"alerts", "alerts-email-08168cd8"},
        ),
        (
            {"alerts": {"enabled": True, "topicArn": TOPIC, "emails": ["a@example.com"]}},
            {"alerts-email-08168cd8"},
        ),
        ({"alerts": {"emails": ["a@example.com"]}}, set()),
        ({"alarms": {"noDataMinutes": 30}}, {"alarm-no-data"}),
        (LARGE, {"processor-config", "detector-config"}),
    ],
)
def test_switch_adds_exactly_its_part(spec: dict[str, Any], more: set[str]) -> None:
    """What is switched on comes on top."""
    assert set(build(spec)) - set(DEFAULT) == more


def test_alarms_and_dashboard_do_not_gate() -> None:
    """Nor do subscriptions, which wait for a person."""
    spec = {"alerts": {"enabled": True, "emails": ["a@example.com"]}}
    aside = {name for name, one in build(spec).items() if not one.gates_ready}
    assert aside == {*ALARMS, "dashboard", "alerts-email-08168cd8"}


@pytest.mark.parametrize(
    ("spec", "adopted", "retained"),
    [
        (
            {},
            (),
            {
                "archive",
                "page-metrics-table",
                "session-metrics-table",
                "counters-table",
                "hash-key",
            },
        ),
        (
            {
                "deletionPolicy": {"archive": "Empty", "tables": "Delete"},
                "tables": {"deletionProtection": False},
            },
            (),
            set(),
        ),
        (
            {
                "deletionPolicy": {
                    "archive": "Delete",
                    "tables": "Delete",
                    "stream": "Retain",
                    "logs": "Retain",
                    "deadLetter": "Retain",
                }
            },
            (),
            {"stream", "dead-letter", "processor-logs", "detector-logs"},
        ),
        (
            {"deletionPolicy": {"archive": "Delete", "tables": "Delete"}},
            ("stream",),
            {"stream"},
        ),
        (
            {"deletionPolicy": {"archive": "Delete", "tables": "Delete", "adopted": "Delete"}},
            ("stream",),
            set(),
        ),
    ],
)
def test_deletion_policies(
    spec: dict[str, Any], adopted: tuple[str, ...], retained: set[str]
) -> None:
    """Each part as its policy says; the hash key lives as long as what it hashed."""
    built = build(spec, adopted=frozenset(adopted))
    found = {name for name, one in built.items() if one.deletion is DeletionPolicy.RETAIN}
    assert found == retained


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "anomalyDetection": st.fixed_dictionaries(
            {"enabled": st.booleans(), "roleArn": st.sampled_from([None, ROLE])}
        ),
        "processor": st.fixed_dictionaries({"roleArn": st.sampled_from([None, ROLE])}),
        "alerts": st.fixed_dictionaries(
            {
                "enabled": st.booleans(),
                "topicArn": st.sampled_from([None, TOPIC]),
                "emails": st.lists(
                    st.sampled_from(["a@example.com", "b@example.com"]), unique=True
                ),
            }
        ),
        "dashboard": st.fixed_dictionaries({"enabled": st.booleans()}),
        "alarms": st.fixed_dictionaries(
            {
                "enabled": st.booleans(),
                "noDataMinutes": st.sampled_from([None, 30]),
                "actionArns": st.lists(st.just(TOPIC), max_size=1),
            }
        ),
        "archive": st.fixed_dictionaries({"enabled": st.booleans()}),
        "metrics": st.sampled_from([[], LARGE["metrics"]]),
    },
)


@given(SPECS)
def test_dependencies_exist_and_have_an_order(spec: dict[str, Any]) -> None:
    """Every dependency is built too, without a cycle, for any choice."""
    built = build(spec)
    for resource in built.values():
        assert resource.depends_on <= set(built)
        assert resource.name not in resource.depends_on
    TopologicalSorter({name: one.depends_on for name, one in built.items()}).prepare()


@given(SPECS, st.sets(st.sampled_from(["stream", "archive"])))
def test_everything_includes_whatever_was_asked_for(
    spec: dict[str, Any], adopted: set[str]
) -> None:
    """Deletion finds all that any choice made, under the same names and policies."""
    built = build(spec, adopted=frozenset(adopted))
    subscribed = frozenset(name for name in built if name.startswith("alerts-email-"))
    all_of_it = everything(spec, adopted=frozenset(adopted), subscribed=subscribed)
    assert set(built) <= set(all_of_it)
    for name, resource in built.items():
        other = all_of_it[name]
        assert (other.physical_name, other.kind, other.deletion) == (
            resource.physical_name,
            resource.kind,
            resource.deletion,
        )


def test_everything_remembers_addresses_that_left() -> None:
    """Of an address that left the spec only the digest is known."""
    left = components.subscription("12345678")
    assert left in everything({}, subscribed=frozenset({left, "stream"}))


@given(SPECS)
def test_desired_states_are_pure(spec: dict[str, Any]) -> None:
    """The same outputs give the same desired state, without a call to AWS or a new attribute."""
    for resource in build(spec).values():
        needs = {name: OUTPUTS.get(name, {}) for name in resource.depends_on}
        before = dict(vars(resource))
        bound = resource.bind(needs)
        assert resource.desired(needs) == resource.desired(needs) == bound.desired(needs)
        assert vars(resource) == before


def test_desired_state_waits_for_outputs() -> None:
    """A function can't be described before its stream has an epoch."""
    with pytest.raises(OutputPending, match="waiting for stream"):
        build({})["processor"].desired({})


@pytest.mark.parametrize("function", ["processor", "detector"])
def test_small_configuration_stands_in_the_environment(function: str) -> None:
    """Without an object in between."""
    built = build({})
    variables = environment_of(built[function])
    assert set(variables) == {"CLICKSTREAM_CONFIG"}
    assert len(variables["CLICKSTREAM_CONFIG"]) <= function_config.ENVIRONMENT_LIMIT


@pytest.mark.parametrize("function", ["processor", "detector"])
def test_large_configuration_goes_to_the_bucket(function: str) -> None:
    """The function waits for the object and gets its address."""
    built = build(LARGE)
    assert f"{function}-config" in built[function].depends_on
    variables = environment_of(built[function])
    assert variables == {"CLICKSTREAM_CONFIG_S3": f"s3://b/config/{function[0]}.json"}
    config = built[f"{function}-config"]
    assert config.physical_name == DEFAULT["archive"]
    assert config.desired(OUTPUTS)["key"].startswith("config/")


def test_alarms_notify_the_topic_of_the_pipeline() -> None:
    """Own topic, given topic, given actions, or nobody."""

    def actions(spec: dict[str, Any]) -> tuple[Any, frozenset[str]]:
        alarm = build(spec)["alarm-processor-errors"]
        return alarm.desired({})["actions.alarm"], alarm.depends_on

    own = PLACE.topic(f"{BASE}-alerts")
    assert actions({}) == ((), frozenset())
    assert actions({"alerts": {"enabled": True}}) == ((own,), frozenset({"alerts"}))
    assert actions({"alerts": {"enabled": True, "topicArn": TOPIC}}) == ((TOPIC,), frozenset())
    assert actions({"alerts": {"enabled": True}, "alarms": {"actionArns": [TOPIC]}}) == (
        (TOPIC,),
        frozenset(),
    )
