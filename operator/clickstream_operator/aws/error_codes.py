"""Classification of AWS's error answers, by code, words and HTTP status. Pure."""

from __future__ import annotations

import re
from typing import Final

from clickstream_operator.aws.errors import CREDENTIAL_CODES, Category

# Codes as the botocore service models and the "Common Errors" pages of the services name them.
CODES: Final[dict[Category, frozenset[str]]] = {
    Category.NOT_FOUND: frozenset(
        {
            "ResourceNotFoundException",
            "ResourceNotFound",
            "NoSuchEntity",
            "NoSuchEntityException",
            "NoSuchBucket",
            "NoSuchKey",
            "NoSuchBucketPolicy",
            "NoSuchLifecycleConfiguration",
            "NoSuchPublicAccessBlockConfiguration",
            "NoSuchTagSet",
            "NoSuchConfiguration",
            "ServerSideEncryptionConfigurationNotFoundError",
            "404",
            "NotFound",
            "NotFoundException",
            "ParameterNotFound",
            "TableNotFoundException",
            "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDoesNotExist",
            "DashboardNotFoundError",
            "SubscriptionNotFound",
        }
    ),
    Category.ALREADY_EXISTS: frozenset(
        {
            "EntityAlreadyExists",
            "ResourceAlreadyExistsException",
            "BucketAlreadyOwnedByYou",
            "BucketAlreadyExists",
            "ParameterAlreadyExists",
            "QueueNameExists",
            "QueueAlreadyExists",
            "TableAlreadyExistsException",
        }
    ),
    Category.CONFLICT: frozenset(
        {
            "ResourceInUseException",
            "ResourceConflictException",
            "ConflictException",
            "OperationAborted",
            "ConcurrentModification",
            "ConcurrentModificationException",
            "ConcurrentAccess",
            "DeleteConflict",
            "PreconditionFailedException",
            "TooManyUpdates",
            "OperationAbortedException",
            "AWS.SimpleQueueService.QueueDeletedRecently",
            "QueueDeletedRecently",
            "BucketNotEmpty",
            # A new table's backups are enabled some seconds after it is ACTIVE.
            "ContinuousBackupsUnavailableException",
        }
    ),
    Category.THROTTLED: frozenset(
        {
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "SlowDown",
            "RequestThrottled",
            "RequestThrottledException",
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            "PriorRequestNotComplete",
            "TransactionInProgressException",
        }
    ),
    # S3 answers 400 to a connection that it found too slow.
    Category.TRANSIENT: frozenset({"RequestTimeout", "RequestTimeoutException"}),
    Category.ACCESS_DENIED: CREDENTIAL_CODES
    | {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthorizationError",
        "AuthorizationErrorException",
        "NotAuthorized",
        "KMSAccessDeniedException",
        "AllAccessDisabled",
        "403",
        "Forbidden",
    },
    Category.LIMIT_EXCEEDED: frozenset(
        {
            "LimitExceeded",
            "LimitExceededException",
            "LimitExceededFault",
            "ServiceQuotaExceededException",
            "TooManyBuckets",
            "CodeStorageExceededException",
            "SubscriptionLimitExceeded",
            "TopicLimitExceeded",
            "ParameterLimitExceeded",
        }
    ),
}

# AWS answers these with a validation code although time alone mends them: a new role takes seconds
# to be known everywhere (IAM user guide, "Troubleshoot IAM": changes are not always immediately
# visible), and a mapping's function checks the role's permissions when it is made.
_PROPAGATION: Final = re.compile(
    r"cannot be assumed|not authorized to perform: sts:AssumeRole|"
    r"Cannot access (stream|queue)|does not have permissions to call|"
    r"must allow .* to assume|execution role .* (permission|exist)",
    re.IGNORECASE,
)
_RATE_IN_LIMIT: Final = re.compile(r"rate exceeded|too many requests|throttl", re.IGNORECASE)
# DynamoDB, Lambda and Scheduler answer "exists already" and "busy" with one code: the text tells.
_EXISTS: Final = re.compile(r"already exist", re.IGNORECASE)
_NOT_THERE: Final = re.compile(r"(does not|doesn't) exist|not found", re.IGNORECASE)
_NOISE: Final = re.compile(
    r"\s*\(?\b(RequestID|Request ID|HostId|Host ID|Extended Request ID)\b[:=]?\s*[\w/+=-]*\)?,?"
    r"|\s*\(reached max retries: \d+\)"
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b(?=\s*\)?$)"
    r"|\b\d{4}-\d\d-\d\dT[\d:.]+Z?|\b\d{8}T\d{6}Z"
    # The SDK names its sessions by the time at which it made them.
    r"|(?<=botocore-session-)\d+",
    re.IGNORECASE,
)
BUSY_CODES: Final = frozenset(
    {"ResourceInUseException", "ResourceConflictException", "ConflictException"}
)
_TOO_MANY: Final = 429
SERVER_ERROR: Final = 500


def stable_text(message: str) -> str:
    """`message` without what changes from one retry to the next, on one line."""
    return " ".join(_NOISE.sub("", message).split())[:1000]


def category_of(code: str, message: str, status: int) -> Category:
    """Classify one error answer by its code, then its words, then its HTTP status."""
    if code in BUSY_CODES:
        return Category.ALREADY_EXISTS if _EXISTS.search(message) else Category.CONFLICT
    if code == "InvalidParameter" and _EXISTS.search(message):
        # SNS, of a topic with other tags than those asked for.
        return Category.ALREADY_EXISTS
    if code in {"LimitExceededException", "LimitExceeded"} and _RATE_IN_LIMIT.search(message):
        return Category.THROTTLED
    for category, codes in CODES.items():
        if code in codes:
            return category
    if _PROPAGATION.search(message):
        return Category.TRANSIENT
    if code == "ValidationError" and _NOT_THERE.search(message):
        return Category.NOT_FOUND
    if status == _TOO_MANY:
        return Category.THROTTLED
    if status >= SERVER_ERROR:
        return Category.TRANSIENT
    return Category.INVALID
