"""KMS key that encrypts a DynamoDB table, by the name that the spec gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.kms import is_alias, is_managed_key, key_name
from clickstream_operator.aws.permissions import ANYTHING

GRANTS: Final = (ANYTHING,)
MANAGED_KEY: Final = "alias/aws/dynamodb"
"""The key that AWS manages for the account, of tables without a key of their own."""
_IN_FORCE: Final = frozenset({"ENABLED", "ENABLING", "UPDATING"})


def encryption(kms_key_id: str | None) -> dict[str, Any]:
    """``SSESpecification`` with a key, None: the AWS managed key."""
    key = {"KMSMasterKeyId": kms_key_id} if kms_key_id else {}
    return {"Enabled": True, "SSEType": "KMS", **key}


async def key_in_use(calls: Calls, description: Mapping[str, Any], wanted: str | None) -> str:
    """Name of the key in a table's ``SSEDescription``, as the spec would write it.

    Empty for a key that AWS owns and does not show. `wanted`: alias, id or ARN in the spec; None:
    the AWS managed key. DynamoDB answers with the ARN of the key, whatever named it, so an alias is
    resolved by DescribeKey.
    """
    if description.get("Status") not in _IN_FORCE:
        return ""
    key_arn = description.get("KMSMasterKeyArn", "")
    if wanted is None:
        managed = await is_managed_key(calls, MANAGED_KEY, key_arn)
        return MANAGED_KEY if managed else key_name(key_arn)
    if not is_alias(wanted) or is_alias(key_arn):
        return key_name(key_arn)
    key = await ignore_not_found(calls.read("kms", "describe_key", KeyId=wanted))
    is_wanted = key is not None and key["KeyMetadata"]["KeyId"] == key_name(key_arn)
    return key_name(wanted) if is_wanted else key_name(key_arn)
