"""Design of a pipeline: the list of its AWS resources and their order, from the spec. Pure.

Called by `reconcile`, which applies or deletes the list; calls `functions` and `monitoring` for
their parts, and the kinds in `resources`.
"""

from __future__ import annotations

from dataclasses import replace

from clickstream_operator.api import components
from clickstream_operator.engine.inventory import Entry
from clickstream_operator.engine.resource import Resource
from clickstream_operator.pipeline.context import TABLES, BuildContext
from clickstream_operator.pipeline.functions import (
    collector_resources,
    reader_resources,
    schedule_resources,
)
from clickstream_operator.pipeline.monitoring import alarm_resources, dashboard_resource
from clickstream_operator.resources.alarm_mute import PREFIX, AlarmMute, MuteRecord
from clickstream_operator.resources.dynamodb_capacity import Capacity
from clickstream_operator.resources.dynamodb_table import DynamoDBTable
from clickstream_operator.resources.kinesis_stream import KinesisStream
from clickstream_operator.resources.s3_bucket import S3Bucket
from clickstream_operator.resources.s3_config_object import ConfigObject
from clickstream_operator.resources.sns_subscription import SNSSubscription, endpoint_hash
from clickstream_operator.resources.sns_topic import SNSTopic
from clickstream_operator.resources.sqs_queue import SQSQueue
from clickstream_operator.resources.ssm_parameter import HashKeyParameter


def build(context: BuildContext) -> list[Resource]:
    """The resources of the spec."""
    resources: list[Resource] = [
        build_stream(context),
        *_tables(context),
        _archive(context),
        _dead_letter(context),
        _hash_key(context),
        *_alerts(context),
        *reader_resources(context, components.PROCESSOR),
    ]
    if context.spec.anomaly_detection.enabled:
        resources += [
            *reader_resources(context, components.DETECTOR),
            *schedule_resources(context),
        ]
    if context.spec.collector.enabled:
        resources += collector_resources(context)
    if context.spec.dashboard.enabled:
        resources.append(dashboard_resource(context))
    if context.spec.alarms.enabled:
        resources += alarm_resources(context)
    return resources


def build_everything(context: BuildContext) -> list[Resource]:
    """The resources of any spec that this pipeline may have had.

    Finalizing and pruning delete those of them that AWS has and the spec does not want.
    """
    spec = context.spec

    def created(role: str, given: str | None) -> str | None:
        # With a given role the operator may lack the permission to read roles.
        return None if role in context.known else given

    detection = spec.anomaly_detection
    # Most pipelines never had one, and AWS need not be asked for it.
    had_collector = spec.collector.enabled or not context.known.isdisjoint(components.OF_COLLECTOR)
    everything = spec.model_copy(
        update={
            "anomaly_detection": detection.model_copy(
                update={
                    "enabled": True,
                    "role_arn": created(components.DETECTOR_ROLE, detection.role_arn),
                    "scheduler_role_arn": created(
                        components.SCHEDULER_ROLE, detection.scheduler_role_arn
                    ),
                }
            ),
            "processor": spec.processor.model_copy(
                update={"role_arn": created(components.PROCESSOR_ROLE, spec.processor.role_arn)}
            ),
            "collector": spec.collector.model_copy(update={"enabled": had_collector}),
            "alerts": spec.alerts.model_copy(update={"enabled": True, "topic_arn": None}),
            "dashboard": spec.dashboard.model_copy(update={"enabled": True}),
            "alarms": spec.alarms.model_copy(
                update={"enabled": True, "no_data_minutes": spec.alarms.no_data_minutes or 5}
            ),
        }
    )
    return build(replace(context, spec=everything, for_deletion=True))


def is_part(entry: Entry) -> bool:
    """Whether a resource is deleted with another: a configuration in the archive bucket."""
    return entry.kind == ConfigObject.kind


def build_stream(context: BuildContext) -> KinesisStream:
    """The Kinesis data stream."""
    stream = context.spec.stream
    scaling = stream.autoscaling
    return KinesisStream(
        **context.common(components.STREAM, deletion=context.spec.deletion_policy.stream),
        calls=context.calls,
        shards=stream.shards,
        on_demand=stream.mode == "OnDemand",
        retention_hours=stream.retention_hours,
        max_record_size_kib=stream.max_record_size_kib,
        warm_throughput_mibps=stream.warm_throughput_mibps,
        kms_key_id=stream.kms_key_id,
        shard_level_metrics=stream.shard_level_metrics,
        bounds=(scaling.min_shards, scaling.max_shards) if scaling else None,
        history=context.history,
        mute=_mute(context),
    )


