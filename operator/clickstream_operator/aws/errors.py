"""What an AWS error means for a reconciler.

Every failure of a call leaves this package as one `AwsError` whose `category` says what to do next:

* ``NOT_FOUND``       the thing is not there; for a deletion that is success
* ``ALREADY_EXISTS``  a create met an existing thing; observe it
* ``CONFLICT``        AWS is busy with the thing; look again soon
* ``THROTTLED``       slow down, then try again
* ``ACCESS_DENIED``   a permission or a credential is missing; a person must act
* ``INVALID``         the request itself is wrong; only a new spec helps
* ``LIMIT_EXCEEDED``  an account quota is used up; a person must act
* ``TRANSIENT``       network, 5xx, propagation; try again
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from enum import StrEnum
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    TokenRetrievalError,
)


class Category(StrEnum):
    """The taxonomy; see the module docstring."""

    NOT_FOUND = "NotFound"
    ALREADY_EXISTS = "AlreadyExists"
    CONFLICT = "Conflict"
    THROTTLED = "Throttled"
    ACCESS_DENIED = "AccessDenied"
    INVALID = "Invalid"
    LIMIT_EXCEEDED = "LimitExceeded"
    TRANSIENT = "Transient"


class AwsError(Exception):
    """One failed AWS call, classified.

    `text` is stable: no request id, host id or timestamp, so that a status that quotes it does not
    change from one retry to the next. `may_pass_at_once`: the same call may well succeed when it is
    sent again (a throttle, a 5xx, a broken connection). `timed_out`: there was no answer, and
    waiting for it took its time.
    """

    def __init__(
        self,
        *,
        service: str,
        operation: str,
        code: str,
        text: str,
        category: Category,
        may_pass_at_once: bool = False,
        timed_out: bool = False,
    ) -> None:
        super().__init__(f"{service}:{operation} failed with {code}: {text}")
        self.service = service
        self.operation = operation
        self.code = code
        self.text = text
        self.category = category
        self.may_pass_at_once = may_pass_at_once
        self.timed_out = timed_out

    @property
    def credentials_are_bad(self) -> bool:
        """Whether the credential itself failed, not one permission of it."""
        return self.code in _CREDENTIALS


_CREDENTIALS: Final = frozenset(
    {
        "NoCredentials",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "AuthFailure",
        "TokenRefreshRequired",
        "InvalidToken",
    }
)

# Codes as the botocore service models and the "Common Errors" pages of the services name them.
_CODES: Final[dict[Category, frozenset[str]]] = {
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
    Category.ACCESS_DENIED: _CREDENTIALS
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
_BUSY: Final = frozenset(
    {"ResourceInUseException", "ResourceConflictException", "ConflictException"}
)
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


def stable_text(message: str) -> str:
    """`message` without what changes from one retry to the next, on one line."""
    return " ".join(_NOISE.sub("", message).split())[:1000]


def category_of(code: str, message: str, status: int) -> Category:
    """Classify one error answer by its code, then its words, then its HTTP status."""
    if code in _BUSY:
        return Category.ALREADY_EXISTS if _EXISTS.search(message) else Category.CONFLICT
    if code == "InvalidParameter" and _EXISTS.search(message):
        # SNS, of a topic with other tags than those asked for.
        return Category.ALREADY_EXISTS
    if code in {"LimitExceededException", "LimitExceeded"} and _RATE_IN_LIMIT.search(message):
        return Category.THROTTLED
    for category, codes in _CODES.items():
        if code in codes:
            return category
    if _PROPAGATION.search(message):
        return Category.TRANSIENT
    if code == "ValidationError" and _NOT_THERE.search(message):
        return Category.NOT_FOUND
    if status == _TOO_MANY:
        return Category.THROTTLED
    if status >= _SERVER_ERROR:
        return Category.TRANSIENT
    return Category.INVALID


def from_client_error(service: str, operation: str, error: ClientError) -> AwsError:
    """An `AwsError` for an error answer of AWS."""
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", "Unknown"))
    message = str(answer.get("Message", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    category = category_of(code, message, status)
    # A creation meets no busy thing but the one that is there already, whatever the words are.
    if code in _BUSY and operation.startswith("create_"):
        category = Category.ALREADY_EXISTS
    return AwsError(
        service=service,
        operation=operation,
        code=code,
        text=stable_text(message) or "AWS gave no message",
        category=category,
        may_pass_at_once=category is Category.THROTTLED
        or status >= _SERVER_ERROR
        or code in _CODES[Category.TRANSIENT],
    )


def from_botocore_error(service: str, operation: str, error: BotoCoreError) -> AwsError:
    """An `AwsError` for a call that never got an answer."""
    if isinstance(
        error,
        NoCredentialsError
        | PartialCredentialsError
        | CredentialRetrievalError
        | TokenRetrievalError,
    ):
        code, category = "NoCredentials", Category.ACCESS_DENIED
        text = "no AWS credentials found; give the operator's ServiceAccount a role or set AWS_*"
    elif isinstance(error, NoRegionError):
        code, category = "NoRegion", Category.INVALID
        text = "no AWS region; set spec.region or the operator's AWS_REGION"
    elif isinstance(error, ParamValidationError):
        code, category, text = "ParamValidation", Category.INVALID, str(error)
    elif isinstance(error, EndpointConnectionError):
        code, category = "EndpointUnreachable", Category.TRANSIENT
        text = f"the {service} endpoint does not answer"
    else:
        code, category, text = type(error).__name__, Category.TRANSIENT, "no answer from AWS"
    timed_out = isinstance(error, ConnectTimeoutError | ReadTimeoutError)
    return AwsError(
        service=service,
        operation=operation,
        code=code,
        text=stable_text(text),
        category=category,
        # botocore raises this for what breaks the connection, refuses it or ends it too early.
        may_pass_at_once=isinstance(error, HTTPClientError) and not timed_out,
        timed_out=timed_out,
    )


async def ignore_not_found(call: Awaitable[dict[str, Any]]) -> dict[str, Any] | None:
    """The answer of `call`; None when AWS says that the thing is not there.

    Raises:
        AwsError: every other failure.
    """
    try:
        return await call
    except AwsError as error:
        if error.category is not Category.NOT_FOUND:
            raise
        return None
