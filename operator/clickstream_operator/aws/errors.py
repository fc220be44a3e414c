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

from collections.abc import Awaitable
from enum import StrEnum
from typing import Any, Final

CREDENTIAL_CODES: Final = frozenset(
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
"""Codes that say that the credential itself is missing, expired or wrong."""


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
        return self.code in CREDENTIAL_CODES


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
