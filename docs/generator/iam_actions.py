"""IAM actions that a call of the AWS API needs.

Service Authorization Reference, "Actions, resources, and condition keys for AWS services": most
calls need the action of their own name; these do not, or need more.
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
#: What a call needs besides: tags in a creation, a role that is handed on, versions of objects.
BESIDES: Final = {
    "kinesis:CreateStream": {"kinesis:AddTagsToStream", "kinesis:TagResource"},
    "dynamodb:CreateTable": {"dynamodb:TagResource"},
    "s3:CreateBucket": {"s3:TagResource"},
    "s3:DeleteObjects": {"s3:DeleteObjectVersion"},
    "s3:HeadObject": {"s3:ListBucket"},
    "sqs:CreateQueue": {"sqs:TagQueue"},
    "sns:CreateTopic": {"sns:TagResource"},
    "iam:CreateRole": {"iam:TagRole"},
    "lambda:CreateFunction": {"iam:PassRole", "lambda:TagResource"},
    "lambda:CreateEventSourceMapping": {"lambda:TagResource"},
    "scheduler:CreateSchedule": {"iam:PassRole"},
    "logs:CreateLogGroup": {"logs:TagResource"},
    "cloudwatch:PutMetricAlarm": {"cloudwatch:TagResource"},
    "cloudwatch:PutDashboard": {"cloudwatch:TagResource"},
    "ssm:PutParameter": {"ssm:AddTagsToResource"},
}


def actions_of(service: str, operation: str) -> set[str]:
    """IAM actions of a boto3 operation (snake case)."""
    if service == "sts":
        return set()  # Whoever has a credential may ask whose it is.
    api = operations(service)[operation]
    call = f"{service}:{api}"
    return {NAMED.get(call, call)} | BESIDES.get(call, set())


@cache
def services() -> frozenset[str]:
    """Every service of AWS, by boto3's name."""
    return frozenset(get_session().get_available_services())


@cache
def operations(service: str) -> Mapping[str, str]:
    """Operations of a service: name in the API by name in boto3."""
    model = get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}
