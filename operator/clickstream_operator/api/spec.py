"""The spec of a `ClickstreamPipeline`.

Docstrings of fields become the CRD's descriptions, which is what ``kubectl explain`` prints: each
gives meaning, unit, default, what a change does, AWS's limit and one example. Bounds and CEL rules
live here too, so that the API server alone refuses every bad value.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from clickstream_operator.api import detection_rules, rules


class Form:
    """A form of strings as part of a type: the API server and the models check the same."""

    def __init__(self, form: rules.Form) -> None:
        self._form = form
        self._compiled = re.compile(form.pattern)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Check after type and length."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add the CEL rule beside those that stand there."""
        written = handler(schema)
        already = written.get("x-kubernetes-validations", [])
        return {**written, "x-kubernetes-validations": [*already, self._form.as_rule().as_schema()]}

    def _check(self, value: str) -> str:
        if not self._compiled.fullmatch(value):
            raise ValueError(f"must be {self._form.words}")
        return value


Timestamp = Annotated[str, Field(max_length=64), Form(rules.TIMESTAMP)]
Region = Annotated[str, Field(max_length=32), Form(rules.REGION)]
Environment = Annotated[str, Field(max_length=20), Form(rules.ENVIRONMENT)]
RoleArn = Annotated[str, Field(max_length=600), Form(rules.ROLE_ARN)]
TopicArn = Annotated[str, Field(max_length=400), Form(rules.TOPIC_ARN)]
ActionArn = Annotated[str, Field(max_length=1024), Form(rules.ACTION_ARN)]
KmsKey = Annotated[str, Field(max_length=400), Form(rules.KMS_KEY)]
Email = Annotated[str, Field(max_length=320), Form(rules.EMAIL)]
StreamName = Annotated[str, Field(max_length=128), Form(rules.STREAM_NAME)]
BucketName = Annotated[str, Field(max_length=63), Form(rules.BUCKET_NAME)]
TableName = Annotated[str, Field(max_length=255), Form(rules.TABLE_NAME)]
MetricName = Annotated[str, Field(max_length=255), Form(rules.METRIC_NAME)]
RuleName = Annotated[str, Field(max_length=63), Form(rules.DETECTION_RULE)]
MemberName = Annotated[str, Field(min_length=1, max_length=128), Form(rules.MEMBER)]


class Model(BaseModel):
    """Base of everything that comes from the API server: frozen, camelCase, unknown fields ignored.

    Unknown fields are ignored because an older operator may read an object that a newer CRD accepted.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        extra="ignore",
    )


def validations(*entries: rules.Rule) -> dict[str, Any]:
    """CEL rules as schema extra."""
    return {"x-kubernetes-validations": [entry.as_schema() for entry in entries]}


def atomic_list(default: list[Any], *, max_items: int) -> Any:
    """A list that is replaced whole.

    With server-side apply a default item of a set or map list can never be removed, so every list
    with a default is atomic.
    """
    return Field(
        default_factory=lambda: list(default),
        max_length=max_items,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


def set_list(*, max_items: int) -> Any:
    """A list without default whose items several owners may add."""
    return Field(
        default_factory=list,
        max_length=max_items,
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


def map_list(*, max_items: int) -> Any:
    """A list of objects keyed by ``name``, without default."""
    return Field(
        default_factory=list,
        max_length=max_items,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )


class Credentials(Model):
    """A role to assume instead of the operator's own credential."""

    role_arn: RoleArn
    """ARN of the role, allowed for the namespace by the operator's settings. The account is fixed. Example: arn:aws:iam::123456789012:role/clickstream."""
    external_id: str | None = Field(default=None, min_length=2, max_length=1224)
    """External id that the role's trust policy asks for. Unset by default, free to change. Example: team-a."""


