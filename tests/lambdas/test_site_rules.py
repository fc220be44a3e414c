"""Rules about the site, pages and networks: judged by the tick, minute by minute, all lanes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clickstream_layout.tables import SITE
from detector.detector import Detector
from detector.incidents import OVER_SUBJECT, SUBJECT
from detector.minute_windows import MOST_MINUTES
from detector.site_state import LARGEST_STATE_BYTES, SiteItem, SiteState
from shared.timestamps import instant_text
from tests.lambdas.memory_aws import CrashError
from tests.lambdas.memory_kinesis import MemoryKinesis, Shard
from tests.lambdas.pipelines import (
    COUNTERS,
    KEY,
    NOW,
    SHARD,
    TOPIC,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
)

TICK = {"source": "clickstream.schedule"}
OTHER = "shardId-000000000001"
START = NOW // 60 * 60
"""A whole minute; minute 0 of the tests."""


class Site:
    """A pipeline whose minutes pass: events in, ticks, all by one virtual clock."""

    def __init__(self, *rules: dict[str, Any], disabled: tuple[str, ...] = (), **more: Any) -> None:
        detection = {
            "enabled": True,
            "stream": "p",
            "sensitivity": "Medium",
            "disabledRules": list(disabled),
            "rules": list(rules),
            "alertsTopicArn": TOPIC,
        } | more
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


def test_outage_is_seen_and_its_end_announced() -> None:
    """Nothing comes: an incident within two minutes of traffic's end; one message when over."""
    site = Site()
    site.play(*[40] * 40)
    assert site.found() == []
    site.play(0, 0)
    assert site.found() == [("volume", "", False)]
    site.play(*[0] * 5)
    site.play(*[40] * 8)
    assert site.found() == [("volume", "", True)]
    subjects = [message["Subject"] for message in site.pipeline.sns.messages]
    assert subjects == [SUBJECT, OVER_SUBJECT]
    begun, over = (json.loads(message["Message"]) for message in site.pipeline.sns.messages)
    assert begun["incident_id"] == over["incident_id"]
    assert (begun["session_id"], begun["scope"]) == (None, "Site")
    assert begun["anomalies"][0]["type"] == "volume"
    assert "below its season: 0 events" in begun["anomalies"][0]["details"]
    assert over["over"] > begun["timestamp"]


def test_lagging_shard_is_not_a_drop() -> None:
    """Half the traffic is unread: no verdict; once read, the minutes are judged as they were."""
    site = Site()
    for _ in range(40):
        site.put(20)
        site.put(20, shard=OTHER)
        site.end_minute()
    judged = site.state().judged
    hung = []
    for _ in range(10):
        site.put(20)
        hung.append((site.sent, START + site.minute * 60 + 30))
        site.put(20, shard=OTHER, read=False)
        site.end_minute()
    assert site.found() == []
    assert site.state().judged <= judged + 1
    for start, at in hung:
        payloads = encode(
            event(session_id=f"s-{start + n}", timestamp=instant_text(round(at * 1000)))
            for n in range(20)
        )
        site.detector().process(invocation(payloads, start=start, shard=OTHER, arrival=at))
    site.play(40)
    assert site.found() == []
    assert site.state().judged >= judged + 10
    assert not site.state().sums


def test_idle_shard_does_not_hold_the_others_up() -> None:
    """A shard without records, and one closed by a reshard, are past every minute."""
    site = Site()
    site.kinesis.shards[OTHER] = Shard()
    site.kinesis.shards["shardId-000000000002"] = Shard(closed=True)
    before = site.state().judged
    site.play(5, 5, 5)
    assert site.state().judged == before + 3


def test_unread_first_record_of_a_new_shard_holds_the_minute() -> None:
    """A shard whose very first record the detector has not seen is not past its minute."""
    site = Site()
    site.play(5)
    judged = site.state().judged
    site.put(1, shard=OTHER, read=False)
    site.play(5, 5)
    assert site.state().judged <= judged + 1


