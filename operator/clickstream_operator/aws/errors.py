"""Errors of AWS calls: every failure leaves this package as one classified `AwsError`."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from enum import StrEnum
from typing import Any, Final

#: The credential itself failed, not one permission of it.
CREDENTIAL_CODES: Final = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidIdentityToken",
        "InvalidIdentityTokenException",
        "InvalidSignatureException",
        "InvalidToken",
        "IDPRejectedClaim",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)


class Category(StrEnum):
    """Meaning of an error for a reconciler.

    ``NOT_FOUND``       the resource is not there; for a deletion that is success
    ``ALREADY_EXISTS``  a create met an existing resource; observe it
    ``CONFLICT``        AWS is busy with it, or with others like it; try again soon
    ``THROTTLED``       slow down, then try again
    ``ACCESS_DENIED``   a permission, a credential or the access to a service or region is missing
    ``INVALID``         the request itself is wrong; only a new spec helps
    ``LIMIT_EXCEEDED``  a quota of the account is used up; a person must act
    ``TRANSIENT``       network, 5xx, propagation; try again
    ``UNRECOGNIZED``    a refusal that no list of AWS has; try again for a while, then say so
    """

    NOT_FOUND = "NotFound"
    ALREADY_EXISTS = "AlreadyExists"
    CONFLICT = "Conflict"
    THROTTLED = "Throttled"
    ACCESS_DENIED = "AccessDenied"
    INVALID = "Invalid"
    LIMIT_EXCEEDED = "LimitExceeded"
    TRANSIENT = "Transient"
    UNRECOGNIZED = "Unrecognized"


#: Remedy of a refusal about which no more is known than its category.
REMEDIES: Final[Mapping[Category, str]] = {
    Category.NOT_FOUND: "it is tried again",
    Category.ALREADY_EXISTS: "it is observed and tried again",
    Category.CONFLICT: "it is tried again when AWS is done",
    Category.THROTTLED: "it is tried again at a slower pace",
    Category.ACCESS_DENIED: "allow it to the role that the operator uses; where AWS names an "
    "explicit deny, change that policy",
    Category.INVALID: "change what AWS names in the spec",
    Category.LIMIT_EXCEEDED: "ask for less in the spec, or ask AWS to raise the quota",
    Category.TRANSIENT: "it is tried again",
    Category.UNRECOGNIZED: "the operator does not know this answer and tries again; AWS's API "
    "reference of the call tells what it means",
}


class AwsError(Exception):
    """One failed AWS call, classified.

    Attributes:
        text: AWS's words, without request id, host id or timestamp, so that a status that quotes
            them does not change from one retry to the next.
        may_pass_at_once: the same call may well succeed when it is sent again (a throttle, a 5xx, a
            broken connection).
        timed_out: there was no answer, and waiting for it took its time.
        credentials_are_bad: the credential itself failed, not one permission of it.
        may_have_landed: AWS may have done what was asked: the answer was lost, or was a 5xx.
        remedy: what a person can do about it, where that is known; else empty.
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
        credentials_are_bad: bool | None = None,
        may_have_landed: bool = False,
        remedy: str = "",
    ) -> None:
        super().__init__(
            f"{service}:{operation} failed with {code}: {text}{f'; {remedy}' if remedy else ''}"
        )
        self.service = service
        self.operation = operation
        self.code = code
        self.text = text
        self.category = category
        self.may_pass_at_once = may_pass_at_once
        self.timed_out = timed_out
        self.credentials_are_bad = (
            code in CREDENTIAL_CODES if credentials_are_bad is None else credentials_are_bad
        )
        self.may_have_landed = may_have_landed
        self.remedy = remedy


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
