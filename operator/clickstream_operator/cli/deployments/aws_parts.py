"""Parts of a deployment as AWS shows them to a reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.aws.tags import from_list
from clickstream_operator.cli.deployments.model import (
    BUCKET_VARIABLE,
    KEYS,
    TOPIC_VARIABLE,
    Bucket,
    Function,
    Stream,
    Table,
)
from clickstream_operator.cli.errors import CliError, nearest
from clickstream_operator.resources.dynamodb_encryption import MANAGED_KEY, key_in_use

_MODES: Final = {"ON_DEMAND": "OnDemand", "PROVISIONED": "Provisioned"}
_SECONDS_A_DAY: Final = 86400
_OURS: Final = "clickstream-"
"""How the lifecycle rules of a pipeline begin; each is for one prefix."""
_RAW_RULE: Final = f"{_OURS}raw"
_LEVELS: Final = "ShardLevelMetrics"
_FOREVER: Final = 3653
"""Longest period of CloudWatch Logs, in days, for a group that keeps its lines without an end."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A function that reads the stream, as AWS answers about it and its mapping."""

    mapping: Mapping[str, Any]
    function: Mapping[str, Any]
    concurrency: int | None
    tags: Mapping[str, str]

    @property
    def variables(self) -> Mapping[str, str]:
        """Its environment."""
        return (self.function.get("Environment") or {}).get("Variables") or {}


async def or_none(session: ReadOnlySession, service: str, operation: str, **asked: Any) -> Any:
    """The answer; None where there is nothing of the kind."""
    try:
        return await session.call(service, operation, **asked)
    except AwsError as error:
        if error.category is Category.NOT_FOUND:
            return None
        raise


async def read_stream(session: ReadOnlySession, name: str) -> Stream:
    """The stream.

    Raises:
        AwsError: a request was refused.
        CliError: there is none of this name.
    """
    answer = await or_none(session, "kinesis", "describe_stream_summary", StreamName=name)
    if answer is None:
        known = await session.call("kinesis", "list_streams")
        near = nearest(name, known["StreamNames"])
        hint = f"did you mean {near}?" if near else "choose the region with --region"
        raise CliError(f"no stream {name} in {session.region}", hint)
    summary = answer["StreamDescriptionSummary"]
    mode = summary.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED")
    levels = {
        metric for one in summary.get("EnhancedMonitoring", ()) for metric in one.get(_LEVELS, ())
    }
    return Stream(
        name=name,
        arn=summary["StreamARN"],
        mode=_MODES.get(mode, mode),
        shards=summary["OpenShardCount"],
        retention_hours=summary["RetentionPeriodHours"],
        kms_key_id=summary.get("KeyId", "") if summary.get("EncryptionType") == "KMS" else "",
        shard_level_metrics=tuple(sorted(levels)),
    )


async def read_readers(session: ReadOnlySession, arn: str) -> list[Reader]:
    """Functions that have a mapping on the stream.

    Raises:
        AwsError: a request was refused.
    """
    answer = await session.call("lambda", "list_event_source_mappings", EventSourceArn=arn)
    found = []
    for mapping in answer["EventSourceMappings"]:
        about = await or_none(
            session, "lambda", "get_function", FunctionName=mapping["FunctionArn"]
        )
        if about is not None:
            reserved = about.get("Concurrency", {}).get("ReservedConcurrentExecutions")
            tags = about.get("Tags", {})
            found.append(Reader(mapping, about["Configuration"], reserved, tags))
    return found


def function_of(one: Reader) -> Function:
    """A function for a manifest."""
    counts = BUCKET_VARIABLE in one.variables or TOPIC_VARIABLE not in one.variables
    return Function(
        name=one.function["FunctionName"],
        mapping=one.mapping["UUID"],
        counts=counts,
        memory_mib=one.function["MemorySize"],
        timeout_seconds=one.function["Timeout"],
        batch_size=one.mapping["BatchSize"],
        window_seconds=one.mapping.get("MaximumBatchingWindowInSeconds") or 0,
        reserved_concurrency=one.concurrency or None,
    )


async def read_table(session: ReadOnlySession, name: str, role: str) -> Table:
    """The table of a role.

    Raises:
        AwsError: a request was refused.
        CliError: it is not there, or has other keys.
    """
    answer = await or_none(session, "dynamodb", "describe_table", TableName=name)
    if answer is None:
        raise CliError(
            f"no table {name}, which the functions name",
            "an adoption needs the stream, the bucket and three tables",
        )
    about = answer["Table"]
    keys = {one["KeyType"]: one["AttributeName"] for one in about["KeySchema"]}
    shown = (keys["HASH"], keys.get("RANGE", ""))
    if shown != KEYS[role]:
        raise CliError(
            f"table {name} has the keys {' and '.join(filter(None, shown))}, a pipeline needs "
            f"{' and '.join(filter(None, KEYS[role]))}",
            "a table keeps its keys for life: this deployment can't be adopted",
        )
    backups = await session.call("dynamodb", "describe_continuous_backups", TableName=name)
    recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    units = about.get("ProvisionedThroughput", {})
    mode = about.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    return Table(
        name=name,
        arn=about["TableArn"],
        on_demand=mode == "PAY_PER_REQUEST",
        read_units=units.get("ReadCapacityUnits", 0),
        write_units=units.get("WriteCapacityUnits", 0),
        point_in_time_recovery=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        kms_key_id=await _customers_key(session, about.get("SSEDescription", {})),
    )