def test_throttled_look_delays_and_a_refused_one_is_an_error() -> None:
    """Kinesis is busy: the verdict waits. Kinesis refuses: the function's Errors show it."""
    site = Site()
    site.play(5)
    judged = site.state().judged
    site.put(5)
    site.minute += 1
    site.pipeline.now = START + site.minute * 60 + 130
    real = site.kinesis.list_shards
    site.kinesis.fail = "ProvisionedThroughputExceededException"
    site.kinesis.list_shards = lambda **_: {"Shards": []}  # type: ignore[method-assign]
    site.tick()
    assert site.state().judged == judged
    site.kinesis.fail, site.kinesis.list_shards = "AccessDeniedException", real  # type: ignore[method-assign]
    with pytest.raises(ClientError):
        site.tick()
    site.kinesis.fail = ""
    site.tick()
    assert site.state().judged == judged + 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_crash_at_any_write_of_a_tick(moment: str) -> None:
    """Around each write of the tick that finds an outage, and of the one that ends it."""

    def play(write: int | None) -> tuple[list[tuple[str, str, bool]], list[str], int]:
        site = Site(rule(limit=3, operator="LessThan"), disabled=("volume",))
        site.play(*[5] * 7)
        first = site.pipeline.faults.writes
        if write is not None:
            setattr(site.pipeline.faults, f"crash_{moment}", first + write)
        site.play(0, 5)
        site.pipeline.now += 65
        site.tick()
        assert site.crashes == (write is not None)
        sent = {f"{m['Subject']} {json.loads(m['Message'])['incident_id']}" for m in
                site.pipeline.sns.messages}  # fmt: skip
        return site.found(), sorted(sent), site.pipeline.faults.writes - first

    found, sent, writes = play(None)
    assert found == [("mine", "", True)]
    assert len(sent) == 2
    for write in range(writes):
        assert play(write)[:2] == (found, sent)


def test_overlapping_ticks_find_each_incident_once() -> None:
    """A second tick runs whole in the middle of the first, at each of its writes."""
    for write in range(1, 5):
        site = Site(rule(limit=3, operator="LessThan"), disabled=("volume",))
        site.play(*[5] * 7)
        site.minute += 1
        site.pipeline.now = START + site.minute * 60 + 130
        site.pipeline.faults.interrupts[site.pipeline.faults.writes + write] = site.tick
        site.tick()
        assert site.found() == [("mine", "", False)]
        site.play(5)
        assert site.found() == [("mine", "", True)]


CASES: list[tuple[dict[str, Any], list[int], list[int], bool]] = [
    # rule, minutes that keep it still, minutes that make it fire, whether the last ends it
    (rule(limit=10), [10, 10], [11], False),
    (rule(limit=10, perSeconds=120), [5, 5, 5, 5], [6, 6], False),
    (rule(limit=10, forSeconds=120), [11, 1, 11, 1], [11, 11], False),
    (rule(limit=3, operator="LessThan"), [3, 3], [2], False),
    (rule(kind="Absent", forSeconds=180), [0, 0, 1, 0, 0, 1], [0, 0, 0], False),
    (rule(limit=10), [1], [11, 1], True),
    (rule(kind="Absent", forSeconds=60), [1], [0, 1], True),
]


@pytest.mark.parametrize(("which", "still", "fires", "over"), CASES)
def test_rule_of_the_site(
    which: dict[str, Any], still: list[int], fires: list[int], *, over: bool
) -> None:
    """Each kind counts whole minutes of all shards, holds for its time, and ends."""
    site = Site(which, disabled=("volume",))
    site.play(*[5] * 6)
    while site.minute % 2:
        site.play(5)
    site.play(*still)
    assert site.found() == []
    site.play(*fires)
    assert site.found() == [("mine", "", over)]


def test_rule_of_the_site_counts_what_matches() -> None:
    """Match, field, threshold and share choose the events; other events do not count."""
    site = Site(
        rule(name="sales", limit=2, match={"event_type": "purchase"}),
        rule(name="large", kind="Threshold", field="amount", limit=100),
        rule(name="errors", kind="Ratio", field="error", limit=0.2, minVolume=10),
        rule(name="admin", kind="Match", field="page_url", operator="Matches", text="/adm*"),
        disabled=("volume",),
    )
    site.play(*[1] * 6)
    site.put(2, event_type="purchase", amount=100)
    site.put(18)
    site.put(4, error="x")
    site.play(0)
    assert site.found() == []
    site.put(3, event_type="purchase", amount=100.5)
    site.put(3, error="x")
    site.put(8, page_url="/admin/users")
    site.play(0)
    assert sorted(site.found()) == [
        ("admin", "", False),
        ("errors", "", False),
        ("large", "", False),
        ("sales", "", False),
    ]


def test_pages_and_networks_are_counted_over_all_shards() -> None:
    """Twenty in each of two shards are forty; an address is named by its network only."""
    site = Site(
        rule(name="hot_page", scope="Page", limit=30),
        rule(name="hot_net", scope="IPPrefix", limit=30),
        disabled=("volume",),
    )
    site.play(*[1] * 6)
    for shard in (SHARD, OTHER):
        site.put(20, shard=shard, page_url="/hot|page?x=1", ip_address="203.0.113.77")
        site.put(9, shard=shard, page_url="/cold", ip_address="198.51.100.9")
    site.play(1)
    assert site.found() == [
        ("hot_net", "203.0.113.0/24", False),
        ("hot_page", "/hot|page", False),
    ] or site.found() == [
        ("hot_page", "/hot|page", False),
        ("hot_net", "203.0.113.0/24", False),
    ]
    site.play(1)
    assert {over for _, _, over in site.found()} == {True}
    assert "203.0.113.77" not in site.pipeline.everything_stored()


