"""Terraform's resources for the stream, the tables, the bucket and what lies in it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from clickstream_operator.cli.terraform.hcl import Block, Json, Raw
from clickstream_operator.cli.terraform.imported import Imported, reference, resource
from clickstream_operator.cli.terraform.reading import Found

_MANAGED_TABLE_KEY: Final = "alias/aws/dynamodb"
_SSE_S3: Final = "SSE-S3"
_DEFAULT_RECORD_KIB: Final = 1024
_EXPIRATION: Final = {
    "Days": "days",
    "ExpiredObjectDeleteMarker": "expired_object_delete_marker",
}
_RULE_ARGUMENTS: Final = {"ID": "id", "Status": "status"}


def stream(one: Found) -> Iterator[Imported]:
    """``aws_kinesis_stream``."""
    says = one.properties
    arguments: dict[str, Any] = {"name": one.physical_name}
    if says["mode"] == "PROVISIONED":
        arguments["shard_count"] = says["shards"]
    arguments |= {
        "retention_period": says["retentionHours"],
        "shard_level_metrics": list(says["shardLevelMetrics"]),
    }
    if says.get("encryption.keyId"):
        arguments |= {"encryption_type": "KMS", "kms_key_id": says["encryption.keyId"]}
    if says.get("maxRecordSizeKiB", _DEFAULT_RECORD_KIB) != _DEFAULT_RECORD_KIB:
        arguments["max_record_size_in_kib"] = says["maxRecordSizeKiB"]
    mode = Block("stream_mode_details", (), {"stream_mode": says["mode"]})
    yield resource("aws_kinesis_stream", one, one.physical_name, arguments, mode)


def table(one: Found) -> Iterator[Imported]:
    """``aws_dynamodb_table``. Its types are all strings."""
    says = one.properties
    keys = [key for key in (says["hashKey"], says.get("rangeKey")) if key]
    arguments: dict[str, Any] = {
        "name": one.physical_name,
        "billing_mode": says["billing.mode"],
        "hash_key": keys[0],
        **({"range_key": keys[1]} if keys[1:] else {}),
        "deletion_protection_enabled": says["deletionProtection"],
    }
    for path, argument in (
        ("billing.readUnits", "read_capacity"),
        ("billing.writeUnits", "write_capacity"),
    ):
        if says["billing.mode"] == "PROVISIONED" and path in says:
            arguments[argument] = says[path]
    key = says["encryption.keyId"]
    sse: dict[str, Any] = {"enabled": True}
    if key != _MANAGED_TABLE_KEY:
        sse["kms_key_arn"] = _key_arn(key, one.arn)
    blocks = [Block("attribute", (), {"name": name, "type": "S"}) for name in keys]
    if says.get("ttl.attribute"):
        blocks.append(Block("ttl", (), {"attribute_name": says["ttl.attribute"], "enabled": True}))
    blocks += [
        Block("point_in_time_recovery", (), {"enabled": says["pointInTimeRecovery"]}),
        Block("server_side_encryption", (), sse),
    ]
    yield resource("aws_dynamodb_table", one, one.physical_name, arguments, *blocks)


def bucket(one: Found) -> Iterator[Imported]:
    """``aws_s3_bucket`` with one resource for each of its settings."""
    says, name = one.properties, one.physical_name
    yield resource("aws_s3_bucket", one, name, {"bucket": name})
    of = {"bucket": Raw(f"{reference('aws_s3_bucket', one)}.id")}

    def setting(kind: str, arguments: Mapping[str, Any], *blocks: Block) -> Imported:
        return resource(
            f"aws_s3_bucket_{kind}", one, name, {**of, **arguments}, *blocks, tags=False
        )

    status = {"status": says["versioning"]}
    yield setting("versioning", {}, Block("versioning_configuration", (), status))
    key = says["encryption.keyId"]
    by_default = (
        {"sse_algorithm": "AES256"}
        if key == _SSE_S3
        else {"sse_algorithm": "aws:kms", "kms_master_key_id": key}
    )
    rule = Block(
        "rule",
        (),
        {"bucket_key_enabled": says["encryption.bucketKey"]},
        [Block("apply_server_side_encryption_by_default", (), by_default)],
    )
    yield setting("server_side_encryption_configuration", {}, rule)
    if says["publicAccessBlock"]:
        yield setting(
            "public_access_block",
            {
                "block_public_acls": True,
                "block_public_policy": True,
                "ignore_public_acls": True,
                "restrict_public_buckets": True,
            },
        )
    lifecycle = one.document.get("get_bucket_lifecycle_configuration")
    if lifecycle:
        minimum = lifecycle.get("TransitionDefaultMinimumObjectSize")
        arguments = {"transition_default_minimum_object_size": minimum} if minimum else {}
        rules = [_lifecycle_rule(each) for each in lifecycle["Rules"]]
        yield setting("lifecycle_configuration", arguments, *rules)
    policy = one.document.get("get_bucket_policy")
    if policy:
        yield setting("policy", {"policy": Json(json.loads(policy["Policy"]))})
    metrics = one.document.get("list_bucket_metrics_configurations", {})
    for each in metrics.get("MetricsConfigurationList", ()):
        prefix = each.get("Filter", {}).get("Prefix")
        narrow = [Block("filter", (), {"prefix": prefix})] if prefix else []
        yield resource(
            "aws_s3_bucket_metric",
            one,
            f"{name}:{each['Id']}",
            {**of, "name": each["Id"]},
            *narrow,
            label=each["Id"],
            tags=False,
        )


def _lifecycle_rule(rule: Mapping[str, Any]) -> Block:
    """A rule of the bucket, ours or another, as the API tells it."""
    narrow = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    inside = [Block("filter", (), _filter(narrow), _filter_blocks(narrow))]
    if rule.get("Expiration"):
        inside.append(Block("expiration", (), _renamed(rule["Expiration"], _EXPIRATION)))
    inside += [
        Block(
            "transition",
            (),
            _renamed(each, {"Days": "days", "StorageClass": "storage_class"}),
        )
        for each in rule.get("Transitions", ())
    ]
    if "NoncurrentVersionExpiration" in rule:
        inside.append(
            Block(
                "noncurrent_version_expiration",
                (),
                _renamed(
                    rule["NoncurrentVersionExpiration"],
                    {
                        "NoncurrentDays": "noncurrent_days",
                        "NewerNoncurrentVersions": "newer_noncurrent_versions",
                    },
                ),
            )
        )
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        inside.append(
            Block("abort_incomplete_multipart_upload", (), {"days_after_initiation": days})
        )
    return Block("rule", (), _renamed(rule, _RULE_ARGUMENTS), inside)


def _filter(narrow: Mapping[str, Any]) -> dict[str, Any]:
    return _renamed(
        narrow,
        {
            "Prefix": "prefix",
            "ObjectSizeGreaterThan": "object_size_greater_than",
            "ObjectSizeLessThan": "object_size_less_than",
        },
    )


def _filter_blocks(narrow: Mapping[str, Any]) -> list[Block]:
    if "Tag" in narrow:
        return [Block("tag", (), {"key": narrow["Tag"]["Key"], "value": narrow["Tag"]["Value"]})]
    if "And" in narrow:
        both = narrow["And"]
        tags = {one["Key"]: one["Value"] for one in both.get("Tags", ())}
        return [Block("and", (), {**_filter(both), **({"tags": tags} if tags else {})})]
    return []


def _renamed(members: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {new: members[old] for old, new in names.items() if old in members}


def config_object(one: Found) -> Iterator[Imported]:
    """``aws_s3_object``, whose content the functions read and Terraform leaves alone."""
    bucket_name, _, key = one.arn.removeprefix("s3://").partition("/")
    kept = Block("lifecycle", (), {"ignore_changes": Raw("all")})
    yield resource(
        "aws_s3_object",
        one,
        f"{bucket_name}/{key}",
        {"bucket": bucket_name, "key": key},
        kept,
        tags=False,
    )


def _key_arn(key: str, arn: str) -> str:
    """ARN of a KMS key in the account and region of a resource."""
    if key.startswith("arn:"):
        return key
    partition, _, region, account = arn.split(":")[1:5]
    kind = "" if key.startswith("alias/") else "key/"
    return f"arn:{partition}:kms:{region}:{account}:{kind}{key}"