async def _customers_key(session: ReadOnlySession, encryption: Mapping[str, Any]) -> str:
    """ARN of a table's key where the customer made it; empty for AWS's own."""
    name = await key_in_use(Calls(session), encryption, None)
    return "" if name in {"", MANAGED_KEY} else str(encryption["KMSMasterKeyArn"])


async def read_bucket(session: ReadOnlySession, name: str, account: str) -> Bucket:
    """The bucket with its lifecycle rules and its key.

    Raises:
        AwsError: a request was refused.
        CliError: it is not there.
    """
    of = {"Bucket": name, "ExpectedBucketOwner": account}
    if await or_none(session, "s3", "head_bucket", **of) is None:
        raise CliError(
            f"no bucket {name}, which the functions name",
            "an adoption needs the stream, the bucket and three tables",
        )
    lifecycle = await or_none(session, "s3", "get_bucket_lifecycle_configuration", **of)
    rules = [one for one in (lifecycle or {}).get("Rules", ()) if one["Status"] == "Enabled"]
    whole = [one for one in rules if one.get("ID") == _RAW_RULE or not _has_prefix(one)]
    encryption = await or_none(session, "s3", "get_bucket_encryption", **of)
    key = ""
    for rule in (encryption or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", ()):
        by_default = rule.get("ApplyServerSideEncryptionByDefault", {})
        key = by_default.get("KMSMasterKeyID", "") or key
    expirations = [
        one["Expiration"]["Days"] for one in whole if "Days" in one.get("Expiration", {})
    ]
    moves = [
        (one["StorageClass"], one.get("Days", 0))
        for rule in whole
        for one in rule.get("Transitions", ())
    ]
    return Bucket(
        name=name,
        expiration_days=min(expirations) if expirations else (0 if whole else None),
        transitions=tuple(sorted(moves, key=lambda move: move[1])),
        kms_key_id=key,
        other_rules=tuple(
            one.get("ID", "")
            for one in rules
            if one not in whole and not one.get("ID", "").startswith(_OURS)
        ),
    )


def _has_prefix(rule: Mapping[str, Any]) -> bool:
    """Whether a lifecycle rule is for a part of the bucket."""
    return bool(rule.get("Prefix")) or any(rule.get("Filter", {}).values())


async def has_dashboard(session: ReadOnlySession, stream: str) -> bool:
    """Whether a dashboard is named like the stream."""
    name = stream.replace("-events", "-dashboard")
    return await or_none(session, "cloudwatch", "get_dashboard", DashboardName=name) is not None


async def read_emails(session: ReadOnlySession, topic: str) -> tuple[str, ...]:
    """Addresses that are subscribed on a topic."""
    answer = await or_none(session, "sns", "list_subscriptions_by_topic", TopicArn=topic)
    subscriptions = answer["Subscriptions"] if answer else ()
    return tuple(
        sorted(one["Endpoint"] for one in subscriptions if one["Protocol"].startswith("email"))
    )


async def read_log_days(session: ReadOnlySession, readers: Sequence[Reader]) -> int | None:
    """Days that the logs of the functions are kept; None where they have no log group."""
    days = []
    for one in readers:
        name = f"/aws/lambda/{one.function['FunctionName']}"
        answer = await session.call("logs", "describe_log_groups", logGroupNamePrefix=name)
        days += [
            group.get("retentionInDays", _FOREVER)
            for group in answer.get("logGroups", ())
            if group["logGroupName"] == name
        ]
    return max(days, default=None)


async def read_dead_letter_days(session: ReadOnlySession, readers: Sequence[Reader]) -> int | None:
    """Days that messages of failed invocations are kept; None without a queue."""
    for one in readers:
        arn = one.function.get("DeadLetterConfig", {}).get("TargetArn", "")
        if ":sqs:" in arn:
            url = await or_none(session, "sqs", "get_queue_url", QueueName=arn.rpartition(":")[2])
            if url is None:
                return None
            answer = await session.call(
                "sqs",
                "get_queue_attributes",
                QueueUrl=url["QueueUrl"],
                AttributeNames=["MessageRetentionPeriod"],
            )
            return int(answer["Attributes"]["MessageRetentionPeriod"]) // _SECONDS_A_DAY
    return None


async def shared_tags(session: ReadOnlySession, tables: Iterable[Table]) -> dict[str, str]:
    """Tags that the three tables have with the same value."""
    found = []
    for one in tables:
        answer = await session.call("dynamodb", "list_tags_of_resource", ResourceArn=one.arn)
        found.append(from_list(answer.get("Tags", ())))
    return {
        key: value
        for key, value in found[0].items()
        if all(one.get(key) == value for one in found[1:])
    }
