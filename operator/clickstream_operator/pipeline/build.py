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
from clickstream_operator.pipeline.functions import function_resources, schedule_resources
from clickstream_operator.pipeline.monitoring import alarm_resources, dashboard_resource
from clickstream_operator.resources.dynamodb_table import DynamoDBTable
from clickstream_operator.resources.kinesis_stream import KinesisStream
from clickstream_operator.resources.s3_bucket import S3Bucket
from clickstream_operator.resources.s3_config_object import ConfigObject
from clickstream_operator.resources.sns_subscription import SNSSubscription, endpoint_hash
from clickstream_operator.resources.sns_topic import SNSTopic
from clickstream_operator.resources.sqs_queue import SQSQueue
from clickstream_operator.resources.ssm_parameter import HashKeyParameter


def build(b: BuildContext) -> list[Resource]:
    """The resources that the spec asks for."""
    resources: list[Resource] = [
        build_stream(b),
        *_tables(b),
        _archive(b),
        _dead_letter(b),
        _hash_key(b),
        *_alerts(b),
        *function_resources(b, components.PROCESSOR),
    ]
    if b.spec.anomaly_detection.enabled:
        resources += [*function_resources(b, components.DETECTOR), *schedule_resources(b)]
    if b.spec.dashboard.enabled:
        resources.append(dashboard_resource(b))
    if b.spec.alarms.enabled:
        resources += alarm_resources(b)
    return resources


def build_everything(b: BuildContext) -> list[Resource]:
    """The resources that any spec of this pipeline could have asked for.

    Deletion and pruning work on these: what the inventory or AWS has of them, and the spec does not
    want, goes.
    """
    spec = b.spec

    def made(role: str, given: str | None) -> str | None:
        # Who gives a role may give the operator no right to look for one.
        return None if role in b.known else given

    detection = spec.anomaly_detection
    everything = spec.model_copy(
        update={
            "anomaly_detection": detection.model_copy(
                update={
                    "enabled": True,
                    "role_arn": made(components.DETECTOR_ROLE, detection.role_arn),
                    "scheduler_role_arn": made(
                        components.SCHEDULER_ROLE, detection.scheduler_role_arn
                    ),
                }
            ),
            "processor": spec.processor.model_copy(
                update={"role_arn": made(components.PROCESSOR_ROLE, spec.processor.role_arn)}
            ),
            "alerts": spec.alerts.model_copy(update={"enabled": True, "topic_arn": None}),
            "dashboard": spec.dashboard.model_copy(update={"enabled": True}),
            "alarms": spec.alarms.model_copy(
                update={"enabled": True, "no_data_minutes": spec.alarms.no_data_minutes or 5}
            ),
        }
    )
    return build(replace(b, spec=everything, leaving=True))


def is_part(entry: Entry) -> bool:
    """Whether a resource is inside another and goes with it: a configuration in the bucket."""
    return entry.kind == ConfigObject.kind


def build_stream(b: BuildContext) -> KinesisStream:
    """The Kinesis data stream."""
    stream = b.spec.stream
    scaling = stream.autoscaling
    return KinesisStream(
        **b.common(components.STREAM, deletion=b.spec.deletion_policy.stream),
        calls=b.calls,
        shards=stream.shards,
        on_demand=stream.mode == "OnDemand",
        retention_hours=stream.retention_hours,
        kms_key_id=stream.kms_key_id,
        shard_level_metrics=stream.shard_level_metrics,
        bounds=(scaling.min_shards, scaling.max_shards) if scaling else None,
        history=b.history,
    )


def _tables(b: BuildContext) -> list[Resource]:
    tables = b.spec.tables
    return [
        DynamoDBTable(
            **b.common(name, deletion=b.spec.deletion_policy.tables),
            calls=b.calls,
            hash_key=hash_key,
            range_key=range_key,
            point_in_time_recovery=tables.point_in_time_recovery,
            deletion_protection=tables.deletion_protection,
            read_units=tables.provisioned.read_units if tables.provisioned else None,
            write_units=tables.provisioned.write_units if tables.provisioned else None,
            kms_key_id=tables.kms_key_id,
        )
        for name, hash_key, range_key in TABLES
    ]


def _archive(b: BuildContext) -> Resource:
    archive = b.spec.archive
    return S3Bucket(
        **b.common(components.ARCHIVE, deletion=b.spec.deletion_policy.archive),
        calls=b.calls,
        place=b.place,
        transitions=[(step.storage_class, step.after_days) for step in archive.transitions],
        expiration_days=archive.expiration_days,
        noncurrent_version_days=archive.noncurrent_version_days,
        abort_multipart_days=archive.abort_multipart_days,
        kms_key_id=archive.kms_key_id,
        account_regional=b.account_regional_bucket,
        count_failed_objects=True,
    )


def _dead_letter(b: BuildContext) -> Resource:
    queue = b.spec.dead_letter
    return SQSQueue(
        **b.common(components.DEAD_LETTER, deletion=b.spec.deletion_policy.dead_letter),
        calls=b.calls,
        place=b.place,
        retention_days=queue.retention_days,
        kms_key_id=queue.kms_key_id,
        recorded_url=b.queue_url,
    )


def _hash_key(b: BuildContext) -> Resource:
    keep = b.spec.deletion_policy
    # Retained data is read with the key that hashed it: the key lives as long as they do.
    retained = "Retain" if "Retain" in {keep.archive, keep.tables} else "Delete"
    return HashKeyParameter(
        **b.common(components.HASH_KEY, deletion=retained),
        calls=b.calls,
        place=b.place,
    )


def _alerts(b: BuildContext) -> list[Resource]:
    alerts = b.spec.alerts
    if not alerts.enabled:
        return []
    own_topic = alerts.topic_arn is None
    resources: list[Resource] = []
    if own_topic:
        resources.append(
            SNSTopic(
                **b.common(components.ALERTS),
                calls=b.calls,
                place=b.place,
                kms_key_id=alerts.kms_key_id,
            )
        )
    resources += [
        SNSSubscription(
            **b.common(
                components.subscription(digest),
                *((components.ALERTS,) if own_topic else ()),
                physical=components.subscription(digest),
                gates_ready=False,
            ),
            calls=b.calls,
            topic_arn=b.topic_arn(),
            endpoint=address,
            digest=digest,
            subscribed_before=components.subscription(digest) in b.subscribed,
            recorded_arn=b.subscriptions.get(components.subscription(digest), ""),
            leaving=b.leaving,
        )
        for digest, address in _subscribers(b).items()
    ]
    return resources


def _subscribers(b: BuildContext) -> dict[str, str]:
    """Addresses by digest; of those that left the spec only the digest is known."""
    wanted = {endpoint_hash(address): address for address in b.spec.alerts.emails}
    if not b.leaving:
        return wanted
    digests = (components.subscription_digest(name) for name in sorted(b.subscribed))
    return {digest: "" for digest in digests if digest} | wanted


__all__ = ["BuildContext", "build", "build_everything", "build_stream"]