class DeletionPolicies(Model):
    """What happens to each part when the pipeline is deleted."""

    archive: Literal["Retain", "Delete", "Empty"] = "Retain"
    """The S3 bucket: Retain keeps it, Delete removes it only if empty, Empty deletes all versions first. Default Retain, free to change. Example: Retain."""
    tables: Literal["Retain", "Delete"] = "Retain"
    """The three DynamoDB tables. Delete needs tables.deletionProtection: false. Default Retain, free to change. Example: Delete."""
    stream: Literal["Retain", "Delete"] = "Delete"
    """The Kinesis stream. A stream with consumers that are not ours is never deleted. Default Delete, free to change. Example: Retain."""
    logs: Literal["Retain", "Delete"] = "Delete"
    """The log groups of both functions. Default Delete, free to change. Example: Retain."""
    dead_letter: Literal["Retain", "Delete"] = "Delete"
    """The dead-letter queue. Default Delete, free to change. Example: Retain."""
    adopted: Literal["Retain", "Delete"] = "Retain"
    """Whatever was adopted instead of created. Default Retain, free to change. Example: Delete."""


class Names(Model):
    """Explicit physical names, for adoption of what exists. Fixed at creation."""

    stream: StreamName | None = None
    """Name of the Kinesis stream. Derived when unset; fixed at creation. Example: clickstream-events."""
    archive_bucket: BucketName | None = None
    """Name of the S3 bucket. Derived when unset; fixed at creation. Example: clickstream-archive-1f2e3d4c."""
    page_metrics_table: TableName | None = None
    """Name of the page metrics table. Derived when unset; fixed at creation. Example: clickstream-page-metrics."""
    session_metrics_table: TableName | None = None
    """Name of the session metrics table. Derived when unset; fixed at creation. Example: clickstream-session-metrics."""
    counters_table: TableName | None = None
    """Name of the counters table. Derived when unset; fixed at creation. Example: clickstream-counters."""


class Autoscaling(Model):
    """Shard count owned by the operator."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.AUTOSCALING))

    min_shards: int = Field(ge=1, le=10000)
    """Lower bound of the shard count. Free to change. Example: 2."""
    max_shards: int = Field(ge=1, le=10000)
    """Upper bound of the shard count. Free to change. Example: 32."""
    target_utilization_percent: int = Field(default=70, ge=10, le=90)
    """Percent of a shard's write limit above which, for two minutes in a row, shards are doubled. Default 70, free to change. Example: 60."""
    scale_down_after_seconds: int = Field(default=1800, ge=300, le=86400)
    """Seconds below half the target before shards are halved. Default 1800, free to change. Example: 3600."""


class Stream(Model):
    """The Kinesis data stream."""

    mode: Literal["Provisioned", "OnDemand"] = "Provisioned"
    """Capacity mode. AWS allows two switches in 24 hours. Default Provisioned, free to change. Example: OnDemand."""
    shards: int = Field(default=2, ge=1, le=10000)
    """Number of shards; one takes 1 MiB or 1,000 records a second. Ignored with mode OnDemand; the start with autoscaling. Changed in steps of at most x2 or /2, 10 in 24 hours. Default 2, free to change. Example: 4."""
    autoscaling: Autoscaling | None = None
    """Shards follow the load: one GetMetricData call a minute. Unset by default, free to change. Needs mode Provisioned. Example: {minShards: 2, maxShards: 16}."""
    retention_hours: int = Field(default=24, ge=24, le=8760)
    """Hours that Kinesis keeps records. Default 24, free to change. Above 24 costs extra. Example: 48."""
    kms_key_id: KmsKey = "alias/aws/kinesis"
    """KMS key of the stream: alias, id or ARN. Default alias/aws/kinesis, free to change. Example: alias/clickstream."""
    shard_level_metrics: list[
        Literal[
            "IncomingBytes",
            "IncomingRecords",
            "OutgoingBytes",
            "OutgoingRecords",
            "WriteProvisionedThroughputExceeded",
            "ReadProvisionedThroughputExceeded",
            "IteratorAgeMilliseconds",
        ]
    ] = atomic_list(["IncomingRecords", "OutgoingRecords"], max_items=7)
    """Shard-level CloudWatch metrics; each costs as a custom metric per shard. Default [IncomingRecords, OutgoingRecords], free to change. Example: []."""


