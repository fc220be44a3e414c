"""Resources of the functions: logs, role, configuration, mapping and schedule. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from clickstream_operator.api import components
from clickstream_operator.engine.outputs import output
from clickstream_operator.engine.resource import (
    Outputs,
    Resource,
)
from clickstream_operator.pipeline import function_config, role_policies
from clickstream_operator.pipeline.context import TABLES, BuildContext
from clickstream_operator.pipeline.function_roles import arns_of, collector_role, reader_role
from clickstream_operator.resources.cloudwatch_log_group import LogGroup
from clickstream_operator.resources.iam_role import IAMRole
from clickstream_operator.resources.lambda_event_source_mapping import EventSourceMapping
from clickstream_operator.resources.lambda_function import LambdaFunction
from clickstream_operator.resources.lambda_function_url import FunctionUrl
from clickstream_operator.resources.s3_config_object import ConfigObject, Content
from clickstream_operator.resources.scheduler_schedule import Schedule

SCHEDULE_PAYLOAD: Final = {"source": "clickstream.schedule"}
_STARTS: Final = {
    "TrimHorizon": "TRIM_HORIZON",
    "Latest": "LATEST",
    "AtTimestamp": "AT_TIMESTAMP",
}
_FUNCTIONS: Final[Mapping[str, function_config.Function]] = {
    components.PROCESSOR: "processor",
    components.DETECTOR: "detector",
    components.COLLECTOR: "collector",
}
#: Outputs of realistic length, to size a configuration before the real ones exist.
_PLACEHOLDERS: Final[Outputs] = {
    components.STREAM: {"epoch": "0" * 16},
    components.DEAD_LETTER: {"url": "0" * 160},
}


class _Settings(NamedTuple):
    """Settings that each function has in its part of the spec."""

    memory_mib: int
    timeout_seconds: int
    reserved_concurrency: int | None
    role_arn: str | None


class _Names(NamedTuple):
    """Inventory names of the resources that each function has."""

    role: str
    logs: str
    config: str


_NAMES: Final = {
    components.PROCESSOR: _Names(
        components.PROCESSOR_ROLE, components.PROCESSOR_LOGS, components.PROCESSOR_CONFIG
    ),
    components.DETECTOR: _Names(
        components.DETECTOR_ROLE, components.DETECTOR_LOGS, components.DETECTOR_CONFIG
    ),
    components.COLLECTOR: _Names(
        components.COLLECTOR_ROLE, components.COLLECTOR_LOGS, components.COLLECTOR_CONFIG
    ),
}


def reader_resources(context: BuildContext, name: str) -> list[Resource]:
    """A function that reads the stream, with all that it needs and its event source mapping."""
    mapping_name = (
        components.PROCESSOR_MAPPING
        if name == components.PROCESSOR
        else components.DETECTOR_MAPPING
    )
    return [*_function_resources(context, name), _mapping(context, mapping_name, name)]


def collector_resources(context: BuildContext) -> list[Resource]:
    """The function that takes events over HTTPS, with all that it needs and its URL."""
    url = FunctionUrl(
        **context.common(
            components.COLLECTOR_URL,
            components.COLLECTOR,
            physical=context.physical[components.COLLECTOR],
        ),
        calls=context.calls,
        place=context.place,
        origins=context.spec.collector.allowed_origins,
    )
    return [*_function_resources(context, components.COLLECTOR), url]


def _settings(context: BuildContext, name: str) -> _Settings:
    collector = context.spec.collector
    if name == components.COLLECTOR:
        return _Settings(
            collector.memory_mib,
            function_config.COLLECTOR_TIMEOUT_SECONDS,
            collector.reserved_concurrency,
            None,
        )
    is_processor = name == components.PROCESSOR
    given = context.spec.processor if is_processor else context.spec.anomaly_detection
    return _Settings(
        given.memory_mib, given.timeout_seconds, given.reserved_concurrency, given.role_arn
    )


def _function_resources(context: BuildContext, name: str) -> list[Resource]:
    """A function with its log group, role, and configuration if large."""
    settings = _settings(context, name)
    role_name, log_name, config_name = _NAMES[name]
    configure = _configuration(context, name)
    is_large = len(configure(_PLACEHOLDERS)) > function_config.ENVIRONMENT_LIMIT
    resources: list[Resource] = [
        LogGroup(
            **context.common(log_name, deletion=context.spec.deletion_policy.logs),
            calls=context.calls,
            place=context.place,
            retention_days=context.spec.logs.retention_days,
            shared_prefix=f"/aws/lambda/{context.base}-",
            kms_key_id=context.spec.logs.kms_key_id,
            deletion_protection=context.spec.logs.deletion_protection,
        )
    ]
    given = frozenset(arns_of(context, name))
    role_arn = settings.role_arn
    if role_arn is None:
        role_arn = context.place.role(context.physical[role_name])
        resources.append(
            collector_role(context, reads_config=is_large)
            if name == components.COLLECTOR
            else reader_role(context, role_name, log_name)
        )
    needs = {log_name, components.STREAM, components.DEAD_LETTER, components.HASH_KEY}
    if settings.role_arn is None:
        needs.add(role_name)
    if is_large:
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
            given=frozenset(arns_of(context, components.DETECTOR)),
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
                _FUNCTIONS[name],
                spec=context.spec,
                base=context.base,
                physical=context.physical,
                stream_epoch=output(outputs, components.STREAM, "epoch"),
                dead_letter_url=output(outputs, components.DEAD_LETTER, "url"),
                topic_arn=context.topic_arn(),
            )
        )

    return configure


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
            given=frozenset(arns_of(context, function)),
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
