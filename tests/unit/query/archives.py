"""Archives that the real processor wrote from events whose truth a test computes by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clickstream_operator.query.archive_copy import ArchiveCopy, Span
from clickstream_operator.query.duckdb_engine import Engine, opened
from tests.lambdas.pipelines import Pipeline, invocation

if TYPE_CHECKING:
    from sandbox.lake import Lake

EVERYTHING = Span(None, datetime(2030, 1, 1, tzinfo=UTC))
BUCKET = "p-archive"
SECOND: Lake | None = None
"""Where every query runs as well, and must give the same rows."""


def write(pipeline: Pipeline, documents: Sequence[dict[str, Any] | bytes], *, start: int) -> None:
    """Let the processor archive events in one batch that arrives at the time of the last one."""
    payloads = [
        each if isinstance(each, bytes) else json.dumps(each).encode() for each in documents
    ]
    times = [each["timestamp"] for each in documents if isinstance(each, dict)]
    pipeline.now = max(datetime.fromisoformat(each).timestamp() for each in times) + 1
    pipeline.processor().process(invocation(payloads, start=start, arrival=pipeline.now))


def write_batches(
    pipeline: Pipeline, documents: Sequence[dict[str, Any]], most: timedelta = timedelta(hours=1)
) -> None:
    """Let the processor archive events that are sorted by time, none long after its time."""
    batch: list[dict[str, Any]] = []
    start = 0
    for each in documents:
        began = datetime.fromisoformat(batch[0]["timestamp"]) if batch else None
        if began and datetime.fromisoformat(each["timestamp"]) - began > most:
            write(pipeline, batch, start=start)
            start += len(batch)
            batch = []
        batch.append(each)
    write(pipeline, batch, start=start)


@contextmanager
def engine_of(pipeline: Pipeline, folder: Path, **options: Any) -> Iterator[Engine]:
    """Yield the engine over a pipeline's archive; `options` are those of `opened`.

    With `SECOND` and without options each query runs on both engines.
    """
    span = EVERYTHING
    copy = ArchiveCopy(s3=pipeline.s3, bucket=BUCKET, folder=folder, bound=1 << 30, threads=2)
    raw = copy.copy("raw", copy.list_objects("raw", span), span)
    bad = copy.copy("bad", copy.list_objects("bad", span), span)
    with opened(raw, bad, memory="256MB", **options) as engine:
        if SECOND is None or options:
            yield engine
            return
        from tests.unit.query.second_engine import BothEngines  # noqa: PLC0415

        bodies = {key: body for key, (body, _) in pipeline.s3.objects.items()}
        yield BothEngines(engine, SECOND, SECOND.loaded(bodies))


def milliseconds(text: str) -> int:
    """Return milliseconds since 1970 of a time in ISO 8601."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000)
