"""Requests as Lambda function URLs hand them over. Pure."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from collector import limits
from collector.answers import RefusedError, bad

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

_VIEWER_ADDRESS: Final = "cloudfront-viewer-address"
_FORWARDED: Final = "x-forwarded-for"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `headers` by their names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    source: str
    """The address that Lambda saw: the visitor's, or that of an edge in front."""
    content: str
    is_base64: bool

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Request:
        """Return the request in an event of payload format 2.0."""
        http = event["requestContext"]["http"]
        return cls(
            method=str(http["method"]).upper(),
            path=str(event.get("rawPath") or "/"),
            query=str(event.get("rawQueryString") or ""),
            headers={name.lower(): text for name, text in (event.get("headers") or {}).items()},
            source=str(http.get("sourceIp") or ""),
            content=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
        )

    def body(self, most: int) -> bytes:
        """Return the body.

        Raises:
            RefusedError: it is larger than `most` bytes, or not what its encoding says.
        """
        if len(self.content) > (most * 4 // 3 + 4 if self.is_base64 else most):
            raise _too_large(most)
        if not self.is_base64:
            data = self.content.encode("utf-8", "surrogatepass")
        else:
            try:
                data = base64.b64decode(self.content, validate=True)
            except binascii.Error as error:
                raise bad("body", "send UTF-8 text") from error
        if len(data) > most:
            raise _too_large(most)
        return data

    def parameters(self) -> dict[str, str]:
        """Return the query's parameters, of several of a name the first.

        Raises:
            RefusedError: the query is too long.
        """
        if len(self.query) > limits.QUERY_CHARACTERS:
            raise RefusedError(
                414, "too_large", "query", f"write at most {limits.QUERY_CHARACTERS} characters"
            )
        return dict(reversed(parse_qsl(self.query, keep_blank_values=True)))

    def address(self, *, behind_edge: bool) -> str | None:
        """Return the visitor's IP address without port; None where none can be told.

        Args:
            behind_edge: whether the request has proved to come from the edge, whose headers are
                then believed. A visitor may send such headers as well.
        """
        found = self.source
        if behind_edge:
            found = self.headers.get(_VIEWER_ADDRESS, "").rpartition(":")[0] or self._forwarded()
        try:
            return str(ipaddress.ip_address(found.strip("[]")))
        except ValueError:
            return None

    def _forwarded(self) -> str:
        """Return the last address before the edge's: those before it a visitor may have written."""
        named = [part.strip() for part in self.headers.get(_FORWARDED, "").split(",")]
        while len(named) > 1 and named[-1] == self.source:
            named.pop()
        return named[-1] or self.source


def parse_json(data: bytes) -> Any:
    """Return the JSON value of a body.

    Raises:
        RefusedError: it is none, or holds numbers that JSON does not have.
    """
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise bad("body", "nest less deeply") from error
    except ValueError as error:
        raise bad("body", "send JSON in UTF-8") from error


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("no JSON number")


def _too_large(most: int) -> RefusedError:
    return RefusedError(
        413, "too_large", "body", f"send at most {most} bytes in a request: send several"
    )
