"""What a pipeline counted, archived and found: the one place that reads the data plane's stores.

The functions write page and counter items per lane (a shard of one life of the stream), as suffix
of the sort key; this module queries the prefix and merges. An item without suffix is one of the
original Terraform's and counts as one more lane. Items past their `ttl` count as gone, which
DynamoDB itself does only within days (DynamoDB Developer Guide, "Using time to live").

It takes boto3 clients and imports none. The constants below are the functions' own; a test ties
them to `lambdas/`, which this package may not import.
"""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

COUNTER_PREFIX = "events_per_minute_"
INCIDENT = "incident"
ENVELOPE = "_clickstream"
RAW, BAD = "raw", "bad"
SPARSE, DENSE = 1, 2
HASH_BYTES = 8
PRECISION = 10
REGISTERS = 1 << PRECISION
_BITS = 6
_LANE_MARK = "#"
_PAGE_KEY = ("page_url", "timestamp_hour")
_COUNTER_KEY = ("metric_name", "time_window")
_LAST = "\uffff"


@dataclass(frozen=True, slots=True)
class PageHour:
    """Views of a page in an hour; `unique_visitors` is exact to 96, then within about 3 %."""

    views: int
    unique_visitors: int
    last_updated_ms: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its item has it; times are ISO 8601 in UTC, pages absent without a page view."""

    session_id: str
    event_count: int
    first_activity: str | None
    last_activity: str | None
    entry_page: str | None
    exit_page: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Incident:
    """An anomaly, of a session, a page, a network or (empty subject) the site.

    `sent`, and `over_sent` once it is over: 0 message due, 1 published, 2 no topic was configured.
    """

    incident_id: str
    rule: str
    severity: str
    session_id: str
    event_time: str
    details: str
    sent: int
    scope: str = "Session"
    subject: str = ""
    over: str | None = None
    over_sent: int | None = None


@dataclass(frozen=True, slots=True)
class ArchivedEvent:
    """One archived event with its place in the stream; times in UTC ms.

    `event_id` is the producer's (`events.fields.id`): events that it sent twice share it.
    """

    lane: str
    sequence: int
    sub: int
    arrival_ms: int
    time_ms: int
    visitor: str
    event: dict[str, Any]
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that could not be used, with the payload that privacy left."""

    lane: str
    sequence: int
    sub: int
    arrival_ms: int
    reason: str
    detail: str
    payload: Any