def test_new_rule_is_not_judged_by_minutes_before_it() -> None:
    """A rule that comes in finds no absence in the time when nobody counted for it."""
    site = Site(disabled=("volume",))
    site.play(*[5] * 6)
    config = make_config(
        detection={
            "enabled": True,
            "stream": "p",
            "sensitivity": "Medium",
            "disabledRules": ["volume"],
            "rules": [rule(limit=3, operator="LessThan", match={"event_type": "page_view"})],
            "alertsTopicArn": TOPIC,
        }
    )
    site.pipeline.config = config
    site.play(*[5] * 6)
    assert site.found() == []
    site.play(1)
    assert site.found() == [("mine", "", False)]


def test_containers_that_do_not_know_a_new_rule_yet_make_no_absence() -> None:
    """Some minutes long, batches are counted by the old configuration and judged by the new one."""
    site = Site(disabled=("volume",))
    old = site.pipeline.config
    site.play(*[5] * 6)
    new = Site(rule(limit=3, operator="LessThan", match={"event_type": "page_view"})).pipeline
    for minute in range(9):
        site.pipeline.config = old if minute < 3 else new.config
        site.put(5)
        site.pipeline.config = new.config
        site.end_minute()
    assert [each for each in site.found() if each[0] == "mine"] == []
    site.play(1)
    assert ("mine", "", False) in site.found()


def test_stale_tick_does_not_write() -> None:
    """Of two ticks that loaded the same state one may write; the other's is refused."""
    pipeline = Pipeline()
    item = SiteItem(pipeline.dynamodb, COUNTERS)
    for judged in (5, 7):  # The second time there is an item.
        one, other = item.load(), item.load()
        one.judged, other.judged = judged, judged + 1
        assert item.save(one, NOW)
        assert not item.save(other, NOW)
        assert item.load().judged == judged


def test_rule_that_leaves_ends_its_incident() -> None:
    """An incident of a rule that is gone does not stay open for ever."""
    site = Site(rule(limit=3), disabled=("volume",))
    site.play(*[5] * 8)
    assert site.found() == [("mine", "", False)]
    site.pipeline.config = make_config(
        detection={
            "enabled": True,
            "stream": "p",
            "sensitivity": "Medium",
            "disabledRules": ["volume"],
            "rules": [],
            "alertsTopicArn": TOPIC,
        }
    )
    site.play(5)
    assert site.found() == [("mine", "", True)]


def test_own_rule_stands_in_the_place_of_volume() -> None:
    """A user's `volume` replaces the built-in one, also when that is switched off."""
    site = Site(rule(name="volume", limit=10), disabled=("volume",))
    site.play(*[5] * 6)
    site.play(11)
    assert site.found() == [("volume", "", False)]


def test_cooldown_and_message_of_the_site() -> None:
    """After an incident the rule is quiet; then it may begin another."""
    site = Site(rule(limit=10, cooldownSeconds=300, severity="critical"), disabled=("volume",))
    site.play(*[1] * 6, 11, 1, 11, 1, 1, 1, 11)
    assert site.found() == [("mine", "", True), ("mine", "", False)]
    assert json.loads(site.pipeline.sns.messages[0]["Message"])["severity"] == "critical"


def test_detector_that_rested_a_week_gives_minutes_up() -> None:
    """What is too old is skipped and counted, not judged as an outage, and the tick is quick."""
    site = Site()
    site.play(*[40] * 35)
    site.minute += 7 * 1440
    site.play(40)
    (item,) = [
        item for item in site.pipeline.dynamodb.items(COUNTERS) if item["metric_name"]["S"] == SITE
    ]
    assert int(item["skipped"]["N"]) > 7 * 1440 - MOST_MINUTES - 5


def test_site_state_is_bounded() -> None:
    """A hundred thousand pages in a minute: the item stays writable, what went is counted."""
    state = SiteState(judged=1)
    state.sums = {m: {f"Page*|/{m}/{n:x}/{n * 7919:x}": n for n in range(30_000)} for m in range(4)}
    state.sums[1]["*"] = 7
    assert len(state.encode()) <= LARGEST_STATE_BYTES
    assert state.truncated
    assert state.sums.get(1, {"*": 7})["*"] == 7
    again = SiteState.decode(state.encode())
    assert again.sums == state.sums
