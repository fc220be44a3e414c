"""One invocation of the detector: a batch of the stream, or the tick of each minute.

A batch is taken in portions. Of each, findings are computed from the lane's state; incident items
are put before the state is written, so that a crash between the two finds them again and misses
none; messages follow their items. The state is written with compare-and-set on the lane's
watermark. When half of the time is over the rest of the batch is left to the next invocation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detector.balance import HourlyBalance
from detector.checkouts import Checkouts
from detector.incidents import Incidents
from detector.lane_items import DetectorLanes
from detector.messages import Messages
from detector.minute_windows import Minutes, latest_minute
from detector.portions import MOST_FOUND, MOST_TRIES, TRIES_TOGETHER, Portion, RowBudget
from detector.rules import active_rules
from detector.session_rules import SessionRules
from detector.site_rules import SiteRules
from detector.site_state import SiteItem
from detector.stream_tail import StreamTail
from detector.telling import Telling
from detector.unsent import UnsentMessages
from shared.budget import SMALLEST_MEMORY_MIB
from shared.conditional_write import MOST_ATTEMPTS, ContentionError
from shared.decode import Decoder
from shared.emf import Metrics, write_line
from shared.lambda_records import read_records
from shared.logs import Log
from shared.privacy import Scrubber
from shared.thread_pool import Workers
from shared.time_limit import TimeLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from detector.findings import Ending, Finding
    from detector.lane_state import LaneState
    from detector.site_state import SiteState
    from shared.config import Config
    from shared.lanes import Lane
    from shared.records import Record

SCHEDULE_SOURCE = "clickstream.schedule"


class Detector:
    """The detector of one pipeline; lives as long as its container."""

    def __init__(
        self,
        config: Config,
        *,
        dynamodb: Any,
        sns: Any,
        kinesis: Any = None,
        s3: Callable[[], Any] | None = None,
        hash_key: bytes,
        clock: Callable[[], float],
        threads: int = 1,
        memory_mib: int = SMALLEST_MEMORY_MIB,
        out: Callable[[str], None] = write_line,
    ) -> None:
        """Take low-level boto3 clients, a clock in epoch seconds, and where to print lines.

        Without `kinesis` an idle lane is past no minute, so rules about the whole site wait.
        `s3` makes a client when the first hour is due; without it no hour is balanced.
        `memory_mib`: the function's, from which with its timeout the rows of a record follow.
        """
        self._config = config
        self._clock = clock
        self._memory_mib = memory_mib
        self._log = Log(config.log_level, out)
        self._metrics = Metrics(config.pipeline, clock, out)
        self._decoder = Decoder(config, Scrubber(config.privacy, config.fields, hash_key))
        rules = active_rules(config.detection, config.fields)
        telling = Telling(config.privacy, config.fields, hash_key)
        self._rules = SessionRules(rules, config.fields, telling, config.robots)
        self._site_rules = SiteRules(rules, config.fields, config.detection.sensitivity, telling)
        table, ttl_hours = config.tables.counters, config.ttl.lane_hours
        self._site = SiteItem(dynamodb, table)
        tail = None if kinesis is None else StreamTail(kinesis, config.detection.stream, clock)
        self._minutes = Minutes(tail, config.stream_epoch)
        self._balance = None
        if s3 is not None:
            self._balance = HourlyBalance(
                config,
                dynamodb=dynamodb,
                s3=s3,
                tail=tail,
                clock=clock,
                metrics=self._metrics,
                log=self._log,
            )
        self._lanes = DetectorLanes(dynamodb, table, ttl_hours)
        workers = Workers(threads)
        self._checkouts = Checkouts(config, dynamodb=dynamodb, rules=self._rules, workers=workers)
        topic_arn = config.detection.alerts_topic_arn
        self._messages = Messages(
            dynamodb=dynamodb, sns=sns, table=table, topic_arn=topic_arn, log=self._log
        )
        self._unsent = UnsentMessages(
            dynamodb=dynamodb,
            table=table,
            ttl_hours=ttl_hours,
            messages=self._messages,
            workers=workers,
            clock=clock,
        )
        self._incidents = Incidents(
            dynamodb=dynamodb,
            table=table,
            pipeline=config.pipeline,
            ttl_hours=ttl_hours,
            messages=self._messages,
            unsent=self._unsent,
            workers=workers,
            clock=clock,
            log=self._log,
        )
        self._known: set[Lane] = set()

    def process(self, event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        """Process one Kinesis event of Lambda, or the schedule's; raises if AWS fails.

        Returns:
            The first record that is left when time is short, for the mapping to deliver from there.
        """
        if not self._config.detection.enabled:
            return {"batchItemFailures": []}
        limit = TimeLimit(context)
        self._messages.begin()
        if event.get("source") == SCHEDULE_SOURCE:
            self._tick(limit)
            return {}
        failures = []
        for lane, records in read_records(event, self._config.stream_epoch).items():
            left = self._advance(lane, records, limit)
            if left is not None:
                failures.append({"itemIdentifier": str(left.sequence)})
                break
        return {"batchItemFailures": failures}

    def _tick(self, limit: TimeLimit) -> None:
        """Do what the clock demands: what waited, minutes that are final, messages left behind.

        Raises:
            Exception: the topic cannot be reached; all else is done, and Errors shows it.
        """
        now_ms = round(self._clock() * 1000)
        site = self._site.load()
        self._minutes.begin(site, now_ms)
        seen: set[str] = set()
        # One at a time: the states of all lanes together could exceed the memory.
        for lane, state in self._lanes.load_all():
            through_ms = now_ms  # Of a former life of the stream: all is read.
            if not self._minutes.is_past(lane):
                seen.add(lane.code)
                through_ms = self._minutes.take(site, lane, state, now_ms)
            if limit.may_begin():
                self._settle(lane, state, through_ms)
        self._minutes.finish(site, seen, now_ms)
        judged = 0
        for minute, sums in self._minutes.final(site, now_ms):
            if sums is not None:
                self._record(site, self._site_rules.judge(site, minute, sums), "site")
                judged += 1
        published = self._unsent.publish_left_behind(site, limit)
        # Refused: another tick was quicker and has judged the same minutes alike.
        self._site.save(site, now_ms / 1000)
        if self._balance is not None and limit.may_begin():
            self._balance.tick(limit)
        behind = latest_minute(now_ms) - site.judged
        self._log.write("DEBUG", "tick", published=published, judged=judged, behind=behind)
        if site.skipped or site.truncated or site.left_out:
            self._log.write(
                "DEBUG",
                "given up",
                minutes=site.skipped,
                entries=site.truncated,
                failed=site.left_out,
            )
        if self._messages.failure is not None:
            raise self._messages.failure

    def _advance(self, lane: Lane, records: Sequence[Record], limit: TimeLimit) -> Record | None:
        """Judge the records of a lane in portions; returns the first that is left, if any."""
        budget = RowBudget.of(self._memory_mib, limit.seconds)
        # Read afresh each time: from a remembered state, quiet times that another container set
        # would be missing, and an incident, once put, stands.
        state = self._lanes.load(lane)
        pending = [record for record in records if record.sequence > state.watermark]
        if pending and lane not in self._known:
            # After a failure of any kind, and when a container is new.
            state = self._lanes.begin_attempt(lane, state, pending[0].arrival_ms)
        self._known.discard(lane)
        # For the whole invocation: else the record that ends it would be with others again.
        alone = state.tries > TRIES_TOGETHER
        refused = 0
        while pending := [record for record in pending if record.sequence > state.watermark]:
            stored = self._take(lane, state, pending, budget, alone=alone)
            if stored is not None:
                # Another container has advanced the lane meanwhile.
                state = stored
                refused += 1
                if refused == MOST_ATTEMPTS:
                    raise ContentionError("a detector item was changed by others too often")
            elif not limit.may_begin():
                break
        self._known.add(lane)
        return next((record for record in pending if record.sequence > state.watermark), None)

    def _take(
        self,
        lane: Lane,
        state: LaneState,
        pending: Sequence[Record],
        budget: RowBudget,
        *,
        alone: bool,
    ) -> LaneState | None:
        """Judge the next portion and save the state; returns what stands if that is refused."""
        expected = state.watermark
        left_out = state.left_out
        if state.tries > MOST_TRIES:
            self._log.write("ERROR", "record left out", lane=lane.code, error=state.error)
            taken, found = pending[:1], []
            state.left_out += 1
        else:
            portion = Portion(self._decoder, pending, budget, alone=alone)
            try:
                self._rules.advance(state, portion.events(), portion.found)
            except Exception as error:
                if state.tries:
                    self._lanes.end_attempt(lane, state, error=type(error).__name__)
                raise
            taken, found = portion.taken, portion.found
        if state.tries:
            self._lanes.end_attempt(lane, state)
        state.watermark = taken[-1].sequence
        state.last_arrival_ms = max(state.last_arrival_ms, *(each.arrival_ms for each in taken))
        found += self._checkouts.judge(state)
        found += self._rules.settle(state, state.clock_ms, most=MOST_FOUND)
        self._record(state, found, lane.code)
        if state.left_out > left_out:
            self._log.write("ERROR", "left out", lane=lane.code, verdicts=state.left_out - left_out)
        return self._lanes.save(lane, expected=expected, state=state)

    def _settle(self, lane: Lane, state: LaneState, through_ms: int) -> None:
        """Judge what waited, without new events; `through_ms`: how far the lane has been read.

        If a batch advances the lane meanwhile the write is refused and nothing is lost: that
        batch finds the same checkouts and endings, with the same verdicts.
        """
        waiting = len(state.pending)
        found = self._checkouts.judge(state)
        found += self._rules.settle(state, max(state.clock_ms, through_ms), most=MOST_FOUND)
        self._record(state, found, lane.code)
        if found or len(state.pending) != waiting:
            self._lanes.save(lane, expected=state.watermark, state=state)

    def _record(
        self, state: LaneState | SiteState, found: Sequence[Finding | Ending], place: str
    ) -> None:
        """Store and publish what was found, and count it; `place` names the judge."""
        outcome = self._incidents.record(found, place)
        state.left_out += len(outcome.refused)
        counts = outcome.begun_by_rule()
        for rule, count in counts.items():
            self._metrics.emit({"Anomalies": (count, "Count")}, dimensions={"Rule": rule})
            self._log.write("WARNING", "incidents", rule=rule, incidents=count)
        if counts:
            self._metrics.emit({"Anomalies": (sum(counts.values()), "Count")})
        if outcome.ended:
            self._log.write("INFO", "incidents over", incidents=len(outcome.ended))
