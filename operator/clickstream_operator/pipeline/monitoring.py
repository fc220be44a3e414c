"""Resources for monitoring: dashboard and alarms. Pure."""

from __future__ import annotations

from clickstream_operator.api import components
from clickstream_operator.engine.resource import Resource
from clickstream_operator.pipeline.alarms import alarm_set
from clickstream_operator.pipeline.context import TABLES, BuildContext
from clickstream_operator.pipeline.dashboard import dashboard_body
from clickstream_operator.resources.cloudwatch_alarm import Alarm
from clickstream_operator.resources.cloudwatch_dashboard import Dashboard


def dashboard_resource(context: BuildContext) -> Resource:
    """The dashboard."""
    detector = (
        context.physical[components.DETECTOR] if context.spec.anomaly_detection.enabled else None
    )
    return Dashboard(
        **context.common(components.DASHBOARD, gates_ready=False),
        calls=context.calls,
        place=context.place,
        body=dashboard_body(
            region=context.place.region,
            title=f"{context.base} ({context.spec.environment})",
            base=context.base,
            stream=context.physical[components.STREAM],
            processor=context.physical[components.PROCESSOR],
            detector=detector,
            tables=[context.physical[table] for table, _, _ in TABLES],
            dead_letter_queue=context.physical[components.DEAD_LETTER],
        ),
    )


def alarm_resources(context: BuildContext) -> list[Resource]:
    """The alarms of the spec."""
    spec = context.spec
    topic = context.topic_arn()
    actions = sorted(spec.alarms.action_arns) or ([topic] if topic else [])
    own_topic = bool(topic) and spec.alerts.topic_arn is None
    definitions = alarm_set(
        processor=context.physical[components.PROCESSOR],
        processor_timeout_seconds=spec.processor.timeout_seconds,
        dead_letter_queue=context.physical[components.DEAD_LETTER],
        stream=context.physical[components.STREAM],
        iterator_age_seconds=spec.alarms.iterator_age_seconds,
        detector=context.physical[components.DETECTOR] if spec.anomaly_detection.enabled else None,
        detector_timeout_seconds=spec.anomaly_detection.timeout_seconds,
        base=context.base,
        failed_objects_bucket=context.physical[components.ARCHIVE],
        no_data_minutes=spec.alarms.no_data_minutes,
    )
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
        )
        for definition in definitions
    ]
