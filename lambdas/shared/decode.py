"""From Lambda's Kinesis event to valid events and bad rows. Pure: same record, same rows, always.

The accepted time window is measured from the record's arrival, not from now, so that a retry an
hour later decides as the first attempt did.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import counter_name, page_name
from shared import budget as budgets
from shared import kpl, records, snowplow_tsv
from shared.audience import Audience
from shared.channels import Channels
from shared.envelopes import Envelopes, TooMuchError
from shared.page_keys import PageKeys
from shared.paths import find
from shared.payload_text import JsonValues, Unparsed, decode_text, is_binary
from shared.record_text import RecordText, digest_of, kept_whole
from shared.records import BadRow, Batch, Event, Record
from shared.text_search import LongKeyError, TooDeepError
from shared.timestamps import parse_time
from shared.user_ids import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shared.budget import Budget
    from shared.config import Config
    from shared.privacy import Scrubber

LONGEST_KEY_BYTES = 2048
"""Most bytes of a partition key (DynamoDB Developer Guide, "Constraints in DynamoDB")."""
_BAD_IN_KEYS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]")
_LONGEST_ID = 256


class Decoder:
    """Decodes, validates and scrubs the records of one pipeline."""

    def __init__(self, config: Config, scrubber: Scrubber) -> None:
        self._fields = config.fields
        self._page_view_types = config.page_view_types
        self._takes_arrival = config.time == "Arrival"
        self._pages = PageKeys(config)
        self._audience = Audience(config.robots)
        self._channels = Channels(config.own_domains)
        self._past_ms = config.max_past_seconds * 1000
        self._future_ms = config.max_future_seconds * 1000
        self._largest = config.max_record_size_kib * 1024
        self._scrubber = scrubber
        self._values = JsonValues()
        self._envelopes = Envelopes(config.unwrap, config.fields, self._values)
        self._reads_tsv = snowplow_tsv.NAME in config.unwrap

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
        texts = RecordText(
            self._scrubber,
            budget.text_bytes,
            size=len(record.data),
            of_events=budget.event_text_bytes,
        )
        user_records = self._user_records(record.data, budget.rows)
        parts = [self._documents(data, budget.rows, texts) for data in user_records]
        rows = sum(1 if isinstance(part, BadRow) else len(part) for part in parts)
        if rows > budget.rows:
            whole = _bad(
                records.TOO_LARGE,
                f"more than {budget.rows} events in a record",
                # A digest: what is kept as text can't be taken apart into events again.
                kept_whole(record.data)
                if self._scrubber.keeps_everything
                else digest_of(record.data),
            )
            yield _placed(whole, record, 0)
            return
        yield from self._rows(record, parts, texts)

    def _rows(
        self, record: Record, parts: Sequence[Sequence[Any] | BadRow], texts: RecordText
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

    def _documents(self, data: bytes, most: int, texts: RecordText) -> Sequence[Any] | BadRow:
        """Return the JSON values that stand for events in one user record, lines at most `most`."""
        if len(data) > self._largest:
            words = f"larger than {self._largest // 1024} KiB"
            return _bad(records.TOO_LARGE, words, self._binary(data))
        unpacked = texts.unpack(data)
        text = decode_text(data if unpacked is None else unpacked)
        if text is None:
            return _bad(records.NOT_JSON, "not UTF-8", self._foreign(data, texts))
        try:
            values = None
            if self._reads_tsv:
                values = snowplow_tsv.read(text, most, self._values.parse)
            if values is None:
                values = self._values.read(text, most)
            if values is not None:
                opened = self._envelopes.open(values, most, texts.unpack)
                if values and not opened:
                    return opened
                values = opened
        except RecursionError:
            return _bad(records.TOO_LARGE, "nested too deeply", self._text(text, data, texts))
        except TooMuchError as error:
            return _bad(records.TOO_LARGE, str(error), self._binary(data))
        if unpacked is not None and not self._holds_event(values):
            return _bad(records.NOT_JSON, "compressed, and no event", self._binary(data))
        if values is None:
            return _bad(records.NOT_JSON, "not JSON", self._text(text, data, texts))
        return values

    def _holds_event(self, values: Sequence[Any] | None) -> bool:
        return any(
            isinstance(value, dict) and find(value, self._fields.type) is not None
            for value in values or ()
        )

    def _text(self, text: str, data: bytes, texts: RecordText) -> Any:
        return self._binary(data) if is_binary(text) else texts.redact(text)

    def _binary(self, data: bytes) -> Any:
        """Return what may be kept of bytes that are no text, and can't be searched."""
        return kept_whole(data) if self._scrubber.keeps_everything else digest_of(data)

    def _foreign(self, data: bytes, texts: RecordText) -> Any:
        """Return what may be kept of bytes that are no Unicode: of JSON in Latin-1 all but people.

        Any bytes are text in Latin-1; that they are JSON as well says that they are meant so.
        """
        if not self._scrubber.keeps_everything:
            try:
                value = json.loads(data.decode("cp1252"))
                return texts.scrub(value, ())
            except (ValueError, RecursionError, TooDeepError):
                pass
        return self._binary(data)

    def _row(
        self, document: Any, record: Record, sub: int, users: Sequence[str], texts: RecordText
    ) -> Event | BadRow:
        """Return the row of one JSON value; `users` are the user ids of its neighbours."""
        if isinstance(document, Unparsed):
            data = document.text.encode("utf-8", "surrogatepass")
            kept = self._binary(data) if is_binary(document.text) else None
            kept = kept or texts.redact(document.text, users)
            return _bad(records.NOT_JSON, "not JSON", kept)
        try:
            if not isinstance(document, dict):
                payload = texts.scrub(document, users)
                return _bad(records.NOT_AN_OBJECT, "not a JSON object", payload)
            scrubbed = texts.scrub_event(document, users)
        except TooDeepError as error:
            return _bad(records.TOO_LARGE, str(error), _flattened(document, texts))
        except LongKeyError as error:
            return _bad(records.BAD_KEY, str(error), _flattened(document, texts))
        try:
            return self._event(document, scrubbed, record, sub)
        except _RefusedError as refusal:
            bad = _bad(refusal.reason, refusal.detail, scrubbed)
            member = self._scrubber.visitor_member(document)
            if member is None:
                return bad
            visitor = self._scrubber.visitor(document)
            return replace(bad, visitor=visitor, visitor_member=member)

    def _event(
        self, document: dict[str, Any], scrubbed: dict[str, Any], record: Record, sub: int
    ) -> Event:
        fields = self._fields
        event_type = _name(scrubbed, fields.type)
        session = _name(scrubbed, fields.session)
        time_ms = self._time(scrubbed, record.arrival_ms)
        page = self._pages.key(find(scrubbed, fields.page), scrubbed)
        agent = find(scrubbed, fields.user_agent)
        user_agent = agent if isinstance(agent, str) and agent else None
        agent_class = self._audience.agent_class(user_agent, scrubbed)
        channel = None
        is_page_view = event_type in self._page_view_types
        if is_page_view:
            if page is None:
                raise _missing(fields.page)
            _check_key(fields.page, page_name(page, agent_class))
            channel = self._channel(document, scrubbed)
        _check_key(fields.type, counter_name(event_type, agent_class))
        _check_key(fields.session, session)
        return Event(
            sequence=record.sequence,
            sub=sub,
            arrival_ms=record.arrival_ms,
            time_ms=time_ms,
            type=event_type,
            session=session,
            page=page,
            user_agent=user_agent,
            visitor=self._scrubber.visitor(document),
            document=scrubbed,
            is_page_view=is_page_view,
            id=_event_id(find(scrubbed, fields.id)),
            agent_class=agent_class,
            channel=channel,
        )

    def _channel(self, document: dict[str, Any], scrubbed: dict[str, Any]) -> str | None:
        """Return the channel of a page view.

        Of the page's parameters, of which the privacy rules leave some only, no value is kept.
        """
        url, referrer = find(document, self._fields.page), find(scrubbed, self._fields.referrer)
        return self._channels.channel(
            url if isinstance(url, str) else "", referrer if isinstance(referrer, str) else ""
        )

    def _time(self, document: dict[str, Any], arrival_ms: int) -> int:
        value = find(document, self._fields.time)
        if value is None or value == "":
            if self._takes_arrival:
                return arrival_ms
            raise _missing(self._fields.time)
        try:
            time_ms = parse_time(value) + self._lead(document, arrival_ms)
        except ValueError as error:
            raise _RefusedError(records.BAD_TIMESTAMP, str(error)) from error
        if not -self._past_ms <= time_ms - arrival_ms <= self._future_ms:
            raise _RefusedError(records.OUT_OF_RANGE, "outside of the accepted window")
        return time_ms

    def _lead(self, document: dict[str, Any], arrival_ms: int) -> int:
        """Return by how many milliseconds the producer's clock is behind, by its time of sending.

        Zero where no such time is mapped, or the event has none that can be read.
        """
        if not self._fields.sent_at:
            return 0
        try:
            return arrival_ms - parse_time(find(document, self._fields.sent_at))
        except ValueError:
            return 0


