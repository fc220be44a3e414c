"""One invocation of the detector: a batch of the stream, or the tick of each minute.

Order, and why: findings are computed from the lane's state; incident items are put before the
state is written, so that a crash between the two finds them again and misses none; messages follow
their items. The state is written with compare-and-set on the lane's watermark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import session_key
from detector.earlier_events import earlier_events, read_counts
from detector.findings import Ending
from detector.incidents import Incidents
from detector.lane_state import DetectorLanes, LaneState
from detector.minute_windows import Minutes, latest_minute
from detector.rules import active_rules
from detector.session_rules import SessionRules
from detector.site_rules import SiteRules
from detector.site_state import SiteItem
from detector.stream_tail import StreamTail
from shared.conditional_write import MOST_ATTEMPTS, ContentionError
from shared.decode import Decoder, read_records
from shared.emf import Metrics, write_line
from shared.logs import Log
from shared.privacy import Scrubber

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from detector.earlier_events import SessionCounts
    from detector.findings import Finding
    from detector.lane_state import Checkout
    from shared.config import Config
    from shared.lanes import Lane
    from shared.records import Batch

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
        hash_key: bytes,
        clock: Callable[[], float],
        out: Callable[[str], None] = write_line,
    ) -> None:
        """Take low-level boto3 clients, a clock in epoch seconds, and where to print lines.

        Without `kinesis` an idle lane is past no minute, so rules about the whole site wait.
        """
        self._config = config
        self._dynamodb = dynamodb
        self._log = Log(config.log_level, out)
        self._metrics = Metrics(config.pipeline, clock, out)
        self._decoder = Decoder(config, Scrubber(config.privacy, config.fields, hash_key))
        rules = active_rules(config.detection, config.fields)
        self._clock = clock
        self._rules = SessionRules(rules, config.fields)
        self._site_rules = SiteRules(rules, config.fields, config.detection.sensitivity)
        self._site = SiteItem(dynamodb, config.tables.counters)
        tail = None if kinesis is None else StreamTail(kinesis, config.detection.stream, clock)
        self._minutes = Minutes(tail, config.stream_epoch)
        self._lanes = DetectorLanes(dynamodb, config.tables.counters, config.ttl.lane_hours)
        self._incidents = Incidents(
            dynamodb=dynamodb,
            sns=sns,
            table=config.tables.counters,
            topic_arn=config.detection.alerts_topic_arn,
            pipeline=config.pipeline,
            ttl_hours=config.ttl.lane_hours,
            clock=clock,
            log=self._log,
        )

    def process(self, event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        """Process one Kinesis event of Lambda, or the schedule's; raises if AWS fails."""
        del context
        if not self._config.detection.enabled:
            return {"batchItemFailures": []}
        if event.get("source") == SCHEDULE_SOURCE:
            self._tick()
            return {}
        for lane, records in read_records(event, self._config.stream_epoch).items():
            self._advance(lane, self._decoder.decode_batch(records))
        return {"batchItemFailures": []}

    def _tick(self) -> None:
        """Do what the clock demands: messages left behind, what waited, minutes that are final."""
        published = self._incidents.publish_left_behind()
        now_ms = round(self._clock() * 1000)
        site = self._site.load()
        self._minutes.begin(site, now_ms)
        seen: set[str] = set()
        # One at a time: the states of all lanes together could exceed the memory.
        for lane, state in self._lanes.load_all():
            if self._minutes.is_past(lane):
                self._settle(lane, state, now_ms)  # Of a former life of the stream: all is read.
                continue
            seen.add(lane.code)
            self._settle(lane, state, self._minutes.take(site, lane, state, now_ms))
        self._minutes.finish(site, seen, now_ms)
        judged = 0
        for minute, sums in self._minutes.final(site, now_ms):
            if sums is not None:
                self._record(self._site_rules.judge(site, minute, sums))
                judged += 1
        # Refused: another tick was quicker and has judged the same minutes alike.
        self._site.save(site, now_ms / 1000)
        behind = latest_minute(now_ms) - site.judged
        self._log.write("DEBUG", "tick", published=published, judged=judged, behind=behind)
        if site.skipped or site.truncated:
            self._log.write("DEBUG", "given up", minutes=site.skipped, entries=site.truncated)

    def _advance(self, lane: Lane, batch: Batch) -> None:
        # Read afresh each time: from a remembered state, quiet times that another container set
        # would be missing, and an incident, once put, stands.
        state: LaneState | None = self._lanes.load(lane)
        for _ in range(MOST_ATTEMPTS):
            if state is None or state.watermark >= batch.last:
                return
            expected = state.watermark
            fresh = [event for event in batch.events if event.sequence > expected]
            found = self._rules.advance(state, fresh)
            state.watermark = batch.last
            state.last_arrival_ms = max(state.last_arrival_ms, batch.last_arrival_ms)
            found += self._judge_checkouts(lane, state)
            found += self._rules.settle(state, state.clock_ms)
            self._record(found)
            state = self._lanes.save(lane, expected=expected, state=state)
        if state is not None:
            raise ContentionError("a detector item was changed by others too often")

    def _settle(self, lane: Lane, state: LaneState, through_ms: int) -> None:
        """Judge what waited, without new events; `through_ms`: how far the lane has been read.

        If a batch advances the lane meanwhile the write is refused and nothing is lost: that
        batch finds the same checkouts and endings, with the same verdicts.
        """
        waiting = len(state.pending)
        found = self._judge_checkouts(lane, state) if waiting else []
        found += self._rules.settle(state, max(state.clock_ms, through_ms))
        self._record(found)
        if found or len(state.pending) != waiting:
            self._lanes.save(lane, expected=state.watermark, state=state)

    def _judge_checkouts(self, lane: Lane, state: LaneState) -> list[Finding | Ending]:
        """Return what the waiting checkouts amount to; those still unknown stay in the state."""
        found: list[Finding | Ending] = []
        waiting: list[Checkout] = []
        counts: dict[str, SessionCounts] = {}
        enough = self._rules.enough_before_checkout
        for checkout in state.pending:
            session = checkout.session
            if session not in counts:
                counts[session] = read_counts(self._session_item(session))
            earlier = earlier_events(
                counts[session],
                checkout,
                lane_code=lane.code,
                reached=state.watermark,
                enough=enough,
            )
            if earlier is None:
                waiting.append(checkout)
                continue
            found += self._rules.verdict(state, checkout, earlier)
        oldest = state.last_arrival_ms - self._config.ttl.session_metrics_hours * 3_600_000
        state.pending = [checkout for checkout in waiting if checkout.arrival_ms > oldest]
        return found

    def _session_item(self, session: str) -> dict[str, Any]:
        answer = self._dynamodb.get_item(
            TableName=self._config.tables.session_metrics, Key=session_key(session)
        )
        item: dict[str, Any] = answer.get("Item", {})
        return item

    def _record(self, found: Sequence[Finding | Ending]) -> None:
        counts: dict[str, int] = {}
        ended = 0
        for each in found:
            if isinstance(each, Ending):
                ended += self._incidents.end(each)
            elif self._incidents.record(each):
                counts[each.rule] = counts.get(each.rule, 0) + 1
        for rule, count in counts.items():
            self._metrics.emit({"Anomalies": (count, "Count")}, dimensions={"Rule": rule})
            self._log.write("WARNING", "incidents", rule=rule, incidents=count)
        if counts:
            self._metrics.emit({"Anomalies": (sum(counts.values()), "Count")})
        if ended:
            self._log.write("INFO", "incidents over", incidents=ended)
