"""What watches a pipeline: dashboard and alarms. Pure."""

from __future__ import annotations

from clickstream_operator.api import components
from clickstream_operator.engine.resource import Resource
from clickstream_operator.pipeline.alarms import alarm_set
from clickstream_operator.pipeline.context import TABLES, BuildContext
from clickstream_operator.pipeline.dashboard import dashboard_body
from clickstream_operator.resources.cloudwatch_alarm import Alarm
from clickstream_operator.resources.cloudwatch_dashboard import Dashboard


def dashboard_resource(b: BuildContext) -> Resource:
    """The dashboard."""
    detector = b.physical[components.DETECTOR] if b.spec.anomaly_detection.enabled else None
    return Dashboard(
        **b.common(components.DASHBOARD, gates_ready=False),
        calls=b.calls,
        place=b.place,
        body=dashboard_body(
            region=b.place.region,
            title=f"{b.base} ({b.spec.environment})",
            base=b.base,
            stream=b.physical[components.STREAM],
            processor=b.physical[components.PROCESSOR],
            detector=detector,
            tables=[b.physical[table] for table, _, _ in TABLES],
            dead_letter_queue=b.physical[components.DEAD_LETTER],
        ),
    )


def alarm_resources(b: BuildContext) -> list[Resource]:
    """Every alarm that the spec asks for."""
    spec = b.spec
    topic = b.topic_arn()
    actions = sorted(spec.alarms.action_arns) or ([topic] if topic else [])
    own_topic = bool(topic) and spec.alerts.topic_arn is None
    definitions = alarm_set(
        processor=b.physical[components.PROCESSOR],
        processor_timeout_seconds=spec.processor.timeout_seconds,
        dead_letter_queue=b.physical[components.DEAD_LETTER],
        stream=b.physical[components.STREAM],
        iterator_age_seconds=spec.alarms.iterator_age_seconds,
        detector=b.physical[components.DETECTOR] if spec.anomaly_detection.enabled else None,
        detector_timeout_seconds=spec.anomaly_detection.timeout_seconds,
        failed_objects_bucket=b.physical[components.ARCHIVE],
        no_data_minutes=spec.alarms.no_data_minutes,
    )
    needs = (components.ALERTS,) if own_topic and topic in actions else ()
    return [
        Alarm(
            **b.common(
                f"alarm-{definition.key}",
                *needs,
                physical=f"{b.base}-{definition.key}",
                gates_ready=False,
            ),
            calls=b.calls,
            place=b.place,
            definition=definition,
            alarm_prefix=f"{b.base}-",
            action_arns=actions,
        )
        for definition in definitions
    ]
