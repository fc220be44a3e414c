"""What an AWS error means."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.aws.error_codes import stable_text
from clickstream_operator.aws.errors import REMEDIES, Category
from clickstream_operator.aws.sdk_errors import from_botocore_error, from_client_error


def client_error(code: str, message: str = "m", status: int = 400) -> ClientError:
    """An error answer."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "Op",
    )


def test_creation_of_what_is_busy_met_an_existing_one() -> None:
    """Whatever the words are: a creation meets only what is there."""
    error = client_error("ResourceInUseException", "Stream web under account 1 is ACTIVE")
    assert from_client_error("kinesis", "create_stream", error).category is Category.ALREADY_EXISTS
    assert from_client_error("kinesis", "update_shard_count", error).category is Category.CONFLICT


def test_error_says_what_failed() -> None:
    """Service, operation, code and AWS's words."""
    error = from_client_error("sqs", "create_queue", client_error("AccessDenied", "no sqs for you"))
    assert str(error).startswith("sqs:create_queue failed with AccessDenied: no sqs for you; ")
    assert (error.service, error.operation, error.code) == ("sqs", "create_queue", "AccessDenied")


def test_error_without_words_says_so() -> None:
    """A HEAD request brings no message."""
    assert from_client_error("s3", "head_bucket", client_error("403", "")).text == (
        "AWS gave no message"
    )
    assert from_client_error("s3", "x", ClientError({}, "X")).code == "Unknown"


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ("ExpiredToken", True),
        ("ExpiredTokenException", True),
        ("InvalidClientTokenId", True),
        ("SignatureDoesNotMatch", True),
        ("InvalidToken", True),
        ("AccessDenied", False),
        ("Throttling", False),
    ],
)
def test_bad_credential_is_not_a_missing_permission(code: str, *, bad: bool) -> None:
    """Renew the credential, or grant an action: two different remedies."""
    error = from_client_error("sts", "get_caller_identity", client_error(code, status=403))
    assert error.credentials_are_bad is bad
    assert not bad or error.category is Category.ACCESS_DENIED


@pytest.mark.parametrize(
    ("error", "code", "category"),
    [
        (exceptions.NoCredentialsError(), "NoCredentials", Category.ACCESS_DENIED),
        (
            exceptions.PartialCredentialsError(provider="env", cred_var="x"),
            "PartialCredentials",
            Category.ACCESS_DENIED,
        ),
        (
            exceptions.CredentialRetrievalError(provider="p", error_msg="e"),
            "CredentialRetrieval",
            Category.ACCESS_DENIED,
        ),
        (exceptions.NoRegionError(), "NoRegion", Category.INVALID),
        (exceptions.ParamValidationError(report="r"), "ParamValidation", Category.INVALID),
        (
            exceptions.EndpointConnectionError(endpoint_url="u"),
            "EndpointUnreachable",
            Category.TRANSIENT,
        ),
        (exceptions.ReadTimeoutError(endpoint_url="u"), "ReadTimeoutError", Category.TRANSIENT),
        (
            exceptions.ConnectionClosedError(endpoint_url="u"),
            "ConnectionClosedError",
            Category.TRANSIENT,
        ),
    ],
)
def test_calls_without_an_answer(error: Any, code: str, category: Category) -> None:
    """No credential and no region are told apart from the network."""
    found = from_botocore_error("s3", "head_bucket", error)
    assert (found.code, found.category) == (code, category)
    assert found.credentials_are_bad is (category is Category.ACCESS_DENIED)
    assert found.text


# What AWS and its SDKs put into messages and changes from one try to the next.
NOISY = [
    "Rate exceeded (Service: Kinesis; Status Code: 400; Request ID: {id}; Proxy: null)",
    "Access Denied (RequestID: {id}, HostId: {host}=)",
    "denied (Service: Lambda, Status Code: 403, Request ID: {id}, Extended Request ID: {host})",
    "An internal error {id}",
    "busy (reached max retries: {tries})",
    "Stream is UPDATING since 2026-11-01T12:{minute}:00.123Z",
    "Signature expired: 20261101T12{minute}00Z is now earlier than 20261101T13{minute}00Z",
    "User: arn:aws:sts::1:assumed-role/op/botocore-session-17302{minute}000 is not authorized",
]


@given(
    st.sampled_from(NOISY),
    st.tuples(st.uuids(), st.uuids()),
    st.tuples(st.integers(10, 59), st.integers(10, 59)),
)
def test_text_is_stable(
    template: str, ids: tuple[uuid.UUID, uuid.UUID], minutes: tuple[int, int]
) -> None:
    """Two tries of one failure have one text, which keeps its words."""
    first, second = (
        stable_text(template.format(id=one, host=one.hex * 2, tries=minute % 5, minute=minute))
        for one, minute in zip(ids, minutes, strict=True)
    )
    assert first == second
    assert first.startswith(template.split(maxsplit=1)[0])
    assert str(ids[0]) not in first


@given(st.text(max_size=2000))
def test_text_is_one_bounded_line(message: str) -> None:
    """One line, at most 1,000 characters, and cleaning is done once."""
    text = stable_text(message)
    assert "\n" not in text
    assert len(text) <= 1000


def test_words_with_hashes_are_kept() -> None:
    """A key id in the middle of a message is what it is about."""
    key = "1234abcd-12ab-34cd-56ef-1234567890ab"
    assert key in stable_text(f"KMS key {key} is disabled.")


#: An answer of each category: code, status, words, and a part of the remedy that helps.
ANSWERS = {
    Category.NOT_FOUND: ("ResourceNotFoundException", 404, "no such stream", "tried again"),
    Category.ALREADY_EXISTS: ("EntityAlreadyExists", 409, "role exists", "observed"),
    Category.CONFLICT: (
        "ResourceConflictException",
        409,
        "an update is in progress",
        "AWS is done",
    ),
    Category.THROTTLED: ("TooManyRequestsException", 429, "Rate exceeded", "slower pace"),
    Category.ACCESS_DENIED: ("AccessDeniedException", 403, "explicit deny", "change that policy"),
    Category.INVALID: ("InvalidParameterValueException", 400, "MemorySize", "in the spec"),
    Category.LIMIT_EXCEEDED: ("CodeStorageExceededException", 400, "75 GB", "raise the quota"),
    Category.TRANSIENT: ("ServiceException", 500, "internal", "tried again"),
    Category.UNRECOGNIZED: ("Unheard", 400, "never heard of", "API reference"),
}


@pytest.mark.parametrize("category", list(Category))
def test_a_refusal_names_call_code_words_and_remedy(category: Category) -> None:
    """Of every category there is; the resource or the blocker stands before it in the status."""
    code, status, words, remedy = ANSWERS[category]
    error = from_client_error("lambda", "update_function_code", client_error(code, words, status))
    assert error.category is category
    assert remedy in REMEDIES[category]
    assert str(error) == (
        f"lambda:update_function_code failed with {code}: {words}; {REMEDIES[category]}"
    )


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (exceptions.NoRegionError(), "set spec.region"),
        (
            exceptions.EndpointConnectionError(endpoint_url="https://x"),
            "the region has the service",
        ),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), "tried again"),
    ],
)
def test_a_call_without_an_answer_has_its_remedy(error: Any, remedy: str) -> None:
    """What was not sent, and what got no answer."""
    assert remedy in str(from_botocore_error("scheduler", "get_schedule", error))
