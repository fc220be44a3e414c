"""Answers in the form of Lambda function URLs, and the refusals that become such. Pure.

Form: AWS Lambda Developer Guide, "Invoking Lambda function URLs", payload format 2.0. No answer has
a header of CORS: Lambda adds those that the configuration of the URL says.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Answer = dict[str, Any]

_OK, _NO_CONTENT, _NOT_MODIFIED, _UNAVAILABLE = 200, 204, 304, 503
_PLAIN: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_PIXEL: Final = base64.b64encode(
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
).decode()
"""A transparent GIF of one pixel."""


class RefusedError(Exception):
    """A request that is not taken, with its answer; `reason` is the word that it is counted by."""

    def __init__(
        self, status: int, reason: str, field: str, message: str, *, retry_after: int = 0
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.field = field
        self.message = message
        self.retry_after = retry_after

    def answer(self) -> Answer:
        """Return the answer, which repeats nothing that was sent."""
        error = {"reason": self.reason, "field": self.field, "message": self.message}
        later = {"retry-after": str(self.retry_after)} if self.retry_after else {}
        return _json(self.status, {"error": error}, **later)


def bad(field: str, message: str, reason: str = "bad_request") -> RefusedError:
    """Return the refusal of a request that must be written differently."""
    return RefusedError(400, reason, field, message)


def taken(events: int) -> Answer:
    """Return the answer to a request whose events all are in the stream."""
    return _json(_OK, {"accepted": events})


def partly_taken(indexes: Sequence[int]) -> Answer:
    """Return the answer where the stream took some of the events only, numbered from 0."""
    error = {
        "reason": "stream_busy",
        "field": "events",
        "message": "the stream did not take every event: repeat those that are not among "
        "acceptedIndexes, with the same ids",
    }
    content = {"accepted": len(indexes), "acceptedIndexes": list(indexes), "error": error}
    return _json(_UNAVAILABLE, content, **{"retry-after": "1"})


def nothing() -> Answer:
    """Return the answer to a request that is right, and whose events are not wanted."""
    return {"statusCode": _NO_CONTENT, "headers": dict(_PLAIN)}


def pixel() -> Answer:
    """Return the picture that a page without script asks for."""
    return {
        "statusCode": _OK,
        "headers": {**_PLAIN, "content-type": "image/gif"},
        "body": _PIXEL,
        "isBase64Encoded": True,
    }


def script(content: str, headers: Mapping[str, str], *, is_zipped: bool, is_head: bool) -> Answer:
    """Return a script that pages of any origin may load; zipped it is in Base64."""
    encoding = {"content-encoding": "gzip"} if is_zipped else {}
    return {
        "statusCode": _OK,
        "headers": {
            "content-type": "text/javascript; charset=utf-8",
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "cross-origin",
            **encoding,
            **headers,
        },
        "body": "" if is_head else content,
        "isBase64Encoded": is_zipped and not is_head,
    }


def unchanged(headers: Mapping[str, str]) -> Answer:
    """Return the answer to a browser that has the file already."""
    return {"statusCode": _NOT_MODIFIED, "headers": dict(headers)}


def _json(status: int, content: dict[str, Any], **headers: str) -> Answer:
    return {
        "statusCode": status,
        "headers": {**_PLAIN, "content-type": "application/json", **headers},
        "body": json.dumps(content, separators=(",", ":")),
    }
