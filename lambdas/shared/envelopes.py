"""Envelopes: objects that hold events, as collectors, queues and log routers wrap them.

An envelope is opened by its name among the known ones, or by the path to what it holds: an object,
a list, or text that is one of these. What an event lacks of its fields is taken from the envelope,
such as the time of sending of a batch.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from shared import snowplow_tsv
from shared.paths import find, parts_of, places
from shared.payload_text import Unparsed, decode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.config import Fields
    from shared.payload_text import JsonValues

    Unpack = Callable[[bytes], bytes | None]

DEEPEST: Final = 5
"""Envelopes within each other, such as a batch in a notification in a log event."""
_LONGEST_INHERITED: Final = 512
_MOST_INHERITED: Final = 4_194_304
"""Characters that the events of a record may have from envelopes."""
_OWN: Final = frozenset({"type", "id"})
"""Fields that are never those of an envelope: it has a type and an id of its own."""


class TooMuchError(ValueError):
    """The events of a record would have more from their envelopes than a record may hold."""


class Envelopes:
    """Opens the envelopes of one pipeline."""

    def __init__(self, unwrap: Sequence[str], fields: Fields, values: JsonValues) -> None:
        """Args: `unwrap` holds names of known envelopes, and paths."""
        self._opened = [(_KNOWN.get(name), name) for name in unwrap if name != snowplow_tsv.NAME]
        self._inherited = [
            path
            for name in fields.__slots__
            if name not in _OWN and (path := getattr(fields, name))
        ]
        self._values = values

    def open(self, values: list[Any], most: int, unpack: Unpack) -> list[Any]:
        """Return the values, with what they hold in the place of envelopes.

        Of more than `most` some more than that are returned. `unpack` returns what compressed bytes
        hold.

        Raises:
            RecursionError: text nests too deeply.
            TooMuchError: the events would have too much from their envelopes.
        """
        if not self._opened:
            return values
        return _Opening(self._opened, self._inherited, self._values, most, unpack).open(values, 0)


class _Opening:
    """The envelopes of one record."""

    def __init__(
        self,
        opened: Sequence[tuple[Callable[[dict[str, Any]], Any] | None, str]],
        inherited: Sequence[str],
        values: JsonValues,
        most: int,
        unpack: Unpack,
    ) -> None:
        self._opened = opened
        self._inherited = inherited
        self._values = values
        self._most = most
        self._unpack = unpack
        self._left = _MOST_INHERITED

    def open(self, values: Sequence[Any], depth: int) -> list[Any]:
        found: list[Any] = []
        for value in values:
            inner = self._contents(value) if isinstance(value, dict) and depth < DEEPEST else None
            if inner is None:
                found.append(value)
            else:
                found += self.open([self._complete(one, value) for one in inner], depth + 1)
            if len(found) > self._most:
                break
        return found

    def _contents(self, value: dict[str, Any]) -> list[Any] | None:
        """Return what an object holds if it is an envelope."""
        for known, path in self._opened:
            if known is not None:
                held = known(value)
            else:
                held = next((box[key] for box, key in places(value, path)), None)
            if held is None:
                continue
            if known is _cloud_watch_logs and held == []:
                return []
            inner = self._read(held)
            if any(isinstance(one, dict) for one in inner):
                return inner
        return None

    def _read(self, held: Any) -> list[Any]:
        if isinstance(held, dict):
            return [held]
        if isinstance(held, list):
            return [one for each in held[: self._most + 1] for one in self._read_element(each)]
        return self._parse(held) if isinstance(held, str) else []

    def _read_element(self, element: Any) -> list[Any]:
        if not isinstance(element, str):
            return [element]
        return self._parse(element) or [Unparsed(element)]

    def _parse(self, text: str) -> list[Any]:
        """Return the JSON values of a text, which may be compressed and then in base64."""
        if text.startswith("H4sI"):
            try:
                data = self._unpack(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                data = None
            text = (decode_text(data) if data is not None else None) or text
        if text.lstrip()[:1] not in ("{", "["):
            return []
        return self._values.read(text, self._most) or []

    def _complete(self, event: Any, envelope: dict[str, Any]) -> Any:
        """Return an event with the fields that only its envelope has."""
        if not isinstance(event, dict):
            return event
        added: dict[str, Any] = {}
        for path in self._inherited:
            if find(event, path) not in (None, ""):
                continue
            for part in parts_of(path):
                value = find(envelope, part)
                if isinstance(value, str | int | float) and not isinstance(value, bool):
                    text = str(value)
                    if text and len(text) <= _LONGEST_INHERITED and part not in event:
                        added[part] = value
                        self._left -= len(text)
        if self._left < 0:
            raise TooMuchError("the events of a record have more than 4 MiB from their envelopes")
        return {**event, **added} if added else event


def _sns(value: dict[str, Any]) -> Any:
    """Return the message of a notification (Amazon SNS, "HTTP/HTTPS notification JSON format")."""
    return value.get("Message") if "TopicArn" in value and "Type" in value else None


def _event_bridge(value: dict[str, Any]) -> Any:
    """Return the detail of an event (Amazon EventBridge, "AWS service event metadata")."""
    return value.get("detail") if "detail-type" in value and "source" in value else None


def _api_gateway(value: dict[str, Any]) -> Any:
    """Return the body of a request (Amazon API Gateway, "Lambda proxy integrations")."""
    if "requestContext" not in value and "httpMethod" not in value:
        return None
    body = value.get("body")
    if value.get("isBase64Encoded") is True and isinstance(body, str):
        if body.startswith("H4sI"):
            return body
        try:
            return decode_text(base64.b64decode(body, validate=True))
        except (binascii.Error, ValueError):
            return None
    return body


def _fluent_bit(value: dict[str, Any]) -> Any:
    """Return the line of a log record, as the inputs of Fluent Bit and Docker name it."""
    return next((value[name] for name in ("log", "message", "MESSAGE") if name in value), None)


def _cloud_watch_logs(value: dict[str, Any]) -> Any:
    """Return the messages of a subscription (CloudWatch Logs, "Subscription filters with Kinesis").

    A control message, by which CloudWatch Logs tries the stream, holds none.
    """
    events = value.get("logEvents")
    if not isinstance(events, list) or "messageType" not in value:
        return None
    if value["messageType"] == "CONTROL_MESSAGE":
        return []
    return [each.get("message") if isinstance(each, dict) else each for each in events]


_KNOWN: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "SNS": _sns,
    "FluentBit": _fluent_bit,
    "APIGateway": _api_gateway,
    "EventBridge": _event_bridge,
    "CloudWatchLogs": _cloud_watch_logs,
}
