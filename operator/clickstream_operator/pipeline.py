"""The map of the product: a spec becomes the list of AWS resources and their order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypedDict

from clickstream_operator import function_config, names
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import (
    DeletionPolicy,
    Outputs,
    Resource,
    output,
)
from clickstream_operator.resources import role_policies
from clickstream_operator.resources.alarm import Alarm
from clickstream_operator.resources.alarm_set import alarm_set
from clickstream_operator.resources.config_object import ConfigObject
from clickstream_operator.resources.dashboard import Dashboard
from clickstream_operator.resources.dashboard_body import dashboard_body
from clickstream_operator.resources.dynamodb_table import DynamoDBTable
from clickstream_operator.resources.event_source_mapping import EventSourceMapping
from clickstream_operator.resources.iam_role import IAMRole
from clickstream_operator.resources.kinesis_stream import KinesisStream
from clickstream_operator.resources.lambda_function import FunctionPackage, LambdaFunction
from clickstream_operator.resources.log_group import LogGroup
from clickstream_operator.resources.s3_bucket import S3Bucket
from clickstream_operator.resources.schedule import Schedule
from clickstream_operator.resources.sns_subscription import SNSSubscription, endpoint_hash
from clickstream_operator.resources.sns_topic import SNSTopic
from clickstream_operator.resources.sqs_queue import SQSQueue
from clickstream_operator.resources.ssm_parameter import HashKeyParameter
from clickstream_operator.resources.stream_history import StreamHistory

RUNTIME: Final = "python3.14"
SCHEDULE_PAYLOAD: Final = {"source": "clickstream.schedule"}
_STARTS: Final = {
    "TrimHorizon": "TRIM_HORIZON",
    "Latest": "LATEST",
    "AtTimestamp": "AT_TIMESTAMP",
}
#: Key schemas are the original's, so that tables made by its Terraform can be adopted.
_TABLES: Final = (
    (names.PAGE_METRICS, "page_url", "timestamp_hour"),
    (names.SESSION_METRICS, "session_id", None),
    (names.COUNTERS, "metric_name", "time_window"),
)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Everything that decides what a pipeline's resources are.

    `physical` is the recorded name of each resource; `subscribed` are the inventory names of
    subscriptions that an earlier pass made, `adopted` those of resources that were taken over.
    `history`: what was asked of AWS about the stream. `leaving`: the resources are built to be
    removed.
    """

    spec: Spec
    base: str
    physical: Mapping[str, str]
    place: Place
    tags: Mapping[str, str]
    packages: Mapping[str, FunctionPackage]
    calls: Calls
    account_regional_bucket: bool = False
    permissions_boundary: str | None = None
    subscribed: frozenset[str] = field(default_factory=frozenset)
    adopted: frozenset[str] = field(default_factory=frozenset)
    history: StreamHistory | None = None
    leaving: bool = False


class _Common(TypedDict):
    name: str
    physical_name: str
    depends_on: frozenset[str]
    tags: Mapping[str, str]
    deletion: DeletionPolicy
    gates_ready: bool


def build(blueprint: Blueprint) -> list[Resource]:
    """The resources that the spec asks for."""
    return _Builder(blueprint).build()


def build_stream(blueprint: Blueprint) -> KinesisStream:
    """The stream alone."""
    return _Builder(blueprint).stream()


def build_everything(blueprint: Blueprint) -> list[Resource]:
    """The resources that any spec of this pipeline could have asked for.

    Deletion and pruning work on these: what the inventory or AWS has of them, and the spec does not
    want, goes.
    """
    spec = blueprint.spec
    everything = spec.model_copy(
        update={
            "anomaly_detection": spec.anomaly_detection.model_copy(
                update={"enabled": True, "role_arn": None}
            ),
            "processor": spec.processor.model_copy(update={"role_arn": None}),
            "alerts": spec.alerts.model_copy(update={"enabled": True, "topic_arn": None}),
            "dashboard": spec.dashboard.model_copy(update={"enabled": True}),
            "alarms": spec.alarms.model_copy(
                update={"enabled": True, "no_data_minutes": spec.alarms.no_data_minutes or 5}
            ),
        }
    )
    leaving = replace(blueprint, spec=everything, leaving=True)
    return _Builder(leaving).build()


