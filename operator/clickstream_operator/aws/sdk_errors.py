"""Exceptions of botocore, as `AwsError`."""

from __future__ import annotations

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

from clickstream_operator.aws.error_codes import (
    BUSY_CODES,
    CODES,
    SERVER_ERROR,
    category_of,
    stable_text,
)
from clickstream_operator.aws.errors import AwsError, Category


def from_client_error(service: str, operation: str, error: ClientError) -> AwsError:
    """An `AwsError` for an error answer of AWS."""
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", "Unknown"))
    message = str(answer.get("Message", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    category = category_of(code, message, status)
    # A creation meets no busy thing but the one that is there already, whatever the words are.
    if code in BUSY_CODES and operation.startswith("create_"):
        category = Category.ALREADY_EXISTS
    return AwsError(
        service=service,
        operation=operation,
        code=code,
        text=stable_text(message) or "AWS gave no message",
        category=category,
        may_pass_at_once=category is Category.THROTTLED
        or status >= SERVER_ERROR
        or code in CODES[Category.TRANSIENT],
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
