"""The hourly balance: agreement is told as such, and so is each kind of difference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clickstream_layout.tables import BALANCE
from clickstream_operator.api.v1alpha1 import Spec
from detector.balance import HourlyBalance
from processor.processor import Processor
from shared.emf import Metrics
from shared.logs import Log
from shared.time_limit import TimeLimit
from simulator.stores import COUNTERS, HASH_KEY, Stores, make_config
from simulator.tables import aws_error
from tests.lambdas.pipelines import NOW, encode, event, invocation

HOUR = 3600.0
START = NOW // HOUR * HOUR
FIRST, SECOND = "2026-11-23T12", "2026-11-23T13"


class Balanced:
    """A pipeline with one shard, its processor and its balance."""

    def __init__(self, spec: Spec | None = None) -> None:
        self.stores = Stores()
        self.now = START + 60
        self.lines: list[str] = []
        self.sent = 0
        spec = spec or Spec()
        self.processor = Processor(
            make_config("processor", spec, "e1"),
            dynamodb=self.stores.tables,
            s3=self.stores.bucket,
            sqs=self.stores.queue,
            hash_key=HASH_KEY,
            clock=lambda: self.now,
            out=lambda _line: None,
        )
        config = make_config("detector", spec, "e1")
        self.balance = HourlyBalance(
            config,
            dynamodb=self.stores.tables,
            s3=lambda: self.stores.bucket,
            tail=None,
            clock=lambda: self.now,
            metrics=Metrics(config.pipeline, lambda: self.now, self.lines.append),
            log=Log("INFO", self.lines.append),
        )

    def put(self, *documents: Any, at: float, shard: str = "shardId-000000000000") -> None:
        """Let records arrive at a time in seconds after START, and be processed."""
        self.now = START + at
        payloads = [each if isinstance(each, bytes) else encode([each])[0] for each in documents]
        batch = invocation(payloads, start=self.sent, shard=shard, arrival=self.now)
        self.sent += len(payloads)
        self.processor.process(batch)

    def tick(self, at: float, times: int = 1) -> None:
        """Let the clock come to a time in seconds after START, and the tick come."""
        for number in range(times):
            self.now = START + at + 60 * number
            self.balance.tick(TimeLimit(None))

    def hours(self) -> dict[str, dict[str, Any]]:
        """The balances by hour."""
        return {
            item["time_window"]["S"]: {
                name: next(iter(value.values())) for name, value in item.items()
            }
            for item in self.stores.tables.items(COUNTERS)
            if item["metric_name"]["S"] == BALANCE
        }

    def differences(self) -> list[int]:
        """The values of the metric that tells the operator."""
        parsed = [json.loads(line) for line in self.lines]
        return [line["BalanceDifference"] for line in parsed if "BalanceDifference" in line]


def traffic() -> Balanced:
    """A pipeline with events and bad rows in two hours, whose first tick has been."""
    pipeline = Balanced()
    pipeline.tick(0)
    pipeline.put(event(), event(event_type="click"), b"{cut", at=120)
    pipeline.put(event(session_id="s2"), at=1800)
    pipeline.put(event(timestamp="2026-11-23T13:00:00Z"), at=HOUR + 300)
    return pipeline


def test_an_hour_closes_once_every_lane_is_past_it() -> None:
    """What the lane received is what stands in counters and bucket, and the metric says 0."""
    pipeline = traffic()
    pipeline.tick(HOUR + 360)
    hour = pipeline.hours()[FIRST]
    assert hour["verdict"] == "Balanced"
    received = ("records", "rows", "counted", "bad", "raw_rows", "bad_rows")
    assert [hour[name] for name in received] == ["4", "4", "3", "1", "3", "1"]
    found = ("found_counters", "found_raw_rows", "found_bad_rows")
    assert [hour[name] for name in found] == ["3", "3", "1"]
    assert hour["found_raw_bytes"] == hour["raw_bytes"] != "0"
    assert pipeline.differences() == [0]


def test_an_hour_stays_open_while_a_lane_may_bring_more() -> None:
    """No record has arrived since: the lane may be behind, and nothing is judged."""
    pipeline = Balanced()
    pipeline.tick(0)
    pipeline.put(event(), at=120)
    pipeline.tick(HOUR + 360)
    assert pipeline.hours() == {}


def _count_twice(pipeline: Balanced) -> None:
    table = pipeline.stores.tables.tables[COUNTERS]
    place = next(place for place in table if place[0] == "events_per_minute_click")
    (name,) = (name for name in table[place] if name.startswith("aa"))
    table[place] = table[place] | {name: {"N": "2"}}


def _lose_counter(pipeline: Balanced) -> None:
    table = pipeline.stores.tables.tables[COUNTERS]
    del table[next(place for place in table if place[0] == "events_per_minute_click")]


def _lose(kind: str, pipeline: Balanced) -> None:
    objects = pipeline.stores.bucket.objects
    del objects[next(key for key in objects if key.startswith(f"{kind}/"))]


def _store_twice(kind: str, pipeline: Balanced) -> None:
    objects = pipeline.stores.bucket.objects
    key = next(key for key in objects if key.startswith(f"{kind}/"))
    objects[key.replace("-1.", "-9.")] = objects[key]


def _cut_short(pipeline: Balanced) -> None:
    objects = pipeline.stores.bucket.objects
    key = next(key for key in objects if key.startswith("raw/"))
    objects[key] = type(objects[key])(objects[key].body[:-1], objects[key].metadata)


def _give_up(pipeline: Balanced) -> None:
    pipeline.stores.bucket.put_object(Bucket="", Key="aws/lambda/m/shard/one", Body=b"{}")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_count_twice, "CountersDiffer"),
        (_lose_counter, "CountersDiffer"),
        (lambda each: _lose("raw", each), "ArchiveDiffers"),
        (lambda each: _store_twice("raw", each), "ArchiveDiffers"),
        (_cut_short, "ArchiveDiffers"),
        (lambda each: _lose("bad", each), "BadRowsDiffer"),
        (lambda each: _store_twice("bad", each), "BadRowsDiffer"),
        (_give_up, "BatchesGivenUp"),
    ],
    ids=[
        "counted twice",
        "not counted",
        "object lost",
        "object twice",
        "object cut short",
        "bad rows lost",
        "bad rows twice",
        "given up",
    ],
)
def test_each_difference_is_told(damage: Any, reason: str) -> None:
    """After three comparisons the hour is different, with the reason, and the metric says so."""
    pipeline = traffic()
    damage(pipeline)
    pipeline.tick(HOUR + 360)
    hour = pipeline.hours()[FIRST]
    assert (hour["verdict"], hour["reasons"]) == ("Different", reason)
    assert pipeline.differences()[0] > 0


def test_objects_that_others_put_have_lines_of_their_own() -> None:
    """A redrive's objects, and those about refused items, are no batch of the stream."""
    pipeline = traffic()
    folder = "dt=2026-11-23/hr=12"
    for kind, name in (
        ("raw", "e1-shardId-000000000000-1-2-failed.jsonl.gz"),
        ("bad", "e1-shardId-000000000000-1-2-refused0.jsonl.gz"),
        ("bad", "redrive-0123456789abcdef01234567-0-3-1.2.7.jsonl.gz"),
    ):
        pipeline.stores.bucket.put_object(Bucket="", Key=f"{kind}/{folder}/{name}", Body=b"x")
    pipeline.tick(HOUR + 360)
    hour = pipeline.hours()[FIRST]
    assert hour["verdict"] == "Balanced"
    lines = ("found_recovered", "found_refused", "found_still_bad")
    assert [hour[name] for name in lines] == ["1", "1", "7"]


