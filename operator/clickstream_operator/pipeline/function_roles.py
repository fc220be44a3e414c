"""Roles of the functions: least-privilege policies over the pipeline's own resources. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clickstream_operator.api import components
from clickstream_operator.engine.resource import Resource
from clickstream_operator.pipeline import role_policies
from clickstream_operator.pipeline.context import TABLES, BuildContext
from clickstream_operator.resources.iam_role import IAMRole


def reader_role(context: BuildContext, role_name: str, log_name: str) -> Resource:
    """The role of processor or detector."""
    spec = context.spec
    shared: dict[str, Any] = {
        "stream": context.physical[components.STREAM],
        "page_metrics_table": context.physical[components.PAGE_METRICS],
        "session_metrics_table": context.physical[components.SESSION_METRICS],
        "counters_table": context.physical[components.COUNTERS],
        "bucket": context.physical[components.ARCHIVE],
        "hash_key_parameter": context.physical[components.HASH_KEY],
        "log_group": context.physical[log_name],
    }
    keys = {
        "kinesis": spec.stream.kms_key_id,
        "dynamodb": spec.tables.kms_key_id,
        "s3": spec.archive.kms_key_id,
    }
    is_processor = role_name == components.PROCESSOR_ROLE
    is_for = components.PROCESSOR if is_processor else components.DETECTOR
    if is_processor:
        policy = role_policies.processor_policy(
            context.place,
            **shared,
            queue=context.physical[components.DEAD_LETTER],
            deduplicates=spec.events.deduplicate_seconds is not None,
            kms_keys=context.customer_keys(**keys, sqs=spec.dead_letter.kms_key_id),
        )
    else:
        policy = role_policies.detector_policy(
            context.place,
            **shared,
            topic_arn=context.topic_arn() or None,
            kms_keys=context.customer_keys(**keys, sns=spec.alerts.kms_key_id),
        )
    return IAMRole(
        **context.role(role_name),
        calls=context.calls,
        place=context.place,
        trust=role_policies.function_trust(),
        inline_policies={"clickstream": policy},
        arns=arns_of(context, is_for),
        description=f"Role of a function of the clickstream pipeline {context.base}",
        permissions_boundary=context.permissions_boundary,
    )


def collector_role(context: BuildContext, *, reads_config: bool) -> Resource:
    """The role of the collector; `reads_config`: whether its configuration is an object."""
    physical, collector = context.physical, context.spec.collector
    keys: dict[str, str | None] = {"kinesis": context.spec.stream.kms_key_id}
    if reads_config:
        keys["s3"] = context.spec.archive.kms_key_id
    secrets = (collector.tokens_secret_arn, collector.origin_secret_arn)
    policy = role_policies.collector_policy(
        context.place,
        stream=physical[components.STREAM],
        log_group=physical[components.COLLECTOR_LOGS],
        config_bucket=physical[components.ARCHIVE] if reads_config else None,
        hash_key_parameter=(
            physical[components.HASH_KEY] if collector.visitor == "Cookieless" else None
        ),
        secret_arns=[arn for arn in secrets if arn is not None],
        kms_keys=context.customer_keys(**keys),
    )
    return IAMRole(
        **context.role(components.COLLECTOR_ROLE),
        calls=context.calls,
        place=context.place,
        trust=role_policies.function_trust(),
        inline_policies={"clickstream": policy},
        arns=arns_of(context, components.COLLECTOR),
        description=f"Role of a function of the clickstream pipeline {context.base}",
        permissions_boundary=context.permissions_boundary,
    )


def arns_of(context: BuildContext, function: str) -> Mapping[str, str]:
    """ARNs of the resources that a function works on, by inventory name."""
    place, physical = context.place, context.physical
    tables: tuple[str, ...] = (components.SESSION_METRICS, components.COUNTERS)
    logs = components.DETECTOR_LOGS
    arns = {
        components.STREAM: place.stream(physical[components.STREAM]),
        components.ARCHIVE: place.bucket(physical[components.ARCHIVE]),
        components.HASH_KEY: place.parameter(physical[components.HASH_KEY]),
    }
    if function == components.COLLECTOR:
        tables, logs = (), components.COLLECTOR_LOGS
    elif function == components.PROCESSOR:
        tables, logs = tuple(table for table, _, _ in TABLES), components.PROCESSOR_LOGS
        arns[components.DEAD_LETTER] = place.queue(physical[components.DEAD_LETTER])
    elif context.spec.alerts.enabled and context.spec.alerts.topic_arn is None:
        arns[components.ALERTS] = place.topic(physical[components.ALERTS])
    arns[logs] = place.log_group(physical[logs])
    return arns | {table: place.table(physical[table]) for table in tables}
