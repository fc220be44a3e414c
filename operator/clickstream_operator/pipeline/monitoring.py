"""Resources for monitoring: dashboard and alarms. Pure."""

from __future__ import annotations

from typing import Final

from clickstream_operator.api import components
from clickstream_operator.aws import tags as ownership
from clickstream_operator.engine.resource import Resource
from clickstream_operator.pipeline.alarms import alarm_set
from clickstream_operator.pipeline.context import TABLES, BuildContext
from clickstream_operator.pipeline.dashboard import Subject, dashboard_body
from clickstream_operator.pipeline.function_config import COLLECTOR_TIMEOUT_SECONDS, event_form
from clickstream_operator.resources.cloudwatch_alarm import Alarm, AlarmDefinition
from clickstream_operator.resources.cloudwatch_dashboard import Dashboard

#: What a chart calls a table.
_LABELS: Final = {
    components.PAGE_METRICS: "pages",
    components.SESSION_METRICS: "sessions",
    components.COUNTERS: "counters",
}


def dashboard_resource(context: BuildContext) -> Resource:
    """The dashboard."""
    spec, physical = context.spec, context.physical
    detection = spec.anomaly_detection
    definitions = {one.key: one for one in _definitions(context)}
    alarms = [context.place.alarm(f"{context.base}-{key}") for key in definitions]
    subject = Subject(
        name=context.tags[ownership.PIPELINE],
        namespace=context.tags[ownership.NAMESPACE],
        environment=spec.environment,
        region=context.place.region,
        base=context.base,
        stream=physical[components.STREAM],
        processor=physical[components.PROCESSOR],
        detector=physical[components.DETECTOR] if detection.enabled else None,
        tables={_LABELS[table]: physical[table] for table, _, _ in TABLES},
        bucket=physical[components.ARCHIVE],
        dead_letter_queue=physical[components.DEAD_LETTER],
        page_view_types=event_form(spec)["pageViewTypes"],
        lag_seconds=spec.alarms.iterator_age_seconds,
        duration_limits={
            function: definitions[f"{function}-duration"].threshold
            for function in ("processor", "detector")
            if f"{function}-duration" in definitions
        },
        alarms=alarms if spec.alarms.enabled else (),
        collector=physical[components.COLLECTOR] if spec.collector.enabled else None,
    )
    return Dashboard(
        **context.common(components.DASHBOARD, gates_ready=False),
        calls=context.calls,
        place=context.place,
        body=dashboard_body(subject),
    )


def alarm_resources(context: BuildContext) -> list[Resource]:
    """The alarms of the spec."""
    spec = context.spec
    topic = context.topic_arn()
    actions = sorted(spec.alarms.action_arns) or ([topic] if topic else [])
    own_topic = bool(topic) and spec.alerts.topic_arn is None
    needs = (components.ALERTS,) if own_topic and topic in actions else ()
    return [
        Alarm(
            **context.common(
                f"alarm-{definition.key}",
                *needs,
                physical=f"{context.base}-{definition.key}",
                gates_ready=False,
            ),
            calls=context.calls,
            place=context.place,
            definition=definition,
            alarm_prefix=f"{context.base}-",
            action_arns=actions,
            tags_in_notifications=spec.alarms.tags_in_notifications,
            warm_up_minutes=spec.alarms.warm_up_minutes or 0,
        )
        for definition in _definitions(context)
    ]


def _definitions(context: BuildContext) -> tuple[AlarmDefinition, ...]:
    spec = context.spec
    return alarm_set(
        processor=context.physical[components.PROCESSOR],
        processor_timeout_seconds=spec.processor.timeout_seconds,
        dead_letter_queue=context.physical[components.DEAD_LETTER],
        stream=context.physical[components.STREAM],
        iterator_age_seconds=spec.alarms.iterator_age_seconds,
        detector=context.physical[components.DETECTOR] if spec.anomaly_detection.enabled else None,
        detector_timeout_seconds=spec.anomaly_detection.timeout_seconds,
        collector=context.physical[components.COLLECTOR] if spec.collector.enabled else None,
        collector_timeout_seconds=COLLECTOR_TIMEOUT_SECONDS,
        base=context.base,
        failed_objects_bucket=context.physical[components.ARCHIVE],
        no_data_minutes=spec.alarms.no_data_minutes,
    )
