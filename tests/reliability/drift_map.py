"""What somebody else may change or delete in AWS, and by which name the operator must say so.

One table beside the property map: `CHANGES` covers every property of every resource of a pipeline
that has everything, `DELETIONS` every kind. `drift_of` leads from a row of the property map to its
entries here, or to the reason why AWS cannot hold drift there. `test_drift.py` runs the table.

``<name>`` in arguments stands for a physical name of the pipeline at hand, as in `property_map`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

#: A pipeline that has everything, so that there is everything to change.
SPEC: Final[dict[str, Any]] = {
    "alerts": {"enabled": True, "emails": ["a@example.com"]},
    "alarms": {"noDataMinutes": 30},
    "processor": {"reservedConcurrency": 10},
    "tables": {
        "billingMode": "Provisioned",
        "provisioned": {"readUnits": 5, "writeUnits": 6},
        "deletionProtection": True,
    },
    "archive": {"transitions": [{"storageClass": "STANDARD_IA", "afterDays": 30}]},
    "tags": {"CostCenter": "analytics"},
    # Too much for a function's environment: it goes into an object.
    "metrics": [
        {"name": f"Padding{number}", "match": {"padding": "z" * 250, "more": "y" * 250}}
        for number in range(7)
    ],
}
Look = Literal["hot", "cold"]
#: Resyncs in which drift is found: the hot set is looked at in each, the cold one in every third.
RESYNCS: Final[Mapping[Look, int]] = {"hot": 1, "cold": 3}


@dataclass(frozen=True)
class Change:
    """Somebody else's change of one thing; `writes` are (service, operation, arguments) of boto3.

    `resource` and `path` are how status.resources[].drift must name it. `target` and `member` tell
    where AWS itself shows it, as in the property map.
    """

    resource: str
    path: str
    look: Look
    writes: tuple[tuple[str, str, Mapping[str, Any]], ...]
    target: str
    member: str

    @property
    def name(self) -> str:
        """Of the change in test reports and rows: ``<resource>.<path>``."""
        return f"{self.resource}.{self.path}"


@dataclass(frozen=True)
class Deletion:
    """How a kind of resource is deleted behind the operator's back.

    `before`: what stands in the way; `look` as in `Change`. `<it>` is the physical name, `<arn>`
    the ARN.
    """

    kind: str
    look: Look
    writes: tuple[tuple[str, str, Mapping[str, Any]], ...]


def _change(resource: str, path: str, look: Look, *shown_and_call: str, **arguments: Any) -> Change:
    """`shown_and_call`: target and member, service and operation."""
    target, member, service, operation = shown_and_call
    return Change(resource, path, look, ((service, operation, arguments),), target, member)


def _stream(path: str, member: str, operation: str, **arguments: Any) -> Change:
    where = {} if "StreamARN" in arguments else {"StreamName": "<stream>"}
    return _change("stream", path, "hot", "stream", f"StreamDescriptionSummary.{member}",
                   "kinesis", operation, **where, **arguments)  # fmt: skip


def _table(name: str, path: str, look: Look, member: str, operation: str, *,
           target: str = "table", **arguments: Any) -> Change:  # fmt: skip
    return _change(name, path, look, f"{target} {name}", member,
                   "dynamodb", operation, TableName=f"<{name}>", **arguments)  # fmt: skip


def _bucket(path: str, target: str, member: str, operation: str, **arguments: Any) -> Change:
    return _change("archive", path, "cold", target, member,
                   "s3", operation, Bucket="<archive>", **arguments)  # fmt: skip


def _mapping(name: str, path: str, member: str, **arguments: Any) -> Change:
    return _change(f"{name}-mapping", path, "hot", f"{name}-mapping",
                   f"EventSourceMappings[0].{member}",
                   "lambda", "update_event_source_mapping",
                   UUID=f"<uuid-of-{name}-mapping>", **arguments)  # fmt: skip


def _role(
    name: str, path: str, target: str, member: str, operation: str, **arguments: Any
) -> Change:
    return _change(name, path, "cold", f"{target}{name}", member,
                   "iam", operation, RoleName=f"<{name}>", **arguments)  # fmt: skip


_PAGES, _SESSIONS, _COUNTERS = "page-metrics-table", "session-metrics-table", "counters-table"
_NOBODY: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"ec2.amazonaws.com"}}]}'
)
_EVERYTHING: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
)
_EXTERNAL: Final = "arn:aws:iam::<account>:role/external"
_ALARM: Final = "alarm-processor-errors"
_OTHER_ALARM: Final[Mapping[str, Any]] = {
    "AlarmName": "<base>-processor-errors",
    "AlarmDescription": "changed by hand",
    "Namespace": "Other",
    "MetricName": "Other",
    "Dimensions": [{"Name": "Other", "Value": "other"}],
    "Statistic": "Average",
    "Period": 900,
    "EvaluationPeriods": 2,
    "DatapointsToAlarm": 2,
    "ComparisonOperator": "LessThanOrEqualToThreshold",
    "Threshold": 77.0,
    "TreatMissingData": "ignore",
    "ActionsEnabled": False,
    "AlarmActions": [],
    "OKActions": [],
}
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
_OTHER_SCHEDULE: Final[Mapping[str, Any]] = {
    "Name": "<schedule>",
    "GroupName": "default",
    "ScheduleExpression": "rate(7 minutes)",
    "State": "DISABLED",
    "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
    "Target": {
        "Arn": "arn:aws:lambda:<region>:<account>:function:other",
        "RoleArn": _EXTERNAL,
        "Input": '{"other": true}',
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
    },
}


def _all_at_once(
    resource: str, look: Look, target: str, members: Mapping[str, str], *call: Any
) -> list[Change]:
    """Changes of a thing that one call replaces as a whole; the first of them carries the call."""
    service, operation, arguments = call
    first = ((service, operation, arguments),)
    return [
        Change(resource, path, look, first if number == 0 else (), target, member)
        for number, (path, member) in enumerate(members.items())
    ]


_TAGGED: Final = {"Environment": "changed by hand"}
_LISTED: Final = [{"Key": "Environment", "Value": "changed by hand"}]


def _tags(resource: str, look: Look, *shown_and_call: str, **arguments: Any) -> Change:
    return _change(resource, "tags", look, *shown_and_call, **arguments)


_LISTED_TAG: Final = "{0}[?Key=='Environment'].Value | [0]"
_ROLES: Final = ("processor-role", "detector-role", "scheduler-role")
_ALARMS: Final = (
    *(
        f"alarm-{function}-{metric}"
        for function in ("processor", "detector")
        for metric in ("iterator-age", "errors", "throttles", "duration")
    ),
    "alarm-dead-letter-depth",
    "alarm-failed-objects",
    "alarm-no-data",
)

_EACH_ONCE: Final[tuple[Change, ...]] = (
    # -- stream
    _stream("mode", "StreamModeDetails.StreamMode", "update_stream_mode",
            StreamARN="<arn-of-stream>", StreamModeDetails={"StreamMode": "ON_DEMAND"}),
    _stream("shards", "OpenShardCount", "update_shard_count", TargetShardCount=4,
            ScalingType="UNIFORM_SCALING"),
    _stream("retentionHours", "RetentionPeriodHours", "increase_stream_retention_period",
            RetentionPeriodHours=72),
    _stream("encryption.keyId", "KeyId", "start_stream_encryption", EncryptionType="KMS",
            KeyId="<kms-key-arn>"),
    _stream("shardLevelMetrics", "EnhancedMonitoring[0].ShardLevelMetrics | sort(@)",
            "enable_enhanced_monitoring", ShardLevelMetrics=["IncomingBytes"]),
    # -- tables: what excludes one another is on different ones
    _table(_PAGES, "billing.mode", "hot", "Table.BillingModeSummary.BillingMode", "update_table",
           BillingMode="PAY_PER_REQUEST"),
    _table(_SESSIONS, "billing.readUnits", "hot", "Table.ProvisionedThroughput.ReadCapacityUnits",
           "update_table", ProvisionedThroughput={"ReadCapacityUnits": 9, "WriteCapacityUnits": 6}),
    _table(_COUNTERS, "billing.writeUnits", "hot",
           "Table.ProvisionedThroughput.WriteCapacityUnits", "update_table",
           ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 9}),
    _table(_SESSIONS, "encryption.keyId", "hot", "Table.SSEDescription.KMSMasterKeyArn",
           "update_table",
           SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "<kms-key-arn>"}),
    _table(_PAGES, "deletionProtection", "hot", "Table.DeletionProtectionEnabled", "update_table",
           DeletionProtectionEnabled=False),
    _table(_PAGES, "ttl.attribute", "cold", "TimeToLiveDescription.TimeToLiveStatus",
           "update_time_to_live", target="ttl",
           TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"}),
    _table(_COUNTERS, "pointInTimeRecovery", "cold",
           "ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus",
           "update_continuous_backups", target="backups",
           PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}),
    # -- bucket
    _bucket("versioning", "versioning", "Status", "put_bucket_versioning",
            VersioningConfiguration={"Status": "Suspended"}),
    *_all_at_once(
        "archive", "cold", "encryption",
        {
            "encryption.keyId": "ServerSideEncryptionConfiguration.Rules[0]"
            ".ApplyServerSideEncryptionByDefault",
            "encryption.bucketKey": "ServerSideEncryptionConfiguration.Rules[0].BucketKeyEnabled",
        },
        "s3", "put_bucket_encryption",
        {
            "Bucket": "<archive>",
            "ServerSideEncryptionConfiguration": {
                "Rules": [
                    {
                        "ApplyServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "<kms-key-arn>"
                        },
                        "BucketKeyEnabled": True,
                    }
                ]
            },
        },
    ),
    _bucket("publicAccessBlock", "public access",
            "PublicAccessBlockConfiguration.BlockPublicPolicy", "put_public_access_block",
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False,
                "RestrictPublicBuckets": True,
            }),
    _bucket("policy", "bucket policy", "Policy", "delete_bucket_policy"),
    *_all_at_once(
        "archive", "cold", "lifecycle",
        {
            "lifecycle": "Rules[?starts_with(ID, 'clickstream-')]"
            ".[Expiration, Transitions, NoncurrentVersionExpiration,"
            " AbortIncompleteMultipartUpload]",
        },
        "s3", "put_bucket_lifecycle_configuration",
        {
            "Bucket": "<archive>",
            "LifecycleConfiguration": _OTHER_RULES,
        },
    ),
    # -- queue, topic, log groups
    *_all_at_once(
        "dead-letter", "hot", "queue",
        {
            "retentionSeconds": "Attributes.MessageRetentionPeriod",
            "encryption.keyId": "Attributes.[SqsManagedSseEnabled, KmsMasterKeyId || '']",
        },
        "sqs", "set_queue_attributes",
        {
            "QueueUrl": "<queue-url>",
            "Attributes": {
                "MessageRetentionPeriod": "60", "SqsManagedSseEnabled": "false",
                "KmsMasterKeyId": "<kms-key-arn>",
            },
        },
    ),
    _change("alerts", "encryption.keyId", "hot", "topic", "Attributes.KmsMasterKeyId || ''",
            "sns", "set_topic_attributes", TopicArn="<arn-of-alerts>",
            AttributeName="KmsMasterKeyId", AttributeValue="<kms-key-arn>"),
    _change("processor-logs", "retentionDays", "hot", "group processor-logs",
            "logGroups[0].retentionInDays",
            "logs", "put_retention_policy", logGroupName="<processor-logs>", retentionInDays=1),
    _change("detector-logs", "encryption.keyId", "hot", "group detector-logs",
            "logGroups[0].kmsKeyId",
            "logs", "associate_kms_key", logGroupName="<detector-logs>", kmsKeyId="<kms-key-arn>"),
    # -- functions: one call takes them all
    *_all_at_once(
        "processor", "hot", "processor",
        {
            "memoryMiB": "Configuration.MemorySize",
            "timeoutSeconds": "Configuration.Timeout",
            "roleArn": "Configuration.Role",
            "handler": "Configuration.Handler",
            "runtime": "Configuration.Runtime",
            "description": "Configuration.Description",
            "environment": "Configuration.Environment.Variables",
            "logging.group": "Configuration.LoggingConfig.LogGroup",
            "logging.level": "Configuration.LoggingConfig.ApplicationLogLevel",
        },
        "lambda", "update_function_configuration",
        {
            "FunctionName": "<processor>", "MemorySize": 1024, "Timeout": 33, "Role": _EXTERNAL,
            "Handler": "other.handle", "Runtime": "python3.12", "Description": "changed by hand",
            "Environment": {"Variables": {"OTHER": "other"}},
            "LoggingConfig": {
                "LogFormat": "JSON", "LogGroup": "/other", "ApplicationLogLevel": "DEBUG"
            },
        },
    ),
    *_all_at_once(
        "detector", "hot", "detector",
        {
            "environment": "Configuration.Environment.Variables",
            "logging.format": "Configuration.LoggingConfig.LogFormat",
        },
        "lambda", "update_function_configuration",
        {
            "FunctionName": "<detector>", "Environment": {"Variables": {"OTHER": "other"}},
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": "<detector-logs>"},
        },
    ),
    _change("processor", "reservedConcurrency", "hot", "processor",
            "Concurrency.ReservedConcurrentExecutions", "lambda", "put_function_concurrency",
            FunctionName="<processor>", ReservedConcurrentExecutions=3),
    *_all_at_once(
        "detector", "hot", "detector",
        {
            "codeSha256": "Configuration.CodeSha256",
            "architecture": "Configuration.Architectures",
        },
        "lambda", "update_function_code",
        {"FunctionName": "<detector>", "ZipFile": "<other-zip>", "Architectures": ["x86_64"]},
    ),
    # -- mappings
    *_all_at_once(
        "processor-mapping", "hot", "processor-mapping",
        {
            "batchSize": "EventSourceMappings[0].BatchSize",
            "batchingWindowSeconds": "EventSourceMappings[0].MaximumBatchingWindowInSeconds",
            "parallelizationFactor": "EventSourceMappings[0].ParallelizationFactor",
            "maximumRetryAttempts": "EventSourceMappings[0].MaximumRetryAttempts",
            "maximumRecordAgeSeconds": "EventSourceMappings[0].MaximumRecordAgeInSeconds",
            "bisectBatchOnFunctionError": "EventSourceMappings[0].BisectBatchOnFunctionError",
            "responseTypes": "EventSourceMappings[0].FunctionResponseTypes",
            "onFailure": "EventSourceMappings[0].DestinationConfig.OnFailure.Destination",
        },
        "lambda", "update_event_source_mapping",
        {
            "UUID": "<uuid-of-processor-mapping>", "BatchSize": 7,
            "MaximumBatchingWindowInSeconds": 1, "ParallelizationFactor": 2,
            "MaximumRetryAttempts": 2, "MaximumRecordAgeInSeconds": 600,
            "BisectBatchOnFunctionError": False, "FunctionResponseTypes": [],
            "DestinationConfig": {"OnFailure": {"Destination": "<arn-of-dead-letter>"}},
        },
    ),
    _mapping("detector", "enabled", "State", Enabled=False),
    # -- roles
    _role("processor-role", "trust", "", "Role.AssumeRolePolicyDocument",
          "update_assume_role_policy", PolicyDocument=_NOBODY),
    _role("processor-role", "description", "", "Role.Description", "update_role",
          Description="changed by hand"),
    _role("detector-role", "permissionsBoundary", "",
          "Role.PermissionsBoundary.PermissionsBoundaryArn", "put_role_permissions_boundary",
          PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess"),
    _role("processor-role", "inlinePolicies", "policy of ", "PolicyDocument", "put_role_policy",
          PolicyName="clickstream", PolicyDocument=_EVERYTHING),
    _role("detector-role", "inlinePolicies", "policies of ", "PolicyNames", "put_role_policy",
          PolicyName="somebody-else", PolicyDocument=_EVERYTHING),
    _role("scheduler-role", "attachedPolicies", "attached to ", "AttachedPolicies",
          "attach_role_policy", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"),
    # -- what watches
    *_all_at_once(
        _ALARM, "hot", "alarm",
        {
            "description": "MetricAlarms[0].AlarmDescription",
            "metric.namespace": "MetricAlarms[0].Namespace",
            "metric.name": "MetricAlarms[0].MetricName",
            "metric.dimensions": "MetricAlarms[0].Dimensions",
            "metric.statistic": "MetricAlarms[0].Statistic",
            "periodSeconds": "MetricAlarms[0].Period",
            "evaluationPeriods": "MetricAlarms[0].EvaluationPeriods",
            "datapoints": "MetricAlarms[0].DatapointsToAlarm",
            "comparison": "MetricAlarms[0].ComparisonOperator",
            "threshold": "MetricAlarms[0].Threshold",
            "missingData": "MetricAlarms[0].TreatMissingData",
            "actions.enabled": "MetricAlarms[0].ActionsEnabled",
            "actions.alarm": "MetricAlarms[0].AlarmActions",
            "actions.ok": "MetricAlarms[0].OKActions",
        },
        "cloudwatch", "put_metric_alarm", _OTHER_ALARM,
    ),
    _change("dashboard", "body", "cold", "dashboard", "DashboardBody",
            "cloudwatch", "put_dashboard", DashboardName="<dashboard>",
            DashboardBody='{"widgets": []}'),
    *_all_at_once(
        "schedule", "cold", "schedule",
        {
            "expression": "ScheduleExpression",
            "enabled": "State",
            "flexibleWindow": "FlexibleTimeWindow.Mode",
            "target.arn": "Target.Arn",
            "target.roleArn": "Target.RoleArn",
            "target.payload": "Target.Input",
            "target.retries": "Target.RetryPolicy.MaximumRetryAttempts",
            "target.maximumEventAgeSeconds": "Target.RetryPolicy.MaximumEventAgeInSeconds",
        },
        "scheduler", "update_schedule", _OTHER_SCHEDULE,
    ),
    # -- tags: changed on some, taken off the others
    _tags("stream", "cold", "tags of stream", _LISTED_TAG.format("Tags"),
          "kinesis", "add_tags_to_stream", StreamName="<stream>", Tags=_TAGGED),
    *(
        _tags(name, "cold", f"tags of {name}", _LISTED_TAG.format("Tags"),
              "dynamodb", "untag_resource",
              ResourceArn=f"<arn-of-{name}>", TagKeys=["Environment"])
        for name in (_PAGES, _SESSIONS, _COUNTERS)
    ),
    _tags("archive", "cold", "tags of archive", _LISTED_TAG.format("TagSet"),
          "s3", "put_bucket_tagging", Bucket="<archive>",
          Tagging={"TagSet": [{"Key": "somebody", "Value": "else"}]}),
    _tags("dead-letter", "cold", "tags of queue", "Tags.Environment",
          "sqs", "tag_queue", QueueUrl="<queue-url>", Tags=_TAGGED),
    _tags("hash-key", "cold", "tags of hash key", _LISTED_TAG.format("TagList"),
          "ssm", "remove_tags_from_resource", ResourceType="Parameter", ResourceId="<hash-key>",
          TagKeys=["Environment"]),
    _tags("alerts", "cold", "tags of topic", _LISTED_TAG.format("Tags"),
          "sns", "tag_resource", ResourceArn="<arn-of-alerts>", Tags=_LISTED),
    *(
        _tags(name, "cold", f"tags of {name}", "tags.Environment",
              "logs", "untag_resource", resourceArn=f"<arn-of-{name}>", tagKeys=["Environment"])
        for name in ("processor-logs", "detector-logs")
    ),
    *(
        _tags(name, "cold", f"tags of {name}", _LISTED_TAG.format("Tags"),
              "iam", "tag_role", RoleName=f"<{name}>", Tags=_LISTED)
        for name in _ROLES
    ),
    *(
        _tags(name, "hot", f"tags of {name}", "Tags.Environment",
              "lambda", "tag_resource", Resource=f"<arn-of-{name}>", Tags=_TAGGED)
        for name in ("processor", "detector")
    ),
    *(
        _tags(name, "cold", f"tags of {name}", "Tags.Environment",
              "lambda", "untag_resource", Resource=f"<arn-of-{name}>", TagKeys=["Environment"])
        for name in ("processor-mapping", "detector-mapping")
    ),
    *(
        _tags(name, "cold", f"tags of {name}", _LISTED_TAG.format("Tags"),
              "cloudwatch", "untag_resource", ResourceARN=f"<arn-of-{name}>",
              TagKeys=["Environment"])
        for name in _ALARMS
    ),
    _tags("dashboard", "cold", "tags of dashboard", _LISTED_TAG.format("Tags"),
          "cloudwatch", "tag_resource", ResourceARN="<arn-of-dashboard>", Tags=_LISTED),
)  # fmt: skip

#: Resources of one kind, where what is changed on one can be changed on all; None: every path.
_FAMILIES: Final[tuple[tuple[tuple[str, ...], frozenset[str] | None], ...]] = (
    (
        (_PAGES, _SESSIONS, _COUNTERS),
        frozenset({"encryption.keyId", "deletionProtection", "ttl.attribute",
                   "pointInTimeRecovery"}),
    ),
    (_ROLES, None),
    (("processor-logs", "detector-logs"), None),
    (("processor-mapping", "detector-mapping"), None),
    (_ALARMS, None),
)  # fmt: skip


def _renamed(value: Any, old: str, new: str) -> Any:
    """Arguments or a target of one thing, of another."""
    if isinstance(value, Mapping):
        return {key: _renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_renamed(item, old, new) for item in value)
    return value.replace(old, new) if isinstance(value, str) else value


def _siblings(changes: Sequence[Change]) -> Iterator[Change]:
    """The same changes on the other resources of a family, but for those that are there already."""
    seen = {(one.name, one.target) for one in changes}
    for family, paths in _FAMILIES:
        for change in (one for one in changes if one.resource in family):
            if change.path == "tags" or not (paths is None or change.path in paths):
                continue
            for name in family:
                old, new = change.resource, name
                if family is _ALARMS:
                    old, new = old.removeprefix("alarm-"), new.removeprefix("alarm-")
                target = _renamed(change.target, old, new)
                if change.target == "alarm":
                    target = f"alarm {name}"
                if name == change.resource or (f"{name}.{change.path}", target) in seen:
                    continue
                seen.add((f"{name}.{change.path}", target))
                writes = _renamed(change.writes, old, new)
                yield replace(change, resource=name, writes=writes, target=target)


CHANGES: Final = (*_EACH_ONCE, *_siblings(_EACH_ONCE))


#: What changes beside: a table that is billed on demand has no units.
BESIDE: Final = frozenset({f"{_PAGES}.billing.readUnits", f"{_PAGES}.billing.writeUnits"})

DELETIONS: Final[tuple[Deletion, ...]] = (
    Deletion("KinesisStream", "hot", (("kinesis", "delete_stream", {"StreamName": "<it>"}),)),
    Deletion(
        "DynamoDBTable",
        "hot",
        (
            ("dynamodb", "update_table", {"TableName": "<it>", "DeletionProtectionEnabled": False}),
            ("dynamodb", "delete_table", {"TableName": "<it>"}),
        ),
    ),
    Deletion("S3Bucket", "cold", (("s3", "delete_bucket", {"Bucket": "<it>"}),)),
    Deletion("SQSQueue", "hot", (("sqs", "delete_queue", {"QueueUrl": "<queue-url>"}),)),
    Deletion("HashKeyParameter", "hot", (("ssm", "delete_parameter", {"Name": "<it>"}),)),
    Deletion("SNSTopic", "hot", (("sns", "delete_topic", {"TopicArn": "<arn>"}),)),
    Deletion("LogGroup", "hot", (("logs", "delete_log_group", {"logGroupName": "<it>"}),)),
    Deletion(
        "IAMRole",
        "cold",
        (
            ("iam", "delete_role_policy", {"RoleName": "<it>", "PolicyName": "clickstream"}),
            ("iam", "delete_role", {"RoleName": "<it>"}),
        ),
    ),
    Deletion("LambdaFunction", "hot", (("lambda", "delete_function", {"FunctionName": "<it>"}),)),
    Deletion(
        "EventSourceMapping",
        "hot",
        (("lambda", "delete_event_source_mapping", {"UUID": "<uuid>"}),),
    ),
    Deletion(
        "Schedule",
        "cold",
        (("scheduler", "delete_schedule", {"Name": "<it>", "GroupName": "default"}),),
    ),
    Deletion(
        "Dashboard", "cold", (("cloudwatch", "delete_dashboards", {"DashboardNames": ["<it>"]}),)
    ),
    Deletion("ConfigObject", "hot", (("s3", "delete_object", {"Bucket": "<it>", "Key": "<key>"}),)),
    Deletion("Alarm", "hot", (("cloudwatch", "delete_alarms", {"AlarmNames": ["<it>"]}),)),
)

#: Properties that are desired and that nobody can change in what exists, and why.
FIXED: Final[Mapping[str, str]] = {
    "S3Bucket.lifecycle.minimumObjectSize": "the emulator keeps no minimum size of transitions",
    "S3Bucket.failedObjectMetrics": "the emulator keeps no metrics configuration of a bucket",
    "DynamoDBTable.hashKey": "a table's keys are fixed",
    "DynamoDBTable.rangeKey": "a table's keys are fixed",
    "ConfigObject.key": "the key is the content's hash: another content is another object",
    "IAMRole.path": "a role's path is fixed",
    "SNSSubscription.topic": "a subscription is of one topic",
    "SNSSubscription.protocol": "a subscription's protocol is fixed",
    "SNSSubscription.endpointHash": "a subscription's endpoint is fixed",
}
#: Kinds that somebody else's deletion does not bring back, and why.
NOT_BROUGHT_BACK: Final[Mapping[str, str]] = {
    "SNSSubscription": "who unsubscribed is not written to again: reported as `NotConfirmed`",
}

_STREAM_CALL: Final = ("kinesis", "describe_stream_summary", {"StreamName": "<stream>"})
_TABLES: Final = (_PAGES, _SESSIONS, _COUNTERS)
Read = tuple[str, str, Mapping[str, Any]]


def _reads(targets: Sequence[str], prefix: str, service: str, operation: str,
           **arguments: Any) -> dict[str, Read]:  # fmt: skip
    """The same call for several things; ``<each>`` stands for the thing's own place."""
    return {
        f"{prefix}{name}": (
            service,
            operation,
            {key: _of(value, name) for key, value in arguments.items()},
        )
        for name in targets
    }