def _mute(context: BuildContext) -> AlarmMute | None:
    """The mute of the alarms that a resize may raise: those about lag."""
    alarms, base = context.spec.alarms, context.base
    wanted = alarms.enabled and alarms.mute_while_resizing
    # One that has begun is taken back, whatever the spec says now.
    record = context.history.mute if context.history else MuteRecord()
    if not wanted and not record.may_last:
        return None
    detector = context.spec.anomaly_detection.enabled
    functions = (components.PROCESSOR, *((components.DETECTOR,) if detector else ()))
    return AlarmMute(
        context.calls,
        f"{PREFIX}{base}",
        [f"{base}-{name}-iterator-age" for name in functions],
        record,
        wanted=wanted,
    )


def _tables(context: BuildContext) -> list[Resource]:
    tables = context.spec.tables
    return [
        DynamoDBTable(
            **context.common(name, deletion=context.spec.deletion_policy.tables),
            calls=context.calls,
            hash_key=hash_key,
            range_key=range_key,
            point_in_time_recovery=tables.point_in_time_recovery,
            deletion_protection=tables.deletion_protection,
            capacity=Capacity(**tables.provisioned.model_dump()) if tables.provisioned else None,
            kms_key_id=tables.kms_key_id,
        )
        for name, hash_key, range_key in TABLES
    ]


def _archive(context: BuildContext) -> Resource:
    archive = context.spec.archive
    return S3Bucket(
        **context.common(components.ARCHIVE, deletion=context.spec.deletion_policy.archive),
        calls=context.calls,
        place=context.place,
        transitions=[(step.storage_class, step.after_days) for step in archive.transitions],
        expiration_days=archive.expiration_days,
        noncurrent_version_days=archive.noncurrent_version_days,
        abort_multipart_days=archive.abort_multipart_days,
        kms_key_id=archive.kms_key_id,
        account_regional=context.account_regional_bucket,
        count_failed_objects=True,
    )


def _dead_letter(context: BuildContext) -> Resource:
    queue = context.spec.dead_letter
    return SQSQueue(
        **context.common(components.DEAD_LETTER, deletion=context.spec.deletion_policy.dead_letter),
        calls=context.calls,
        place=context.place,
        retention_days=queue.retention_days,
        kms_key_id=queue.kms_key_id,
        recorded_url=context.queue_url,
    )


def _hash_key(context: BuildContext) -> Resource:
    keep = context.spec.deletion_policy
    # The hash key is retained with the data that it hashed, which is read with it.
    retained = "Retain" if "Retain" in {keep.archive, keep.tables} else "Delete"
    return HashKeyParameter(
        **context.common(components.HASH_KEY, deletion=retained),
        calls=context.calls,
        place=context.place,
    )


def _alerts(context: BuildContext) -> list[Resource]:
    alerts = context.spec.alerts
    if not alerts.enabled:
        return []
    own_topic = alerts.topic_arn is None
    resources: list[Resource] = []
    if own_topic:
        resources.append(
            SNSTopic(
                **context.common(components.ALERTS),
                calls=context.calls,
                place=context.place,
                kms_key_id=alerts.kms_key_id,
            )
        )
    resources += [
        SNSSubscription(
            **context.common(
                components.subscription(digest),
                *((components.ALERTS,) if own_topic else ()),
                physical=components.subscription(digest),
                # Somebody else subscribed it: no policy of ours ends that.
                deletion="Retain"
                if components.subscription(digest) in context.adopted
                else "Delete",
                gates_ready=False,
            ),
            calls=context.calls,
            topic_arn=context.topic_arn(),
            endpoint=address,
            digest=digest,
            subscribed_before=components.subscription(digest) in context.subscribed,
            recorded_arn=context.subscriptions.get(components.subscription(digest), ""),
            leaving=context.for_deletion,
            own_topic=own_topic and not _is_of_another_topic(context, digest),
            may_use=lambda arn: arn == context.own_topic_arn() or context.may_use_topic(arn),
        )
        for digest, address in _subscribers(context).items()
    ]
    return resources


def _retained_if(condition: bool) -> str:  # noqa: FBT001 - the only argument
    return "Retain" if condition else "Delete"


def _is_of_another_topic(context: BuildContext, digest: str) -> bool:
    """Whether the subscription on record is of a topic that is not the pipeline's own."""
    recorded = context.subscriptions.get(components.subscription(digest), "").rpartition(":")[0]
    return bool(recorded) and recorded != context.own_topic_arn()


def _subscribers(context: BuildContext) -> dict[str, str]:
    """Addresses by digest; empty for those that the spec no longer has."""
    wanted = {endpoint_hash(address): address for address in context.spec.alerts.emails}
    if not context.for_deletion:
        return wanted
    digests = (components.subscription_digest(name) for name in sorted(context.subscribed))
    return {digest: "" for digest in digests if digest} | wanted


__all__ = ["BuildContext", "build", "build_everything", "build_stream"]
