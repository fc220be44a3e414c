"""The functions' configuration: what the operator writes, the functions accept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import shared
from clickstream_operator.api.spec import DetectionRule
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.pipeline import function_config, names
from clickstream_operator.pipeline.detection_config import RuleError, compile_rule
from clickstream_operator.pipeline.function_config import Function
from shared.config import Config, load_config

SCHEMA = json.loads((Path(shared.__path__[0]) / "config.schema.json").read_text())
PLACE = AwsLocation("aws", "eu-west-1", "123456789012")
BASE = "web-abcdefgh"
FUNCTIONS: tuple[Function, ...] = ("processor", "detector", "collector")


def document(function: Function = "processor", spec: Spec | None = None) -> dict[str, Any]:
    """The configuration of one function."""
    parsed = spec or Spec()
    return function_config.document(
        function,
        spec=parsed,
        base=BASE,
        physical=names.physical_names(base=BASE, place=PLACE, spec=parsed, account_regional=True),
        stream_epoch="1761998400",
        dead_letter_url="https://sqs.eu-west-1.amazonaws.com/123456789012/q",
        topic_arn="",
    )


def load(found: dict[str, Any], function: Function = "processor") -> Config:
    """The configuration as the function itself reads it."""

    def no_s3() -> Any:
        raise AssertionError("the configuration stands in the environment")

    text = function_config.as_text(found)
    return load_config({"CLICKSTREAM_CONFIG": text}, s3=no_s3, function=function)


def test_schema_is_a_schema() -> None:
    """The shared file is valid JSON Schema."""
    meta_schema = jsonschema.Draft202012Validator.META_SCHEMA
    assert not list(jsonschema.Draft202012Validator(meta_schema).iter_errors(SCHEMA))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_default_configuration_is_accepted(function: Function) -> None:
    """By the schema and by the function's own loader."""
    found = document(function)
    jsonschema.validate(found, SCHEMA)
    config = load(found, function)
    assert (config.function, config.pipeline) == (function, BASE)
    assert config.tables.counters == f"{BASE}-counters"
    assert config.privacy.hash_key_parameter == f"/clickstream/{BASE}/hash-key"
    assert config.bucket == f"{BASE}-archive-123456789012-eu-west-1-an"


def test_every_choice_arrives() -> None:
    """What the spec says is what the function sees."""
    spec = Spec.model_validate(
        {
            "archive": {"enabled": False, "compression": "Zstd"},
            "events": {"fields": {"type": "kind"}, "maxPastSeconds": 3600, "maxFutureSeconds": 1},
            "privacy": {"ipAddress": "Drop", "userId": "Keep", "dropFields": ["email"]},
            "metrics": [
                {
                    "name": "Sales",
                    "namespace": "Shop",
                    "match": {"event_type": "purchase"},
                    "valueField": "amount",
                    "unit": "None",
                    "dimensions": ["country"],
                    "maxSeries": 5,
                }
            ],
            "tables": {"ttl": {"pageMetricsDays": 30}},
            "stream": {"retentionHours": 48},
            "anomalyDetection": {"disabledRules": ["volume", "geographic"]},
            "processor": {"logLevel": "DEBUG"},
        }
    )
    config = load(document(spec=spec))
    assert (config.archive_enabled, config.archive_compression) == (False, "Zstd")
    assert (config.fields.type, config.max_past_seconds, config.max_future_seconds) == (
        "kind",
        3600,
        1,
    )
    assert (config.privacy.ip_address, config.privacy.user_id) == ("Drop", "Keep")
    assert config.privacy.drop_fields == {"email"}
    (metric,) = config.metrics
    assert (metric.name, metric.value_field, metric.max_series) == ("Sales", "amount", 5)
    assert (config.ttl.page_metrics_days, config.ttl.lane_hours) == (30, 72)
    assert config.detection.disabled_rules == {"volume", "geographic"}
    assert config.log_level == "DEBUG"