class ReadBack:
    """Reads one pipeline's tables and bucket."""

    def __init__(
        self,
        *,
        dynamodb: Any,
        s3: Any,
        page_metrics_table: str,
        session_metrics_table: str,
        counters_table: str,
        bucket: str,
        clock: Callable[[], float],
    ) -> None:
        """Take low-level boto3 clients, physical names, and a clock in epoch seconds."""
        self._dynamodb = dynamodb
        self._s3 = s3
        self._pages = page_metrics_table
        self._sessions = session_metrics_table
        self._counters = counters_table
        self._bucket = bucket
        self._clock = clock

    def page_views(self, page: str, *, since: str = "", until: str = _LAST) -> dict[str, PageHour]:
        """Return a page's views by hour (`YYYY-MM-DDTHH`), both ends included."""
        return _merge_hours(self._query(self._pages, _PAGE_KEY, page, since=since, until=until))

    def all_page_views(self) -> dict[str, dict[str, PageHour]]:
        """Return every page's views by hour. Reads the whole table."""
        pages = _group(self._scan(self._pages), "page_url")
        return {page: _merge_hours(items) for page, items in pages.items()}

    def counts(self, event_type: str, *, since: str = "", until: str = _LAST) -> dict[str, int]:
        """Return the events of a type by minute (`YYYY-MM-DDTHH:MM`), both ends included."""
        name = f"{COUNTER_PREFIX}{event_type}"
        return _sum_minutes(
            self._query(self._counters, _COUNTER_KEY, name, since=since, until=until)
        )

    def all_counts(self) -> dict[str, dict[str, int]]:
        """Return every event type's counts by minute. Reads the whole table."""
        names = _group(self._scan(self._counters), "metric_name")
        return {
            name.removeprefix(COUNTER_PREFIX): _sum_minutes(items)
            for name, items in names.items()
            if name.startswith(COUNTER_PREFIX)
        }

    def session(self, session_id: str) -> Session | None:
        """Return a session; None when it is unknown or has expired."""
        answer = self._dynamodb.get_item(
            TableName=self._sessions, Key={"session_id": {"S": session_id}}, ConsistentRead=True
        )
        item = answer.get("Item")
        return None if item is None or self._expired(item) else _read_session(item)

    def all_sessions(self) -> dict[str, Session]:
        """Return every session by id. Reads the whole table."""
        sessions = map(_read_session, self._scan(self._sessions))
        return {session.session_id: session for session in sessions}

    def incidents(self, *, since: str = "", until: str = _LAST) -> list[Incident]:
        """Return incidents by event minute (`YYYY-MM-DDTHH:MM`), oldest first."""
        items = self._query(self._counters, _COUNTER_KEY, INCIDENT, since=since, until=until)
        return [_read_incident(item) for item in items]

    def archived_events(self, *, day: str = "", hour: str = "") -> Iterator[ArchivedEvent]:
        """Yield archived events once each.

        Args:
            day: `YYYY-MM-DD` of arrival; all days when empty.
            hour: `HH` of arrival within `day`.
        """
        lines = ((line.pop(ENVELOPE), line) for line in self._lines(RAW, day, hour))
        for envelope, event in _once(lines):
            yield ArchivedEvent(
                lane=envelope["lane"],
                sequence=int(envelope["sequence"]),
                sub=envelope["sub"],
                arrival_ms=envelope["arrival"],
                time_ms=envelope["time"],
                visitor=envelope["visitor"],
                event=event,
                event_id=envelope.get("id"),
            )

    def bad_rows(self, *, day: str = "", hour: str = "") -> Iterator[BadRow]:
        """Yield bad rows once each; arguments as in `archived_events`."""
        for line, _ in _once((line, line) for line in self._lines(BAD, day, hour)):
            yield BadRow(
                lane=line["lane"],
                sequence=int(line["sequence"]),
                sub=line["sub"],
                arrival_ms=line["arrival"],
                reason=line["reason"],
                detail=line["detail"],
                payload=line["payload"],
            )

    def _query(
        self, table: str, key: tuple[str, str], value: str, *, since: str, until: str
    ) -> list[dict[str, Any]]:
        """Return the items of a partition whose sort key lies between two prefixes.

        `key` holds the names of the partition and the sort key.
        """
        arguments: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": "#p = :p AND #s BETWEEN :a AND :b",
            "ExpressionAttributeNames": {"#p": key[0], "#s": key[1]},
            "ExpressionAttributeValues": {
                ":p": {"S": value},
                # A key value must not be empty; every time is above a space.
                ":a": {"S": since or " "},
                ":b": {"S": until + _LAST},
            },
            "ConsistentRead": True,
        }
        return list(self._pages_of(self._dynamodb.query, arguments))

    def _scan(self, table: str) -> Iterator[dict[str, Any]]:
        return self._pages_of(self._dynamodb.scan, {"TableName": table})

    def _pages_of(
        self, call: Callable[..., dict[str, Any]], arguments: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        while True:
            answer = call(**arguments)
            yield from (item for item in answer["Items"] if not self._expired(item))
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _expired(self, item: dict[str, Any]) -> bool:
        return "ttl" in item and float(item["ttl"]["N"]) < self._clock()

    def _lines(self, kind: str, day: str, hour: str) -> Iterator[dict[str, Any]]:
        prefix = f"{kind}/"
        if day:
            prefix += f"dt={day}/" + (f"hr={hour}/" if hour else "")
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        while True:
            answer = self._s3.list_objects_v2(**arguments)
            for entry in answer.get("Contents", ()):
                if not entry["Size"]:
                    continue  # A void: it keeps a late writer out and means nothing.
                body = self._s3.get_object(Bucket=self._bucket, Key=entry["Key"])["Body"].read()
                for line in _decompress(entry["Key"], body).splitlines():
                    yield json.loads(line)
            if not answer.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = answer["NextContinuationToken"]


def count_visitors(sketches: Iterable[bytes]) -> int:
    """Return the number of distinct visitors in the union of `visitors` attributes.

    Raises:
        ValueError: bytes of no known format.
    """
    exact: set[bytes] = set()
    registers: list[int] | None = None
    for sketch in sketches:
        body = sketch[1:]
        if sketch[:1] == bytes([SPARSE]):
            exact.update(body[i : i + HASH_BYTES] for i in range(0, len(body), HASH_BYTES))
        elif sketch[:1] == bytes([DENSE]):
            number = int.from_bytes(body, "big")
            dense = [number >> _BITS * (REGISTERS - 1 - i) & 63 for i in range(REGISTERS)]
            registers = dense if registers is None else list(map(max, registers, dense))
        else:
            raise ValueError("not a visitors sketch")
    if registers is None:
        return len(exact)
    rest_bits = 64 - PRECISION
    for visitor in exact:
        number = int.from_bytes(visitor, "big")
        rest = number & (1 << rest_bits) - 1
        index = number >> rest_bits
        registers[index] = max(registers[index], rest_bits - rest.bit_length() + 1)
    estimate = (
        0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS**2 / math.fsum(2.0**-r for r in registers)
    )
    zeros = registers.count(0)
    if estimate <= 2.5 * REGISTERS and zeros:
        estimate = REGISTERS * math.log(REGISTERS / zeros)
    return round(estimate)


def _once(
    rows: Iterable[tuple[dict[str, Any], dict[str, Any]]],
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (place, row) pairs whose lane, sequence and sub-sequence were not seen before."""
    seen: set[tuple[str, str, int]] = set()
    for place, row in rows:
        key = (place["lane"], place["sequence"], place["sub"])
        if key not in seen:
            seen.add(key)
            yield place, row


def _group(items: Iterable[dict[str, Any]], name: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        groups.setdefault(item[name]["S"], []).append(item)
    return groups


def _by_time(items: Iterable[dict[str, Any]], sort: str) -> dict[str, list[dict[str, Any]]]:
    """Group items by their sort key without its lane."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        groups.setdefault(item[sort]["S"].partition(_LANE_MARK)[0], []).append(item)
    return dict(sorted(groups.items()))


def _merge_hours(items: Iterable[dict[str, Any]]) -> dict[str, PageHour]:
    return {
        hour: PageHour(
            views=sum(int(item["view_count"]["N"]) for item in lanes),
            unique_visitors=count_visitors(
                item["visitors"]["B"] for item in lanes if "visitors" in item
            ),
            last_updated_ms=max(int(item["last_updated"]["N"]) for item in lanes),
        )
        for hour, lanes in _by_time(items, "timestamp_hour").items()
    }


def _sum_minutes(items: Iterable[dict[str, Any]]) -> dict[str, int]:
    return {
        minute: sum(int(item["event_count"]["N"]) for item in lanes)
        for minute, lanes in _by_time(items, "time_window").items()
    }


def _read_session(item: dict[str, Any]) -> Session:
    def text(name: str) -> str | None:
        value: str | None = item.get(name, {}).get("S")
        return value

    return Session(
        session_id=item["session_id"]["S"],
        event_count=int(item["event_count"]["N"]),
        first_activity=text("first_activity"),
        last_activity=text("last_activity"),
        entry_page=text("entry_page"),
        exit_page=text("exit_page"),
        user_agent=text("user_agent"),
    )


def _read_incident(item: dict[str, Any]) -> Incident:
    return Incident(
        incident_id=item["incident_id"]["S"],
        rule=item["rule"]["S"],
        severity=item["severity"]["S"],
        session_id=item["session_id"]["S"],
        event_time=item["event_time"]["S"],
        details=item["details"]["S"],
        sent=int(item["sent"]["N"]),
        # Absent in items of the first version, which had sessions only.
        scope=item.get("scope", {"S": "Session"})["S"],
        subject=item.get("subject", item["session_id"])["S"],
        over=item["over"]["S"] if "over" in item else None,
        over_sent=int(item["over_sent"]["N"]) if "over_sent" in item else None,
    )


def _decompress(key: str, body: bytes) -> bytes:
    if not key.endswith(".zst"):
        return gzip.decompress(body)
    try:
        # In the standard library from Python 3.14 on.
        from compression import zstd  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError as error:
        raise RuntimeError(f"{key} is Zstd: reading it needs Python 3.14") from error
    data: bytes = zstd.decompress(body)
    return data
