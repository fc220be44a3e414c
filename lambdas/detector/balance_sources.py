"""Sums of what stands in the counters and in the bucket, read from there and from nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clickstream_layout.archive import (
    BAD,
    FAILED,
    RAW,
    REFUSED,
    REPLAYED,
    folder_of,
    rows_in_name,
)
from clickstream_layout.tables import COUNTER_KEY, PAGE_KEY, arrived_in
from shared.timestamps import hour_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from shared.config import Tables


_SESSIONS = 2
GIVEN_UP_PREFIX = "aws/lambda/"
"""Prefix under which Lambda puts the batches that it gives up on."""


@dataclass(slots=True)
class Standing:
    """Sums of some hours of arrival.

    `counters` events in counter items of the stream's lanes, `views` in page items; `sessions`
    events in session items, replayed ones included. Pages and sessions are read if `compared`, by
    so many `requests`. `raw_rows`, `raw_bytes`, `bad_rows` and `bad_bytes` of objects of the
    stream's batches, `unnamed` objects whose name tells no rows.

    Lines of their own: `replayed` events of a redrive and its rows that are `still_bad`,
    `recovered` objects of batches that Lambda had given up on, `refused` objects about items.
    `given_up`: objects of Lambda's in the bucket at all. `cursor`: where the next request goes on,
    after `tables_done`.
    """

    compared: bool = True
    counters: int = 0
    views: int = 0
    sessions: int = 0
    raw_rows: int = 0
    raw_bytes: int = 0
    bad_rows: int = 0
    bad_bytes: int = 0
    unnamed: int = 0
    replayed: int = 0
    still_bad: int = 0
    recovered: int = 0
    refused: int = 0
    given_up: int = 0
    requests: int = 0
    tables_done: int = 0
    cursor: dict[str, Any] = field(default_factory=dict)


class Sources:
    """Reads counter items and listings of the bucket."""

    def __init__(
        self, *, dynamodb: Any, s3: Callable[[], Any], tables: Tables, bucket: str
    ) -> None:
        """Args: `s3` makes a low-level client; called when it is first needed."""
        self._dynamodb = dynamodb
        self._make_s3 = s3
        self._tables = tables
        self._bucket = bucket

    def sum_items(
        self,
        found: Standing,
        hours: range,
        replayed: Collection[str],
        *,
        consistent: bool,
        may_go_on: Callable[[], bool],
    ) -> bool:
        """Add the items; return False when time ran out, to go on from the cursor."""
        tables = (self._tables.counters, self._tables.page_metrics, self._tables.session_metrics)
        for number, table in enumerate(tables[: 3 if found.compared else 1]):
            while found.tables_done == number:
                answer = self._scan(table, hours, found.cursor, consistent=consistent)
                found.requests += number > 0
                for item in answer["Items"]:
                    _add_item(found, number, item, replayed)
                found.cursor = answer.get("LastEvaluatedKey", {})
                found.tables_done += not found.cursor
                if found.cursor and not may_go_on():
                    return False
        return True

    def _scan(
        self, table: str, hours: range, cursor: dict[str, Any], *, consistent: bool
    ) -> dict[str, Any]:
        """Return a part of the items that have events of these hours: their keys and no more."""
        keys = {COUNTER_KEY[0]: "#k0", COUNTER_KEY[1]: "#k1"}
        if table != self._tables.counters:
            keys = {PAGE_KEY[1]: "#k0"} if table == self._tables.page_metrics else {}
        names = {f"#h{index}": arrived_in(hour) for index, hour in enumerate(hours)}
        arguments: dict[str, Any] = {
            "TableName": table,
            # What a filter leaves out is paid for as well, but takes neither time nor memory here.
            "FilterExpression": " OR ".join(f"attribute_exists({name})" for name in names),
            "ProjectionExpression": ", ".join((*keys.values(), *names)),
            "ExpressionAttributeNames": {alias: name for name, alias in keys.items()} | names,
            "ConsistentRead": consistent,
        }
        if cursor:
            arguments["ExclusiveStartKey"] = cursor
        answer: dict[str, Any] = self._dynamodb.scan(**arguments)
        return answer

    def sum_objects(self, found: Standing, hours: range) -> None:
        """Add the objects of these hours."""
        for hour in hours:
            folder = folder_of(hour_text(hour))
            for key, size in self._list(f"{RAW}/{folder}/"):
                rows = _stream_rows(found, key, RAW)
                found.raw_rows += rows
                found.raw_bytes += size if rows else 0
            for key, size in self._list(f"{BAD}/{folder}/"):
                rows = _stream_rows(found, key, BAD)
                found.bad_rows += rows
                found.bad_bytes += size if rows else 0
        found.given_up = sum(1 for _ in self._list(GIVEN_UP_PREFIX))

    @cached_property
    def _s3(self) -> Any:
        return self._make_s3()

    def _list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield key and size of the objects under a prefix, without empty ones."""
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        while True:
            answer = self._s3.list_objects_v2(**arguments)
            for entry in answer.get("Contents", ()):
                if entry["Size"]:
                    yield entry["Key"], entry["Size"]
            if not answer.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = answer["NextContinuationToken"]


def _add_item(
    found: Standing, number: int, item: dict[str, Any], replayed: Collection[str]
) -> None:
    """Add an item of the counters (0), pages (1) or sessions (2)."""
    events = sum(int(value["N"]) for value in item.values() if "N" in value)
    if number == _SESSIONS:
        found.sessions += events
        return
    sort_key = item[(COUNTER_KEY, PAGE_KEY)[number][1]]["S"]
    if sort_key.rpartition("#")[2] in replayed:
        found.replayed += events if number == 0 else 0
    elif number == 0:
        found.counters += events
    else:
        found.views += events


def _stream_rows(found: Standing, key: str, kind: str) -> int:
    """Return the rows of a batch's object; those of others are added to their own lines."""
    name = key.rpartition("/")[2]
    counts = rows_in_name(name)
    rows = counts[kind == BAD] if counts else 0
    writer = name.partition(".")[0].rpartition("-")[2]
    if name.startswith(f"{REPLAYED}-"):
        # Its events are in counters of their own; what is still bad is here alone.
        found.still_bad += rows if kind == BAD else 0
    elif writer == FAILED:
        found.recovered += 1
    elif writer.startswith(REFUSED):
        found.refused += 1
    else:
        found.unnamed += counts is None
        return rows
    return 0
