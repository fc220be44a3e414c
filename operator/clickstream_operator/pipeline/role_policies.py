"""Least-privilege policies of a pipeline's roles. Pure.

No action is a wildcard, and every statement names its resources. ``kinesis:ListStreams``, which the
AWS managed policy for Kinesis allows on ``*``, is left out, because a mapping names its stream. Log
groups exist before their functions, so no function creates one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.kms import is_alias, key_name
from clickstream_operator.aws.policies import document, service_trust, statement
from clickstream_operator.resources.s3_lifecycle import BAD_PREFIX, FAILED_PREFIX, RAW_PREFIX

CONFIG_PREFIX: Final = "config/"
#: Place of the service in ``arn:partition:service:region:account:resource``.
_SERVICE_OF_ARN: Final = 2
_READ_STREAM: Final = (
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
)


def function_trust() -> dict[str, Any]:
    """Trust policy of the roles of the functions."""
    return service_trust("lambda.amazonaws.com")


def scheduler_trust(place: AwsLocation) -> dict[str, Any]:
    """Trust policy of the scheduler's role, for schedules of this account only.

    EventBridge Scheduler user guide, "Prevent confused deputy".
    """
    return service_trust(
        "scheduler.amazonaws.com", {"StringEquals": {"aws:SourceAccount": place.account}}
    )


def processor_policy(
    place: AwsLocation,
    *,
    stream: str,
    page_metrics_table: str,
    session_metrics_table: str,
    counters_table: str,
    bucket: str,
    queue: str,
    hash_key_parameter: str | None,
    log_group: str,
    deduplicates: bool = False,
    kms_keys: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Policy of the processor's role. `kms_keys`: customer keys or aliases, by service."""
    tables = (page_metrics_table, session_metrics_table, counters_table)
    # What a lane has seen of late stands in many items.
    seen = statement(
        "clickstreamRepeats",
        actions=["dynamodb:Query"],
        resources=[place.table(counters_table)],
    )
    return document(
        [
            _read_stream(place, stream),
            statement(
                "clickstreamCount",
                actions=["dynamodb:UpdateItem"],
                resources=[place.table(table) for table in tables],
            ),
            # The counters table also has the watermarks and intents of the lanes.
            statement(
                "clickstreamLanes",
                actions=["dynamodb:GetItem"],
                resources=[place.table(counters_table)],
            ),
            *([seen] if deduplicates else []),
            statement(
                "clickstreamArchive",
                actions=["s3:GetObject", "s3:PutObject"],
                resources=_objects(place, bucket, RAW_PREFIX, BAD_PREFIX),
                conditions=_own_account(place),
            ),
            *_bucket_for_functions(place, bucket),
            statement(
                "clickstreamDeadLetter",
                actions=["sqs:SendMessage"],
                resources=[place.queue(queue)],
            ),
            *_hash_key(place, hash_key_parameter),
            _log(place, log_group),
            *_customer_keys(place, kms_keys or {}),
        ]
    )