class StartingPosition(Model):
    """Where a new mapping starts to read."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.STARTING_POSITION))

    type: Literal["TrimHorizon", "Latest", "AtTimestamp"] = "TrimHorizon"
    """TrimHorizon reads everything that Kinesis still has (of an adopted stream: what came since the pipeline exists), Latest only what comes, AtTimestamp from timestamp on. Default TrimHorizon; takes effect when the mapping is created. Example: TrimHorizon."""
    timestamp: Timestamp | None = None
    """Start for AtTimestamp, RFC 3339. Unset by default; takes effect when the mapping is created. Example: 2026-11-01T00:00:00Z."""


class Processor(Model):
    """The function that counts, archives and rejects."""

    memory_mi_b: int = Field(default=256, ge=128, le=10240, alias="memoryMiB")
    """Memory of the function in MiB; CPU grows with it. Default 256, free to change. Example: 512."""
    timeout_seconds: int = Field(default=60, ge=30, le=900)
    """Seconds until Lambda ends an invocation. Default 60, free to change. Example: 120."""
    batch_size: int = Field(default=1000, ge=1, le=10000)
    """Records per invocation at most. Default 1000, free to change. Example: 5000."""
    batching_window_seconds: int = Field(default=5, ge=0, le=300)
    """Seconds that Lambda gathers records before it invokes; longer is cheaper and later. Default 5, free to change. Example: 60."""
    maximum_retry_attempts: int = Field(default=-1, ge=-1, le=10000)
    """Retries of a failing batch; -1 retries until the records are too old. Default -1, free to change. Example: 50."""
    maximum_record_age_seconds: int = Field(
        default=79200, ge=-1, le=604800, json_schema_extra=validations(*rules.RECORD_AGE)
    )
    """Age in seconds at which an unprocessable record goes to aws/lambda/ in the bucket; -1 or 60 and more, and at most the retention minus one hour. Default 79200, free to change. Example: 43200."""
    starting_position: StartingPosition = Field(default_factory=StartingPosition)
    """Where the mapping starts. Default TrimHorizon; takes effect when the mapping is created. Example: {type: Latest}."""
    reserved_concurrency: int | None = Field(default=None, ge=1, le=1000)
    """Concurrent executions set aside for the function; the account must keep 100 unreserved. Unset by default, free to change. Example: 10."""
    architecture: Literal["arm64", "x86_64"] = "arm64"
    """Processor architecture; arm64 costs 20 percent less. Default arm64, free to change. Example: x86_64."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lowest level that both functions log. Default INFO, free to change. Example: DEBUG."""
    role_arn: RoleArn | None = None
    """Existing role of the function, from the operator's allow-list. Created when unset. Free to change. Example: arn:aws:iam::123456789012:role/processor."""


class EventFields(Model):
    """How the producer's JSON names things."""

    type: MemberName = "event_type"
    """Member with the kind of event. Default event_type, free to change. Example: type."""
    session: MemberName = "session_id"
    """Member with the session id, which is also the partition key. Default session_id, free to change. Example: sid."""
    user: MemberName = "user_id"
    """Member with the user id. Default user_id, free to change. Example: uid."""
    time: MemberName = "timestamp"
    """Member with the event time: ISO 8601 with zone, or epoch seconds or milliseconds. Default timestamp, free to change. Example: ts."""
    page: MemberName = "page_url"
    """Member with the page; required for page_view. Default page_url, free to change. Example: url."""
    user_agent: MemberName = "user_agent"
    """Member with the user agent. Default user_agent, free to change. Example: ua."""
    ip: MemberName = "ip_address"
    """Member with the IP address. Default ip_address, free to change. Example: ip."""
    referrer: MemberName = "referrer"
    """Member with the referrer. Default referrer, free to change. Example: ref."""
    country: MemberName = "country"
    """Member with the country. Default country, free to change. Example: geo."""
    id: MemberName = "event_id"
    """Event id: shown in alerts, and archived as _clickstream.id, by which a reader drops what was sent twice. Default event_id, free to change. Example: id."""


class Events(Model):
    """The event contract."""

    fields: EventFields = Field(default_factory=EventFields)
    """Names of the members of an event. Default: the original's names, free to change. Example: {type: kind}."""
    max_past_seconds: int = Field(default=79200, ge=60, le=31536000)
    """How late an event may be, in seconds; later ones are bad rows. The tables' TTLs must cover retention, this and two hours. Default 79200, free to change. Example: 3600."""
    max_future_seconds: int = Field(default=600, ge=0, le=86400)
    """How far a producer's clock may be ahead, in seconds. Default 600, free to change. Example: 60."""