class _Builder:
    """Builds one pipeline's resources; a method a part, in the order in which they are made."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._b = blueprint
        self._spec = blueprint.spec
        self._calls = blueprint.calls
        self._place = blueprint.place
        self._names = blueprint.physical

    def build(self) -> list[Resource]:
        resources: list[Resource] = [
            self.stream(),
            *self._tables(),
            self._archive(),
            self._dead_letter(),
            self._hash_key(),
            *self._alerts(),
            *self._function(names.PROCESSOR),
        ]
        if self._spec.anomaly_detection.enabled:
            resources += [*self._function(names.DETECTOR), *self._schedule()]
        if self._spec.dashboard.enabled:
            resources.append(self._dashboard())
        if self._spec.alarms.enabled:
            resources += self._alarms()
        return resources

    def _common(
        self,
        name: str,
        *needs: str,
        physical: str | None = None,
        deletion: str = "Delete",
        gates_ready: bool = True,
    ) -> _Common:
        if name in self._b.adopted and self._spec.deletion_policy.adopted == "Retain":
            deletion = "Retain"
        return {
            "name": name,
            "physical_name": physical or self._names[name],
            "depends_on": frozenset(needs),
            "tags": {**self._b.tags, ownership.COMPONENT: name},
            "deletion": DeletionPolicy(deletion),
            "gates_ready": gates_ready,
        }

    def stream(self) -> KinesisStream:
        """The Kinesis data stream."""
        stream = self._spec.stream
        scaling = stream.autoscaling
        return KinesisStream(
            **self._common(names.STREAM, deletion=self._spec.deletion_policy.stream),
            calls=self._calls,
            shards=stream.shards,
            on_demand=stream.mode == "OnDemand",
            retention_hours=stream.retention_hours,
            kms_key_id=stream.kms_key_id,
            shard_level_metrics=stream.shard_level_metrics,
            bounds=(scaling.min_shards, scaling.max_shards) if scaling else None,
            history=self._b.history,
        )

    def _tables(self) -> list[Resource]:
        tables = self._spec.tables
        return [
            DynamoDBTable(
                **self._common(name, deletion=self._spec.deletion_policy.tables),
                calls=self._calls,
                hash_key=hash_key,
                range_key=range_key,
                point_in_time_recovery=tables.point_in_time_recovery,
                deletion_protection=tables.deletion_protection,
                read_units=tables.provisioned.read_units if tables.provisioned else None,
                write_units=tables.provisioned.write_units if tables.provisioned else None,
                kms_key_id=tables.kms_key_id,
            )
            for name, hash_key, range_key in _TABLES
        ]

    def _archive(self) -> Resource:
        archive = self._spec.archive
        return S3Bucket(
            **self._common(names.ARCHIVE, deletion=self._spec.deletion_policy.archive),
            calls=self._calls,
            place=self._place,
            transitions=[(step.storage_class, step.after_days) for step in archive.transitions],
            expiration_days=archive.expiration_days,
            noncurrent_version_days=archive.noncurrent_version_days,
            abort_multipart_days=archive.abort_multipart_days,
            kms_key_id=archive.kms_key_id,
            account_regional=self._b.account_regional_bucket,
            count_failed_objects=True,
        )

    def _dead_letter(self) -> Resource:
        queue = self._spec.dead_letter
        return SQSQueue(
            **self._common(names.DEAD_LETTER, deletion=self._spec.deletion_policy.dead_letter),
            calls=self._calls,
            place=self._place,
            retention_days=queue.retention_days,
            kms_key_id=queue.kms_key_id,
        )

    def _hash_key(self) -> Resource:
        keep = self._spec.deletion_policy
        # Retained data is read with the key that hashed it: the key lives as long as they do.
        retained = "Retain" if "Retain" in {keep.archive, keep.tables} else "Delete"
        return HashKeyParameter(
            **self._common(names.HASH_KEY, deletion=retained),
            calls=self._calls,
            place=self._place,
        )

    def _alerts(self) -> list[Resource]:
        alerts = self._spec.alerts
        if not alerts.enabled:
            return []
        own_topic = alerts.topic_arn is None
        resources: list[Resource] = []
        if own_topic:
            resources.append(
                SNSTopic(
                    **self._common(names.ALERTS),
                    calls=self._calls,
                    place=self._place,
                    kms_key_id=alerts.kms_key_id,
                )
            )
        resources += [
            SNSSubscription(
                **self._common(
                    names.subscription(digest),
                    *((names.ALERTS,) if own_topic else ()),
                    physical=names.subscription(digest),
                    gates_ready=False,
                ),
                calls=self._calls,
                topic_arn=self._topic_arn(),
                endpoint=address,
                digest=digest,
                subscribed_before=names.subscription(digest) in self._b.subscribed,
                leaving=self._b.leaving,
            )
            for digest, address in self._subscribers().items()
        ]
        return resources

    def _subscribers(self) -> dict[str, str]:
        """Addresses by digest; of those that left the spec only the digest is known."""
        wanted = {endpoint_hash(address): address for address in self._spec.alerts.emails}
        if not self._b.leaving:
            return wanted
        digests = (names.subscription_digest(name) for name in sorted(self._b.subscribed))
        return {digest: "" for digest in digests if digest} | wanted

    def _topic_arn(self) -> str:
        alerts = self._spec.alerts
        if not alerts.enabled:
            return ""
        return alerts.topic_arn or self._place.topic(self._names[names.ALERTS])

    def _customer_keys(self, *keys: str | None) -> tuple[str, ...]:
        """The customer's keys among `keys`, as ARNs; AWS managed keys need no permission."""
        found = {key for key in keys if key and not key.startswith("alias/aws/")}
        return tuple(sorted(self._place.kms_key(key) for key in found))

    def _function(self, name: str) -> list[Resource]:
        """A function with its log group, role, large configuration and event source mapping."""
        is_processor = name == names.PROCESSOR
        settings = self._spec.processor if is_processor else self._spec.anomaly_detection
        role_name = names.PROCESSOR_ROLE if is_processor else names.DETECTOR_ROLE
        log_name = names.PROCESSOR_LOGS if is_processor else names.DETECTOR_LOGS
        mapping_name = names.PROCESSOR_MAPPING if is_processor else names.DETECTOR_MAPPING
        config_name = names.PROCESSOR_CONFIG if is_processor else names.DETECTOR_CONFIG
        resources: list[Resource] = [
            LogGroup(
                **self._common(log_name, deletion=self._spec.deletion_policy.logs),
                calls=self._calls,
                place=self._place,
                retention_days=self._spec.logs.retention_days,
                shared_prefix=f"/aws/lambda/{self._b.base}-",
                kms_key_id=self._spec.logs.kms_key_id,
            )
        ]
        role_arn = settings.role_arn
        if role_arn is None:
            role_arn = self._place.role(self._names[role_name])
            resources.append(self._function_role(role_name, log_name))
        needs = {log_name, names.STREAM, names.DEAD_LETTER, names.HASH_KEY}
        if settings.role_arn is None:
            needs.add(role_name)
        configure = self._configuration(name)
        if len(configure(self._placeholder_outputs())) > function_config.ENVIRONMENT_LIMIT:
            resources.append(
                ConfigObject(
                    **self._common(
                        config_name,
                        names.ARCHIVE,
                        names.STREAM,
                        names.DEAD_LETTER,
                        physical=self._names[names.ARCHIVE],
                        deletion="Retain",
                    ),
                    calls=self._calls,
                    account=self._place.account,
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
                **self._common(name, *needs),
                calls=self._calls,
                place=self._place,
                role_arn=role_arn,
                handler=f"{name}.handler.handle",
                runtime=RUNTIME,
                architecture=self._spec.processor.architecture,
                memory_mib=settings.memory_mi_b,
                timeout_seconds=settings.timeout_seconds,
                environment=environment,
                package=self._b.packages[name],
                description=f"Clickstream {name} of {self._b.base}",
                log_level=self._spec.processor.log_level,
                log_group=self._names[log_name],
                reserved_concurrency=settings.reserved_concurrency,
            )
        )
        resources.append(self._mapping(mapping_name, name))
        return resources

    def _configuration(self, name: str) -> Callable[[Outputs], str]:
        def configure(outputs: Outputs) -> str:
            return function_config.as_text(
                function_config.document(
                    "processor" if name == names.PROCESSOR else "detector",
                    spec=self._spec,
                    base=self._b.base,
                    physical=self._names,
                    stream_epoch=output(outputs, names.STREAM, "epoch"),
                    dead_letter_url=output(outputs, names.DEAD_LETTER, "url"),
                    topic_arn=self._topic_arn(),
                )
            )

        return configure

    def _placeholder_outputs(self) -> Outputs:
        """Outputs of the length that real ones have, to size a configuration before they exist."""
        return {names.STREAM: {"epoch": "0" * 16}, names.DEAD_LETTER: {"url": "0" * 160}}

    def _function_role(self, role_name: str, log_name: str) -> Resource:
        spec = self._spec
        shared: dict[str, Any] = {
            "stream": self._names[names.STREAM],
            "session_metrics_table": self._names[names.SESSION_METRICS],
            "counters_table": self._names[names.COUNTERS],
            "bucket": self._names[names.ARCHIVE],
            "hash_key_parameter": self._names[names.HASH_KEY],
            "log_group": self._names[log_name],
        }
        keys = (spec.stream.kms_key_id, spec.tables.kms_key_id, spec.archive.kms_key_id)
        if role_name == names.PROCESSOR_ROLE:
            policy = role_policies.processor_policy(
                self._place,
                **shared,
                page_metrics_table=self._names[names.PAGE_METRICS],
                queue=self._names[names.DEAD_LETTER],
                kms_key_arns=self._customer_keys(*keys, spec.dead_letter.kms_key_id),
            )
        else:
            policy = role_policies.detector_policy(
                self._place,
                **shared,
                topic_arn=self._topic_arn() or None,
                kms_key_arns=self._customer_keys(*keys, spec.alerts.kms_key_id),
            )
        return IAMRole(
            **self._common(role_name),
            calls=self._calls,
            place=self._place,
            trust=role_policies.function_trust(),
            inline_policies={"clickstream": policy},
            description=f"Role of a function of the clickstream pipeline {self._b.base}",
            permissions_boundary=self._b.permissions_boundary,
        )

    def _mapping(self, mapping_name: str, function: str) -> Resource:
        processor = self._spec.processor
        start = processor.starting_position
        at = datetime.fromisoformat(start.timestamp) if start.timestamp else None
        return EventSourceMapping(
            **self._common(
                mapping_name,
                function,
                names.STREAM,
                names.ARCHIVE,
                *(table for table, _, _ in _TABLES),
                physical=self._names[function],
            ),
            calls=self._calls,
            place=self._place,
            function_name=self._names[function],
            stream_arn=self._place.stream(self._names[names.STREAM]),
            batch_size=processor.batch_size,
            batching_window_seconds=processor.batching_window_seconds,
            maximum_retry_attempts=processor.maximum_retry_attempts,
            maximum_record_age_seconds=processor.maximum_record_age_seconds,
            on_failure_arn=self._place.bucket(self._names[names.ARCHIVE]),
            starting_position=_STARTS[start.type],
            starting_timestamp=at,
        )

    def _schedule(self) -> list[Resource]:
        role = IAMRole(
            **self._common(names.SCHEDULER_ROLE),
            calls=self._calls,
            place=self._place,
            trust=role_policies.scheduler_trust(self._place),
            inline_policies={
                "clickstream": role_policies.scheduler_policy(
                    self._place, function=self._names[names.DETECTOR]
                )
            },
            description=f"Role of the schedule of the clickstream pipeline {self._b.base}",
            permissions_boundary=self._b.permissions_boundary,
        )
        schedule = Schedule(
            **self._common(names.SCHEDULE, names.SCHEDULER_ROLE, names.DETECTOR),
            calls=self._calls,
            place=self._place,
            function_arn=self._place.function(self._names[names.DETECTOR]),
            role_arn=self._place.role(self._names[names.SCHEDULER_ROLE]),
            payload=SCHEDULE_PAYLOAD,
        )
        return [role, schedule]

    def _dashboard(self) -> Resource:
        detector = self._names[names.DETECTOR] if self._spec.anomaly_detection.enabled else None
        return Dashboard(
            **self._common(names.DASHBOARD, gates_ready=False),
            calls=self._calls,
            place=self._place,
            body=dashboard_body(
                region=self._place.region,
                title=f"{self._b.base} ({self._spec.environment})",
                base=self._b.base,
                stream=self._names[names.STREAM],
                processor=self._names[names.PROCESSOR],
                detector=detector,
                tables=[self._names[table] for table, _, _ in _TABLES],
                dead_letter_queue=self._names[names.DEAD_LETTER],
            ),
        )

    def _alarms(self) -> list[Resource]:
        spec = self._spec
        topic = self._topic_arn()
        actions = sorted(spec.alarms.action_arns) or ([topic] if topic else [])
        own_topic = bool(topic) and spec.alerts.topic_arn is None
        definitions = alarm_set(
            processor=self._names[names.PROCESSOR],
            processor_timeout_seconds=spec.processor.timeout_seconds,
            dead_letter_queue=self._names[names.DEAD_LETTER],
            stream=self._names[names.STREAM],
            iterator_age_seconds=spec.alarms.iterator_age_seconds,
            detector=self._names[names.DETECTOR] if spec.anomaly_detection.enabled else None,
            detector_timeout_seconds=spec.anomaly_detection.timeout_seconds,
            failed_objects_bucket=self._names[names.ARCHIVE],
            no_data_minutes=spec.alarms.no_data_minutes,
        )
        needs = (names.ALERTS,) if own_topic and topic in actions else ()
        return [
            Alarm(
                **self._common(
                    f"alarm-{definition.key}",
                    *needs,
                    physical=f"{self._b.base}-{definition.key}",
                    gates_ready=False,
                ),
                calls=self._calls,
                place=self._place,
                definition=definition,
                alarm_prefix=f"{self._b.base}-",
                action_arns=actions,
            )
            for definition in definitions
        ]
