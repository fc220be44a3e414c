"""The functions, each with what it needs: logs, role, configuration, mapping, schedule. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.engine.resource import Outputs, Resource, output
from clickstream_operator.pipeline import function_config, role_policies
from clickstream_operator.pipeline.context import TABLES, BuildContext
from clickstream_operator.resources.cloudwatch_log_group import LogGroup
from clickstream_operator.resources.iam_role import IAMRole
from clickstream_operator.resources.lambda_event_source_mapping import EventSourceMapping
from clickstream_operator.resources.lambda_function import LambdaFunction
from clickstream_operator.resources.s3_config_object import ConfigObject
from clickstream_operator.resources.scheduler_schedule import Schedule

RUNTIME: Final = "python3.14"
SCHEDULE_PAYLOAD: Final = {"source": "clickstream.schedule"}
_STARTS: Final = {
    "TrimHorizon": "TRIM_HORIZON",
    "Latest": "LATEST",
    "AtTimestamp": "AT_TIMESTAMP",
}
#: Outputs of the length that real ones have, to size a configuration before they exist.
_PLACEHOLDERS: Final[Outputs] = {
    components.STREAM: {"epoch": "0" * 16},
    components.DEAD_LETTER: {"url": "0" * 160},
}


def function_resources(b: BuildContext, name: str) -> list[Resource]:
    """A function with its log group, role, large configuration and event source mapping."""
    is_processor = name == components.PROCESSOR
    settings = b.spec.processor if is_processor else b.spec.anomaly_detection
    role_name = components.PROCESSOR_ROLE if is_processor else components.DETECTOR_ROLE
    log_name = components.PROCESSOR_LOGS if is_processor else components.DETECTOR_LOGS
    mapping_name = components.PROCESSOR_MAPPING if is_processor else components.DETECTOR_MAPPING
    config_name = components.PROCESSOR_CONFIG if is_processor else components.DETECTOR_CONFIG
    resources: list[Resource] = [
        LogGroup(
            **b.common(log_name, deletion=b.spec.deletion_policy.logs),
            calls=b.calls,
            place=b.place,
            retention_days=b.spec.logs.retention_days,
            shared_prefix=f"/aws/lambda/{b.base}-",
            kms_key_id=b.spec.logs.kms_key_id,
        )
    ]
    role_arn = settings.role_arn
    if role_arn is None:
        role_arn = b.place.role(b.physical[role_name])
        resources.append(_function_role(b, role_name, log_name))
    needs = {log_name, components.STREAM, components.DEAD_LETTER, components.HASH_KEY}
    if settings.role_arn is None:
        needs.add(role_name)
    configure = _configuration(b, name)
    if len(configure(_PLACEHOLDERS)) > function_config.ENVIRONMENT_LIMIT:
        resources.append(
            ConfigObject(
                **b.common(
                    config_name,
                    components.ARCHIVE,
                    components.STREAM,
                    components.DEAD_LETTER,
                    physical=b.physical[components.ARCHIVE],
                    deletion="Retain",
                ),
                calls=b.calls,
                account=b.place.account,
                content=lambda outputs: (
                    function_config.object_key(configure(outputs)),
                    configure(outputs),
                ),
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
            **b.common(name, *needs),
            calls=b.calls,
            place=b.place,
            role_arn=role_arn,
            handler=f"{name}.handler.handle",
            runtime=RUNTIME,
            architecture=b.spec.processor.architecture,
            memory_mib=settings.memory_mib,
            timeout_seconds=settings.timeout_seconds,
            environment=environment,
            package=b.packages[name],
            description=f"Clickstream {name} of {b.base}",
            log_level=b.spec.processor.log_level,
            log_group=b.physical[log_name],
            reserved_concurrency=settings.reserved_concurrency,
        )
    )
    resources.append(_mapping(b, mapping_name, name))
    return resources


def schedule_resources(b: BuildContext) -> list[Resource]:
    """The detector's schedule with its role."""
    given = b.spec.anomaly_detection.scheduler_role_arn
    role = IAMRole(
        **b.common(components.SCHEDULER_ROLE),
        calls=b.calls,
        place=b.place,
        trust=role_policies.scheduler_trust(b.place),
        inline_policies={
            "clickstream": role_policies.scheduler_policy(
                b.place, function=b.physical[components.DETECTOR]
            )
        },
        description=f"Role of the schedule of the clickstream pipeline {b.base}",
        permissions_boundary=b.permissions_boundary,
    )
    schedule = Schedule(
        **b.common(
            components.SCHEDULE,
            *(() if given else (components.SCHEDULER_ROLE,)),
            components.DETECTOR,
        ),
        calls=b.calls,
        place=b.place,
        function_arn=b.place.function(b.physical[components.DETECTOR]),
        role_arn=given or b.place.role(b.physical[components.SCHEDULER_ROLE]),
        payload=SCHEDULE_PAYLOAD,
    )
    return [schedule] if given else [role, schedule]


