"""Resources of a pipeline in AWS, and permissions of its roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from clickstream_operator import pipeline
from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.engine.resource import Resource
from clickstream_operator.pipeline import alarms as alarm_set
from clickstream_operator.pipeline import names, role_policies
from clickstream_operator.pipeline.context import BuildContext
from clickstream_operator.resources.lambda_function import FunctionPackage
from docs.generator.markdown import code, page, table

_BASE: Final = "<name>-<hash>"
_PLACE: Final = AwsLocation("aws", "<region>", "<account>")


def resources_page() -> str:
    """Resources of a pipeline in AWS, and permissions of its roles."""
    spec = Spec.model_validate(
        {
            "alerts": {"enabled": True, "emails": ["a@example.com"]},
            "alarms": {"noDataMinutes": 5},
            "collector": {"enabled": True, "allowedOrigins": ["https://www.example.com"]},
        }
    )
    rows = [
        (_inventory_name(one), one.kind, _physical_name(one), _condition(one), _fate(one))
        for one in resources_of(spec)
    ]
    physical = _physical(spec)
    parts = [
        (
            "`<hash>` is eight characters of a hash over cluster id, namespace and name, so that "
            "pipelines of one name in two clusters or namespaces do not meet.\n"
            "In the bucket's name the part `<name>` is cut to 15 characters, and `-an` (the "
            "account-regional namespace of S3) is left out on a custom endpoint or with "
            "`CLICKSTREAM_BUCKET_NAMESPACE=global`.\n"
            "`spec.names` replaces the names of the stream, the tables and the bucket.\n"
            "The names are recorded in `status.effective.names` before the first write and stay.\n"
        ),
        table(("in the status", "kind", "name in AWS", "when", "on deletion"), rows),
        (
            "A function whose configuration exceeds what Lambda takes as environment gets it from "
            "`config/<hash>.json` in the bucket (`processor-config`, `detector-config`, "
            "`collector-config`, kind `ConfigObject`).\n"
        ),
        (
            "Every taggable resource carries `clickstream.dev/cluster`, `/namespace`, `/pipeline`, "
            "`/uid`, `/component`, `Environment`, `ManagedBy=clickstream-operator`, and the tags "
            "of `spec.tags`.\n"
        ),
        "## Alarms\n\nThey send to `spec.alarms.actionArns`, else to the alerts topic if there is "
        "one.\n\n" + _alarms(spec, physical),
        *_roles(physical),
    ]
    return page("AWS resources of a pipeline", "\n".join(parts))


def _physical(spec: Spec) -> Mapping[str, str]:
    return names.physical_names(base=_BASE, place=_PLACE, spec=spec, account_regional=True)


def resources_of(spec: Spec) -> Iterable[Resource]:
    """The resources of a spec, without AWS."""
    package = FunctionPackage(load=lambda: b"", sha256="")
    return pipeline.build(
        BuildContext(
            spec=spec,
            base=_BASE,
            physical=_physical(spec),
            place=_PLACE,
            tags={ownership.NAMESPACE: "<namespace>", ownership.PIPELINE: "<name>"},
            packages=dict.fromkeys(
                (components.PROCESSOR, components.DETECTOR, components.COLLECTOR), package
            ),
            calls=cast("Calls", None),  # Nothing is called to describe a pipeline.
        )
    )


def _inventory_name(one: Resource) -> str:
    # The digest of an e-mail address is different for each.
    return code(components.subscription("<digest>") if one.kind == "SNSSubscription" else one.name)


def _physical_name(one: Resource) -> str:
    if one.kind == "SNSSubscription":
        return "subscription of the topic"
    if one.kind == "EventSourceMapping":
        return f"mapping of {code(one.physical_name)}"
    if one.kind == "FunctionUrl":
        return f"URL of {code(one.physical_name)}"
    if one.kind == "IAMRole":
        return code(f"/clickstream/{one.physical_name}")
    return code(one.physical_name)


def _condition(one: Resource) -> str:
    if one.kind == "SNSSubscription":
        return "one for each of `alerts.emails`"
    if one.kind == "SNSTopic":
        return "`alerts.enabled`, no `alerts.topicArn`"
    if one.kind == "Dashboard":
        return "`dashboard.enabled`"
    if one.kind == "Alarm":
        extra = ", `alarms.noDataMinutes`" if one.name.endswith("no-data") else ""
        extra += ", `anomalyDetection.enabled`" if "-detector-" in one.name else ""
        extra += ", `collector.enabled`" if "-collector-" in one.name else ""
        return "`alarms.enabled`" + extra
    if one.name == components.PROCESSOR_ROLE:
        return "no `processor.roleArn`"
    if one.name == components.DETECTOR_ROLE:
        return "`anomalyDetection.enabled`, no `anomalyDetection.roleArn`"
    if one.name in components.OF_COLLECTOR:
        return "`collector.enabled`"
    if one.name.startswith("detector") or one.name in {
        components.SCHEDULE,
        components.SCHEDULER_ROLE,
    }:
        return "`anomalyDetection.enabled`"
    return "always"


def _fate(one: Resource) -> str:
    fields = {
        components.STREAM: "stream",
        components.PAGE_METRICS: "tables",
        components.SESSION_METRICS: "tables",
        components.COUNTERS: "tables",
        components.ARCHIVE: "archive",
        components.DEAD_LETTER: "deadLetter",
        components.PROCESSOR_LOGS: "logs",
        components.DETECTOR_LOGS: "logs",
        components.COLLECTOR_LOGS: "logs",
    }
    word = "kept" if one.deletion.value == "Retain" else "deleted"
    if one.name == components.HASH_KEY:
        return "kept as long as the bucket or the tables are"
    field = fields.get(one.name)
    return f"{word} (`deletionPolicy.{field}`)" if field else word


def _alarms(spec: Spec, physical: Mapping[str, str]) -> str:
    definitions = alarm_set.alarm_set(
        processor=physical[components.PROCESSOR],
        processor_timeout_seconds=spec.processor.timeout_seconds,
        dead_letter_queue=physical[components.DEAD_LETTER],
        stream=physical[components.STREAM],
        iterator_age_seconds=spec.alarms.iterator_age_seconds,
        detector=physical[components.DETECTOR],
        detector_timeout_seconds=spec.anomaly_detection.timeout_seconds,
        collector=physical[components.COLLECTOR],
        base=_BASE,
        failed_objects_bucket=physical[components.ARCHIVE],
        no_data_minutes=spec.alarms.no_data_minutes,
    )
    rows = [
        (code(f"{_BASE}-{one.key}"), f"{one.namespace} {one.metric}", one.description)
        for one in definitions
    ]
    return table(("alarm", "metric", "fires when (with the default spec)"), rows)


def _roles(physical: Mapping[str, str]) -> Iterator[str]:
    shared: dict[str, Any] = {
        "stream": physical[components.STREAM],
        "page_metrics_table": physical[components.PAGE_METRICS],
        "session_metrics_table": physical[components.SESSION_METRICS],
        "counters_table": physical[components.COUNTERS],
        "bucket": physical[components.ARCHIVE],
        "hash_key_parameter": physical[components.HASH_KEY],
    }
    yield (
        "## Roles\n\nCustomer KMS keys that the spec names are added, with `kms:Decrypt` and "
        "`kms:GenerateDataKey`.\nNo statement has a wildcard action.\n"
    )
    policies = {
        "Processor": role_policies.processor_policy(
            _PLACE,
            **shared,
            queue=physical[components.DEAD_LETTER],
            log_group=physical[components.PROCESSOR_LOGS],
        ),
        "Detector": role_policies.detector_policy(
            _PLACE,
            **shared,
            topic_arn=_PLACE.topic(physical[components.ALERTS]),
            log_group=physical[components.DETECTOR_LOGS],
        ),
        "Collector": role_policies.collector_policy(
            _PLACE,
            stream=physical[components.STREAM],
            log_group=physical[components.COLLECTOR_LOGS],
            hash_key_parameter=physical[components.HASH_KEY],
        ),
        "Scheduler": role_policies.scheduler_policy(_PLACE, function=physical[components.DETECTOR]),
    }
    for role, policy in policies.items():
        rows = [
            (
                one["Sid"],
                ", ".join(code(action) for action in one["Action"]),
                ", ".join(code(arn) for arn in one["Resource"]),
            )
            for one in policy["Statement"]
        ]
        yield f"### {role}\n\n" + table(("statement", "actions", "resources"), rows)
