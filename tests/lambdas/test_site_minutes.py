"""Minutes of the site: final once every shard is past them, judged once whatever fails."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from clickstream_layout.tables import SITE
from detector.messages import OVER_SUBJECT, SUBJECT
from detector.minute_windows import MOST_MINUTES
from detector.site_state import LARGEST_STATE_BYTES, SiteItem, SiteState
from shared.timestamps import instant_text
from tests.lambdas.memory_kinesis import Shard
from tests.lambdas.pipelines import (
    COUNTERS,
    NOW,
    Pipeline,
    encode,
    event,
    invocation,
)
from tests.lambdas.site_minutes import START, Site, rule

OTHER = "shardId-000000000001"


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
