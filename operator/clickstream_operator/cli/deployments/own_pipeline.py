"""A pipeline of an operator, read back from its functions: identity, parts, settings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.api import components, presets
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.aws.tags import CLUSTER, COMPONENT, NAMESPACE, PIPELINE
from clickstream_operator.cli.deployments.aws_parts import Reader
from clickstream_operator.cli.deployments.manifest import Import, differing
from clickstream_operator.cli.deployments.model import COUNTERS, PAGE_METRICS, SESSION_METRICS
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.manifest import faults_of

_INLINE: Final = "CLICKSTREAM_CONFIG"
_OBJECT: Final = "CLICKSTREAM_CONFIG_S3"
_TABLES: Final = {
    PAGE_METRICS: "pageMetrics",
    SESSION_METRICS: "sessionMetrics",
    COUNTERS: "counters",
}


@dataclass(frozen=True, slots=True)
class OwnPipeline:
    """What the functions of a pipeline know of it."""

    cluster: str
    namespace: str
    name: str
    config: Mapping[str, Any]
    """Configuration of the processor."""

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return str(self.config["bucket"])

    @property
    def tables(self) -> dict[str, str]:
        """Name of each table, by its role."""
        return {role: self.config["tables"][key] for role, key in _TABLES.items()}

    @property
    def topic(self) -> str:
        """ARN of the topic; empty where alerts are off."""
        return str(self.config["detection"].get("alertsTopicArn") or "")


async def read_pipeline(session: ReadOnlySession, readers: Sequence[Reader]) -> OwnPipeline:
    """The pipeline of some functions, by the tags and the configuration of its processor.

    Raises:
        AwsError: a request was refused.
        CliError: its processor is gone, or several pipelines read the stream.
    """
    processors = [one for one in readers if one.tags[COMPONENT] == components.PROCESSOR]
    names = sorted({f"{one.tags[NAMESPACE]}/{one.tags[PIPELINE]}" for one in readers})
    if len(names) > 1 or len(processors) != 1:
        raise CliError(
            f"pipelines on this stream: {', '.join(names)}; processors: {len(processors)}",
            "one pipeline with one processor can be imported",
        )
    processor = processors[0]
    text = processor.variables.get(_INLINE, "")
    where = processor.variables.get(_OBJECT, "")
    if where:
        bucket, _, key = where.removeprefix("s3://").partition("/")
        answer = await session.call("s3", "get_object", Bucket=bucket, Key=key)
        text = answer["Body"].read().decode()
    try:
        config = json.loads(text)
    except ValueError as error:
        name = processor.function["FunctionName"]
        raise CliError(
            f"{name} has no configuration: {error}", "it is not of an operator"
        ) from error
    tags = processor.tags
    return OwnPipeline(tags[CLUSTER], tags[NAMESPACE], tags[PIPELINE], config)


def with_settings(made: Import, own: OwnPipeline) -> Import:
    """The manifest of a pipeline that takes back its own, with the settings of its functions.

    Raises:
        CliError: the API server would refuse it.
    """
    config, spec = own.config, dict(made.body["spec"])
    spec.pop("adoptionPolicy")
    # Its mapping is there, and has a position of its own.
    spec["processor"] = {k: v for k, v in spec["processor"].items() if k != "startingPosition"}
    privacy = {k: v for k, v in config["privacy"].items() if k != "hashKeyParameter"}
    ttl = {key: value for key, value in config["ttl"].items() if key != "laneHours"}
    detection = config["detection"]
    known = {
        "processor": {"logLevel": config["logLevel"]},
        "events": config["events"],
        "privacy": privacy,
        "metrics": config["metrics"],
        "anomalyDetection": {
            "enabled": detection["enabled"],
            "sensitivity": detection["sensitivity"],
            "disabledRules": detection["disabledRules"],
        },
        "tables": {"ttl": ttl},
        "archive": dict(config["archive"]),
        "stream": {"maxRecordSizeKiB": config.get("maxRecordSizeKiB", 1024)},
    }
    defaults = Spec().model_dump(mode="json", by_alias=True)
    # The configuration has what a preset fills, and so must that with which it is compared.
    unset = Spec().events.model_dump(mode="json", by_alias=True, exclude_none=True)
    defaults["events"] = presets.resolve(unset)
    for name, members in known.items():
        chosen = differing(members, defaults[name])
        if chosen:
            given = spec.get(name)
            spec[name] = {**given, **chosen} if isinstance(given, dict) else chosen
    metadata = {**made.body["metadata"], "name": own.name, "namespace": own.namespace}
    spec = {name: members for name, members in spec.items() if members != {}}
    body = {**made.body, "metadata": metadata, "spec": spec}
    for fault in faults_of(body):
        raise CliError(f"the settings of {own.name} make no manifest: {fault}")
    elsewhere = (
        f"made by the operator of cluster {own.cluster}: another cluster takes it back only with "
        "that id in formerClusters of its setting tenants"
    )
    unknown = "what no function shows has its default: approval, alarms, deletionPolicy"
    notes = [elsewhere, unknown]
    if detection["rules"]:
        names = ", ".join(str(one.get("name", "")) for one in detection["rules"])
        notes.append(f"rules that must be written again under anomalyDetection.rules: {names}")
    return Import(body, tuple(notes))