def detector_policy(
    place: AwsLocation,
    *,
    stream: str,
    page_metrics_table: str,
    session_metrics_table: str,
    counters_table: str,
    bucket: str,
    topic_arn: str | None,
    hash_key_parameter: str | None,
    log_group: str,
    kms_keys: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Policy of the detector's role. `kms_keys`: customer keys or aliases, by service."""
    tables = (page_metrics_table, session_metrics_table, counters_table)
    publish = []
    if topic_arn is not None:
        publish.append(
            statement("clickstreamAlert", actions=["sns:Publish"], resources=[topic_arn])
        )
    return document(
        [
            _read_stream(place, stream),
            statement(
                "clickstreamDetect",
                actions=[
                    "dynamodb:GetItem",
                    "dynamodb:PutItem",
                    "dynamodb:Query",
                    "dynamodb:UpdateItem",
                ],
                resources=[place.table(counters_table)],
            ),
            statement(
                "clickstreamSessions",
                actions=["dynamodb:GetItem"],
                resources=[place.table(session_metrics_table)],
            ),
            # Once an hour: what stands in the items is added up.
            statement(
                "clickstreamBalance",
                actions=["dynamodb:Scan"],
                resources=[place.table(table) for table in tables],
            ),
            *_bucket_for_functions(place, bucket),
            *publish,
            *_hash_key(place, hash_key_parameter),
            _log(place, log_group),
            *_customer_keys(place, kms_keys or {}),
        ]
    )


def collector_policy(
    place: AwsLocation,
    *,
    stream: str,
    log_group: str,
    config_bucket: str | None = None,
    hash_key_parameter: str | None = None,
    secret_arns: Sequence[str] = (),
    kms_keys: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Policy of the collector's role, which reads nothing of what it writes.

    `config_bucket`: where its configuration is an object; `secret_arns`: of SSM parameters and
    Secrets Manager secrets that requests must know; `kms_keys`: customer keys or aliases, by
    service.
    """
    configuration = []
    if config_bucket is not None:
        configuration.append(
            statement(
                "clickstreamConfig",
                actions=["s3:GetObject"],
                resources=_objects(place, config_bucket, CONFIG_PREFIX),
                conditions=_own_account(place),
            )
        )
    return document(
        [
            statement(
                "clickstreamPut", actions=["kinesis:PutRecords"], resources=[place.stream(stream)]
            ),
            *configuration,
            *_hash_key(place, hash_key_parameter),
            *_secrets(secret_arns),
            _log(place, log_group),
            *_customer_keys(place, kms_keys or {}),
        ]
    )


def scheduler_policy(place: AwsLocation, *, function: str) -> dict[str, Any]:
    """Policy of the scheduler's role, to invoke one function."""
    return document(
        [
            statement(
                "clickstreamInvoke",
                actions=["lambda:InvokeFunction"],
                resources=[place.function(function)],
            )
        ]
    )


def _read_stream(place: AwsLocation, stream: str) -> dict[str, Any]:
    return statement(
        "clickstreamReadStream", actions=_READ_STREAM, resources=[place.stream(stream)]
    )


def _bucket_for_functions(place: AwsLocation, bucket: str) -> list[dict[str, Any]]:
    """Access to the config object, and to the folder of batches that Lambda gives up on.

    Lambda developer guide, "Retain discarded batch records for a Kinesis Data Streams event
    source": ``s3:PutObject`` and ``s3:ListBucket``.
    """
    return [
        statement(
            "clickstreamConfig",
            actions=["s3:GetObject"],
            resources=_objects(place, bucket, CONFIG_PREFIX),
            conditions=_own_account(place),
        ),
        statement(
            "clickstreamFailedBatches",
            actions=["s3:PutObject"],
            resources=_objects(place, bucket, FAILED_PREFIX),
            conditions=_own_account(place),
        ),
        statement(
            "clickstreamBucket",
            actions=["s3:ListBucket"],
            resources=[place.bucket(bucket)],
            conditions=_own_account(place),
        ),
    ]


def _hash_key(place: AwsLocation, parameter: str | None) -> list[dict[str, Any]]:
    if parameter is None:
        return []
    return [
        statement(
            "clickstreamHashKey",
            actions=["ssm:GetParameter"],
            resources=[place.parameter(parameter)],
        )
    ]


def _secrets(arns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for service, sid, action in (
        ("ssm", "clickstreamParameters", "ssm:GetParameter"),
        ("secretsmanager", "clickstreamSecrets", "secretsmanager:GetSecretValue"),
    ):
        named = sorted({arn for arn in arns if arn.split(":")[_SERVICE_OF_ARN] == service})
        if named:
            yield statement(sid, actions=[action], resources=named)


def _log(place: AwsLocation, log_group: str) -> dict[str, Any]:
    # Lambda chooses the name of the log stream, after the group.
    return statement(
        "clickstreamLog",
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[f"{place.log_group(log_group)}:*"],
    )


def _customer_keys(place: AwsLocation, keys: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Use of customer managed keys by service; AWS managed keys need no statement.

    A key is for what its service encrypts and for nothing else (KMS developer guide, "kms:
    ViaService"). An alias is no resource of a policy: it is named by a condition ("Use aliases to
    control access to KMS keys").
    """
    for service, key_id in sorted(keys.items()):
        name = key_name(key_id)
        if name.startswith("alias/aws/"):
            continue
        conditions: dict[str, Any] = {
            "StringLike": {"kms:ViaService": f"{service}.{place.region}.{place.dns_suffix()}"}
        }
        if is_alias(name):
            conditions["ForAnyValue:StringEquals"] = {"kms:ResourceAliases": [name]}
        yield statement(
            f"clickstreamKeyOf{service.title()}",
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[place.kms_key("*" if is_alias(name) else key_id)],
            conditions=conditions,
        )


def _own_account(place: AwsLocation) -> dict[str, Any]:
    # The ARN of a bucket has no account: another one may own the name after a deletion.
    return {"StringEquals": {"aws:ResourceAccount": place.account}}


def _objects(place: AwsLocation, bucket: str, *prefixes: str) -> list[str]:
    return [f"{place.bucket(bucket)}/{prefix}*" for prefix in prefixes]