def test_hours_that_a_lane_ran_through_are_judged_together() -> None:
    """A backlog of hours is read between two ticks: their sum is proven, and none is skipped."""
    pipeline = traffic()
    for hour in range(2, 6):
        stamp = f"2026-11-23T{12 + hour}:00:00Z"
        pipeline.put(event(timestamp=stamp), at=hour * HOUR + 300)
    pipeline.tick(5 * HOUR + 400, times=3)
    hours = pipeline.hours()
    assert {hour["verdict"] for hour in hours.values()} == {"Balanced"}
    assert sum(int(hour["records"]) for hour in hours.values()) == pipeline.sent - 1
    assert hours[FIRST]["until"] > SECOND


def test_a_lane_that_another_version_advanced_is_unknown_until_its_next_whole_hour() -> None:
    """The tally begins anew: the hour it misses is unknown, the one after it is judged."""
    pipeline = traffic()
    table = pipeline.stores.tables.tables[COUNTERS]
    place = next(place for place in table if place[0] == "lane")
    table[place] = {name: value for name, value in table[place].items() if name != "tally"}
    pipeline.processor._states.clear()
    for hour in (1, 2, 3):
        pipeline.put(event(timestamp=f"2026-11-23T{12 + hour}:10:00Z"), at=hour * HOUR + 600)
        pipeline.tick(hour * HOUR + 660)
    verdicts = {hour: found["verdict"] for hour, found in pipeline.hours().items()}
    assert verdicts == {FIRST: "Unknown", SECOND: "Unknown", "2026-11-23T14": "Balanced"}


def test_missing_rights_make_an_hour_unknown() -> None:
    """A role of the user's own may lack the rights: the tick goes on, and the hour is unknown."""
    pipeline = traffic()

    def scan(**_arguments: Any) -> Any:
        raise aws_error("AccessDeniedException", "Scan")

    pipeline.stores.tables.scan = scan  # type: ignore[method-assign]
    pipeline.tick(HOUR + 360)
    hour = pipeline.hours()[FIRST]
    assert (hour["verdict"], hour["reasons"]) == ("Unknown", "NotPermitted")
    assert pipeline.differences() == []


def test_without_an_archive_there_is_nothing_of_it_to_compare() -> None:
    """`archive.enabled: false`: counters and bad rows are balanced, archived are none."""
    pipeline = Balanced(Spec.model_validate({"archive": {"enabled": False}}))
    pipeline.tick(0)
    pipeline.put(event(), b"{cut", at=120)
    pipeline.put(event(timestamp="2026-11-23T13:00:00Z"), at=HOUR + 300)
    pipeline.tick(HOUR + 360)
    hour = pipeline.hours()[FIRST]
    assert (hour["verdict"], hour["raw_rows"], hour["found_raw_rows"]) == ("Balanced", "0", "0")
    assert hour["found_bad_rows"] == "1"
