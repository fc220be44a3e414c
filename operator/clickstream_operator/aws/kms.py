"""KMS key identifiers, compared by the key that they name.

A key is given as an alias, a key id, or the ARN of either, and AWS may answer with the ARN of a key
that was given by name (KMS developer guide, "Key identifiers (KeyId)").
"""

from __future__ import annotations

from typing import Final

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.permissions import ANYTHING

GRANTS: Final = (ANYTHING,)


def key_name(key_id: str | None) -> str:
    """``alias/<name>`` or the bare key id; empty for no key."""
    if not key_id:
        return ""
    name = key_id.split(":", 5)[5] if key_id.startswith("arn:") else key_id
    return name.removeprefix("key/")


def is_alias(key_id: str) -> bool:
    """Whether the identifier names an alias."""
    return key_name(key_id).startswith("alias/")


async def is_managed_key(calls: Calls, alias: str, key_arn: str) -> bool:
    """Whether `key_arn` is the AWS managed key behind `alias` (``alias/aws/<service>``).

    AWS creates that key when its alias is described (KMS API reference, DescribeKey). Only an
    emulator lacks the alias, and it has no other key either. The key stays behind its alias, so
    each is described once, and then known by `Calls.managed_keys`.

    Raises:
        AwsError: DescribeKey failed.
    """
    if not key_arn or key_name(key_arn) == alias or key_arn in calls.managed_keys:
        return True
    answer = await ignore_not_found(calls.read("kms", "describe_key", KeyId=alias))
    if answer is not None and answer["KeyMetadata"]["Arn"] != key_arn:
        return False
    calls.managed_keys.add(key_arn)
    return True
