"""What watches a pipeline: dashboard and alarms. Pure."""

from __future__ import annotations

from clickstream_operator import names
from clickstream_operator.blueprint import TABLES, Blueprint
from clickstream_operator.engine.resource import Resource
from clickstream_operator.resources.alarm import Alarm
from clickstream_operator.resources.alarm_set import alarm_set
from clickstream_operator.resources.dashboard import Dashboard
from clickstream_operator.resources.dashboard_body import dashboard_body


def dashboard_part(b: Blueprint) -> Resource:
    """The dashboard."""
    detector = b.physical[names.DETECTOR] if b.spec.anomaly_detection.enabled else None
    return Dashboard(
        **b.common(names.DASHBOARD, gates_ready=False),
        calls=b.calls,
        place=b.place,
        body=dashboard_body(
            region=b.place.region,
            title=f"{b.base} ({b.spec.environment})",
            base=b.base,
            stream=b.physical[names.STREAM],
            processor=b.physical[names.PROCESSOR],
            detector=detector,
            tables=[b.physical[table] for table, _, _ in TABLES],
            dead_letter_queue=b.physical[names.DEAD_LETTER],
        ),
    )


def alarm_parts(b: Blueprint) -> list[Resource]:
    """Every alarm that the spec asks for."""
    spec = b.spec
    topic = b.topic_arn()
    actions = sorted(spec.alarms.action_arns) or ([topic] if topic else [])
    own_topic = bool(topic) and spec.alerts.topic_arn is None
    definitions = alarm_set(
        processor=b.physical[names.PROCESSOR],
        processor_timeout_seconds=spec.processor.timeout_seconds,
        dead_letter_queue=b.physical[names.DEAD_LETTER],
        stream=b.physical[names.STREAM],
        iterator_age_seconds=spec.alarms.iterator_age_seconds,
        detector=b.physical[names.DETECTOR] if spec.anomaly_detection.enabled else None,
        detector_timeout_seconds=spec.anomaly_detection.timeout_seconds,
        failed_objects_bucket=b.physical[names.ARCHIVE],
        no_data_minutes=spec.alarms.no_data_minutes,
    )
    needs = (names.ALERTS,) if own_topic and topic in actions else ()
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
