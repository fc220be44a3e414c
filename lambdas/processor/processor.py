"""One invocation of the processor, in the order that makes every retry safe.

Portion by portion: decode and scrub; archive (raw and bad objects under the lane's fence); write
each item once; close the lane; print metrics. Any AWS failure is raised: Lambda delivers the whole
batch again and each step finds what it already did. When time is short the rest is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from clickstream_layout.archive import BAD, REFUSED
from processor.aggregate import aggregate
from processor.archive import Archive, JudgedOtherwiseError
from processor.batch_writes import Refusals, plan_writes, progress_of, writes_done
from processor.counter_items import CounterItems
from processor.custom_metrics import CustomMetrics
from processor.lane_items import LaneItems, LaneState
from processor.mapping_check import MappingCheck
from processor.page_items import PageItems
from processor.page_lists import PageLists
from processor.portions import Portion, Portions
from processor.repeats import Ancestors, Repeats
from processor.session_items import SessionItems
from shared.budget import DEFAULT_MEMORY_MIB, Budget
from shared.conditional_write import MOST_ATTEMPTS, ContentionError
from shared.decode import Decoder, count_reasons
from shared.emf import Metrics, Series, write_line
from shared.lambda_records import read_records
from shared.logs import Log
from shared.privacy import Scrubber
from shared.thread_pool import Workers
from shared.time_limit import TimeLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from processor.aggregate import Gains
    from processor.batch_writes import ItemWrite
    from shared.config import Config
    from shared.lanes import Lane
    from shared.records import BadRow, Batch, Event, Record

MOST_EVENT_TYPES = 50
"""Values of the EventType dimension per container; the rest is counted as `other`."""
WRITES_AT_ONCE = 1000
"""Items after which a batch that has more keeps its progress."""


class OutOfTimeError(Exception):
    """A portion was left when time was short; `state` is the lane's."""

    def __init__(self, state: LaneState) -> None:
        super().__init__("the invocation has no time for the rest of a record")
        self.state = state


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
        memory_mib: int = DEFAULT_MEMORY_MIB,
        writes_at_once: int = WRITES_AT_ONCE,
        permanent_lanes: bool = False,
        kinesis: Callable[[], Any] | None = None,
        out: Callable[[str], None] = write_line,
    ) -> None:
        """Take low-level boto3 clients, a clock in epoch seconds, and where to print lines.

        `memory_mib`: the function's, from which with its timeout the budget of a record follows.
        `permanent_lanes`: lane items never expire, as those of a redrive must not. `kinesis` makes
        a client, which `events.deduplicateSeconds` needs after a reshard.
        """
        self._config = config
        self._memory_mib = memory_mib
        self._writes_at_once = writes_at_once
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
        self._repeats = Repeats(
            dynamodb,
            tables.counters,
            seconds=config.deduplicate_seconds,
            ttl_hours=ttl.lane_hours,
            hash_key=hash_key,
            ancestors=Ancestors(kinesis, config.detection.stream, config.stream_epoch),
        )
        self._workers = Workers(threads)
        self._metrics = Metrics(config.pipeline, clock, out)
        self._custom = CustomMetrics(config.metrics, self._metrics)
        for name in self._custom.left_out:
            self._log.write("WARNING", "metric left out: its names are taken", metric=name)
        self._event_types = Series(MOST_EVENT_TYPES)
        self._mapping = MappingCheck(clock)
        self._deduplicates = config.deduplicate_seconds > 0
        self._states: dict[Lane, LaneState] = {}

    def process(self, event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        """Process one Kinesis event of Lambda; raises if AWS fails.

        Returns:
            The first record that is left when time is short, for the mapping to deliver from there.
        """
        limit = TimeLimit(context)
        budget = Budget.of(self._memory_mib, limit.seconds)
        failures = []
        for lane, kinesis_records in read_records(event, self._config.stream_epoch).items():
            left = self._process_lane(lane, kinesis_records, budget, limit)
            if left is not None:
                failures.append({"itemIdentifier": str(left.sequence)})
                break
        return {"batchItemFailures": failures}

    def process_batch(self, lane: Lane, batch: Batch) -> int:
        """Archive and count what is new in a batch of one lane; raises if AWS fails.

        Returns the sequence number up to which the lane was done before.
        """
        # Forgotten while at work: after a failure the lane is read afresh.
        state = self._states.pop(lane, None) or self._lanes.load(lane)
        before, limit = state.done, TimeLimit(None)
        self._states[lane] = self._process_portion(lane, Portion(batch), state, limit)
        return before

    def _process_lane(
        self, lane: Lane, kinesis_records: Sequence[Record], budget: Budget, limit: TimeLimit
    ) -> Record | None:
        """Process the records of one lane in portions; returns the first that is left, if any."""
        state = self._states.pop(lane, None)
        known = state is not None
        if state is None:
            state = self._lanes.load(lane)
        pending = [record for record in kinesis_records if record.sequence > state.done]
        if pending:
            arrivals = [record.arrival_ms for record in pending]
            self._repeats.prepare(lane, state.done, arrivals)
        if pending and not known:
            # After a failure of any kind, and when a container is new. From the attempt on there is
            # no request of AWS until the records are decoded.
            state = self._archive.decide(lane, state)
            state = self._lanes.begin_attempt(lane, state, pending[0].arrival_ms)
        portions = Portions(self._decoder, pending, budget)
        while portions.rest:
            portion = self._take(lane, portions, state)
            try:
                state = self._process_judged(lane, portions, portion, state, limit)
            except OutOfTimeError as late:
                self._states[lane] = late.state
                return portions.last[0]
            except (BotoCoreError, ClientError, ContentionError):
                self._end_attempt(lane, state)
                raise
            if portions.rest and not limit.may_begin():
                break
        self._states[lane] = state
        return next(iter(portions.rest), None)

    def _take(self, lane: Lane, portions: Portions, state: LaneState) -> Portion:
        """Decode the next portion; an error of its own is put on record before it is raised."""
        try:
            return portions.take(state)
        except Exception as error:
            self._end_attempt(lane, state, error=type(error).__name__)
            raise

    def _end_attempt(self, lane: Lane, state: LaneState, *, error: str = "") -> None:
        """Say how an attempt ended that is on record; what failed is raised by the caller."""
        if state.tries:
            try:
                self._lanes.end_attempt(lane, state, error=error)
            except (BotoCoreError, ClientError) as failure:
                name = type(failure).__name__
                self._log.write("WARNING", "attempt stays on record", lane=lane.code, error=name)

    def _process_judged(
        self,
        lane: Lane,
        portions: Portions,
        portion: Portion,
        state: LaneState,
        limit: TimeLimit,
    ) -> LaneState:
        for _ in range(MOST_ATTEMPTS):
            marked = self._repeats.mark(lane, portion.batch, state.done)
            if marked.window is not None:
                portion = replace(portion, batch=marked.batch, marked=marked)
            try:
                state = self._process_portion(lane, portion, state, limit)
            except JudgedOtherwiseError as known:
                state = known.state
                portion = portions.again(state)
            else:
                return state
        raise ContentionError("a record was judged by others too often")

    def _process_portion(
        self, lane: Lane, portion: Portion, state: LaneState, limit: TimeLimit
    ) -> LaneState:
        batch = portion.batch
        planned = state.done
        gains, writes = self._plan(lane, batch, planned)
        written = False
        kept: int | None = -1
        for _ in range(MOST_ATTEMPTS):
            state = self._archive.store(
                lane,
                batch,
                state,
                judged=portion.judged,
                marked_from=portion.marked.done if portion.marked else None,
                long=len(writes) > self._writes_at_once,
            )
            if state.done >= batch.last:
                # Another closed it meanwhile, and may be at work behind it: no step is left.
                return state
            if portion.marked is not None and kept != state.generation:
                # Before the lane is closed: whoever goes on from there must find it.
                self._repeats.keep(lane, state.generation, portion.marked)
                kept = state.generation
            if not written:
                if state.done != planned:
                    # Another has closed a part meanwhile, and judged it by a budget of its own.
                    gains, writes = self._plan(lane, batch, state.done)
                if writes_done(batch, writes, state) == 0:
                    self._list_new(lane.code, gains)
                state = self._write_items(lane, batch, writes, state, limit)
                written = True
            done = state.done
            finished, state = self._lanes.finish(lane, state, batch)
            if finished:
                # Not where another has closed it: it may have judged a record by another budget.
                if portion.marked is not None:
                    self._repeats.remember(lane, portion.marked, state.done)
                self._report(lane, batch, done)
                return state
        raise ContentionError("a lane was taken by others too often")

    def _plan(self, lane: Lane, batch: Batch, done: int) -> tuple[Gains, list[ItemWrite]]:
        """Return what a batch changes behind the lane's end, up to which all is counted whole."""
        gains = aggregate(row for row in batch.events if row.sequence > done)
        return gains, plan_writes(gains, lane.code, self._pages, self._sessions, self._counters)

    def _list_new(self, code: str, gains: Gains) -> None:
        new = [each for each in gains.pages if not self._pages.known(*each, code)]
        self._lists.write(code, new)

    def _write_items(
        self,
        lane: Lane,
        batch: Batch,
        writes: Sequence[ItemWrite],
        state: LaneState,
        limit: TimeLimit,
    ) -> LaneState:
        """Do the writes of a batch, some at a time, and keep how far it is in between.

        Raises:
            OutOfTimeError: time is short; what is done is on record.
        """
        start = writes_done(batch, writes, state)
        refusals = Refusals()
        while start < len(writes):
            part = writes[start : start + self._writes_at_once]
            self._workers.run([refusals.guard(write) for write in part])
            self._set_aside(lane, batch, refusals.take_rows(batch), start)
            start += len(part)
            if start < len(writes):
                progress = progress_of(batch, writes, start)
                state = self._lanes.save_progress(lane, state, progress)
                if not limit.may_go_on():
                    raise OutOfTimeError(state)
        return state

    def _set_aside(self, lane: Lane, batch: Batch, rows: Sequence[BadRow], place: int) -> None:
        """Keep what DynamoDB refuses as bad rows, by which a redrive rebuilds those items."""
        if not rows:
            return
        self._archive.add(BAD, lane, replace(batch, bad_rows=rows), f"{REFUSED}{place}")
        self._metrics.emit({"BadRows": (len(rows), "Count")}, account_wide=True)
        self._log.write("ERROR", "items refused", lane=lane.code, items=len(rows))

    def _report(self, lane: Lane, batch: Batch, done: int) -> None:
        """Print the metrics of what is new in this batch, once per row."""
        new = [row for row in batch.events if row.sequence > done]
        events = [row for row in new if not row.repeated]
        bad_rows = [row for row in batch.bad_rows if row.sequence > done]
        lag_ms = max(0, round(self._clock() * 1000) - batch.last_arrival_ms)
        self._metrics.emit(
            {
                "EventsProcessed": (len(events), "Count"),
                "BadRows": (len(bad_rows), "Count"),
                "Lag": (lag_ms, "Milliseconds"),
            },
            account_wide=True,
            besides={
                "PageViews": (sum(event.is_page_view for event in events), "Count"),
                **({"Repeats": (len(new) - len(events), "Count")} if self._deduplicates else {}),
            },
        )
        types: dict[str, int] = {}
        for event in events:
            (name,) = self._event_types.admit((event.type,))
            types[name] = types.get(name, 0) + 1
        for name, count in types.items():
            self._metrics.emit(
                {"EventsProcessed": (count, "Count")}, dimensions={"EventType": name}
            )
        self._report_custom(events)
        fields: dict[str, str | float] = {"lane": lane.code, "shard": lane.shard}
        self._log.write("INFO", "batch processed", **fields, events=len(events), lag_ms=lag_ms)
        if bad_rows:
            self._log.write("WARNING", "bad rows", **fields, **count_reasons(bad_rows))
        if (odd := self._mapping.look(events, bad_rows)) is not None:
            self._log.write("WARNING", odd[0], **odd[1])

    def _report_custom(self, events: Sequence[Event]) -> None:
        left_out = self._custom.emit(events)
        for name, count in left_out.items():
            self._log.write("WARNING", "values that are no numbers", metric=name, events=count)
        if left_out:
            self._metrics.emit({"ValuesLeftOut": (sum(left_out.values()), "Count")})