def _configuration(b: BuildContext, name: str) -> Callable[[Outputs], str]:
    def configure(outputs: Outputs) -> str:
        return function_config.as_text(
            function_config.document(
                "processor" if name == components.PROCESSOR else "detector",
                spec=b.spec,
                base=b.base,
                physical=b.physical,
                stream_epoch=output(outputs, components.STREAM, "epoch"),
                dead_letter_url=output(outputs, components.DEAD_LETTER, "url"),
                topic_arn=b.topic_arn(),
            )
        )

    return configure


def _function_role(b: BuildContext, role_name: str, log_name: str) -> Resource:
    spec = b.spec
    shared: dict[str, Any] = {
        "stream": b.physical[components.STREAM],
        "session_metrics_table": b.physical[components.SESSION_METRICS],
        "counters_table": b.physical[components.COUNTERS],
        "bucket": b.physical[components.ARCHIVE],
        "hash_key_parameter": b.physical[components.HASH_KEY],
        "log_group": b.physical[log_name],
    }
    keys = (spec.stream.kms_key_id, spec.tables.kms_key_id, spec.archive.kms_key_id)
    if role_name == components.PROCESSOR_ROLE:
        policy = role_policies.processor_policy(
            b.place,
            **shared,
            page_metrics_table=b.physical[components.PAGE_METRICS],
            queue=b.physical[components.DEAD_LETTER],
            kms_key_arns=b.customer_keys(*keys, spec.dead_letter.kms_key_id),
        )
    else:
        policy = role_policies.detector_policy(
            b.place,
            **shared,
            topic_arn=b.topic_arn() or None,
            kms_key_arns=b.customer_keys(*keys, spec.alerts.kms_key_id),
        )
    return IAMRole(
        **b.common(role_name),
        calls=b.calls,
        place=b.place,
        trust=role_policies.function_trust(),
        inline_policies={"clickstream": policy},
        description=f"Role of a function of the clickstream pipeline {b.base}",
        permissions_boundary=b.permissions_boundary,
    )


def _mapping(b: BuildContext, mapping_name: str, function: str) -> Resource:
    processor = b.spec.processor
    start = processor.starting_position
    at = datetime.fromisoformat(start.timestamp) if start.timestamp else None
    return EventSourceMapping(
        **b.common(
            mapping_name,
            function,
            components.STREAM,
            components.ARCHIVE,
            *(table for table, _, _ in TABLES),
            physical=b.physical[function],
        ),
        calls=b.calls,
        place=b.place,
        function_name=b.physical[function],
        stream_arn=b.place.stream(b.physical[components.STREAM]),
        batch_size=processor.batch_size,
        batching_window_seconds=processor.batching_window_seconds,
        maximum_retry_attempts=processor.maximum_retry_attempts,
        maximum_record_age_seconds=processor.maximum_record_age_seconds,
        on_failure_arn=b.place.bucket(b.physical[components.ARCHIVE]),
        starting_position=_STARTS[start.type],
        starting_timestamp=at,
        stream=components.STREAM,
        cutover=b.created_at,
    )
