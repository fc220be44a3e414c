"""From Lambda's Kinesis event to valid events and bad rows. Pure: same record, same rows, always.

The accepted time window is measured from the record's arrival, not from now, so that a retry an
hour later decides as the first attempt did.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import COUNTER_PREFIX
from shared import budget as budgets
from shared import kpl, records
from shared.lanes import Lane, lane_of, life_of
from shared.privacy import Scrubber, TooDeepError, page_path
from shared.records import BadRow, Batch, Event, Record
from shared.timestamps import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shared.budget import Budget
    from shared.config import Config

_LARGEST_TEXT_BYTES = 1_048_576
"""Of a record that is no JSON and is searched as text all the same."""
LONGEST_KEY_BYTES = 2048
"""Most bytes of a partition key (DynamoDB Developer Guide, "Constraints in DynamoDB")."""
_BAD_IN_KEYS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]")
_BINARY_SHARE = 0.1
_LONGEST_ID = 256


def read_records(lambda_event: Mapping[str, Any], stream_epoch: str) -> dict[Lane, list[Record]]:
    """Return the records of an invocation by lane, each lane's in sequence order.

    Shape: AWS Lambda Developer Guide, "Using AWS Lambda with Amazon Kinesis". The shard id is the
    part of `eventID` before the colon.
    """
    lanes: dict[Lane, list[Record]] = {}
    groups: dict[tuple[str, int | None], list[Record]] = {}
    for entry in lambda_event.get("Records", ()):
        kinesis = entry["kinesis"]
        shard = str(entry["eventID"]).partition(":")[0]
        record = Record(
            sequence=int(kinesis["sequenceNumber"]),
            arrival_ms=round(float(kinesis["approximateArrivalTimestamp"]) * 1000),
            data=base64.b64decode(kinesis["data"]),
        )
        group = (shard, life_of(record.sequence))
        if group not in groups:
            lane = lane_of(shard, record.sequence, stream_epoch)
            groups[group] = lanes.setdefault(lane, [])
        groups[group].append(record)
    for ordered in lanes.values():
        ordered.sort(key=lambda record: record.sequence)
    return lanes


class Decoder:
    """Decodes, validates and scrubs the records of one pipeline."""

    def __init__(self, config: Config, scrubber: Scrubber) -> None:
        self._fields = config.fields
        self._past_ms = config.max_past_seconds * 1000
        self._future_ms = config.max_future_seconds * 1000
        self._largest = config.max_record_size_kib * 1024
        self._scrubber = scrubber
        self._parse = json.JSONDecoder(
            parse_constant=_refuse_constant, parse_float=_finite_float
        ).decode

    def decode_batch(
        self, kinesis_records: Sequence[Record], budget: Budget = budgets.DEFAULT
    ) -> Batch:
        """Return the rows of at least one record of one lane."""
        rows = (row for record in kinesis_records for row in self.decode(record, budget))
        return batch_of(kinesis_records, rows)

    def decode(self, record: Record, budget: Budget = budgets.DEFAULT) -> Iterator[Event | BadRow]:
        """Yield each row of a record, numbered by its place in it. Never raises for its content.

        A record of more rows than the budget has is one bad row.
        """
        texts = _Texts(self._scrubber, budget.text_bytes)
        user_records = self._user_records(record.data, budget.rows)
        parts = [self._documents(data, budget.rows, texts) for data in user_records]
        rows = sum(1 if isinstance(part, BadRow) else len(part) for part in parts)
        if rows > budget.rows:
            whole = _bad(
                records.TOO_LARGE,
                f"more than {budget.rows} events in a record",
                # A digest: what is kept as text can't be taken apart into events again.
                _kept(record.data) if self._scrubber.keeps_everything else digest_of(record.data),
            )
            yield _placed(whole, record, 0)
            return
        yield from self._rows(record, parts, texts)

    def _rows(
        self, record: Record, parts: Sequence[Sequence[Any] | BadRow], texts: _Texts
    ) -> Iterator[Event | BadRow]:
        """Yield the rows of a record, given what each of its user records holds."""
        sub = 0
        for documents in parts:
            if isinstance(documents, BadRow):
                yield _placed(documents, record, sub)
                sub += 1
                continue
            users = self._scrubber.users_of(documents) if len(documents) > 1 else []
            for document in documents:
                row = self._row(document, record, sub, users, texts)
                yield row if isinstance(row, Event) else _placed(row, record, sub)
                sub += 1

    def _user_records(self, data: bytes, most: int) -> list[bytes]:
        try:
            aggregate = kpl.split(data, most)
        except ValueError:
            return [data]
        return [data] if aggregate is None else aggregate

    def _documents(self, data: bytes, most: int, texts: _Texts) -> Sequence[Any] | BadRow:
        """Return the JSON values that stand for events in one user record, lines at most `most`."""
        if len(data) > self._largest:
            words = f"larger than {self._largest // 1024} KiB"
            return _bad(records.TOO_LARGE, words, self._undecodable(data, texts))
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return _bad(records.NOT_JSON, "not UTF-8", self._undecodable(data, texts))
        try:
            value = self._parse(text)
        except RecursionError:
            return _bad(records.TOO_LARGE, "nested too deeply", texts.redact(text))
        except ValueError:
            lines = self._lines(text, most)
            if lines is None:
                return _bad(records.NOT_JSON, "not JSON", texts.redact(text))
            value = lines
        return value if isinstance(value, list) else [value]

    def _lines(self, text: str, most: int) -> list[Any] | None:
        """Return the values of newline-separated JSON; None when no line of it is an object.

        A line that is not JSON stands as `_Unparsed` among the others. Of more than `most` lines
        the first `most` + 1 are returned.
        """
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2:  # noqa: PLR2004 - one is no list
            return None
        values: list[Any] = []
        for line in lines[: most + 1]:
            try:
                values.append(self._parse(line))
            except (ValueError, RecursionError):
                values.append(_Unparsed(line))
        return values if any(isinstance(value, dict) for value in values) else None

    def _row(
        self, document: Any, record: Record, sub: int, users: Sequence[str], texts: _Texts
    ) -> Event | BadRow:
        """Return the row of one JSON value; `users` are the user ids of its neighbours."""
        if isinstance(document, _Unparsed):
            return _bad(records.NOT_JSON, "not JSON", texts.redact(document.text, users))
        try:
            if not isinstance(document, dict):
                payload = texts.scrub(document, users)
                return _bad(records.NOT_AN_OBJECT, "not a JSON object", payload)
            scrubbed = self._scrubber.scrub(document)
        except TooDeepError as error:
            return _bad(records.TOO_LARGE, str(error), _flattened(document, texts))
        try:
            return self._event(document, scrubbed, record, sub)
        except _RefusedError as refusal:
            visitor = self._scrubber.visitor(document)
            return replace(_bad(refusal.reason, refusal.detail, scrubbed), visitor=visitor)

    def _event(
        self, document: dict[str, Any], scrubbed: dict[str, Any], record: Record, sub: int
    ) -> Event:
        fields = self._fields
        event_type = _name(scrubbed, fields.type)
        session = _name(scrubbed, fields.session)
        time_ms = self._time(scrubbed, record.arrival_ms)
        url = scrubbed.get(fields.page)
        page = page_path(url) if isinstance(url, str) and url else None
        if event_type == records.PAGE_VIEW:
            if page is None:
                raise _missing(fields.page)
            _check_key(fields.page, page)
        _check_key(fields.type, f"{COUNTER_PREFIX}{event_type}")
        _check_key(fields.session, session)
        agent = scrubbed.get(fields.user_agent)
        return Event(
            sequence=record.sequence,
            sub=sub,
            arrival_ms=record.arrival_ms,
            time_ms=time_ms,
            type=event_type,
            session=session,
            page=page,
            user_agent=agent if isinstance(agent, str) and agent else None,
            visitor=self._scrubber.visitor(document),
            document=scrubbed,
            id=_event_id(scrubbed.get(fields.id)),
        )

    def _time(self, document: dict[str, Any], arrival_ms: int) -> int:
        value = document.get(self._fields.time)
        if value is None or value == "":
            raise _missing(self._fields.time)
        try:
            time_ms = parse_time(value)
        except ValueError as error:
            raise _RefusedError(records.BAD_TIMESTAMP, str(error)) from error
        if not -self._past_ms <= time_ms - arrival_ms <= self._future_ms:
            raise _RefusedError(records.OUT_OF_RANGE, "outside of the accepted window")
        return time_ms

    def _undecodable(self, data: bytes, texts: _Texts) -> Any:
        """Return what may be kept of bytes that can't be taken apart into events.

        Text with a few foreign bytes is redacted as text. What is binary, such as a compressed
        payload, cannot be searched, so only its size and digest are kept unless nothing is hidden.
        """
        if self._scrubber.keeps_everything:
            return {"base64": base64.b64encode(data).decode()}
        text = data.decode("utf-8", "replace")
        strange = sum(text.count(sign) for sign in ("\ufffd", "\x00"))
        if strange > len(text) * _BINARY_SHARE or len(data) > _LARGEST_TEXT_BYTES:
            return digest_of(data)
        return texts.redact(text)


class _Texts:
    """Searches the text of one record, up to a limit; of what is beyond only a digest is kept."""

    def __init__(self, scrubber: Scrubber, most: int) -> None:
        self._scrubber = scrubber
        self._left = most

    def redact(self, text: str, users: Sequence[str] = ()) -> Any:
        """Return text as it may be stored, or its size and digest."""
        if not self._take(len(text)):
            return digest_of(text.encode("utf-8", "surrogatepass"))
        return self._scrubber.redact_text(text, users)

    def scrub(self, value: Any, users: Sequence[str]) -> Any:
        """Return JSON that is no object as it may be stored, or its size and digest.

        Raises:
            TooDeepError: it nests too deeply to be searched.
        """
        try:
            text = json.dumps(value)
        except RecursionError as error:
            raise TooDeepError("nested too deeply") from error
        if not self._take(len(text)):
            return digest_of(text.encode())
        return self._scrubber.scrub_value(value, users)

    def _take(self, size: int) -> bool:
        if self._scrubber.keeps_everything:
            return True
        if size > self._left:
            return False
        self._left -= size
        return True


def _flattened(document: Any, texts: _Texts) -> Any:
    """Return a document that nests too deeply to be searched as redacted text."""
    try:
        return texts.redact(json.dumps(document))
    except RecursionError:
        return None


class _RefusedError(Exception):
    """An object that is no event, with the reason for its bad row."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class _Unparsed:
    """One line of newline-separated JSON that is not JSON."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def batch_of(kinesis_records: Sequence[Record], rows: Iterable[Event | BadRow]) -> Batch:
    """Return the batch of at least one record of one lane and its rows."""
    events: list[Event] = []
    bad_rows: list[BadRow] = []
    for row in rows:
        if isinstance(row, Event):
            events.append(row)
        else:
            bad_rows.append(row)
    return Batch(
        first=kinesis_records[0].sequence,
        last=kinesis_records[-1].sequence,
        first_arrival_ms=kinesis_records[0].arrival_ms,
        last_arrival_ms=max(record.arrival_ms for record in kinesis_records),
        events=events,
        bad_rows=bad_rows,
    )


def _kept(data: bytes) -> Any:
    """Return data of which nothing has to be hidden: text as it is, all else in base64."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def digest_of(data: bytes) -> dict[str, Any]:
    """Return what may be kept of data that was not searched: its size and digest."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def count_reasons(bad_rows: Iterable[BadRow]) -> dict[str, int]:
    """Return how many rows have each reason, sorted by reason."""
    counts: dict[str, int] = {}
    for row in bad_rows:
        counts[row.reason] = counts.get(row.reason, 0) + 1
    return dict(sorted(counts.items()))


def _bad(reason: str, detail: str, payload: Any) -> BadRow:
    return BadRow(0, 0, 0, reason, detail, payload)


def _missing(field: str) -> _RefusedError:
    return _RefusedError(f"{records.MISSING_FIELD}:{field}", "absent, empty or of a wrong type")


def _name(document: dict[str, Any], field: str) -> str:
    value = document.get(field)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise _missing(field)
    return str(value)


def _event_id(value: Any) -> str | None:
    """Return a producer's id of an event; None for what cannot be one, or is absurdly long."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if 0 < len(text) <= _LONGEST_ID else None


def _placed(row: BadRow, record: Record, sub: int) -> BadRow:
    return replace(row, sequence=record.sequence, sub=sub, arrival_ms=record.arrival_ms)


def _check_key(field: str, key: str) -> None:
    if _BAD_IN_KEYS.search(key):
        raise _RefusedError(
            records.BAD_KEY, f"{field} holds a control character or half a surrogate pair"
        )
    if len(key) > LONGEST_KEY_BYTES or len(key.encode()) > LONGEST_KEY_BYTES:
        raise _RefusedError(records.BAD_KEY, f"{field} is longer than {LONGEST_KEY_BYTES} bytes")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number beyond double precision")
    return value
