"""Events into the stream: a record for each session of a request, its key the session.

A record is a JSON array, which the processor takes for as many events. PutRecords takes some of its
records and refuses others: those are sent again while there is time (Kinesis Data Streams API
Reference, "PutRecords").
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from collector import limits
from collector.answers import RefusedError, bad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.logs import Log

_LONGEST_KEY: Final = 256
"""Characters of a partition key ("PutRecordsRequestEntry")."""
_ATTEMPT_SECONDS: Final = 3.0
"""Seconds that an attempt may take at most, by the settings of the client."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_PASSING: Final = frozenset(
    {
        "InternalFailure", "InternalFailureException", "KMSThrottlingException",
        "LimitExceededException", "ProvisionedThroughputExceededException", "RequestTimeout",
        "ServiceUnavailable", "ThrottlingException",
    }
)  # fmt: skip
"""Errors that pass by themselves."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record, and the places that its events had in the request."""

    key: str
    data: bytes
    indexes: tuple[int, ...]


def make_records(events: Sequence[tuple[str, dict[str, Any]] | None]) -> list[Record]:
    """Return the records of events, each given with its session; None for one that is left out.

    Raises:
        RefusedError: an event is too large, or holds what JSON cannot.
    """
    sessions: dict[str, list[tuple[int, bytes]]] = {}
    for index, one in enumerate(events):
        if one is not None:
            session, event = one
            sessions.setdefault(session, []).append((index, _text(event)))
    return [
        record for session, members in sessions.items() for record in _records(session, members)
    ]


def _text(event: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise bad("events", "write numbers that a double can hold, and nest less") from error
    data = text.encode("utf-8", "replace")
    if len(data) > limits.EVENT_BYTES:
        words = f"write at most {limits.EVENT_BYTES} bytes an event"
        raise RefusedError(413, "too_large", "events", words)
    return data


def _records(session: str, members: Iterable[tuple[int, bytes]]) -> list[Record]:
    key = session if len(session) <= _LONGEST_KEY else hashlib.sha256(session.encode()).hexdigest()
    found: list[Record] = []
    texts: list[bytes] = []
    indexes: list[int] = []
    size = 0
    for index, text in members:
        if texts and size + len(text) > limits.RECORD_BYTES:
            found.append(Record(key, b"[" + b",".join(texts) + b"]", tuple(indexes)))
            texts, indexes, size = [], [], 0
        texts.append(text)
        indexes.append(index)
        size += len(text) + 1
    found.append(Record(key, b"[" + b",".join(texts) + b"]", tuple(indexes)))
    return found


class StreamWriter:
    """Puts records into one stream."""

    def __init__(
        self,
        kinesis: Any,
        stream: str,
        log: Log,
        *,
        sleep: Callable[[float], None],
        chance: Callable[[], float],
    ) -> None:
        """Args: `kinesis` tries each call once; `chance` gives numbers of 0 to 1."""
        self._kinesis = kinesis
        self._stream = stream
        self._log = log
        self._sleep = sleep
        self._chance = chance

    def put(
        self, records: Sequence[Record], seconds_left: Callable[[], float]
    ) -> tuple[list[Record], str]:
        """Put records until all are taken, the time is over, or AWS refuses for good.

        Returns:
            The records that the stream has taken, and the last error's code; empty without any.
            Of a call that was not answered nobody knows: its records count as not taken.
        """
        taken: list[Record] = []
        left = list(records)
        pause = _FIRST_PAUSE
        while True:
            refused, code = self._attempt(left)
            again = {id(record) for record in refused}
            taken += [record for record in left if id(record) not in again]
            left = refused
            if not left:
                return taken, ""
            if code and code not in _PASSING:
                self._log.write("ERROR", "the stream refuses records", code=code)
                return taken, code
            wait = pause * (0.5 + self._chance() / 2)
            if seconds_left() < wait + _ATTEMPT_SECONDS:
                self._log.write("WARNING", "records not taken", code=code, records=len(left))
                return taken, code
            self._sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _attempt(self, records: list[Record]) -> tuple[list[Record], str]:
        """Return the records that are not taken, and an error's code."""
        entries = [{"Data": record.data, "PartitionKey": record.key} for record in records]
        try:
            answer = self._kinesis.put_records(StreamName=self._stream, Records=entries)
        except ClientError as error:
            return records, str(error.response.get("Error", {}).get("Code", ""))
        except BotoCoreError:
            return records, "RequestTimeout"
        codes = [str(one.get("ErrorCode") or "") for one in answer["Records"]]
        refused = [record for record, code in zip(records, codes, strict=True) if code]
        return refused, next((code for code in codes if code), "")
