"""Failures of the AWS SDK, turned into `AwsError`."""

from __future__ import annotations

from typing import Final

from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoRegionError,
    ParamValidationError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from clickstream_operator.aws.credential_errors import (
    remedy_for,
    retrieval_failure,
    undecodable_file,
    unreadable_file,
)
from clickstream_operator.aws.error_codes import BUSY_CODES, SERVER_ERROR, category_of, stable_text
from clickstream_operator.aws.errors import CREDENTIAL_CODES, REMEDIES, AwsError, Category

#: Operations by which the SDK gets a credential (STS and IAM Identity Center API references).
_CREDENTIAL_STEPS: Final = frozenset(
    {"AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetRoleCredentials"}
)
#: Failures before the request was on its way.
_NOT_SENT: Final = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError, SSLError)
#: Categories of a refusal that does not pass by itself.
_FINAL: Final = frozenset(
    {Category.ACCESS_DENIED, Category.INVALID, Category.NOT_FOUND, Category.UNRECOGNIZED}
)


def from_client_error(service: str, operation: str, error: ClientError) -> AwsError:
    """An `AwsError` for an error answer of AWS."""
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", "Unknown"))
    text = stable_text(str(answer.get("Message", ""))) or "AWS gave no message"
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    category = category_of(code, text, status)
    # A creation meets no busy resource but the one that is there already, whatever the words are.
    if code in BUSY_CODES and operation.startswith("create_"):
        category = Category.ALREADY_EXISTS
    # The SDK gets the credential in the middle of a call: then the refusal is of that step, and
    # whatever its code is, the credential is what has to be mended.
    step = error.operation_name if error.operation_name in _CREDENTIAL_STEPS else ""
    if step:
        service, operation = "sso" if step == "GetRoleCredentials" else "sts", xform_name(step)
        category = Category.ACCESS_DENIED if category in _FINAL else category
    bad = category is Category.ACCESS_DENIED and (code in CREDENTIAL_CODES or bool(step))
    return AwsError(
        service=service,
        operation=operation,
        code=code,
        text=text,
        category=category,
        may_pass_at_once=category is Category.THROTTLED
        or status >= SERVER_ERROR
        or code in {"RequestTimeout", "RequestTimeoutException"},
        credentials_are_bad=bad,
        may_have_landed=status >= SERVER_ERROR and not step,
        remedy=remedy_for(code, text, step=step, credential=bad) or REMEDIES[category],
    )


def from_botocore_error(service: str, operation: str, error: BotoCoreError) -> AwsError:
    """An `AwsError` for a call that never got an answer."""
    retrieval = retrieval_failure(error)
    if retrieval is not None:
        code, text, remedy = retrieval
        return _bad_credential(service, operation, code, text, remedy)
    remedy = ""
    if isinstance(error, NoRegionError):
        code, category = "NoRegion", Category.INVALID
        text, remedy = "no AWS region", "set spec.region or the operator's AWS_REGION"
    elif isinstance(error, ParamValidationError):
        code, category, text = "ParamValidation", Category.INVALID, str(error)
    elif isinstance(error, EndpointConnectionError):
        code, category = "EndpointUnreachable", Category.TRANSIENT
        text = f"the {service} endpoint does not answer"
        remedy = "check the network of the operator's Pods, and that the region has the service"
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
        may_have_landed=isinstance(error, HTTPClientError) and not isinstance(error, _NOT_SENT),
        remedy=remedy or REMEDIES[category],
    )


def from_file_error(
    service: str, operation: str, error: OSError | UnicodeDecodeError
) -> AwsError | None:
    """An `AwsError` for a credential file that can't be read; None for any other file."""
    found = unreadable_file(error) if isinstance(error, OSError) else undecodable_file(error)
    if found is None:
        return None
    return _bad_credential(service, operation, "CredentialFileUnreadable", *found)


def _bad_credential(service: str, operation: str, code: str, text: str, remedy: str) -> AwsError:
    return AwsError(
        service=service,
        operation=operation,
        code=code,
        text=stable_text(text),
        category=Category.ACCESS_DENIED,
        credentials_are_bad=True,
        remedy=remedy,
    )