def _flattened(document: Any, texts: RecordText) -> Any:
    """Return a document that nests too deeply to be searched as redacted text."""
    try:
        return texts.redact(json.dumps(document))
    except (RecursionError, TooDeepError):
        return None


class _RefusedError(Exception):
    """An object that is no event, with the reason for its bad row."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


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
        arrivals=[(record.sequence, record.arrival_ms) for record in kinesis_records],
    )


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
    name = identifier(find(document, field))
    if name is None:
        raise _missing(field)
    return name


def _event_id(value: Any) -> str | None:
    """Return a producer's id of an event; None for what cannot be one, or is absurdly long."""
    text = identifier(value)
    return text if text is not None and len(text) <= _LONGEST_ID else None


def _placed(row: BadRow, record: Record, sub: int) -> BadRow:
    return replace(row, sequence=record.sequence, sub=sub, arrival_ms=record.arrival_ms)


def _check_key(field: str, key: str) -> None:
    if _BAD_IN_KEYS.search(key):
        raise _RefusedError(
            records.BAD_KEY, f"{field} holds a control character or half a surrogate pair"
        )
    if len(key) > LONGEST_KEY_BYTES or len(key.encode()) > LONGEST_KEY_BYTES:
        raise _RefusedError(records.BAD_KEY, f"{field} is longer than {LONGEST_KEY_BYTES} bytes")
