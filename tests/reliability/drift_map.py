"""Changes and deletions in AWS by somebody else, kind by kind.

`_CHANGES` covers every property of every kind of a pipeline that has everything, `DELETIONS` every
kind. Where AWS shows a property, and in which observation its change is found, follows from what
the kind declares (`attributes`); `drift_of` leads from a row of the property map to its entries
here. `test_drift.py` runs the table.

``<name>``, ``<arn>``, ``<url>``, ``<uuid>`` and ``<key>`` in arguments are of the resource at hand,
``<a-name>`` and ``<arn-of-a-name>`` of the resource with that inventory name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tests.reliability import attributes
from tests.reliability.attributes import (
    GROUPS,
    KINDS,
    SPEC,
    Observation,
    observation_of,
    of_kind,
    readings,
)

__all__ = ["SPEC"]

RESYNCS: Final[Mapping[Observation, int]] = {"fast": 1, "full": 3}
"""Resyncs in which drift is found: every third one observes in full."""
Write = tuple[str, str, Mapping[str, Any]]
"""Service, operation and arguments of boto3."""


@dataclass(frozen=True)
class Change:
    """Somebody else's change of one property, named as status.resources[].drift must name it.

    `writes` is empty where the write of another change takes this one along.
    """

    resource: str
    path: str
    writes: tuple[Write, ...] = ()

    @property
    def name(self) -> str:
        """Of the change in test reports and rows: ``<resource>.<path>``."""
        return f"{self.resource}.{self.path}"

    @property
    def observation(self) -> Observation:
        """Observation that finds it."""
        return observation_of(self.resource, self.path)


@dataclass(frozen=True)
class Deletion:
    """How a kind of resource is deleted behind the operator's back."""

    kind: str
    writes: tuple[Write, ...]

    @property
    def observation(self) -> Observation:
        """Observation that finds it."""
        (kind,) = {one for one in KINDS.values() if one.kind == self.kind}
        return "full" if kind.full_only else "fast"


def _changes(
    kind: str, paths: str, operation: str, *, on: str = "", **arguments: Any
) -> Iterator[Change]:
    """One call on each resource of a kind, or on one of them; it changes all of `paths`."""
    for name in (on,) if on else of_kind(kind):
        service = readings(name)[0].service
        first, *others = paths.split()
        yield Change(name, first, ((service, operation, arguments),))
        yield from (Change(name, path) for path in others)


_PAGES, _SESSIONS, _COUNTERS = GROUPS["tables"]
_NOBODY: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"ec2.amazonaws.com"}}]}'
)
_EVERYTHING: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
)
_EXTERNAL: Final = "arn:aws:iam::<account>:role/external"
_OTHER_RULES: Final[Mapping[str, Any]] = {
    "Rules": [
        {
            "ID": f"clickstream-{name}",
            "Filter": {"Prefix": prefix},
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            "Expiration": {"Days": 3},
            "Transitions": [{"StorageClass": "GLACIER", "Days": 2}],
        }
        for name, prefix in (("raw", "raw/"), ("bad", "bad/"), ("failed", "aws/lambda/"))
    ]
}
_TAGGED: Final = {"Environment": "changed by hand"}
_LISTED: Final = [{"Key": "Environment", "Value": "changed by hand"}]
_KEYS: Final = ["Environment"]

