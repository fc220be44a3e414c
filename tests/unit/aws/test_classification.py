"""What AWS's error answers mean: by code, by words, by HTTP status."""

from __future__ import annotations

import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.aws.error_codes import category_of
from clickstream_operator.aws.errors import Category
from docs.generator.operator_policy import calls


@pytest.mark.parametrize(
    ("code", "message", "status", "category"),
    [
        ("ResourceNotFoundException", "", 400, Category.NOT_FOUND),
        ("NoSuchBucket", "", 404, Category.NOT_FOUND),
        ("404", "Not Found", 404, Category.NOT_FOUND),
        ("NoSuchEntity", "", 404, Category.NOT_FOUND),
        ("NoSuchEntityException", "", 404, Category.NOT_FOUND),
        ("NoSuchKey", "", 404, Category.NOT_FOUND),
        ("NoSuchTagSet", "", 404, Category.NOT_FOUND),
        ("NoSuchBucketPolicy", "", 404, Category.NOT_FOUND),
        ("NoSuchConfiguration", "", 404, Category.NOT_FOUND),
        ("NoSuchLifecycleConfiguration", "", 404, Category.NOT_FOUND),
        ("NoSuchPublicAccessBlockConfiguration", "", 404, Category.NOT_FOUND),
        ("ServerSideEncryptionConfigurationNotFoundError", "", 404, Category.NOT_FOUND),
        ("ResourceNotFound", "", 404, Category.NOT_FOUND),
        ("DashboardNotFoundError", "", 404, Category.NOT_FOUND),
        ("NotFound", "", 404, Category.NOT_FOUND),
        ("NotFoundException", "", 404, Category.NOT_FOUND),
        ("ParameterNotFound", "", 400, Category.NOT_FOUND),
        ("QueueDoesNotExist", "", 400, Category.NOT_FOUND),
        ("SubscriptionNotFound", "", 404, Category.NOT_FOUND),
        ("TableNotFoundException", "", 400, Category.NOT_FOUND),
        ("AWS.SimpleQueueService.NonExistentQueue", "", 400, Category.NOT_FOUND),
        ("ValidationError", "Stack x does not exist", 400, Category.NOT_FOUND),
        ("ValidationError", "1 is too small", 400, Category.INVALID),
        ("EntityAlreadyExists", "", 409, Category.ALREADY_EXISTS),
        ("BucketAlreadyOwnedByYou", "", 409, Category.ALREADY_EXISTS),
        ("ResourceInUseException", "Table already exists: x", 400, Category.ALREADY_EXISTS),
        ("ResourceInUseException", "Stream x is UPDATING", 400, Category.CONFLICT),
        ("ResourceConflictException", "Function already exist: x", 409, Category.ALREADY_EXISTS),
        ("ResourceConflictException", "An update is in progress", 409, Category.CONFLICT),
        (
            "InvalidParameter",
            "Invalid parameter: Tags Reason: Topic already exists with different tags",
            400,
            Category.ALREADY_EXISTS,
        ),
        ("OperationAborted", "", 409, Category.CONFLICT),
        ("BucketNotEmpty", "", 409, Category.CONFLICT),
        ("LimitExceededException", "Rate exceeded for stream x", 400, Category.THROTTLED),
        ("LimitExceededException", "50 shards are the limit", 400, Category.LIMIT_EXCEEDED),
        ("TooManyRequestsException", "", 429, Category.THROTTLED),
        ("SlowDown", "", 503, Category.THROTTLED),
        ("Unheard", "", 429, Category.THROTTLED),
        ("AccessDenied", "not authorized to perform: sts:AssumeRole", 403, Category.ACCESS_DENIED),
        ("ExpiredToken", "", 403, Category.ACCESS_DENIED),
        ("ServiceQuotaExceededException", "", 402, Category.LIMIT_EXCEEDED),
        (
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
            400,
            Category.TRANSIENT,
        ),
        (
            "InvalidParameterValueException",
            "Cannot access stream arn:aws:kinesis:x",
            400,
            Category.TRANSIENT,
        ),
        ("InvalidParameterValueException", "memory is too small", 400, Category.INVALID),
        ("InternalFailure", "", 500, Category.TRANSIENT),
        ("Unheard", "", 503, Category.TRANSIENT),
        ("Unheard", "", 400, Category.UNRECOGNIZED),
        ("Unheard", "", 403, Category.ACCESS_DENIED),
        ("Unheard", "", 409, Category.CONFLICT),
        ("Unheard", "", 404, Category.UNRECOGNIZED),
    ],
)
def test_classification(code: str, message: str, status: int, category: Category) -> None:
    """Code first, then words, then HTTP status."""
    assert category_of(code, message, status) is category


@pytest.mark.parametrize(
    "code",
    sorted(
        {
            *TransientRetryableChecker._TRANSIENT_ERROR_CODES,
            *ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
        }
    ),
)
def test_what_botocore_retries_is_not_the_users_fault(code: str) -> None:
    """What the SDK itself holds for passing is never Invalid here."""
    expected = (
        {Category.THROTTLED, Category.LIMIT_EXCEEDED}
        if code in ThrottledRetryableChecker._THROTTLED_ERROR_CODES
        else {Category.TRANSIENT, Category.THROTTLED}
    )
    assert category_of(code, "", 400) in expected


