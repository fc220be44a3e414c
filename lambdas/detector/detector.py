"""One invocation of the detector: a batch of the stream, or the tick of each minute.

Order, and why: findings are computed from the lane's state; incident items are put before the
state is written, so that a crash between the two finds them again and misses none; messages follow
their items. The state is written with compare-and-set on the lane's watermark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detector.incidents import Incidents
from detector.lane_state import DetectorLanes, LaneState
from detector.rules import active_rules
from detector.session_rules import SessionRules, earlier_events, read_counts
from shared.conditional_write import MOST_ATTEMPTS, ContentionError
from shared.decode import Decoder, read_records
from shared.emf import Metrics, write_line
from shared.lanes import Lane
from shared.logs import Log
from shared.privacy import Scrubber

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from detector.lane_state import Checkout
    from detector.session_rules import Finding, SessionCounts
    from shared.config import Config
    from shared.rows import Batch

SCHEDULE_SOURCE = "clickstream.schedule"


class Detector:
    """The detector of one pipeline; lives as long as its container."""

    def __init__(
        self,
        config: Config,
        *,
        dynamodb: Any,
        sns: Any,
        hash_key: bytes,
        clock: Callable[[], float],
        out: Callable[[str], None] = write_line,
    ) -> None:
        """Take low-level boto3 clients, a clock in epoch seconds, and where to print lines."""
        self._config = config
        self._dynamodb = dynamodb
        self._log = Log(config.log_level, out)
        self._metrics = Metrics(config.pipeline, clock, out)
        self._decoder = Decoder(config, Scrubber(config.privacy, config.fields, hash_key))
        self._rules = SessionRules(active_rules(config.detection), config.fields)
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
        for shard, records in read_records(event).items():
            lane = Lane(self._config.stream_epoch, shard)
            self._advance(lane, self._decoder.decode_batch(records))
        return {"batchItemFailures": []}

    def _tick(self) -> None:
        """Do what the clock demands: messages left behind, verdicts that waited."""
        published = self._incidents.publish_left_behind()
        for lane, state in self._lanes.load_all():
            if state.pending:
                self._judge_again(lane, state)
        self._log.write("DEBUG", "tick", published=published)

    def _advance(self, lane: Lane, batch: Batch) -> None:
        # Read afresh each time: from a remembered state, quiet times that another container set
        # would be missing, and an incident, once put, stands.
        state: LaneState | None = self._lanes.load(lane)
        for _ in range(MOST_ATTEMPTS):
            if state is None or state.watermark >= batch.last:
                return
            expected = state.watermark
            fresh = [event for event in batch.events if event.sequence > expected]
            findings = self._rules.advance(state, fresh)
            state.watermark = batch.last
            state.last_arrival_ms = max(state.last_arrival_ms, batch.last_arrival_ms)
            findings += self._judge_checkouts(lane, state)
            self._record(lane, findings)
            state = self._lanes.save(lane, expected=expected, state=state)
        if state is not None:
            raise ContentionError("a detector item was changed by others too often")

    def _judge_again(self, lane: Lane, state: LaneState) -> None:
        """Judge checkouts without new events.

        If a batch advances the lane meanwhile the write is refused and nothing is lost: that
        batch judges the same checkouts, with the same verdicts.
        """
        waiting = len(state.pending)
        self._record(lane, self._judge_checkouts(lane, state))
        if len(state.pending) != waiting:
            self._lanes.save(lane, expected=state.watermark, state=state)

    def _judge_checkouts(self, lane: Lane, state: LaneState) -> list[Finding]:
        """Return what the waiting checkouts amount to; those still unknown stay in the state."""
        findings: list[Finding] = []
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
            finding = self._rules.verdict(state, checkout, earlier)
            if finding is not None:
                findings.append(finding)
        oldest = state.last_arrival_ms - self._config.ttl.session_metrics_hours * 3_600_000
        state.pending = [checkout for checkout in waiting if checkout.arrival_ms > oldest]
        return findings

    def _session_item(self, session: str) -> dict[str, Any]:
        answer = self._dynamodb.get_item(
            TableName=self._config.tables.session_metrics, Key={"session_id": {"S": session}}
        )
        item: dict[str, Any] = answer.get("Item", {})
        return item

    def _record(self, lane: Lane, findings: list[Finding]) -> None:
        counts: dict[str, int] = {}
        for finding in findings:
            if self._incidents.record(finding):
                counts[finding.rule] = counts.get(finding.rule, 0) + 1
        for rule, count in counts.items():
            self._metrics.emit({"Anomalies": (count, "Count")}, dimensions={"Rule": rule})
            self._log.write("WARNING", "incidents", lane=lane.code, rule=rule, incidents=count)
        if counts:
            self._metrics.emit({"Anomalies": (sum(counts.values()), "Count")})
