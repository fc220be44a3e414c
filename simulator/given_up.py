"""Invariants when batches were given up: nothing twice, and nothing gone without a trace.

A discarded batch is half applied, and nobody can tell which half. So each number must lie between
the truth without the discarded records and the truth with them, and every discarded record must
stand whole in an object of the on-failure destination.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from clickstream_layout.tables import AgentClass, counter_name
from simulator import checks
from simulator.checks import Differences
from simulator.stores import COUNTERS, PAGES, SESSIONS, Stores
from simulator.truth import Truth

FAILED_RECORDS: Final = "records of given-up batches"
FAILED_PREFIX: Final = "aws/lambda/"
_COUNTER_PREFIXES: Final = tuple(counter_name("", each) for each in get_args(AgentClass))


def compare_between(stores: Stores, least: Truth, most: Truth) -> Differences:
    """Return where the stores lie outside of two truths."""
    found = Differences()
    tables = stores.tables
    pages = {
        (item["page_url"]["S"], item["timestamp_hour"]["S"]): _number(item, "view_count")
        for item in tables.items(PAGES)
    }
    sessions = {
        item["session_id"]["S"]: _number(item, "event_count") for item in tables.items(SESSIONS)
    }
    counters = {
        (item["metric_name"]["S"], item["time_window"]["S"]): _number(item, "event_count")
        for item in tables.items(COUNTERS)
        if item["metric_name"]["S"].startswith(_COUNTER_PREFIXES)
    }
    rows: dict[str, Counter[Any]] = {"raw": Counter(), "bad": Counter()}
    for key, stored in stores.bucket.objects.items():
        kind = key.partition("/")[0]
        if kind in rows and stored.body:
            for line in map(json.loads, gzip.decompress(stored.body).splitlines()):
                row = line.get("_clickstream", line)
                rows[kind][row["lane"], int(row["sequence"]), row["sub"]] += 1
    _between(found, checks.PAGE_ITEMS, pages, *(
        {key: page.views for key, page in truth.pages.items()} for truth in (least, most)
    ))  # fmt: skip
    _between(found, checks.SESSION_EVENTS, sessions, *(
        {key: one.events for key, one in truth.sessions.items()} for truth in (least, most)
    ))  # fmt: skip
    _between(found, checks.COUNTER_ITEMS, counters, *(
        {key: count.events for key, count in truth.counters.items()} for truth in (least, most)
    ))  # fmt: skip
    _between(found, checks.RAW_ROWS, rows["raw"], Counter(least.raw), Counter(most.raw))
    _between(found, checks.BAD_ROWS, rows["bad"], Counter([*least.bad]), Counter([*most.bad]))
    return found


def compare_failed(
    stores: Stores, discarded: Iterable[tuple[str, int]], sent: Mapping[tuple[str, int], bytes]
) -> Differences:
    """Return which discarded records, by shard and sequence number, do not stand as sent."""
    found = Differences()
    kept: dict[tuple[str, int], bytes] = {}
    for key, stored in stores.bucket.objects.items():
        if key.startswith(FAILED_PREFIX):
            for record in json.loads(json.loads(stored.body)["payload"])["Records"]:
                shard = record["eventID"].partition(":")[0]
                sequence = int(record["kinesis"]["sequenceNumber"])
                kept[shard, sequence] = base64.b64decode(record["kinesis"]["data"])
    wanted = set(discarded)
    for place in wanted | kept.keys():
        expected = sent[place] if place in wanted else None
        found.equal(FAILED_RECORDS, place, kept.get(place), expected)
    return found


def _between(
    found: Differences,
    kind: str,
    numbers: Mapping[Any, int],
    least: Mapping[Any, int],
    most: Mapping[Any, int],
) -> None:
    for key in numbers.keys() | most.keys():
        low, high, number = least.get(key, 0), most.get(key, 0), numbers.get(key, 0)
        found.compare(kind, key, number, min(max(number, low), high))


def _number(item: Mapping[str, Any], name: str) -> int:
    return int(item[name]["N"])
