"""Classification of AWS's error answers: by code, then by words, then by HTTP status. Pure.

Codes are those of the botocore service models and of the "Common Errors" pages of the services.
Services spell one idea in many ways (``ThrottlingException``, ``KMS.ThrottlingException``,
``RequestThrottled``), so a code is first reduced to its core, and words in a core decide where no
list has it.
"""

from __future__ import annotations

import re
from typing import Final

from clickstream_operator.aws.errors import CREDENTIAL_CODES, Category

#: Codes as they are, where the core of a code would say too much: not everything that ends in
#: ``NotFound`` is the resource itself.
EXACT_CODES: Final[dict[str, Category]] = {
    **dict.fromkeys(CREDENTIAL_CODES, Category.ACCESS_DENIED),
    **dict.fromkeys(
        (
            "404",
            "AWS.SimpleQueueService.NonExistentQueue",
            "DashboardNotFoundError",
            "NoSuchBucket",
            "NoSuchBucketPolicy",
            "NoSuchConfiguration",
            "NoSuchEntity",
            "NoSuchEntityException",
            "NoSuchKey",
            "NoSuchLifecycleConfiguration",
            "NoSuchPublicAccessBlockConfiguration",
            "NoSuchTagSet",
            "NotFound",
            "NotFoundException",
            "ParameterNotFound",
            "QueueDoesNotExist",
            "ResourceNotFound",
            "ResourceNotFoundException",
            "ServerSideEncryptionConfigurationNotFoundError",
            "SubscriptionNotFound",
            "TableNotFoundException",
        ),
        Category.NOT_FOUND,
    ),
    **dict.fromkeys(
        (
            "BucketAlreadyExists",
            "BucketAlreadyOwnedByYou",
            "EntityAlreadyExists",
            "ParameterAlreadyExists",
            "QueueAlreadyExists",
            "QueueNameExists",
            "ResourceAlreadyExistsException",
            "TableAlreadyExistsException",
        ),
        Category.ALREADY_EXISTS,
    ),
    **dict.fromkeys(
        (
            "AWS.SimpleQueueService.QueueDeletedRecently",
            "BucketNotEmpty",
            # A new table's backups are enabled some seconds after it is ACTIVE.
            "ContinuousBackupsUnavailableException",
            "EntityTemporarilyUnmodifiable",
            "EntityTemporarilyUnmodifiableException",
            "PreconditionFailedException",
            "StaleTag",
            "StaleTagException",
            "TooManyUpdates",
        ),
        Category.CONFLICT,
    ),
    **dict.fromkeys(
        (
            "BandwidthLimitExceeded",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "SlowDown",
            "TooManyRequestsException",
            "TransactionInProgressException",
        ),
        Category.THROTTLED,
    ),
    **dict.fromkeys(
        (
            "403",
            "AccountProblem",
            "AllAccessDisabled",
            "AuthorizationError",
            "AuthorizationErrorException",
            "Forbidden",
            "InvalidPayer",
            "InvalidSecurity",
            "InvalidSecurityException",
            "NotAuthorized",
            "NotSignedUp",
            "OptInRequired",
            "RegionDisabledException",
            "SubscriptionRequiredException",
            "UnauthorizedOperation",
        ),
        Category.ACCESS_DENIED,
    ),
    # S3 refuses a prefix, a rule or a document under this code; nothing else answers 403 so.
    "InvalidObjectState": Category.INVALID,
    "TooManyBuckets": Category.LIMIT_EXCEEDED,
    "LimitExceededFault": Category.LIMIT_EXCEEDED,
}

#: Words in the core of a code, in the order in which they are asked for.
_WORDS: Final[tuple[tuple[re.Pattern[str], Category], ...]] = (
    (re.compile(r"Throttl", re.IGNORECASE), Category.THROTTLED),
    (re.compile(r"AlreadyExists$"), Category.ALREADY_EXISTS),
    (
        re.compile(r"AccessDenied|OptInRequired|SubscriptionRequired|NotSignedUp|RegionDisabled"),
        Category.ACCESS_DENIED,
    ),
    (
        re.compile(r"(LimitExceeded|QuotaExceeded|StorageExceeded|LimitReached)$"),
        Category.LIMIT_EXCEEDED,
    ),
    # botocore's models give these no HTTP status; AWS answers them with 500 or 503.
    (
        re.compile(r"^Internal|Internal(Error|Failure|Service)?$|^Service(Unavailable|Failure)?$"),
        Category.TRANSIENT,
    ),
    (re.compile(r"Time(d)?[oO]ut$|Unavailable$|CommunicationError$|Failure$"), Category.TRANSIENT),
    (
        re.compile(
            r"InUse$|Conflict(ing|Operation)?$|^Conflict|Concurrent|NotReady$|Aborted$|Recently$"
        ),
        Category.CONFLICT,
    ),
    (
        re.compile(
            r"^(Invalid|Validation|Malformed|Missing|Unsupported|Illegal|Incompatible|Unknown"
            r"(Parameter|Operation|Action)|Bad(Request|Digest)|Parameter|IdempotencyParameter"
            r"|IdempotentParameter|TooMany|Tag|EncryptionType|Entity|Key|PolicyLength|PolicyType"
            r"|PackedPolicy|ConstraintViolation|CodeVerification|CodeSigning|Public)"
            r"|(Mismatch|NotAllowed|NotSupported|Unsupported|TooLong|TooLarge|TooSmall|OutOfRange"
            r"|Disabled|InvalidState|NotFound|Violation|PatternError|ParameterError|Header"
            r"|NextToken|TokenExpired|Iterator|HeaderMalformed)$"
        ),
        Category.INVALID,
    ),
)
_AFFIXES: Final = re.compile(r"^(AWS\.)?(SimpleQueueService\.|KMS\.|K(MS|ms)(?=[A-Z]))?")
_ENDINGS: Final = re.compile(r"(Exception|Fault|(?<!Parameter)(?<!Communication)Error)$")

