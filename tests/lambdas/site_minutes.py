"""A pipeline whose minutes pass, for tests of the rules that are judged minute by minute."""

from __future__ import annotations

from typing import Any

from clickstream_layout.tables import SITE
from detector.detector import Detector
from detector.site_state import SiteState
from shared.timestamps import instant_text
from tests.lambdas.memory_aws import CrashError
from tests.lambdas.memory_kinesis import MemoryKinesis
from tests.lambdas.pipelines import (
    COUNTERS,
    KEY,
    NOW,
    SHARD,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
    make_detection,
)

TICK = {"source": "clickstream.schedule"}
START = NOW // 60 * 60
"""A whole minute; minute 0 of the tests."""


class Site:
    """A pipeline whose minutes pass: events in, ticks, all by one virtual clock."""

    def __init__(self, *rules: dict[str, Any], disabled: tuple[str, ...] = (), **more: Any) -> None:
        detection = make_detection(disabledRules=list(disabled), rules=list(rules), **more)
        self.pipeline = Pipeline(make_config(detection=detection))
        self.kinesis = MemoryKinesis()
        self.minute = 0
        self.sent = 0
        self.crashes = 0
        self.pipeline.now = START + 130
        self.tick()

    def detector(self) -> Detector:
        """Return the detector of a fresh container."""
        return Detector(
            self.pipeline.config,
            dynamodb=self.pipeline.dynamodb,
            sns=self.pipeline.sns,
            kinesis=self.kinesis,
            hash_key=KEY,
            clock=lambda: self.pipeline.now,
            out=self.pipeline.lines.append,
        )

    def invoke(self, payload: dict[str, Any]) -> None:
        """Invoke the function; after a crash once more, in another container."""
        try:
            self.detector().process(payload)
        except CrashError:
            self.crashes += 1
            self.detector().process(payload)

    def tick(self) -> None:
        """Let the schedule call."""
        self.invoke(TICK)

    def put(self, count: int, *, shard: str = SHARD, read: bool = True, **members: Any) -> None:
        """Put events into the current minute, and let the detector read them."""
        at = START + self.minute * 60 + 30
        payloads = encode(
            event(session_id=f"s-{self.sent + n}", timestamp=instant_text(round(at * 1000)))
            | members
            for n in range(count)
        )
        if payloads:
            self.kinesis.put(self.sent, [at] * count, shard)
            if read:
                self.invoke(invocation(payloads, start=self.sent, shard=shard, arrival=at))
        self.sent += count

    def end_minute(self) -> None:
        """Go on to the next minute; the tick judges it two minutes and a bit later."""
        self.minute += 1
        self.pipeline.now = START + self.minute * 60 + 130
        self.tick()

    def play(self, *counts: int, **members: Any) -> None:
        """Let one minute pass for each count."""
        for count in counts:
            self.put(count, **members)
            self.end_minute()

    def found(self) -> list[tuple[str, str, bool]]:
        """Return (rule, subject, whether it is over) of each incident."""
        incidents = self.pipeline.readback().incidents()
        return [(each.rule, each.subject, each.over is not None) for each in incidents]

    def state(self) -> SiteState:
        """Return what the tick remembers."""
        (item,) = [
            item
            for item in self.pipeline.dynamodb.items(COUNTERS)
            if item["metric_name"]["S"] == SITE
        ]
        return SiteState.decode(item["state"]["B"])


def rule(**members: Any) -> dict[str, Any]:
    """Return a compiled rule of the site."""
    return {"name": "mine", "kind": "Rate", "scope": "Site", "cooldownSeconds": 1800} | members
