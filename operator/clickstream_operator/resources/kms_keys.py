"""KMS key identifiers, compared by what they name.

A key is given as an alias, a key id, or the ARN of either, and AWS may answer with the ARN of what
was given by name (KMS developer guide, "Key identifiers (KeyId)").
"""

from __future__ import annotations

from typing import Final

from clickstream_operator.aws.session import Calls
from clickstream_operator.resources.absence import found

# Who manages a key never changes, so each ARN is asked about once in the life of the process.
_MANAGED_BY_AWS: Final[set[str]] = set()


def key_name(key_id: str | None) -> str:
    """``alias/<name>`` or the bare key id; empty for no key."""
    if not key_id:
        return ""
    name = key_id.split(":", 5)[5] if key_id.startswith("arn:") else key_id
    return name.removeprefix("key/")


def is_alias(key_id: str) -> bool:
    """Whether the identifier names an alias."""
    return key_name(key_id).startswith("alias/")


async def is_aws_managed(calls: Calls, key_arn: str) -> bool:
    """Whether AWS manages the key; a service has exactly one such key in an account and region.

    Raises:
        AwsError: DescribeKey failed.
    """
    if key_name(key_arn).startswith("alias/aws/") or key_arn in _MANAGED_BY_AWS:
        return True
    answer = await found(calls.read("kms", "describe_key", KeyId=key_arn))
    if answer is None or answer["KeyMetadata"].get("KeyManager") != "AWS":
        return False
    _MANAGED_BY_AWS.add(key_arn)
    return True