class Privacy(Model):
    """What is removed before anything is stored or logged."""

    ip_address: Literal["Keep", "Truncate", "Drop"] = "Truncate"
    """IP addresses: Truncate keeps /24 of IPv4 and /48 of IPv6. Default Truncate, free to change. Example: Drop."""
    user_id: Literal["Keep", "Hash", "Drop"] = "Hash"
    """User ids: Hash uses a key made once per pipeline and never shown. Default Hash, free to change. Example: Drop."""
    query_parameters: list[Annotated[str, Field(min_length=1, max_length=128)]] = atomic_list(
        ["utm_*"], max_items=100
    )
    """Query parameters of page and referrer that stay; globs allowed, all others are removed. Default [utm_*], free to change. Example: [utm_*, lang]."""
    drop_fields: list[MemberName] = atomic_list([], max_items=100)
    """Members of an event that are removed. Default [], free to change. Example: [email]."""


class BusinessMetric(Model):
    """A custom CloudWatch metric made from events."""

    name: MetricName
    """Metric name, unique in the list. Example: ConversionEvents."""
    namespace: MetricName = Field(
        default="Clickstream/Business", json_schema_extra=validations(*rules.NAMESPACE)
    )
    """CloudWatch namespace, not one of AWS/. Default Clickstream/Business. Example: Shop/Checkout."""
    match: dict[str, Annotated[str, Field(max_length=256)]] = Field(
        max_length=10, json_schema_extra=validations(*rules.MATCH)
    )
    """Event members and the values that they must have. Example: {event_type: purchase}."""
    value_field: MemberName | None = None
    """Member with the number to add up; each event counts 1 when unset. Example: amount."""
    unit: Literal["Count", "None", "Seconds", "Milliseconds", "Bytes", "Percent"] = "Count"
    """CloudWatch unit. Default Count. Example: Milliseconds."""
    dimensions: list[MemberName] = Field(
        default_factory=list, max_length=3, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Members that become dimensions, at most 3. Default []. Example: [product_category]."""
    max_series: int = Field(default=100, ge=1, le=1000)
    """Distinct dimension values per invocation; the rest counts as other, because each series costs. Default 100. Example: 20."""


class DetectionRule(Model):
    """A user's anomaly rule."""

    model_config = ConfigDict(json_schema_extra=validations(*detection_rules.DETECTION))

    name: RuleName
    """Rule name; a built-in's name replaces that rule. Example: many_pages."""
    kind: Literal["Rate", "Threshold", "Match", "Ratio", "Absent", "Seasonal"]
    """Rate: number of events; Threshold, Match: a member's number or text; Ratio: share of all events; Absent: none come; Seasonal: odd for the minute of the week. Example: Rate."""
    scope: Literal["Site", "Page", "Session", "IPPrefix"] = "Session"
    """What is counted apart. Default Session. Example: Page."""
    match: dict[str, Annotated[str, Field(max_length=256)]] = Field(
        default_factory=dict, max_length=10, json_schema_extra=validations(*rules.MATCH)
    )
    """Members and values of the events that count. Default none. Example: {event_type: purchase}."""
    field: MemberName | None = None
    """Member to compare with Threshold and Match; else only events that have it count. Example: page_url."""
    operator: Literal["GreaterThan", "LessThan", "Equals", "Contains", "Matches"] | None = None
    """Comparison with value; Matches is a glob. Default GreaterThan, Equals with Match, both directions with Seasonal. Example: GreaterThan."""
    value: str | None = Field(default=None, max_length=256)
    """Value to compare with, as text; a share of 0 to 1 with Ratio. Example: "50"."""
    per_seconds: int | None = Field(default=None, ge=1, le=86400)
    """Window in seconds, 60 when unset. Example: 60."""
    for_seconds: int | None = Field(default=None, ge=60, le=86400)
    """How long it must hold, in seconds; scope Site only. Example: 120."""
    min_volume: int | None = Field(default=None, ge=0)
    """Events below which the rule stays silent: all of the window with Ratio (default 30), a minute's with Seasonal, those compared with Threshold and Match. Example: 30."""
    cooldown_seconds: int = Field(default=1800, ge=0, le=86400)
    """Seconds from an incident's begin to the next of the same subject. Default 1800. Example: 600."""
    severity: Literal["info", "warning", "critical"] = "warning"
    """Severity in the message. Default warning. Example: critical."""


BuiltInRule = Literal[
    "high_frequency_clicks",
    "suspicious_user_agent",
    "unusual_page_sequence",
    "volume",
    "geographic",
]


class AnomalyDetection(Model):
    """The second function, which watches sessions and volume."""

    enabled: bool = True
    """Whether the function runs. Default true, free to change. Example: false."""
    memory_mi_b: int = Field(default=128, ge=128, le=10240, alias="memoryMiB")
    """Memory of the function in MiB. Default 128, free to change. Example: 256."""
    timeout_seconds: int = Field(default=30, ge=30, le=900)
    """Seconds until Lambda ends an invocation. Default 30, free to change. Example: 60."""
    reserved_concurrency: int | None = Field(default=None, ge=1, le=1000)
    """Concurrent executions set aside for the function. Unset by default, free to change. Example: 5."""
    role_arn: RoleArn | None = None
    """Existing role, like processor.roleArn. Created when unset. Free to change. Example: arn:aws:iam::123456789012:role/detector."""
    scheduler_role_arn: RoleArn | None = None
    """Existing role of the schedule, like roleArn. Created when unset. Free to change. Example: arn:aws:iam::123456789012:role/tick."""
    sensitivity: Literal["Low", "Medium", "High"] = "Medium"
    """How little is an anomaly: Low alerts on more than 100 events of a session in a minute, Medium 50, High 25. Default Medium, free to change. Example: High."""
    disabled_rules: list[BuiltInRule] = set_list(max_items=10)
    """Built-in rules to switch off. Default none, free to change. Example: [suspicious_user_agent]."""
    rules: list[DetectionRule] = map_list(max_items=50)
    """Your own rules; one with a built-in's name replaces it. Default none, free to change. Example: [{name: many_pages, kind: Rate, value: "100", perSeconds: 60}]."""


class Alerts(Model):
    """The SNS topic and who hears of it."""

    enabled: bool = False
    """Whether alerts are published. Default false, free to change. Example: true."""
    emails: list[Email] = set_list(max_items=20)
    """Addresses to subscribe; each must confirm. Default none, free to change. Example: [data-team@example.com]."""
    topic_arn: TopicArn | None = None
    """Existing topic instead of a new one. Unset by default, free to change. Example: arn:aws:sns:eu-west-1:123456789012:alerts."""
    kms_key_id: KmsKey | None = None
    """KMS key of the topic. Unset by default, because CloudWatch alarms can't publish through alias/aws/sns; free to change. Example: alias/alerts."""


class Dashboard(Model):
    """The CloudWatch dashboard."""

    enabled: bool = True
    """Whether it exists. Default true, free to change. Example: false."""


class Alarms(Model):
    """The CloudWatch alarms."""

    enabled: bool = True
    """Whether they exist. Default true, free to change. Example: false."""
    action_arns: list[ActionArn] = set_list(max_items=5)
    """What an alarm notifies; the alerts topic when empty and alerts are on. AWS allows 5. Default none, free to change. Example: [arn:aws:sns:eu-west-1:123456789012:pager]."""
    iterator_age_seconds: int = Field(default=120, ge=60, le=86400)
    """Lag in seconds that raises the iterator-age alarms; at least twice the batching window plus 30. Default 120, free to change. Example: 300."""
    no_data_minutes: int | None = Field(default=None, ge=5, le=1440)
    """Minutes without any record that raise an alarm. Unset (off) by default, free to change. Example: 30."""


class ProvisionedCapacity(Model):
    """Capacity of each table."""

    read_units: int = Field(ge=1, le=40000)
    """Read capacity units of each table. Free to change. Example: 5."""
    write_units: int = Field(ge=1, le=40000)
    """Write capacity units of each table. Free to change. Example: 25."""


class TimeToLive(Model):
    """How long items live, counted from event time."""

    page_metrics_days: int = Field(default=7, ge=2, le=3650)
    """Days that page items live. At least retention plus events.maxPastSeconds plus 2 hours. Default 7, free to change. Example: 30."""
    session_metrics_hours: int = Field(default=48, ge=27, le=87600)
    """Hours that session items live. At least retention plus events.maxPastSeconds plus 2 hours. Default 48, free to change. Example: 168."""
    counters_hours: int = Field(default=48, ge=27, le=87600)
    """Hours that counters live. At least retention plus events.maxPastSeconds plus 2 hours. Default 48, free to change. Example: 72."""


class Tables(Model):
    """The three DynamoDB tables."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.TABLES))

    billing_mode: Literal["OnDemand", "Provisioned"] = "OnDemand"
    """How capacity is paid; AWS limits switches. Default OnDemand, free to change. Example: Provisioned."""
    provisioned: ProvisionedCapacity | None = None
    """Capacity with billingMode Provisioned, where it is required. Unset by default, free to change. Example: {readUnits: 5, writeUnits: 25}."""
    point_in_time_recovery: bool = True
    """Continuous backups of 35 days. Default true, free to change. Example: false."""
    deletion_protection: bool = True
    """Whether AWS refuses to delete the tables. Default true, free to change. Example: false."""
    kms_key_id: KmsKey | None = None
    """KMS key of the tables. Unset: AWS managed key. Free to change. Example: alias/tables."""
    ttl: TimeToLive = Field(default_factory=TimeToLive)
    """How long items live. Default 7 days, 48 hours, 48 hours; free to change. Example: {countersHours: 72}."""


class Transition(Model):
    """One move to a cheaper storage class."""

    storage_class: Literal[
        "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"
    ] = Field(json_schema_extra={"maxLength": 19})
    """S3 storage class. Example: GLACIER."""
    after_days: int = Field(ge=0, le=3653)
    """Age in days at which objects move. Example: 90."""


class Archive(Model):
    """The S3 bucket with raw events and bad rows."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.ARCHIVE))

    enabled: bool = True
    """Whether events are archived; false keeps the bucket and stops writing. Default true, free to change. Example: false."""
    compression: Literal["Gzip", "Zstd"] = "Gzip"
    """Compression of archive objects. Default Gzip, free to change. Example: Zstd."""
    transitions: list[Transition] = Field(
        default_factory=lambda: [
            Transition(storage_class="STANDARD_IA", after_days=30),
            Transition(storage_class="GLACIER", after_days=90),
        ],
        max_length=6,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    """Moves to cheaper classes, in S3's order. Default STANDARD_IA after 30 and GLACIER after 90 days, free to change. Example: []."""
    expiration_days: int = Field(default=365, ge=0, le=3653)
    """Age in days at which archive objects are deleted; 0 keeps them for ever. Greater than every transition. Default 365, free to change. Example: 730."""
    noncurrent_version_days: int = Field(default=30, ge=1, le=3653)
    """Days that overwritten versions live. Default 30, free to change. Example: 7."""
    abort_multipart_days: int = Field(default=7, ge=1, le=3653)
    """Days after which unfinished uploads are removed. Default 7, free to change. Example: 1."""
    kms_key_id: KmsKey | None = None
    """KMS key of the bucket. Unset: SSE-S3. Free to change. Example: alias/archive."""


class DeadLetter(Model):
    """The queue that names every bad object and failed batch."""

    retention_days: int = Field(default=14, ge=1, le=14)
    """Days that messages stay. Default 14, free to change. Example: 7."""
    kms_key_id: KmsKey | None = None
    """KMS key of the queue. Unset: SSE-SQS. Free to change. Example: alias/queue."""


class Logs(Model):
    """The functions' log groups."""

    retention_days: Literal[
        1,
        3,
        5,
        7,
        14,
        30,
        60,
        90,
        120,
        150,
        180,
        365,
        400,
        545,
        731,
        1096,
        1827,
        2192,
        2557,
        2922,
        3288,
        3653,
    ] = 14
    """Days that logs stay, from CloudWatch's list. Default 14, free to change. Example: 30."""
    kms_key_id: KmsKey | None = None
    """KMS key of the log groups. Unset by default, free to change. Example: arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab."""


class Spec(Model):
    """One clickstream analytics pipeline on AWS. An empty spec is a complete, valid pipeline."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            *rules.SPEC, detection_rules.IP_PREFIX, detection_rules.DROPPED
        )
    )

    region: Region | None = None
    """AWS region of everything. Default: the operator's region; fixed at creation. Example: eu-west-1."""
    credentials: Credentials | None = None
    """Role to assume. Default: the operator's own credential; the account is fixed. Example: {roleArn: arn:aws:iam::123456789012:role/clickstream}."""
    environment: Environment = "dev"
    """Environment, as tag and in the dashboard's title. Default dev, free to change. Example: prod."""
    suspend: bool = False
    """Whether the operator only reads: drift is reported, nothing is written. It can still be deleted. Default false, free to change. Example: true."""
    resync_interval_seconds: int = Field(default=300, ge=30, le=86400)
    """Seconds between looks for drift, jittered by 20 percent. Default 300, free to change. Example: 60."""
    drift_policy: Literal["Correct", "Report", "Ignore"] = "Correct"
    """What to do when AWS was changed behind the operator's back: repair, report, or neither. Default Correct, free to change. Example: Report."""
    approval: Literal["Automatic", "Manual"] = "Automatic"
    """Whether changes wait for the annotation clickstream.dev/approved-plan. Default Automatic, free to change. Example: Manual."""
    deletion_policy: DeletionPolicies = Field(default_factory=DeletionPolicies)
    """What stays when the pipeline is deleted. Default: data stays. Free to change. Example: {tables: Delete}."""
    adoption_policy: Literal["Retained", "Always", "Never"] = "Retained"
    """Which existing resources may be taken over: those that this pipeline retained earlier, also those without owner, or none. Default Retained, free to change. Example: Always."""
    names: Names = Field(default_factory=Names)
    """Explicit physical names, for adoption. Derived when unset; fixed at creation. Example: {stream: clickstream-events}."""
    tags: dict[str, Annotated[str, Field(max_length=256)]] = Field(
        default_factory=dict, max_length=40, json_schema_extra=validations(*rules.TAGS)
    )
    """Tags on every taggable resource, at most 40. Default none, free to change. Example: {CostCenter: analytics}."""
    stream: Stream = Field(default_factory=Stream)
    """The Kinesis data stream. Example: {shards: 4}."""
    processor: Processor = Field(default_factory=Processor)
    """The function that counts and archives. Example: {batchingWindowSeconds: 60}."""
    events: Events = Field(default_factory=Events)
    """What your events look like. Example: {fields: {type: kind}}."""
    privacy: Privacy = Field(default_factory=Privacy)
    """What is removed before anything is stored. Example: {userId: Drop}."""
    metrics: list[BusinessMetric] = map_list(max_items=20)
    """Custom CloudWatch metrics from events. Default none, free to change. Example: [{name: ConversionEvents, match: {event_type: purchase}}]."""
    anomaly_detection: AnomalyDetection = Field(default_factory=AnomalyDetection)
    """The function that finds bots and odd traffic. Example: {enabled: false}."""
    alerts: Alerts = Field(default_factory=Alerts)
    """Where anomalies are announced. Example: {enabled: true, emails: [data-team@example.com]}."""
    dashboard: Dashboard = Field(default_factory=Dashboard)
    """The CloudWatch dashboard. Example: {enabled: false}."""
    alarms: Alarms = Field(default_factory=Alarms)
    """The CloudWatch alarms. Example: {noDataMinutes: 30}."""
    tables: Tables = Field(default_factory=Tables)
    """The DynamoDB tables. Example: {deletionProtection: false}."""
    archive: Archive = Field(default_factory=Archive)
    """The S3 archive. Example: {expirationDays: 730}."""
    dead_letter: DeadLetter = Field(default_factory=DeadLetter)
    """The dead-letter queue. Example: {retentionDays: 7}."""
    logs: Logs = Field(default_factory=Logs)
    """The functions' logs. Example: {retentionDays: 30}."""