MEMBERS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "archive": st.fixed_dictionaries(
            {"enabled": st.booleans(), "compression": st.sampled_from(["Gzip", "Zstd"])}
        ),
        "events": st.fixed_dictionaries(
            {
                "fields": st.fixed_dictionaries({"country": MEMBERS, "ip": MEMBERS}),
                "maxPastSeconds": st.integers(60, 31536000),
                "maxFutureSeconds": st.integers(0, 86400),
            }
        ),
        "privacy": st.fixed_dictionaries(
            {
                "ipAddress": st.sampled_from(["Keep", "Truncate", "Drop"]),
                "userId": st.sampled_from(["Keep", "Hash", "Drop"]),
                "queryParameters": st.lists(MEMBERS, max_size=3),
                "dropFields": st.lists(MEMBERS.map(lambda name: f"x{name}"), max_size=3),
            }
        ),
        "metrics": st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.from_regex(r"[A-Za-z0-9_./#-]{1,20}", fullmatch=True),
                    "match": st.dictionaries(MEMBERS, st.text(max_size=10), max_size=3),
                    "unit": st.sampled_from(
                        ["Count", "None", "Seconds", "Milliseconds", "Bytes", "Percent"]
                    ),
                },
                optional={
                    "namespace": st.from_regex(r"[B-Zb-z][A-Za-z0-9_./#-]{0,20}", fullmatch=True),
                    "valueField": MEMBERS,
                    "dimensions": st.lists(MEMBERS, max_size=3),
                    "maxSeries": st.integers(1, 1000),
                },
            ),
            max_size=3,
        ),
        "stream": st.fixed_dictionaries({"retentionHours": st.integers(24, 8760)}),
        "tables": st.fixed_dictionaries(
            {
                "ttl": st.fixed_dictionaries(
                    {
                        "pageMetricsDays": st.integers(2, 3650),
                        "sessionMetricsHours": st.integers(27, 87600),
                        "countersHours": st.integers(27, 87600),
                    }
                )
            }
        ),
        "anomalyDetection": st.fixed_dictionaries(
            {
                "enabled": st.booleans(),
                "sensitivity": st.sampled_from(["Low", "Medium", "High"]),
                "disabledRules": st.lists(
                    st.sampled_from(["volume", "geographic", "high_frequency_clicks"]), unique=True
                ),
            }
        ),
    },
)


@given(SPECS, st.sampled_from(FUNCTIONS))
def test_every_accepted_spec_gives_an_accepted_configuration(
    spec: dict[str, Any], function: Function
) -> None:
    """No spec that the API takes stops a function at its start."""
    found = document(function, Spec.model_validate(spec))
    jsonschema.validate(found, SCHEMA)
    config = load(found, function)
    assert (config.function, config.pipeline) == (function, BASE)


def test_text_is_the_same_for_the_same_configuration() -> None:
    """Compact and sorted, so that equal specs change nothing."""
    found = document()
    assert function_config.as_text(dict(reversed(list(found.items())))) == (
        function_config.as_text(found)
    )
    assert " " not in function_config.as_text({"a": 1, "b": [1, 2]})


def test_object_key_follows_the_content() -> None:
    """Another content is another key below config/."""
    assert function_config.object_key("a") == "config/ca978112ca1bbdca.json"
    assert function_config.object_key("a") != function_config.object_key("b")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_default_configuration_fits_the_environment(function: Function) -> None:
    """The usual pipeline needs no object."""
    assert len(function_config.as_text(document(function))) < function_config.ENVIRONMENT_LIMIT


EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_gives_an_accepted_configuration(path: Path) -> None:
    """What the examples ask for, both functions understand."""
    for body in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if body["kind"] != "ClickstreamPipeline":
            continue
        found = document("detector", spec=Spec.model_validate(body.get("spec", {})))
        jsonschema.validate(found, SCHEMA)
        assert load(found, "detector").detection.stream


def rule(**members: Any) -> DetectionRule:
    """A user's rule."""
    return DetectionRule.model_validate({"name": "mine", "kind": "Rate", "value": "5"} | members)


def test_rules_arrive_as_numbers_and_defaults() -> None:
    """Text becomes what the kind compares with; what is unset has its default."""
    spec = {"anomalyDetection": {"rules": [{"name": "a", "kind": "Rate", "value": "50"}]}}
    (found,) = load(
        document("detector", spec=Spec.model_validate(spec)), "detector"
    ).detection.rules
    assert (found.limit, found.per_seconds, found.for_seconds) == (50, 60, 0)
    assert (found.scope, found.cooldown_seconds, found.severity) == ("Session", 1800, "warning")
    assert compile_rule(rule(kind="Ratio", field="error", value="0.25"))["minVolume"] == 30
    assert compile_rule(rule(kind="Ratio", field="error", value="0.25"))["limit"] == 0.25
    assert compile_rule(rule(kind="Match", field="x", value="5"))["text"] == "5"
    assert compile_rule(rule(match={"a": "b"}, operator="LessThan"))["match"] == {"a": "b"}


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"value": "many"}, r"rules\[mine\].value must be a number with kind Rate"),
        ({"value": "inf"}, "value must be a number"),
        ({"value": "nan"}, "value must be a number"),
        ({"value": None}, "value must be a number"),
        ({"kind": "Threshold"}, "field is required with kind Threshold"),
        ({"kind": "Match", "field": "x", "value": None}, "value is required with kind Match"),
        ({"kind": "Seasonal", "value": None}, "scope must be Site with kind Seasonal"),
    ],
)
def test_rule_that_an_older_crd_let_in_is_named(members: dict[str, Any], says: str) -> None:
    """The API server refuses these today; an object from before ends in a clear message."""
    with pytest.raises(RuleError, match=says):
        compile_rule(rule(**members))
