"""One invocation of the processor, in the order that makes every retry safe.

Decode and scrub; archive (raw and bad objects under the lane's fence); aggregate; write each item
once; close the lane; print metrics. Any AWS failure is raised: Lambda delivers the whole batch
again and each step finds what it already did.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from processor.aggregate import aggregate
from processor.archive import Archive
from processor.counter_items import CounterItems
from processor.custom_metrics import CustomMetrics
from processor.lane_items import LaneItems, LaneState
from processor.page_items import PageItems
from processor.page_lists import PageLists
from processor.session_items import SessionItems
from processor.thread_pool import Workers
from shared.conditional_write import MOST_ATTEMPTS, ContentionError
from shared.decode import Decoder, count_reasons, read_records
from shared.emf import Metrics, Series, write_line
from shared.logs import Log
from shared.privacy import Scrubber

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.config import Config
    from shared.lanes import Lane
    from shared.records import Batch, Event

MOST_EVENT_TYPES = 50
"""Values of the EventType dimension per container; the rest is counted as `other`."""


class Processor:
    """The processor of one pipeline; lives as long as its container."""

    def __init__(
        self,
        config: Config,
        *,
        dynamodb: Any,
        s3: Any,
        sqs: Any,
        hash_key: bytes,
        clock: Callable[[], float],
        threads: int = 1,
        permanent_lanes: bool = False,
        out: Callable[[str], None] = write_line,
    ) -> None:
        """Take low-level boto3 clients, a clock in epoch seconds, and where to print lines.

        `permanent_lanes`: lane items never expire, as those of a redrive must not.
        """
        self._config = config
        self._clock = clock
        self._log = Log(config.log_level, out)
        self._decoder = Decoder(config, Scrubber(config.privacy, config.fields, hash_key))
        tables, ttl = config.tables, config.ttl
        self._pages = PageItems(dynamodb, tables.page_metrics, ttl.page_metrics_days)
        self._lists = PageLists(dynamodb, tables.counters, ttl.page_metrics_days)
        self._sessions = SessionItems(dynamodb, tables.session_metrics, ttl.session_metrics_hours)
        self._counters = CounterItems(dynamodb, tables.counters, ttl.counters_hours)
        lane_hours = None if permanent_lanes else ttl.lane_hours
        self._lanes = LaneItems(dynamodb, tables.counters, lane_hours)
        self._archive = Archive.of_config(config, s3=s3, sqs=sqs, lanes=self._lanes)
        self._workers = Workers(threads)
        self._metrics = Metrics(config.pipeline, clock, out)
        self._custom = CustomMetrics(config.metrics, self._metrics)
        for name in self._custom.left_out:
            self._log.write("WARNING", "metric left out: its names are taken", metric=name)
        self._event_types = Series(MOST_EVENT_TYPES)
        self._states: dict[Lane, LaneState] = {}

    def process(self, event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        """Process one Kinesis event of Lambda; returns that no item failed, or raises."""
        del context
        for lane, records in read_records(event, self._config.stream_epoch).items():
            self.process_batch(lane, self._decoder.decode_batch(records))
        return {"batchItemFailures": []}

    def process_batch(self, lane: Lane, batch: Batch) -> None:
        """Archive and count what is new in a batch of one lane; raises if AWS fails."""
        # Forgotten while at work: after a failure the lane is read afresh.
        state = self._states.pop(lane, None)
        self._states[lane] = self._process_lane(lane, batch, state or self._lanes.load(lane))

    def _process_lane(self, lane: Lane, batch: Batch, state: LaneState) -> LaneState:
        written = False
        for _ in range(MOST_ATTEMPTS):
            done = state.done
            if done >= batch.last:
                return state
            state = self._archive.store(lane, batch, state)
            if not written:
                # Everything up to `done` has been counted whole: `finish` comes last.
                self._write_items(lane, [row for row in batch.events if row.sequence > state.done])
                written = True
            done = state.done
            finished, state = self._lanes.finish(lane, state, batch)
            if finished:
                self._report(lane, batch, done)
                return state
        raise ContentionError("a lane was taken by others too often")

    def _write_items(self, lane: Lane, events: Sequence[Event]) -> None:
        gains = aggregate(events)
        code = lane.code
        new = [each for each in gains.pages if not self._pages.known(*each, code)]
        self._lists.write(code, new)
        calls: list[Callable[[], None]] = [
            partial(self._pages.write, page, hour, code, views)
            for (page, hour), views in gains.pages.items()
        ]
        calls += [
            partial(self._sessions.write, session, code, activities)
            for session, activities in gains.sessions.items()
        ]
        calls += [
            partial(self._counters.write, event_type, minute, code, counts)
            for (event_type, minute), counts in gains.counters.items()
        ]
        self._workers.run(calls)

    def _report(self, lane: Lane, batch: Batch, done: int) -> None:
        """Print the metrics of what is new in this batch, once per row."""
        events = [row for row in batch.events if row.sequence > done]
        bad_rows = [row for row in batch.bad_rows if row.sequence > done]
        lag_ms = max(0, round(self._clock() * 1000) - batch.last_arrival_ms)
        self._metrics.emit(
            {
                "EventsProcessed": (len(events), "Count"),
                "BadRows": (len(bad_rows), "Count"),
                "Lag": (lag_ms, "Milliseconds"),
            },
            account_wide=True,
        )
        types: dict[str, int] = {}
        for event in events:
            (name,) = self._event_types.admit((event.type,))
            types[name] = types.get(name, 0) + 1
        for name, count in types.items():
            self._metrics.emit(
                {"EventsProcessed": (count, "Count")}, dimensions={"EventType": name}
            )
        self._custom.emit(events)
        fields: dict[str, str | float] = {"lane": lane.code, "shard": lane.shard}
        self._log.write("INFO", "batch processed", **fields, events=len(events), lag_ms=lag_ms)
        if bad_rows:
            self._log.write("WARNING", "bad rows", **fields, **count_reasons(bad_rows))
