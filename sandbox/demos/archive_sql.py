"""The demo of SQL: six weeks of events, reports on DuckDB and on Trino beside the truth."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.query.archive_copy import ArchiveCopy, Span
from clickstream_operator.query.duckdb_engine import Engine, opened
from clickstream_operator.query.sql import report_sql
from clickstream_operator.synthetic.generator import Record, Traffic, generate
from sandbox.lake import Lake
from simulator.stores import HASH_KEY, Stores, make_config

_END: Final = datetime(2026, 11, 16, tzinfo=UTC)
"""A Monday."""
_WEEKS: Final = 6
_WEEK_MS: Final = 7 * 86_400_000
_HOUR_MS: Final = 3_600_000
_SHARD: Final = "shardId-000000000000"
_FIRST: Final = 49590338271490256608559692538361571095921575989136588898
_MOST: Final = 1_000_000
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """One query, and what the producer's events say."""

    name: str
    sql: str
    truth: Rows
    read: Callable[[tuple[Any, ...]], tuple[Any, ...]] = lambda row: row
    """A row as the truth has it; times are text of the moment on both engines."""


def archive(traffic: Traffic) -> dict[str, bytes]:
    """Objects of an archive that the real processor wrote, a batch for each hour of sending."""
    from processor.processor import Processor  # noqa: PLC0415 - lambdas/ is a path of its own

    stores = Stores()
    now = 0.0
    processor = Processor(
        make_config("processor", Spec(), "e1"),
        dynamodb=stores.tables,
        s3=stores.bucket,
        sqs=stores.queue,
        hash_key=HASH_KEY,
        clock=lambda: now,
        out=lambda _line: None,
    )
    begin = 0
    for _, group in groupby(traffic.records, lambda each: each.sent_ms // _HOUR_MS):
        batch = list(group)
        now = batch[-1].sent_ms / 1000 + 1
        processor.process({"Records": list(_records(batch, begin))})
        begin += len(batch)
    return {key: stored.body for key, stored in stores.bucket.objects.items()}


def _records(batch: list[Record], begin: int) -> Iterator[dict[str, Any]]:
    for place, each in enumerate(batch, begin):
        yield {
            "eventID": f"{_SHARD}:{_FIRST + place}",
            "eventSource": "aws:kinesis",
            "kinesis": {
                "sequenceNumber": str(_FIRST + place),
                "partitionKey": each.partition_key,
                "approximateArrivalTimestamp": each.sent_ms / 1000,
                "data": base64.b64encode(each.data).decode(),
            },
        }


def questions(traffic: Traffic) -> list[Question]:
    """The reports whose truth the generator knows, or its events tell."""
    truth = traffic.truth
    views = {page: sum(hours.values()) for page, hours in truth.page_views.items()}
    # Hours with clicks alone have a row as well.
    by_hour = Counter({minute[:13]: 0 for found in truth.counters.values() for minute in found})
    for hours in truth.page_views.values():
        by_hour.update(hours)
    entries = Counter(each.entry_page for each in truth.sessions.values() if each.entry_page)
    exits = Counter(each.exit_page for each in truth.sessions.values() if each.exit_page)
    minutes = [
        (kind, minute, count)
        for kind, found in truth.counters.items()
        for minute, count in found.items()
    ]
    sessions = [
        (name, each.event_count, each.entry_page, each.exit_page)
        for name, each in truth.sessions.items()
    ]
    return [
        Question("top-pages", _report("top-pages"), list(views.items()), lambda row: row[:2]),
        Question(
            "traffic-by-hour", _report("traffic-by-hour"), list(by_hour.items()),
            lambda row: (_moment(row[0], 13), row[1]),
        ),
        Question("entry-pages", _report("entry-pages"), list(entries.items()), lambda r: r[:2]),
        Question("exit-pages", _report("exit-pages"), list(exits.items())),
        Question(
            "events-per-minute", _report("events-per-minute"), minutes,
            lambda row: (row[0], _moment(row[1], 16), row[2]),
        ),
        Question("retention", _report("retention"), _retention(traffic),
                 lambda row: (_moment(row[0], 10), *row[1:])),
        Question("bad-rows", _report("bad-rows"), list(truth.bad_rows.items()), lambda r: r[:2]),
        Question(
            "sessions", "select session_id, events, entry_page, exit_page from sessions", sessions
        ),
    ]  # fmt: skip


def _report(name: str) -> str:
    end = round(_END.timestamp() * 1000)
    return report_sql(name, since_ms=end - _WEEKS * _WEEK_MS, until_ms=end, limit=_MOST)


def _moment(value: Any, characters: int) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value).replace(" ", "T")
    return text[:characters]


def _retention(traffic: Traffic) -> Rows:
    weeks: dict[str, set[int]] = {}
    end = round(_END.timestamp() * 1000)
    for each in traffic.records:
        if each.partition_key.startswith("broken-"):
            continue
        document = json.loads(each.data)
        moment = round(datetime.fromisoformat(document["timestamp"]).timestamp() * 1000)
        weeks.setdefault(document["user_id"], set()).add((moment - end) // _WEEK_MS)
    found: Counter[tuple[int, int]] = Counter(
        (min(seen), week - min(seen)) for seen in weeks.values() for week in seen
    )
    return [
        (f"{datetime.fromtimestamp(_END.timestamp() + first * _WEEK_MS / 1000, UTC):%Y-%m-%d}",
         number, visitors)
        for (first, number), visitors in found.items()
    ]  # fmt: skip


def run(console: Console, folder: Path, events: int = 12_000) -> bool:
    """Print each question with both engines' answers; True when every row is the truth."""
    traffic = generate(
        21, events, _END.timestamp(), minutes=_WEEKS * 7 * 1440, broken=12, duplicates=40
    )
    objects = archive(traffic)
    size = sum(map(len, objects.values()))
    console.print(f"{events:,} events of {_WEEKS} weeks: {len(objects):,} objects, {size:,} bytes")
    with Lake.started() as lake:
        database = lake.loaded(objects)
        copy = ArchiveCopy(
            s3=lake.s3, bucket=database.replace("_", "-"), folder=folder, bound=1 << 30
        )
        span = Span(None, _END)
        files = {
            kind: copy.copy(kind, copy.list_objects(kind, span), span) for kind in ("raw", "bad")
        }
        with opened(files["raw"], files["bad"], memory="512MB") as engine:
            return _show(console, questions(traffic), engine, lake, database)


def _show(
    console: Console, asked: list[Question], engine: Engine, lake: Lake, database: str
) -> bool:
    table = Table("query", "rows of the truth", "DuckDB", "Trino")
    right = True
    engines: list[Callable[[str], Rows]] = [
        lambda text: engine.query(text).rows,
        lambda text: lake.trino.query(text, schema=database).rows,
    ]
    for question in asked:
        wanted = sorted(question.truth, key=repr)
        cells = []
        for ask in engines:
            began = time.monotonic()
            found = sorted(map(question.read, ask(question.sql)), key=repr)
            equal = found == wanted
            right = right and equal
            cells.append(f"{'equal' if equal else 'OTHER'}, {time.monotonic() - began:.1f} s")
        table.add_row(question.name, f"{len(wanted):,}", *cells)
    console.print(table)
    return right