_CHANGES: Final[tuple[Iterator[Change], ...]] = (
    _changes("KinesisStream", "mode", "update_stream_mode", StreamARN="<arn>",
             StreamModeDetails={"StreamMode": "ON_DEMAND"}),
    _changes("KinesisStream", "shards", "update_shard_count", StreamName="<name>",
             TargetShardCount=4, ScalingType="UNIFORM_SCALING"),
    _changes("KinesisStream", "maxRecordSizeKiB", "update_max_record_size", StreamARN="<arn>",
             MaxRecordSizeInKiB=4096),
    _changes("KinesisStream", "recordDistribution", "update_stream_record_distribution_strategy",
             StreamARN="<arn>", RecordDistributionStrategy="AUTO"),
    _changes("KinesisStream", "retentionHours", "increase_stream_retention_period",
             StreamName="<name>", RetentionPeriodHours=72),
    _changes("KinesisStream", "encryption.keyId", "start_stream_encryption", StreamName="<name>",
             EncryptionType="KMS", KeyId="<kms-key-arn>"),
    _changes("KinesisStream", "shardLevelMetrics", "enable_enhanced_monitoring",
             StreamName="<name>", ShardLevelMetrics=["IncomingBytes"]),
    _changes("KinesisStream", "tags", "add_tags_to_stream", StreamName="<name>", Tags=_TAGGED),
    # What excludes one another is on different tables.
    _changes("DynamoDBTable", "billing.mode", "update_table", on=_PAGES, TableName="<name>",
             BillingMode="PAY_PER_REQUEST"),
    _changes("DynamoDBTable", "billing.readUnits", "update_table", on=_SESSIONS,
             TableName="<name>",
             ProvisionedThroughput={"ReadCapacityUnits": 9, "WriteCapacityUnits": 6}),
    _changes("DynamoDBTable", "billing.writeUnits", "update_table", on=_COUNTERS,
             TableName="<name>",
             ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 9}),
    _changes("DynamoDBTable", "encryption.keyId", "update_table", TableName="<name>",
             SSESpecification={
                 "Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "<kms-key-arn>"
             }),
    _changes("DynamoDBTable", "deletionProtection", "update_table", TableName="<name>",
             DeletionProtectionEnabled=False),
    _changes("DynamoDBTable", "ttl.attribute", "update_time_to_live", TableName="<name>",
             TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"}),
    _changes("DynamoDBTable", "pointInTimeRecovery", "update_continuous_backups",
             TableName="<name>",
             PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}),
    _changes("DynamoDBTable", "tags", "untag_resource", ResourceArn="<arn>", TagKeys=_KEYS),
    _changes("S3Bucket", "versioning", "put_bucket_versioning", Bucket="<name>",
             VersioningConfiguration={"Status": "Suspended"}),
    _changes("S3Bucket", "encryption.keyId encryption.bucketKey", "put_bucket_encryption",
             Bucket="<name>",
             ServerSideEncryptionConfiguration={"Rules": [{
                 "ApplyServerSideEncryptionByDefault": {
                     "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "<kms-key-arn>"
                 },
                 "BucketKeyEnabled": True,
             }]}),
    _changes("S3Bucket", "publicAccessBlock", "put_public_access_block", Bucket="<name>",
             PublicAccessBlockConfiguration={
                 "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False,
                 "RestrictPublicBuckets": True,
             }),
    _changes("S3Bucket", "policy", "delete_bucket_policy", Bucket="<name>"),
    _changes("S3Bucket", "lifecycle", "put_bucket_lifecycle_configuration", Bucket="<name>",
             LifecycleConfiguration=_OTHER_RULES),
    _changes("S3Bucket", "failedObjectMetrics", "put_bucket_metrics_configuration",
             Bucket="<name>", Id="clickstream-failed",
             MetricsConfiguration={"Id": "clickstream-failed", "Filter": {"Prefix": "raw/"}}),
    _changes("S3Bucket", "tags", "put_bucket_tagging", Bucket="<name>",
             Tagging={"TagSet": [{"Key": "somebody", "Value": "else"}]}),
    _changes("SQSQueue", "retentionSeconds encryption.keyId", "set_queue_attributes",
             QueueUrl="<url>",
             Attributes={
                 "MessageRetentionPeriod": "60", "SqsManagedSseEnabled": "false",
                 "KmsMasterKeyId": "<kms-key-arn>",
             }),
    _changes("SQSQueue", "tags", "tag_queue", QueueUrl="<url>", Tags=_TAGGED),
    _changes("HashKeyParameter", "tags", "remove_tags_from_resource", ResourceType="Parameter",
             ResourceId="<name>", TagKeys=_KEYS),
    _changes("SNSTopic", "encryption.keyId", "set_topic_attributes", TopicArn="<arn>",
             AttributeName="KmsMasterKeyId", AttributeValue="<kms-key-arn>"),
    _changes("SNSTopic", "tags", "tag_resource", ResourceArn="<arn>", Tags=_LISTED),
    _changes("LogGroup", "retentionDays", "put_retention_policy", logGroupName="<name>",
             retentionInDays=1),
    _changes("LogGroup", "encryption.keyId", "associate_kms_key", logGroupName="<name>",
             kmsKeyId="<kms-key-arn>"),
    _changes("LogGroup", "deletionProtection", "put_log_group_deletion_protection",
             logGroupIdentifier="<name>", deletionProtectionEnabled=True),
    _changes("LogGroup", "tags", "untag_resource", resourceArn="<arn>", tagKeys=_KEYS),
    _changes("LambdaFunction",
             "memoryMiB timeoutSeconds roleArn handler runtime description environment"
             " logging.group logging.level",
             "update_function_configuration", on="processor", FunctionName="<name>",
             MemorySize=1024, Timeout=33, Role=_EXTERNAL, Handler="other.handle",
             Runtime="python3.12", Description="changed by hand",
             Environment={"Variables": {"OTHER": "other"}},
             LoggingConfig={
                 "LogFormat": "JSON", "LogGroup": "/other", "ApplicationLogLevel": "DEBUG"
             }),
    _changes("LambdaFunction", "environment logging.format", "update_function_configuration",
             on="detector", FunctionName="<name>", Environment={"Variables": {"OTHER": "other"}},
             LoggingConfig={"LogFormat": "Text", "LogGroup": "<detector-logs>"}),
    _changes("LambdaFunction", "reservedConcurrency", "put_function_concurrency", on="processor",
             FunctionName="<name>", ReservedConcurrentExecutions=3),
    _changes("LambdaFunction", "codeSha256 architecture", "update_function_code", on="detector",
             FunctionName="<name>", ZipFile="<other-zip>", Architectures=["x86_64"]),
    _changes("LambdaFunction", "tags", "tag_resource", Resource="<arn>", Tags=_TAGGED),
    _changes("FunctionUrl",
             "authorization invokeMode cors.allowOrigins cors.allowMethods cors.allowHeaders"
             " cors.allowCredentials cors.maxAgeSeconds",
             "update_function_url_config", FunctionName="<name>", AuthType="AWS_IAM",
             InvokeMode="RESPONSE_STREAM",
             Cors={
                 "AllowOrigins": ["https://other.example"], "AllowMethods": ["GET"],
                 "AllowHeaders": ["x-other"], "AllowCredentials": True, "MaxAge": 7,
             }),
    _changes("FunctionUrl", "permissions", "remove_permission", FunctionName="<name>",
             StatementId="clickstream-url"),
    _changes("EventSourceMapping",
             "enabled batchSize batchingWindowSeconds parallelizationFactor maximumRetryAttempts"
             " maximumRecordAgeSeconds bisectBatchOnFunctionError responseTypes onFailure"
             " filters",
             "update_event_source_mapping", UUID="<uuid>", Enabled=False, BatchSize=7,
             MaximumBatchingWindowInSeconds=1, ParallelizationFactor=2, MaximumRetryAttempts=2,
             MaximumRecordAgeInSeconds=600, BisectBatchOnFunctionError=False,
             FunctionResponseTypes=[],
             DestinationConfig={"OnFailure": {"Destination": "<arn-of-dead-letter>"}},
             FilterCriteria={"Filters": [{"Pattern": '{"partitionKey": ["x"]}'}]}),
    _changes("EventSourceMapping", "tags", "untag_resource", Resource="<arn>", TagKeys=_KEYS),
    _changes("IAMRole", "trust", "update_assume_role_policy", RoleName="<name>",
             PolicyDocument=_NOBODY),
    _changes("IAMRole", "description", "update_role", RoleName="<name>",
             Description="changed by hand"),
    _changes("IAMRole", "permissionsBoundary", "put_role_permissions_boundary",
             RoleName="<name>", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess"),
    _changes("IAMRole", "inlinePolicies", "put_role_policy", RoleName="<name>",
             PolicyName="clickstream", PolicyDocument=_EVERYTHING),
    _changes("IAMRole", "inlinePolicies", "put_role_policy", RoleName="<name>",
             PolicyName="somebody-else", PolicyDocument=_EVERYTHING),
    _changes("IAMRole", "attachedPolicies", "attach_role_policy", RoleName="<name>",
             PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"),
    _changes("IAMRole", "tags", "tag_role", RoleName="<name>", Tags=_LISTED),
    _changes("Alarm",
             "description metric.namespace metric.name metric.dimensions metric.statistic"
             " periodSeconds evaluationPeriods datapoints comparison threshold missingData"
             " actions.enabled actions.alarm actions.ok metric.unit actions.withTags warmUpMinutes",
             "put_metric_alarm", AlarmName="<name>", AlarmDescription="changed by hand",
             Namespace="Other", MetricName="Other",
             Dimensions=[{"Name": "Other", "Value": "other"}], Statistic="Average", Period=900,
             EvaluationPeriods=2, DatapointsToAlarm=2,
             ComparisonOperator="LessThanOrEqualToThreshold", Threshold=77.0,
             TreatMissingData="ignore", ActionsEnabled=False, AlarmActions=[], OKActions=[],
             Unit="Bytes", WarmUpConfiguration={"WarmUpPeriodDurationInMinutes": 90},
             ActionConfiguration={"AlarmTagsPropagation": {"Enabled": True}}),
    _changes("Alarm", "tags", "untag_resource", ResourceARN="<arn>", TagKeys=_KEYS),
    _changes("Dashboard", "body", "put_dashboard", DashboardName="<name>",
             DashboardBody='{"widgets": []}'),
    _changes("Dashboard", "tags", "tag_resource", ResourceARN="<arn>", Tags=_LISTED),
    _changes("Schedule",
             "expression enabled flexibleWindow target.arn target.roleArn target.payload"
             " target.retries target.maximumEventAgeSeconds window",
             "update_schedule", Name="<name>", GroupName="default",
             ScheduleExpression="rate(7 minutes)", State="DISABLED",
             EndDate=datetime(2027, 1, 1, tzinfo=UTC),
             FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
             Target={
                 "Arn": "arn:aws:lambda:<region>:<account>:function:other",
                 "RoleArn": _EXTERNAL,
                 "Input": '{"other": true}',
                 "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
             }),
)  # fmt: skip


def _merged() -> Iterator[Change]:
    """Each change once, with the writes of all that change the same property."""
    found: dict[tuple[str, str], tuple[Write, ...]] = {}
    for one in (one for some in _CHANGES for one in some):
        key = (one.resource, one.path)
        found[key] = found.get(key, ()) + one.writes
    for (resource, path), writes in found.items():
        yield Change(resource, path, writes)


CHANGES: Final = tuple(_merged())

BESIDE: Final = frozenset({f"{_PAGES}.billing.readUnits", f"{_PAGES}.billing.writeUnits"})
"""Properties that change along with another: a table that is billed on demand has no units."""


def _deletion(kind: str, *calls: tuple[str, Mapping[str, Any]]) -> Deletion:
    name = of_kind(kind)[0]
    service = "s3" if kind == "ConfigObject" else readings(name)[0].service
    return Deletion(kind, tuple((service, operation, of) for operation, of in calls))


DELETIONS: Final[tuple[Deletion, ...]] = (
    _deletion("KinesisStream", ("delete_stream", {"StreamName": "<name>"})),
    _deletion(
        "DynamoDBTable",
        ("update_table", {"TableName": "<name>", "DeletionProtectionEnabled": False}),
        ("delete_table", {"TableName": "<name>"}),
    ),
    _deletion("S3Bucket", ("delete_bucket", {"Bucket": "<name>"})),
    _deletion("SQSQueue", ("delete_queue", {"QueueUrl": "<url>"})),
    _deletion("HashKeyParameter", ("delete_parameter", {"Name": "<name>"})),
    _deletion("SNSTopic", ("delete_topic", {"TopicArn": "<arn>"})),
    _deletion("LogGroup", ("delete_log_group", {"logGroupName": "<name>"})),
    _deletion(
        "IAMRole",
        ("delete_role_policy", {"RoleName": "<name>", "PolicyName": "clickstream"}),
        ("delete_role", {"RoleName": "<name>"}),
    ),
    _deletion("LambdaFunction", ("delete_function", {"FunctionName": "<name>"})),
    _deletion("FunctionUrl", ("delete_function_url_config", {"FunctionName": "<name>"})),
    _deletion("EventSourceMapping", ("delete_event_source_mapping", {"UUID": "<uuid>"})),
    _deletion("Schedule", ("delete_schedule", {"Name": "<name>", "GroupName": "default"})),
    _deletion("Dashboard", ("delete_dashboards", {"DashboardNames": ["<name>"]})),
    _deletion("ConfigObject", ("delete_object", {"Bucket": "<name>", "Key": "<key>"})),
    _deletion("Alarm", ("delete_alarms", {"AlarmNames": ["<name>"]})),
)

_ELSEWHERE: Final[Mapping[str, str]] = {
    "S3Bucket.lifecycle.minimumObjectSize": "the emulator keeps no minimum size of transitions",
    "ConfigObject.key": "the key is the content's hash: another content is another object",
    "SNSSubscription.topic": "a subscription is of one topic",
}
FIXED: Final[Mapping[str, str]] = {
    f"{kind.kind}.{path}": "AWS cannot change it in what exists"
    for kind in KINDS.values()
    for path in kind.replace_only
} | dict(_ELSEWHERE)
"""Properties that nobody can change in what exists, and why: `replace_only`, and the rest."""
NOT_BROUGHT_BACK: Final[Mapping[str, str]] = {
    "SNSSubscription": "who unsubscribed is not written to again: reported as `NotConfirmed`",
}
"""Kinds that somebody else's deletion does not bring back, and why."""

_OF_OTHER_SPECS: Final[Mapping[str, str]] = {
    "KinesisStream.warmThroughputMiBps": "of on-demand streams only: "
    "tests/resources/test_kinesis_warm_throughput.py changes it",
}
"""Properties that the pipeline of the campaign can't have, and where their drift is tried."""

_NONE_BY_KIND: Final[Mapping[str, str]] = {
    "fixed": "AWS cannot change a name or a region",
    "engine": "rules what the operator does, and is nothing in AWS",
    "status": "nothing in AWS",
}


def drift_of(kind: str, target: str) -> str:
    """Entry of a row of the property map: names of changes and deletions, or ``- <reason>``.

    `target`: the row's place in AWS (`attributes`), or function.

    Raises:
        LookupError: the row has neither.
    """
    if kind in _NONE_BY_KIND:
        return f"- {_NONE_BY_KIND[kind]}"
    if kind == "function":
        return f"{target}.environment [ConfigObject]"
    names, path = attributes.resources(target), attributes.path_of(target)
    kind = KINDS[names[0]].kind
    if not path:
        return f"[{kind}]"
    if f"{kind}.{path}" in _OF_OTHER_SPECS:
        return f"- {_OF_OTHER_SPECS[f'{kind}.{path}']}"
    changed = {one.resource: one.name for one in CHANGES if one.path == path}
    # Where no resource of the row is changed in that property, another one of its kind is.
    found = [changed[name] for name in names if name in changed]
    found = found or [changed[name] for name in of_kind(kind) if name in changed]
    if not found:
        raise LookupError(f"nobody changes {path} of a {kind} in drift_map.py: {target}")
    return " ".join(found)


def observations_of(entry: str) -> tuple[Observation, ...]:
    """Observations that find the changes and deletions of an entry."""
    observations = {one.name: one.observation for one in CHANGES} | {
        f"[{one.kind}]": one.observation for one in DELETIONS
    }
    return tuple(sorted({observations[name] for name in entry.split(" ")}))
