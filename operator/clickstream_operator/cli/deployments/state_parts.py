"""Parts of a deployment from the attributes that the AWS provider of Terraform records. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.cli.deployments.model import (
    BUCKET_VARIABLE,
    TOPIC_VARIABLE,
    Bucket,
    Function,
    Stream,
    Table,
)
from clickstream_operator.cli.deployments.state import StateResource

_MODES: Final = {"ON_DEMAND": "OnDemand", "PROVISIONED": "Provisioned"}
_SECONDS_A_DAY: Final = 86400
_FOREVER: Final = 3653
"""Longest period of CloudWatch Logs, in days, for a group that keeps its lines without an end."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A function in the state that reads the stream."""

    mapping: StateResource
    function: StateResource

    @property
    def variables(self) -> dict[str, str]:
        """Its environment."""
        block = self.function.block("environment").get("variables")
        pairs = block.items() if isinstance(block, dict) else ()
        return {key: value for key, value in pairs if isinstance(value, str)}


def of_kinds(resources: Iterable[StateResource], *kinds: str) -> list[StateResource]:
    """Resources of some types."""
    return [one for one in resources if one.type in kinds]


def stream_of(one: StateResource) -> Stream:
    """The stream."""
    mode = str(one.block("stream_mode_details").get("stream_mode") or "PROVISIONED")
    metrics = one.attributes.get("shard_level_metrics")
    encrypted = one.attributes.get("encryption_type") == "KMS"
    return Stream(
        name=one.text("name"),
        arn=one.text("arn"),
        mode=_MODES.get(mode, mode),
        shards=one.number("shard_count", 1),
        retention_hours=one.number("retention_period", 24),
        kms_key_id=str(one.attributes.get("kms_key_id") or "") if encrypted else "",
        shard_level_metrics=tuple(sorted(metrics)) if isinstance(metrics, list) else (),
    )


def table_of(resources: Sequence[StateResource], one: StateResource) -> Table:
    """One of the tables."""
    key = str(one.block("server_side_encryption").get("kms_key_arn") or "")
    # The provider records the ARN of AWS's own key too; the customer's is in the state beside it.
    customers = {
        str(each.attributes.get("arn") or "") for each in of_kinds(resources, "aws_kms_key")
    }
    return Table(
        name=one.text("name"),
        arn=one.text("arn"),
        on_demand=one.attributes.get("billing_mode") == "PAY_PER_REQUEST",
        read_units=one.number("read_capacity"),
        write_units=one.number("write_capacity"),
        point_in_time_recovery=one.block("point_in_time_recovery").get("enabled") is True,
        kms_key_id=key if key in customers else "",
    )


def bucket_of(resources: Sequence[StateResource], one: StateResource) -> Bucket:
    """The bucket with the lifecycle rules and the key that stand beside it."""
    name = one.text("bucket")
    beside = [each for each in resources if each.attributes.get("bucket") == name]
    rules: list[Mapping[str, Any]] = []
    for each in of_kinds(beside, "aws_s3_bucket_lifecycle_configuration"):
        rules += [rule for rule in each.blocks("rule") if rule.get("status") == "Enabled"]
    whole = [rule for rule in rules if _is_whole(rule)]
    kms = ""
    for each in of_kinds(beside, "aws_s3_bucket_server_side_encryption_configuration"):
        for rule in each.blocks("rule"):
            by_default = rule.get("apply_server_side_encryption_by_default") or [{}]
            kms = str(by_default[0].get("kms_master_key_id") or "") or kms
    expirations = [
        block["days"] for rule in whole for block in rule.get("expiration") or () if block["days"]
    ]
    moves = [
        (str(block["storage_class"]), int(block.get("days") or 0))
        for rule in whole
        for block in rule.get("transition") or ()
    ]
    return Bucket(
        name=name,
        expiration_days=min(expirations) if expirations else (0 if whole else None),
        transitions=tuple(sorted(moves, key=lambda move: move[1])),
        kms_key_id=kms,
        other_rules=tuple(str(rule.get("id") or "") for rule in rules if rule not in whole),
    )


def _is_whole(rule: Mapping[str, Any]) -> bool:
    """Whether a lifecycle rule is for every object of the bucket."""
    filters = rule.get("filter") or [{}]
    narrow = [value for one in filters for value in one.values() if value]
    return not narrow and not rule.get("prefix")


def function_of(reader: Reader) -> Function:
    """A function with its mapping."""
    reserved = reader.function.number("reserved_concurrent_executions", -1)
    return Function(
        name=reader.function.text("function_name"),
        mapping=reader.mapping.text("uuid"),
        counts=BUCKET_VARIABLE in reader.variables or TOPIC_VARIABLE not in reader.variables,
        memory_mib=reader.function.number("memory_size", 256),
        timeout_seconds=reader.function.number("timeout", 60),
        batch_size=reader.mapping.number("batch_size", 100),
        window_seconds=reader.mapping.number("maximum_batching_window_in_seconds"),
        reserved_concurrency=reserved if reserved > 0 else None,
    )


def log_days(replaced: Iterable[StateResource]) -> int | None:
    """Days that logs are kept; None where no log group is known."""
    days = [
        one.number("retention_in_days") for one in of_kinds(replaced, "aws_cloudwatch_log_group")
    ]
    if not days:
        return None
    return _FOREVER if 0 in days else max(days)


def dead_letter_days(replaced: Iterable[StateResource]) -> int | None:
    """Days that messages are kept; None where there is no queue."""
    queues = of_kinds(replaced, "aws_sqs_queue")
    seconds = [one.number("message_retention_seconds", 345600) for one in queues]
    return max(seconds) // _SECONDS_A_DAY if seconds else None


def shared_tags(parts: Sequence[StateResource]) -> dict[str, str]:
    """Tags that all the parts have with the same value."""
    found = [one.strings("tags_all") or one.strings("tags") for one in parts]
    return {
        key: value
        for key, value in found[0].items()
        if all(one.get(key) == value for one in found[1:])
    }
