"""IAM action of a call of the AWS API.

Service Authorization Reference, "Actions, resources, and condition keys for AWS services": most
calls need the action of their own name; `NAMED` has those that do not. Actions that a call needs
besides are declared beside the kind (``BESIDES``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from botocore import xform_name
from botocore.session import get_session

#: Calls whose action has another name.
NAMED: Final = {
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadObject": "s3:GetObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:GetBucketMetricsConfiguration": "s3:GetMetricsConfiguration",
    "s3:PutBucketMetricsConfiguration": "s3:PutMetricsConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}


def action_of(service: str, operation: str) -> str | None:
    """IAM action of a boto3 operation (snake case); None: whoever has a credential may call it."""
    if service == "sts":
        return None
    call = f"{service}:{operations(service)[operation]}"
    return NAMED.get(call, call)


@cache
def services() -> frozenset[str]:
    """Every service of AWS, by boto3's name."""
    return frozenset(get_session().get_available_services())


@cache
def operations(service: str) -> Mapping[str, str]:
    """Operations of a service: name in the API by name in boto3."""
    model = get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}