def _of(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [_of(one, name) for one in value]
    return value.replace("each", name) if isinstance(value, str) else value


#: Where AWS tells a target: one read call of boto3.
READS: Final[Mapping[str, Read]] = {
    "stream": _STREAM_CALL,
    **_reads(_TABLES, "table ", "dynamodb", "describe_table", TableName="<each>"),
    **_reads(_TABLES, "ttl ", "dynamodb", "describe_time_to_live", TableName="<each>"),
    **_reads(_TABLES, "backups ", "dynamodb", "describe_continuous_backups", TableName="<each>"),
    **_reads(_TABLES, "tags of ", "dynamodb", "list_tags_of_resource", ResourceArn="<arn-of-each>"),
    "versioning": ("s3", "get_bucket_versioning", {"Bucket": "<archive>"}),
    "encryption": ("s3", "get_bucket_encryption", {"Bucket": "<archive>"}),
    "public access": ("s3", "get_public_access_block", {"Bucket": "<archive>"}),
    "bucket policy": ("s3", "get_bucket_policy", {"Bucket": "<archive>"}),
    "lifecycle": ("s3", "get_bucket_lifecycle_configuration", {"Bucket": "<archive>"}),
    "queue": (
        "sqs",
        "get_queue_attributes",
        {"QueueUrl": "<queue-url>", "AttributeNames": ["All"]},
    ),
    "topic": ("sns", "get_topic_attributes", {"TopicArn": "<arn-of-alerts>"}),
    **_reads(
        ("processor-logs", "detector-logs"),
        "group ",
        "logs",
        "describe_log_groups",
        logGroupNamePrefix="<each>",
    ),
    **_reads(
        ("processor-logs", "detector-logs"),
        "tags of ",
        "logs",
        "list_tags_for_resource",
        resourceArn="<arn-of-each>",
    ),
    **_reads(("processor", "detector"), "", "lambda", "get_function", FunctionName="<each>"),
    **{
        f"{name}-mapping": (
            "lambda",
            "list_event_source_mappings",
            {"FunctionName": f"<{name}>"},
        )
        for name in ("processor", "detector")
    },
    **_reads(
        ("processor", "detector", "processor-mapping", "detector-mapping"),
        "tags of ",
        "lambda",
        "list_tags",
        Resource="<arn-of-each>",
    ),
    **_reads(_ROLES, "", "iam", "get_role", RoleName="<each>"),
    **_reads(
        _ROLES, "policy of ", "iam", "get_role_policy", RoleName="<each>", PolicyName="clickstream"
    ),
    **_reads(_ROLES, "policies of ", "iam", "list_role_policies", RoleName="<each>"),
    **_reads(_ROLES, "attached to ", "iam", "list_attached_role_policies", RoleName="<each>"),
    **_reads(_ROLES, "tags of ", "iam", "list_role_tags", RoleName="<each>"),
    "alarm": ("cloudwatch", "describe_alarms", {"AlarmNames": ["<base>-processor-errors"]}),
    **{
        f"alarm {name}": (
            "cloudwatch",
            "describe_alarms",
            {"AlarmNames": [f"<base>-{name.removeprefix('alarm-')}"]},
        )
        for name in _ALARMS
    },
    "dashboard": ("cloudwatch", "get_dashboard", {"DashboardName": "<dashboard>"}),
    "schedule": ("scheduler", "get_schedule", {"Name": "<schedule>"}),
    **_reads(
        (*_ALARMS, "dashboard"),
        "tags of ",
        "cloudwatch",
        "list_tags_for_resource",
        ResourceARN="<arn-of-each>",
    ),
    "tags of stream": ("kinesis", "list_tags_for_stream", {"StreamName": "<stream>"}),
    "tags of archive": ("s3", "get_bucket_tagging", {"Bucket": "<archive>"}),
    "tags of queue": ("sqs", "list_queue_tags", {"QueueUrl": "<queue-url>"}),
    "tags of topic": ("sns", "list_tags_for_resource", {"ResourceArn": "<arn-of-alerts>"}),
    "tags of hash key": (
        "ssm",
        "list_tags_for_resource",
        {"ResourceType": "Parameter", "ResourceId": "<hash-key>"},
    ),
}  # fmt: skip

_TAGS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "stream": ("stream",),
    "tables": _TABLES,
    "archive": ("archive",),
    "queue": ("dead-letter",),
    "hash key": ("hash-key",),
    "topic": ("alerts",),
    "logs": ("processor-logs", "detector-logs"),
    "roles": _ROLES,
    "functions": ("processor", "detector"),
    "mappings": ("processor-mapping", "detector-mapping"),
    "alarms": _ALARMS,
    "dashboard": ("dashboard",),
}
_START: Final = "AWS cannot change it in a mapping that exists"
#: By a row's target and a part of its member: names of changes, kinds of deletions in brackets, or
#: after a dash the reason why there is none. A row whose member a change shows needs none here.
_DRIFT: Final[tuple[tuple[str, str, str], ...]] = (
    ("dashboard", "DashboardName", "[Dashboard]"),
    ("processor-policy", "", "processor-role.inlinePolicies"),
    ("detector-policy", "", "detector-role.inlinePolicies"),
    ("processor-role", "RoleName", "[IAMRole]"),
    ("detector-role", "RoleName", "[IAMRole]"),
    ("detector", "FunctionName", "[LambdaFunction]"),
    *(
        (function, member, change)
        for function in ("processor", "detector")
        for member, change in (
            ("MemorySize", "processor.memoryMiB"),
            ("Timeout", "processor.timeoutSeconds"),
            ("ReservedConcurrent", "processor.reservedConcurrency"),
            ("Architectures", "detector.architecture"),
            ("ApplicationLogLevel", "processor.logging.level"),
            ("Role", "processor.roleArn"),
        )
    ),
    ("alarms", "length", "[Alarm]"),
    ("alarms", "Threshold", f"{_ALARM}.threshold"),
    ("alarms", "EvaluationPeriods", f"{_ALARM}.evaluationPeriods"),
    ("alarms", "OKActions", f"{_ALARM}.actions.ok"),
    ("alarms", "AlarmActions", f"{_ALARM}.actions.alarm"),
    ("detector-mapping", "StartingPosition", f"- {_START}"),
    ("detector-mapping", "length", "[EventSourceMapping]"),
    ("mappings", "BatchSize", "processor-mapping.batchSize"),
    ("mappings", "MaximumBatchingWindow", "processor-mapping.batchingWindowSeconds"),
    ("mappings", "MaximumRetryAttempts", "processor-mapping.maximumRetryAttempts"),
    ("mappings", "MaximumRecordAge", "processor-mapping.maximumRecordAgeSeconds"),
    ("schedule", "Name", "[Schedule]"),
    ("scheduler-role", "RoleName", "[IAMRole]"),
    ("topic", "TopicArn", "[SNSTopic]"),
    ("subscriptions", "", f"- {NOT_BROUGHT_BACK['SNSSubscription']}"),
    ("other-subscriptions", "", f"- {NOT_BROUGHT_BACK['SNSSubscription']}"),
    ("tables", "BillingMode", f"{_PAGES}.billing.mode"),
    ("tables", "ReadCapacityUnits", f"{_SESSIONS}.billing.readUnits"),
    ("tables", "WriteCapacityUnits", f"{_COUNTERS}.billing.writeUnits"),
    ("tables", "DeletionProtection", f"{_PAGES}.deletionProtection"),
    ("tables", "SSEDescription", f"{_SESSIONS}.encryption.keyId"),
    ("backups", "", f"{_COUNTERS}.pointInTimeRecovery"),
    ("lifecycle", "", "archive.lifecycle"),
    ("encryption", "", "archive.encryption.keyId"),
    ("logs", "retentionInDays", "processor-logs.retentionDays"),
    ("logs", "kmsKeyId", "detector-logs.encryption.keyId"),
)
_NONE_BY_KIND: Final[Mapping[str, str]] = {
    "fixed": "AWS cannot change a name or a region",
    "engine": "rules what the operator does, and is nothing in AWS",
    "status": "nothing in AWS",
}


def drift_of(kind: str, target: str, member: str) -> str:
    """What a row of the property map has here: names of changes and deletions, or ``- <reason>``.

    Raises:
        LookupError: the row has neither.
    """
    if kind in _NONE_BY_KIND:
        return f"- {_NONE_BY_KIND[kind]}"
    if kind == "function":
        return f"{target}.environment [ConfigObject]"
    if target.startswith("tags of "):
        return " ".join(f"{name}.tags" for name in _TAGS_OF[target.removeprefix("tags of ")])
    for one, part, found in _DRIFT:
        if one == target and part in member:
            return found
    derived = [one.name for one in CHANGES if one.target == target and member.endswith(one.member)]
    if derived:
        return derived[0]
    raise LookupError(f"no drift entry, and no reason for none: {target} {member}")


def looks_of(entry: str) -> tuple[Look, ...]:
    """In which looks the changes and deletions of an entry are found."""
    looks = {one.name: one.look for one in CHANGES} | {
        f"[{one.kind}]": one.look for one in DELETIONS
    }
    return tuple(sorted({looks[name] for name in entry.split(" ")}))