#: Answers that public reports quote, each once called Invalid or a used-up quota.
REPORTED = [
    ("RequestTimeTooSkewed", 403, "The difference is too large.", Category.ACCESS_DENIED),
    ("RequestExpired", 400, "Request has expired.", Category.ACCESS_DENIED),
    ("RequestInTheFuture", 400, "Request is in the future.", Category.ACCESS_DENIED),
    ("InvalidIdentityToken", 400, "No OpenIDConnect provider found", Category.ACCESS_DENIED),
    ("IDPRejectedClaim", 403, "Token is expired", Category.ACCESS_DENIED),
    ("IDPCommunicationError", 400, "Couldn't retrieve verification key", Category.TRANSIENT),
    ("RegionDisabledException", 403, "STS is not activated", Category.ACCESS_DENIED),
    ("OptInRequired", 403, "You are not subscribed", Category.ACCESS_DENIED),
    ("SubscriptionRequiredException", 400, "needs a subscription", Category.ACCESS_DENIED),
    ("NotSignedUp", 403, "Your account is not signed up", Category.ACCESS_DENIED),
    ("AccountProblem", 403, "There is a problem", Category.ACCESS_DENIED),
    ("StaleTag", 400, "Wait a short while and then retry", Category.CONFLICT),
    ("EntityTemporarilyUnmodifiable", 409, "x", Category.CONFLICT),
    (
        "InvalidParameterValueException",
        400,
        "ReservedConcurrentExecutions decreases UnreservedConcurrentExecution below its minimum",
        Category.LIMIT_EXCEEDED,
    ),
    (
        "LimitExceededException",
        400,
        "There is a limit of 500 tables that can be created, updated, or deleted simultaneously",
        Category.CONFLICT,
    ),
    (
        "LimitExceededException",
        400,
        "This request would exceed the limit of streams in the CREATING state simultaneously",
        Category.CONFLICT,
    ),
    (
        "LimitExceededException",
        400,
        "Request would result in more than 5 streams being in CREATING state simultaneously",
        Category.CONFLICT,
    ),
    (
        "InvalidParameterValueException",
        400,
        (
            "Specified ReservedConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below its minimum value of [10]."
        ),
        Category.LIMIT_EXCEEDED,
    ),
    ("LimitExceededException", 400, "100 shards are the account's limit", Category.LIMIT_EXCEEDED),
    ("MissingNamespaceHeader", 400, "The bucket namespace header is missing", Category.INVALID),
]


@pytest.mark.parametrize(("code", "status", "message", "category"), REPORTED)
def test_reported_answers(code: str, status: int, message: str, category: Category) -> None:
    """A clock, a login, a passing limit or a quota is not called a wrong spec."""
    assert category_of(code, message, status) is category


@given(
    st.sampled_from(["", "KMS", "KMS.", "Kms", "AWS.SimpleQueueService.", "EC2", "Request"]),
    st.sampled_from(["Throttling", "Throttled", "ThrottlingException", "ThrottledException"]),
    st.sampled_from([400, 403, 429, 503]),
)
def test_every_spelling_of_a_throttle(prefix: str, code: str, status: int) -> None:
    """Whatever service a throttle came through, it asks for less, not for another spec."""
    assert category_of(prefix + code, "", status) is Category.THROTTLED


@given(
    st.sampled_from(["KMS", "KMS.", "Kms"]),
    st.sampled_from(["AccessDenied", "OptInRequired"]),
    st.sampled_from(["", "Exception"]),
)
def test_a_key_without_access_is_no_wrong_spec(prefix: str, code: str, ending: str) -> None:
    """The key's policy, or KMS itself, refuses."""
    assert category_of(prefix + code + ending, "", 400) is Category.ACCESS_DENIED


@pytest.mark.parametrize(
    "code", ["KMSNotFoundException", "KMS.NotFoundException", "KmsNotFound", "PolicyNotFound"]
)
def test_a_key_that_is_not_there_is_not_the_resource(code: str) -> None:
    """A resource would be made again, or a deletion end, for a key that is gone."""
    assert category_of(code, "", 400) is Category.INVALID


#: STS beside them: its call takes no permission of the operator's policy.
SERVICES = sorted({service for _, service, _ in calls()} | {"sts"})
#: Answers of operations that the operator never calls.
UNHEARD_OF = 90


def test_the_models_of_the_services_are_known() -> None:
    """Nearly every error of botocore's models has a class, and no server's fault is the user's."""
    session, unknown = get_session(), set()
    for service in SERVICES:
        model = session.get_service_model(service)
        for operation in model.operation_names:
            for shape in model.operation_model(operation).error_shapes:
                declared = shape.metadata.get("error", {})
                code = declared.get("code") or shape.name
                server = bool(shape.metadata.get("fault"))
                status = declared.get("httpStatusCode", 500 if server else 400)
                found = category_of(code, "", status)
                if found is Category.UNRECOGNIZED:
                    unknown.add(code)
                if server or status >= 500:
                    assert found is not Category.INVALID, (service, code)
                if code.startswith(("Internal", "ServiceUnavailable")):
                    assert found is Category.TRANSIENT, (service, code)
    assert len(unknown) < UNHEARD_OF
