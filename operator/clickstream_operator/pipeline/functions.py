"""Resources of the functions: logs, role, configuration, mapping and schedule. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.engine.outputs import output
from clickstream_operator.engine.resource import (
    Outputs,
    Resource,
)
from clickstream_operator.pipeline import function_config, role_policies
from clickstream_operator.pipeline.context import TABLES, BuildContext
from clickstream_operator.resources.cloudwatch_log_group import LogGroup
from clickstream_operator.resources.iam_role import IAMRole
from clickstream_operator.resources.lambda_event_source_mapping import EventSourceMapping
from clickstream_operator.resources.lambda_function import LambdaFunction
from clickstream_operator.resources.s3_config_object import ConfigObject, Content
from clickstream_operator.resources.scheduler_schedule import Schedule

SCHEDULE_PAYLOAD: Final = {"source": "clickstream.schedule"}
_STARTS: Final = {
    "TrimHorizon": "TRIM_HORIZON",
    "Latest": "LATEST",
    "AtTimestamp": "AT_TIMESTAMP",
}
#: Outputs of realistic length, to size a configuration before the real ones exist.
_PLACEHOLDERS: Final[Outputs] = {
    components.STREAM: {"epoch": "0" * 16},
    components.DEAD_LETTER: {"url": "0" * 160},
}


def function_resources(context: BuildContext, name: str) -> list[Resource]:
    """A function with its log group, role, event source mapping, and configuration if large."""
    is_processor = name == components.PROCESSOR
    settings = context.spec.processor if is_processor else context.spec.anomaly_detection
    role_name = components.PROCESSOR_ROLE if is_processor else components.DETECTOR_ROLE
    log_name = components.PROCESSOR_LOGS if is_processor else components.DETECTOR_LOGS
    mapping_name = components.PROCESSOR_MAPPING if is_processor else components.DETECTOR_MAPPING
    config_name = components.PROCESSOR_CONFIG if is_processor else components.DETECTOR_CONFIG
    resources: list[Resource] = [
        LogGroup(
            **context.common(log_name, deletion=context.spec.deletion_policy.logs),
            calls=context.calls,
            place=context.place,
            retention_days=context.spec.logs.retention_days,
            shared_prefix=f"/aws/lambda/{context.base}-",
            kms_key_id=context.spec.logs.kms_key_id,
        )
    ]
    given = frozenset(_arns_of(context, name))
    role_arn = settings.role_arn
    if role_arn is None:
        role_arn = context.place.role(context.physical[role_name])
        resources.append(_function_role(context, role_name, log_name))
    needs = {log_name, components.STREAM, components.DEAD_LETTER, components.HASH_KEY}
    if settings.role_arn is None:
        needs.add(role_name)
    configure = _configuration(context, name)
    if len(configure(_PLACEHOLDERS)) > function_config.ENVIRONMENT_LIMIT:
        resources.append(
            ConfigObject(
                **context.common(
                    config_name,
                    components.ARCHIVE,
                    components.STREAM,
                    components.DEAD_LETTER,
                    physical=context.physical[components.ARCHIVE],
                    deletion="Retain",
                ),
                calls=context.calls,
                account=context.place.account,
                content=lambda outputs: _content(configure(outputs)),
            )
        )
        needs.add(config_name)

        def environment(outputs: Outputs) -> Mapping[str, str]:
            return {"CLICKSTREAM_CONFIG_S3": output(outputs, config_name, "uri")}
    else:

        def environment(outputs: Outputs) -> Mapping[str, str]:
            return {"CLICKSTREAM_CONFIG": configure(outputs)}

    resources.append(
        LambdaFunction(
            **context.common(name, *needs, given=given),
            calls=context.calls,
            place=context.place,
            role_arn=role_arn,
            handler=f"{name}.handler.handle",
            runtime=context.function_runtime,
            architecture=context.spec.processor.architecture,
            memory_mib=settings.memory_mib,
            timeout_seconds=settings.timeout_seconds,
            environment=environment,
            package=context.packages[name],
            description=f"Clickstream {name} of {context.base}",
            log_level=context.spec.processor.log_level,
            log_group=context.physical[log_name],
            reserved_concurrency=settings.reserved_concurrency,
        )
    )
    resources.append(_mapping(context, mapping_name, name))
    return resources


def schedule_resources(context: BuildContext) -> list[Resource]:
    """The schedule of the detector, with its role unless one is given."""
    given = context.spec.anomaly_detection.scheduler_role_arn
    role = IAMRole(
        **context.role(components.SCHEDULER_ROLE),
        calls=context.calls,
        place=context.place,
        trust=role_policies.scheduler_trust(context.place),
        inline_policies={
            "clickstream": role_policies.scheduler_policy(
                context.place, function=context.physical[components.DETECTOR]
            )
        },
        description=f"Role of the schedule of the clickstream pipeline {context.base}",
        permissions_boundary=context.permissions_boundary,
    )
    schedule = Schedule(
        **context.common(
            components.SCHEDULE,
            *(() if given else (components.SCHEDULER_ROLE,)),
            components.DETECTOR,
            given=frozenset(_arns_of(context, components.DETECTOR)),
        ),
        calls=context.calls,
        place=context.place,
        function_arn=context.place.function(context.physical[components.DETECTOR]),
        role_arn=given or context.place.role(context.physical[components.SCHEDULER_ROLE]),
        payload=SCHEDULE_PAYLOAD,
    )
    return [schedule] if given else [role, schedule]


def _configuration(context: BuildContext, name: str) -> Callable[[Outputs], str]:
    def configure(outputs: Outputs) -> str:
        return function_config.as_text(
            function_config.document(
                "processor" if name == components.PROCESSOR else "detector",
                spec=context.spec,
                base=context.base,
                physical=context.physical,
                stream_epoch=output(outputs, components.STREAM, "epoch"),
                dead_letter_url=output(outputs, components.DEAD_LETTER, "url"),
                topic_arn=context.topic_arn(),
            )
        )

    return configure


def _function_role(context: BuildContext, role_name: str, log_name: str) -> Resource:
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
        arns=_arns_of(context, is_for),
        description=f"Role of a function of the clickstream pipeline {context.base}",
        permissions_boundary=context.permissions_boundary,
    )


def _arns_of(context: BuildContext, function: str) -> Mapping[str, str]:
    """ARNs of the resources that a function works on, by inventory name."""
    place, physical = context.place, context.physical
    tables: tuple[str, ...] = (components.SESSION_METRICS, components.COUNTERS)
    logs = components.DETECTOR_LOGS
    arns = {
        components.STREAM: place.stream(physical[components.STREAM]),
        components.ARCHIVE: place.bucket(physical[components.ARCHIVE]),
        components.HASH_KEY: place.parameter(physical[components.HASH_KEY]),
    }
    if function == components.PROCESSOR:
        tables, logs = tuple(table for table, _, _ in TABLES), components.PROCESSOR_LOGS
        arns[components.DEAD_LETTER] = place.queue(physical[components.DEAD_LETTER])
    elif context.spec.alerts.enabled and context.spec.alerts.topic_arn is None:
        arns[components.ALERTS] = place.topic(physical[components.ALERTS])
    arns[logs] = place.log_group(physical[logs])
    return arns | {table: place.table(physical[table]) for table in tables}


def _mapping(context: BuildContext, mapping_name: str, function: str) -> Resource:
    processor = context.spec.processor
    start = processor.starting_position
    at = datetime.fromisoformat(start.timestamp) if start.timestamp else None
    return EventSourceMapping(
        **context.common(
            mapping_name,
            function,
            components.STREAM,
            components.ARCHIVE,
            *(table for table, _, _ in TABLES),
            physical=context.physical[function],
            given=frozenset(_arns_of(context, function)),
        ),
        calls=context.calls,
        place=context.place,
        function_name=context.physical[function],
        stream_arn=context.place.stream(context.physical[components.STREAM]),
        batch_size=processor.batch_size,
        batching_window_seconds=processor.batching_window_seconds,
        maximum_retry_attempts=processor.maximum_retry_attempts,
        maximum_record_age_seconds=processor.maximum_record_age_seconds,
        on_failure_arn=context.place.bucket(context.physical[components.ARCHIVE]),
        starting_position=_STARTS[start.type],
        starting_timestamp=at,
        stream=components.STREAM,
        cutover=context.created_at,
    )


def _content(text: str) -> Content:
    """A configuration with the key of its object."""
    return Content(function_config.object_key(text), text)