# AWS answers these with a validation code although time alone mends them: a new role takes seconds
# to be known everywhere (IAM user guide, "Troubleshoot IAM": changes are not always immediately
# visible), and a mapping's function checks the role's permissions when it is made.
_PROPAGATION: Final = re.compile(
    r"cannot be assumed|not authorized to perform: sts:AssumeRole|"
    r"Cannot access (stream|queue)|does not have permissions to call|"
    r"must allow .* to assume|execution role .* (permission|exist)",
    re.IGNORECASE,
)
_RATE: Final = re.compile(r"rate exceeded|too many requests|throttled", re.IGNORECASE)
#: Limits on what is under way at one time: they pass by themselves (Kinesis CreateStream, "more
#: than five streams in the CREATING state"; DynamoDB CreateTable, "up to 500 simultaneous").
_AT_ONE_TIME: Final = re.compile(
    r"simultaneous|\b(CREATING|UPDATING|DELETING|PENDING|IN_PROGRESS)\b|at (one|the same) time|"
    r"concurrent (control plane )?(operations?|requests?|changes?)|in progress",
    re.IGNORECASE,
)
#: Quotas that services report as a wrong parameter.
_QUOTA: Final = re.compile(
    r"UnreservedConcurrentExecution|\bquota\b|account('s)? limit|"
    r"limit (for|of) (the|this|your) account|maximum (number|limit) .* (account|region)",
    re.IGNORECASE,
)
# DynamoDB, Lambda and Scheduler answer "exists already" and "busy" with one code: the text tells.
_EXISTS: Final = re.compile(r"already exist", re.IGNORECASE)
_NOT_THERE: Final = re.compile(r"(does not|doesn't) exist|not found", re.IGNORECASE)
#: Codes that answer both "busy" and "exists already".
BUSY_CODES: Final = frozenset(
    {"ResourceInUseException", "ResourceConflictException", "ConflictException"}
)
_BY_STATUS: Final = {
    401: Category.ACCESS_DENIED,
    403: Category.ACCESS_DENIED,
    408: Category.TRANSIENT,
    409: Category.CONFLICT,
    413: Category.INVALID,
    415: Category.INVALID,
    429: Category.THROTTLED,
}
SERVER_ERROR: Final = 500


def category_of(code: str, message: str, status: int) -> Category:
    """Classify one error answer; `status` is its HTTP status, 0 where there is none."""
    by_code = _by_code(code, message)
    if by_code in {Category.INVALID, Category.LIMIT_EXCEEDED, None}:
        by_words = _by_words(by_code, code, message)
        if by_words is not None:
            return by_words
    if by_code is not None and (by_code is not Category.INVALID or status < SERVER_ERROR):
        return by_code
    if status >= SERVER_ERROR:
        return Category.TRANSIENT
    return _BY_STATUS.get(status, Category.UNRECOGNIZED)


def _by_code(code: str, message: str) -> Category | None:
    if code in BUSY_CODES:
        return Category.ALREADY_EXISTS if _EXISTS.search(message) else Category.CONFLICT
    if code in EXACT_CODES:
        return EXACT_CODES[code]
    core = core_of(code)
    for words, category in _WORDS:
        if words.search(core):
            return category
    return None


def _by_words(by_code: Category | None, code: str, message: str) -> Category | None:
    """The category that the words of an answer give, where its code says little or too much."""
    if by_code is Category.LIMIT_EXCEEDED:
        if _RATE.search(message):
            return Category.THROTTLED
        return Category.CONFLICT if _AT_ONE_TIME.search(message) else None
    if core_of(code) == "InvalidParameter" and _EXISTS.search(message):
        # SNS, of a topic with other tags than those asked for.
        return Category.ALREADY_EXISTS
    if code == "ValidationError" and _NOT_THERE.search(message):
        return Category.NOT_FOUND
    if _PROPAGATION.search(message):
        return Category.TRANSIENT
    if _RATE.search(message):
        return Category.THROTTLED
    return Category.LIMIT_EXCEEDED if _QUOTA.search(message) else None


def core_of(code: str) -> str:
    """A code without the service that it came through and without its ending."""
    return _ENDINGS.sub("", _AFFIXES.sub("", code)) or code


_NOISE: Final = re.compile(
    r"\s*\(?\b(RequestID|Request ID|HostId|Host ID|Extended Request ID)\b[:=]?\s*[\w/+=-]*\)?,?"
    r"|\s*\(reached max retries: \d+\)"
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b(?=\s*\)?$)"
    r"|\b\d{4}-\d\d-\d\dT[\d:.]+Z?|\b\d{8}T\d{6}Z"
    # The SDK names its sessions by the time at which it made them.
    r"|(?<=botocore-session-)\d+",
    re.IGNORECASE,
)


def stable_text(message: str) -> str:
    """`message` without what changes from one retry to the next, on one line."""
    return " ".join(_NOISE.sub("", message).split())[:1000]
