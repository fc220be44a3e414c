"""What the original's Terraform leaves, built in the emulator from its state file.

Only what AWS keeps of it: names, settings and tags as the provider recorded them.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

STATE = Path(__file__).parents[2] / "tests" / "fixtures" / "terraform-default.tfstate"
#: Makes a boto3 client of a service.
Client = Callable[[str], Any]


@cache
def resources() -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """The attributes of each managed resource by type and name."""
    state = json.loads(STATE.read_text())
    return {
        (one["type"], one["name"]): one["instances"][0]["attributes"]
        for one in state["resources"]
        if one["mode"] == "managed"
    }


def outputs() -> dict[str, Any]:
    """The recipe's outputs, by its own names."""
    return {name: one["value"] for name, one in json.loads(STATE.read_text())["outputs"].items()}


def build(client: Client, *, counting: str = "") -> None:
    """Make all of it; the event source mappings disabled, as they are after the cut-over.

    `counting` is a module in Python with a `handler` in place of the processor's, which the recipe
    has in a language that no emulator here runs; with it the processor's mapping is on.
    """
    _stream(client("kinesis"))
    for name in ("page_metrics", "session_metrics", "counters"):
        _table(client("dynamodb"), resources()["aws_dynamodb_table", name])
    _bucket(client("s3"))
    _role(client("iam"))
    _messages(client("sqs"), client("sns"))
    _functions(client("lambda"), client("logs"), counting)


def _stream(kinesis: Any) -> None:
    made = resources()["aws_kinesis_stream", "clickstream_events"]
    name = made["name"]
    kinesis.create_stream(StreamName=name, ShardCount=made["shard_count"], Tags=made["tags"])
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    kinesis.start_stream_encryption(
        StreamName=name, EncryptionType=made["encryption_type"], KeyId=made["kms_key_id"]
    )
    kinesis.enable_enhanced_monitoring(
        StreamName=name, ShardLevelMetrics=made["shard_level_metrics"]
    )


def _table(dynamodb: Any, made: Mapping[str, Any]) -> None:
    keys = {made["hash_key"]: "HASH"} | ({made["range_key"]: "RANGE"} if made["range_key"] else {})
    dynamodb.create_table(
        TableName=made["name"],
        AttributeDefinitions=[
            {"AttributeName": one["name"], "AttributeType": one["type"]}
            for one in made["attribute"]
        ],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        BillingMode=made["billing_mode"],
        SSESpecification={"Enabled": True, "SSEType": "KMS"},
        Tags=_tags(made),
    )
    dynamodb.get_waiter("table_exists").wait(TableName=made["name"])
    dynamodb.update_time_to_live(
        TableName=made["name"],
        TimeToLiveSpecification={
            "AttributeName": made["ttl"][0]["attribute_name"],
            "Enabled": made["ttl"][0]["enabled"],
        },
    )
    dynamodb.update_continuous_backups(
        TableName=made["name"],
        PointInTimeRecoverySpecification={
            "PointInTimeRecoveryEnabled": made["point_in_time_recovery"][0]["enabled"]
        },
    )


def _bucket(s3: Any) -> None:
    made = resources()["aws_s3_bucket", "clickstream_archive"]
    name = made["bucket"]
    s3.create_bucket(Bucket=name)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": _tags(made)})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                    "BucketKeyEnabled": True,
                }
            ]
        },
    )
    s3.put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": [lifecycle_rule()]}
    )


def lifecycle_rule() -> dict[str, Any]:
    """The recipe's one rule, for the whole bucket, as S3 takes it."""
    made = resources()["aws_s3_bucket_lifecycle_configuration", "clickstream_archive"]["rule"][0]
    return {
        "ID": made["id"],
        "Status": made["status"],
        "Filter": {"Prefix": made["prefix"]},
        "Expiration": {"Days": made["expiration"][0]["days"]},
        "Transitions": [
            {"Days": one["days"], "StorageClass": one["storage_class"]}
            for one in made["transition"]
        ],
    }


def _role(iam: Any) -> None:
    made = resources()["aws_iam_role", "lambda_execution_role"]
    policy = resources()["aws_iam_role_policy", "lambda_policy"]
    iam.create_role(
        RoleName=made["name"],
        AssumeRolePolicyDocument=made["assume_role_policy"],
        Tags=_tags(made),
    )
    iam.put_role_policy(
        RoleName=made["name"], PolicyName=policy["name"], PolicyDocument=policy["policy"]
    )


def _messages(sqs: Any, sns: Any) -> None:
    queue = resources()["aws_sqs_queue", "dlq"]
    sqs.create_queue(
        QueueName=queue["name"],
        Attributes={"MessageRetentionPeriod": str(queue["message_retention_seconds"])},
        tags=queue["tags_all"],
    )
    topic = resources()["aws_sns_topic", "anomaly_alerts"]
    arn = sns.create_topic(Name=topic["name"], Tags=_tags(topic))["TopicArn"]
    subscriber = resources()["aws_sns_topic_subscription", "email_alerts"]
    sns.subscribe(TopicArn=arn, Protocol=subscriber["protocol"], Endpoint=subscriber["endpoint"])


def _functions(functions: Any, logs: Any, counting: str) -> None:
    for kind in ("event_processor", "anomaly_detector"):
        made = resources()["aws_lambda_function", kind]
        group = resources()["aws_cloudwatch_log_group", f"{kind}_logs"]
        mapping = resources()["aws_lambda_event_source_mapping", f"{kind}_mapping"]
        logs.create_log_group(logGroupName=group["name"], tags=group["tags_all"])
        logs.put_retention_policy(
            logGroupName=group["name"], retentionInDays=group["retention_in_days"]
        )
        stands_in = bool(counting) and kind == "event_processor"
        functions.create_function(
            FunctionName=made["function_name"],
            Runtime="python3.12" if stands_in else made["runtime"],
            Role=made["role"],
            Handler=made["handler"],
            Code={
                "ZipFile": _packed("index.py", counting)
                if stands_in
                else _packed("index.js", "exports.handler = async () => ({});\n")
            },
            MemorySize=made["memory_size"],
            Environment={"Variables": made["environment"][0]["variables"]},
            Tags=made["tags_all"],
        )
        functions.create_event_source_mapping(
            EventSourceArn=mapping["event_source_arn"],
            FunctionName=made["function_name"],
            StartingPosition="TRIM_HORIZON" if stands_in else mapping["starting_position"],
            BatchSize=mapping["batch_size"],
            Enabled=stands_in,
        )


def _packed(name: str, text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, text)
    return packed.getvalue()


def _tags(made: Mapping[str, Any]) -> list[dict[str, str]]:
    """Tags in AWS's list form."""
    return [{"Key": key, "Value": value} for key, value in sorted(made["tags_all"].items())]
