"""One run: a stream, both functions, every fault, until nothing is left to do; then the truth.

A run is a function of its seed and settings.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest import mock

from clickstream_operator.api.v1alpha1 import Spec
from detector.ceiling import MOST_INCIDENTS
from shared.budget import Budget
from simulator import checks
from simulator.balancing import balances, begin_balance, close_hours, compare_balance
from simulator.checks import Differences, Lifetimes, compare
from simulator.containers import Function, Hazards, detector_factory, processor_factory
from simulator.faults import Fault, FaultPlan
from simulator.given_up import compare_between, compare_failed
from simulator.judge import Judge
from simulator.mapping import EventSourceMapping, check_expected
from simulator.scheduler import Scheduler
from simulator.settings import TrialSettings, draw_settings
from simulator.stores import COUNTERS, HASH_KEY, PAGES, Stores, make_config
from simulator.stream import Shard, Stream, epoch_of
from simulator.traffic import POISON, SentEvent, SentRecord, TrafficMaker
from simulator.truth import PlacedLane, PlacedRow, Truth, instant_of, tell

#: 2026-11-23T12:00:05 UTC.
START: Final = 1_795_435_205.0
RATE_LIMIT: Final = 25
_TICK_SECONDS: Final = 60.0
_LAST_TICKS: Final = 3
_LAST_TICKS_OF_CRAWL: Final = 5
#: From START to 15 s before the next hour.
_TO_NEXT_HOUR: Final = 3580.0
_SPAN_MS: Final = 30_000
_DAY_SECONDS: Final = 86_400.0
#: AWS frees the name of a stream within so long at the earliest.
_DELETION_SECONDS: Final = 10.0
_TICK: Final = {"source": "clickstream.schedule"}
_TIMEOUT: Final = 60.0
_SHORT_TIMEOUT: Final = 2.0
#: Below the budgets that the settings draw.
_SMALLEST: Final = Budget(7)
#: Portions and ceiling of the detector, where a robot comes by.
_MOST_EVENTS: Final = 6
_MOST_FOUND: Final = 2
_CEILING: Final = 3
#: Seconds for which the topic can't be reached.
_OUTAGES: Final = (0, 0, 45, 200)
_STALE_READS: Final = 0.3
_SPEC: Final = Spec.model_validate({"anomalyDetection": {"sensitivity": "High"}})
_BLIND: Final = Spec.model_validate({"anomalyDetection": {"enabled": False}})


@dataclass(slots=True)
class Outcome:
    """Result of a run."""

    seed: int
    differences: Differences
    faults: Counter[Fault]
    events: int
    requests: int
    write_units: int
    balanced: bool
    """Whether the hourly balance has found nothing."""

    @property
    def unseen(self) -> bool:
        """Whether events or rows are lost or doubled, and the balance has not seen it."""
        return self.balanced and self.differences.sums_differ


class Trial:
    """One run with the real handlers."""

    def __init__(self, seed: int, settings: TrialSettings) -> None:
        source = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._seed = seed
        self._settings = settings
        self._source = source
        self._start = START + _TO_NEXT_HOUR * settings.late
        self.scheduler = Scheduler(random.Random(source.random()), self._start)  # noqa: S311 - as above
        self.faults = FaultPlan(
            random.Random(source.random()),  # noqa: S311 - as above
            rate=settings.fault_rate,
            budget=settings.fault_budget,
            kinds=settings.kinds,
        )
        self.stores = Stores(lambda: self.faults.chance(Fault.STALE_READ, _STALE_READS))
        self.lines: list[str] = []
        repeats = settings.deduplicate_seconds
        self._watched = settings.session_keys and settings.hazards is None and not repeats
        self.spec = _SPEC if self._watched else _BLIND
        if repeats:
            events = self.spec.events.model_copy(update={"deduplicate_seconds": repeats})
            self.spec = self.spec.model_copy(update={"events": events})
        # Ticks take a former life of the stream for read, so what is still read of it may be
        # counted for another minute: exact only where it ends before the next one begins.
        self._crawled = self._watched and settings.crawl and not settings.overlap
        self._deadly = 0
        if self._crawled:
            outage = random.Random(f"outage {seed}").choice(_OUTAGES)  # noqa: S311 - as above
            self.stores.topic.is_out = lambda: self.scheduler.now < self._start + outage
        self._hazards = settings.hazards or Hazards()
        self._memories = random.Random(source.random())  # noqa: S311 - as above
        if self._hazards.refused:
            self.stores.tables.refuses = self._is_refused
        self.mappings: list[EventSourceMapping] = []
        self._placed: list[PlacedLane] = []
        self._sent: dict[tuple[str, int], bytes] = {}
        self._reading = True

    def run(self) -> Outcome:
        """Run to the end and compare."""
        epoch = epoch_of(int(self._start))
        config = make_config("detector", _SPEC, epoch)
        begin_balance(config, self.stores, self._start)
        partial = self._settings.mapping.item_failures
        processor, detector = (
            Function(
                self.scheduler,
                self.faults,
                self._factory(name, epoch),
                timeout if limited and partial else None,
            )
            for name, limited, timeout in (
                ("processor", self._hazards.limited, _TIMEOUT),
                ("detector", self._crawled, _SHORT_TIMEOUT),
            )
        )
        self.scheduler.spawn(lambda: self._lead(processor, detector))
        with self._in_small():
            self.scheduler.run()
        close_hours(config, self.stores, self.scheduler.now)
        truth = self._tell(self._placed)
        usage = self.stores.usage
        differences = self._compare(truth)
        verdicts = {item["verdict"]["S"] for item in balances(self.stores, COUNTERS)}
        return Outcome(
            seed=self._seed,
            differences=differences,
            balanced=verdicts <= {"Balanced"} and not differences.wrong(checks.BALANCE),
            faults=self.faults.happened,
            events=len(truth.raw),
            requests=usage.requests.total(),
            write_units=usage.write_units.total(),
        )

    def _in_small(self) -> ExitStack:
        """Cut budgets, portions and the ceiling down to the size of a run."""
        stack = ExitStack()
        for name, value in (
            ("shared.budget.SMALLEST", _SMALLEST),
            ("detector.portions.MOST_EVENTS", _MOST_EVENTS),
            ("detector.portions.MOST_FOUND", _MOST_FOUND),
            ("detector.detector.MOST_FOUND", _MOST_FOUND),
            ("detector.ceiling.MOST_INCIDENTS", self._ceiling),
        ):
            stack.enter_context(mock.patch(name, value))
        return stack

    @property
    def _ceiling(self) -> int:
        return _CEILING if self._crawled else MOST_INCIDENTS

    def _tell(self, lanes: list[PlacedLane]) -> Truth:
        return tell(
            lanes,
            self._visitor(),
            rate=RATE_LIMIT,
            ceiling=self._ceiling,
            judge=Judge(self.stores, self._hazards.memories) if self._settings.hazards else None,
            refused=self._hazards.refused,
            deduplicate_seconds=self._settings.deduplicate_seconds,
        )

    def _is_refused(self, table: str, key: Mapping[str, Any]) -> bool:
        return table == PAGES and key["page_url"]["S"] == self._hazards.refused

    def _compare(self, truth: Truth) -> Differences:
        discarded = [place for mapping in self.mappings for place in mapping.discarded]
        if discarded:
            return self._compare_given_up(truth, discarded)
        ttl = self.spec.tables.ttl
        differences = compare(
            self.stores,
            truth,
            Lifetimes(
                page=ttl.page_metrics_days * 86_400,
                session=ttl.session_metrics_hours * 3600,
                counter=ttl.counters_hours * 3600,
            ),
            detection=self.spec.anomaly_detection.enabled,
            versions=self._hazards.earlier > 0,
            deadly=self._deadly,
        )
        for mapping in self.mappings:
            for place in mapping.stuck:
                differences.compare(checks.PROGRESS, f"attempts at {place}", 1, 0)
        compare_balance(
            differences,
            balances(self.stores, COUNTERS),
            records=len(self._sent),
            until=instant_of(round(self.scheduler.now) * 1000)[:13],
            unknown=self._hazards.earlier > 0,
            refused=sum(truth.pages[key].views for key in truth.refused),
        )
        return differences

    def _compare_given_up(self, truth: Truth, discarded: list[tuple[str, int]]) -> Differences:
        missed = set(self.mappings[0].discarded)
        kept = [
            replace(
                lane,
                rows=tuple(row for row in lane.rows if (lane.shard, row.sequence) not in missed),
            )
            for lane in self._placed
        ]
        differences = compare_between(self.stores, self._tell(kept), truth)
        differences.merge(compare_failed(self.stores, discarded, self._sent))
        return differences

    def _lead(self, processor: Function, detector: Function) -> None:
        """The course of the run, as one more task."""
        if self._crawled:
            # Before any incident: after that the ticks rely on the entries of unsent messages.
            self.scheduler.join(detector.invoke(_TICK))
        self.scheduler.spawn(lambda: self._tick(detector))
        self._live((processor, detector), self._stream(0))
        if self._settings.new_stream:
            if not self._settings.overlap:
                self._finish()
            self.faults.note(Fault.NEW_STREAM)
            # Numbers of a new stream are as a rule higher; nothing that is counted relies on it.
            lower = not self._settings.session_keys and self._source.random() < 1 / 2
            stream = self._stream(-_DAY_SECONDS if lower else _DELETION_SECONDS)
            self.scheduler.spawn(
                lambda: self._configure(processor, detector, stream.epoch),
                delay=self._source.choice((0.0, _SPAN_MS / 1000 * self._source.random())),
            )
            self._live((processor, detector), stream)
        self._finish()
        self.faults.stop()
        self._reading = False

    def _configure(self, processor: Function, detector: Function, epoch: str) -> None:
        """Tell the functions of the new stream, sooner or later than its first records do."""
        processor.configure(self._factory("processor", epoch))
        detector.configure(self._factory("detector", epoch))

    def _finish(self) -> None:
        """Wait until everything has been read."""
        self.scheduler.wait(lambda: all(mapping.done and mapping.idle for mapping in self.mappings))

    def _stream(self, skew_seconds: float) -> Stream:
        shards, clock = self._settings.shards, self.scheduler
        return Stream(shards, self._source, lambda: clock.now + skew_seconds)

    def _live(self, functions: Sequence[Function], stream: Stream) -> None:
        """Put one life of the stream, for both functions to read."""
        settings, scheduler = self._settings, self.scheduler
        mappings = [
            EventSourceMapping(
                scheduler=scheduler,
                faults=self.faults,
                source=self._source,
                stream=stream,
                function=function,
                settings=settings.mapping,
                on_failure=self._keep_failed,
            )
            for function in functions
        ]
        self.stores.tail.stream = stream
        self.mappings += mappings
        for mapping in mappings:
            mapping.start()
        self._put(stream)

    def _put(self, stream: Stream) -> None:
        settings, scheduler = self._settings, self.scheduler
        # Two lives that are read at once have no order, and what a session did before its checkout
        # is a matter of order: where checkouts are judged, they have no session in common.
        again = settings.overlap and settings.session_keys and bool(self._placed)
        maker = TrafficMaker(
            self._source,
            round(scheduler.now * 1000),
            settings.session_keys,
            visit="again_" if again else "",
            repeats=settings.deduplicate_seconds > 0,
        )
        records = maker.records(settings.records, span_ms=_SPAN_MS, crowd=settings.crowd)
        if settings.hazards is not None:
            records += maker.hazards(settings.hazards.poison, settings.hazards.refused)
            self._source.shuffle(records)
        if self._crawled:
            records += maker.crawl(self._source.randint(6, 14), _SPAN_MS)
            deadly = maker.deadly(POISON, self._source.randint(0, 2))
            records += deadly
            self._deadly += len(deadly)
            self._source.shuffle(records)
        cuts = {self._source.randrange(len(records)) for _ in range(settings.reshards)}
        placed: dict[str, list[tuple[int, int, SentRecord]]] = {name: [] for name in stream.shards}
        for index, record in enumerate(records):
            if index in cuts:
                self.faults.note(Fault.RESHARD)
                stream.reshard()
            arrival = round(scheduler.now, 3)
            shard, sequence = stream.put(record.partition_key, record.data, arrival)
            self._sent[shard, sequence] = record.data
            placed.setdefault(shard, []).append((sequence, round(arrival * 1000), record))
            scheduler.sleep(_SPAN_MS / 1000 / len(records))
        stream.end()
        # In the order of their numbers, parents stand before children.
        for each in stream.shards.values():
            self._placed.append(_lane(each, placed.get(each.name, [])))

    def _tick(self, detector: Function) -> None:
        """Invoke the detector each minute, and a few times more once all is read."""
        left = _LAST_TICKS_OF_CRAWL if self._crawled or self._settings.late else _LAST_TICKS
        while left:
            self.scheduler.sleep(_TICK_SECONDS)
            quiet = not self._reading
            task = detector.invoke(_TICK)
            self.scheduler.join(task)
            if task.error is not None:
                check_expected(task.error)
            left -= quiet

    def _factory(self, function: Any, epoch: str) -> Any:
        config = make_config(function, self.spec, epoch)
        parts = (config, self.stores, HASH_KEY, lambda: self.scheduler.now, self.lines.append)
        if function == "detector":
            return detector_factory(*parts, poison=POISON if self._crawled else b"")
        return processor_factory(*parts, hazards=self._settings.hazards, source=self._memories)

    def _visitor(self) -> Any:
        from shared.privacy import Scrubber  # noqa: PLC0415 - lambdas/ is a path of its own

        config = make_config("processor", self.spec, "e")
        scrubber = Scrubber(config.privacy, config.fields, HASH_KEY)

        def visitor(event: SentEvent) -> bytes:
            return scrubber.visitor(event.document())

        return visitor

    def _keep_failed(self, key: str, body: bytes) -> None:
        self.stores.bucket.put_object(Bucket="", Key=key, Body=body)


def _lane(shard: Shard, records: Sequence[tuple[int, int, SentRecord]]) -> PlacedLane:
    rows = tuple(
        PlacedRow(sequence, sub, arrival, row)
        for sequence, arrival, record in records
        for sub, row in enumerate(record.rows)
    )
    last = records[-1][0] if records else -1
    return PlacedLane(epoch_of(shard.created), shard.name, rows, last, shard.parents)


def run_trial(seed: int, settings: TrialSettings | None = None) -> Outcome:
    """Run one trial; the same seed gives the same outcome."""
    return Trial(seed, settings or draw_settings(seed)).run()
