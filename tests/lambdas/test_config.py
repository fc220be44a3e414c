"""The config: accepted whole, or refused with the member and the remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from processor.archive import Compression
from shared import config as config_module
from shared import schema_check
from shared.config import ConfigError, load_config, parse_config
from tests.lambdas.pipelines import config_document, make_config

SCHEMA = json.loads(
    Path(config_module.__file__).with_name("config.schema.json").read_text(encoding="utf-8")
)


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the valid config with one member at a dotted path set, or removed by `...`."""
    document = config_document()
    *parents, name = path.split(".")
    node = document
    for parent in parents:
        node = node[parent]
    if value is ...:
        del node[name]
    else:
        node[name] = value
    return document


RULE = {"name": "mine", "kind": "Rate", "scope": "Session", "limit": 5.5}
FAULTS = [
    ("bucket", ..., "bucket is missing: add it"),
    ("surprise", 1, "surprise is not known: remove it"),
    ("archive.enabled", "yes", "archive.enabled is a string: write a boolean"),
    ("archive.enabled", 1, "archive.enabled is a number: write a boolean"),
    ("ttl.laneHours", True, "ttl.laneHours is a boolean: write an integer"),
    ("ttl.laneHours", 0, "ttl.laneHours is 0: write at least 1"),
    ("archive.compression", "Brotli", "write one of Gzip, Zstd"),
    ("events.fields.user", "", "events.fields.user does not match"),
    ("events.maxPastSeconds", 1.5, "events.maxPastSeconds is a number: write an integer"),
    ("privacy.queryParameters", [""], "privacy.queryParameters[0] is empty"),
    ("detection.rules", [{"name": "mine", "kind": "Rate"}], "detection.rules[0].scope is missing"),
    ("detection.rules", [RULE | {"kind": "Words"}], "write one of Rate, Threshold, Match"),
    ("detection.rules", [RULE | {"limit": "5"}], "detection.rules[0].limit is a string"),
    ("detection.rules", [RULE] * 51, "detection.rules has 51 items: at most 50"),
    ("metrics", [{"name": "a", "namespace": "AWS/S3", "match": {}}], "metrics[0].namespace"),
    ("metrics", [{"name": "a", "namespace": "b", "match": {"x": 1}}], "metrics[0].match.x"),
]


@pytest.mark.parametrize(("path", "value", "message"), FAULTS)
def test_fault_names_member_and_remedy(path: str, value: Any, message: str) -> None:
    """Each kind of fault is refused with a sentence that tells what to write."""
    document = changed(path, value)
    with pytest.raises(ConfigError) as caught:
        parse_config(json.dumps(document))
    assert message in str(caught.value)


@pytest.mark.parametrize(("path", "value", "message"), FAULTS)
def test_schema_refuses_what_the_loader_refuses(path: str, value: Any, message: str) -> None:
    """The committed schema, under a complete validator, and the loader agree on faults."""
    assert message
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed(path, value), SCHEMA)


def test_valid_config_satisfies_schema_and_loader() -> None:
    """Both sides accept the shape that the operator writes."""
    document = config_document(
        metrics=[
            {
                "name": "Sales",
                "namespace": "Clickstream/Business",
                "match": {"event_type": "purchase"},
                "valueField": "amount",
                "dimensions": ["product_category"],
            }
        ]
    )
    jsonschema.validate(document, SCHEMA)
    metric = parse_config(json.dumps(document)).metrics[0]
    assert (metric.unit, metric.max_series, metric.value_field) == ("None", 100, "amount")


def test_unknown_version_names_the_package() -> None:
    """A config of a later operator is refused before anything else is looked at."""
    with pytest.raises(ConfigError, match="deploy the package that belongs to"):
        parse_config(json.dumps({"version": 2, "anything": "else"}))


def test_text_that_is_no_object_is_refused() -> None:
    """Neither broken JSON nor another JSON value is a config."""
    with pytest.raises(ConfigError, match="not JSON"):
        parse_config("{")
    with pytest.raises(ConfigError, match="write an object"):
        parse_config("[]")


def test_member_that_every_event_needs_cannot_be_dropped() -> None:
    """A privacy setting that would turn every event into a bad row is refused."""
    with pytest.raises(ConfigError, match="drops session_id"):
        parse_config(json.dumps(changed("privacy.dropFields", ["session_id"])))


def test_config_comes_from_environment_or_object() -> None:
    """Small configs stand in the environment, large ones in the bucket."""

    class S3:
        def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's
            assert (Bucket, Key) == ("b", "config/abc.json")
            return {"Body": self}

        def read(self) -> bytes:
            return json.dumps(config_document()).encode()

    inline = {"CLICKSTREAM_CONFIG": json.dumps(config_document())}
    stored = {"CLICKSTREAM_CONFIG_S3": "s3://b/config/abc.json"}
    assert load_config(inline, s3=S3, function="processor") == make_config()
    assert load_config(stored, s3=S3, function="processor") == make_config()
    with pytest.raises(ConfigError, match="set CLICKSTREAM_CONFIG or"):
        load_config({}, s3=S3, function="processor")
    with pytest.raises(ConfigError, match="write s3://"):
        load_config({"CLICKSTREAM_CONFIG_S3": "b/c"}, s3=S3, function="processor")
    with pytest.raises(ConfigError, match="this is the detector"):
        load_config(inline, s3=S3, function="detector")


def test_unknown_schema_keyword_is_an_error() -> None:
    """The small validator never ignores a rule of the schema."""
    with pytest.raises(ValueError, match="oneOf"):
        list(schema_check.find_faults({}, {"oneOf": []}))


def test_zstd_is_refused_where_the_runtime_lacks_it() -> None:
    """On a runtime before Python 3.14, Zstd ends in a config error that tells the way out."""
    try:
        import compression.zstd  # type: ignore[import-not-found]  # noqa: F401, PLC0415
    except ImportError:
        with pytest.raises(ConfigError, match="write Gzip"):
            Compression("Zstd")
    else:
        assert Compression("Zstd").suffix == ".jsonl.zst"
