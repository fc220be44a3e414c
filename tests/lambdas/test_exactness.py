"""Counts, archive and incidents equal the truth whatever Lambda delivers how often."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from clickstream_operator.synthetic.generator import generate
from processor.aggregate import Count
from processor.archive import Archive
from processor.counter_items import plan_update
from shared.lanes import Lane
from shared.records import Batch, Event
from tests.lambdas.memory_aws import CrashError
from tests.lambdas.pipelines import (
    FIRST_SEQUENCE,
    NOW,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
)
from tests.unit.synthetic.test_generator import check_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detector.detector import Detector
    from processor.lane_items import Intent, LaneState
    from processor.processor import Processor
    from shared.conditional_write import Update

TRAFFIC = generate(1, 40, NOW, broken=4, bots=0)
PAYLOADS = [record.data for record in TRAFFIC.records]


def count_writes(run: Callable[[Pipeline], None]) -> int:
    """Return how many writes an undisturbed run makes."""
    pipeline = Pipeline()
    run(pipeline)
    return pipeline.faults.writes


def process_all(pipeline: Pipeline) -> None:
    """Process the whole traffic as one batch in a fresh container."""
    pipeline.processor().process(invocation(PAYLOADS))


def test_same_batch_twice_counts_once() -> None:
    """A repeated delivery changes nothing, in the same container and in another one."""
    pipeline = Pipeline()
    processor = pipeline.processor()
    processor.process(invocation(PAYLOADS))
    writes = pipeline.faults.writes
    processor.process(invocation(PAYLOADS))
    process_all(pipeline)
    check_truth(pipeline, TRAFFIC)
    assert pipeline.faults.writes == writes
    assert len(pipeline.metric_lines("BadRows")) == 1


def test_overlapping_batches_with_other_limits_count_once() -> None:
    """Batches that begin before the last one ended add only what is new."""
    pipeline = Pipeline()
    for start, end in ((0, 10), (5, 20), (0, 25), (20, 30), (3, 44), (44, 44)):
        pipeline.processor().process(invocation(PAYLOADS[start:end], start=start))
    check_truth(pipeline, TRAFFIC)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_crash_at_any_write_then_whole_batch_again(moment: str) -> None:
    """Whichever write the function dies around, the repeated batch makes it right."""
    total = count_writes(process_all)
    assert total > 25
    for write in range(total):
        pipeline = Pipeline()
        setattr(pipeline.faults, f"crash_{moment}", write)
        with pytest.raises(CrashError):
            process_all(pipeline)
        process_all(pipeline)
        check_truth(pipeline, TRAFFIC)
        messages = [json.loads(message)["key"] for message in pipeline.sqs.messages]
        standing = [
            key for key, (body, _) in pipeline.s3.objects.items() if key.startswith("bad/") and body
        ]
        assert set(messages) == set(standing)


@pytest.mark.parametrize("split", [1, 20, 43])
def test_crash_at_any_write_then_halves(split: int) -> None:
    """The same when the batch comes back bisected."""
    for write in range(0, count_writes(process_all), 3):
        pipeline = Pipeline()
        pipeline.faults.crash_after = write
        with pytest.raises(CrashError):
            process_all(pipeline)
        pipeline.processor().process(invocation(PAYLOADS[:split]))
        pipeline.processor().process(invocation(PAYLOADS[split:], start=split))
        check_truth(pipeline, TRAFFIC)


def test_another_invocation_at_any_write() -> None:
    """A late twin that processes the same records in the middle of the batch does no harm."""
    for write in range(count_writes(process_all)):
        pipeline = Pipeline()
        pipeline.faults.interrupts[write] = lambda pipeline=pipeline: process_all(pipeline)  # type: ignore[misc]
        process_all(pipeline)
        check_truth(pipeline, TRAFFIC)


def test_twin_that_dies_at_any_write_of_its_own() -> None:
    """A twin that is let in and dies half-way leaves an intent that the survivor decides."""

    def twin(pipeline: Pipeline, writes: int) -> None:
        pipeline.faults.crash_after = pipeline.faults.writes + writes
        with pytest.raises(CrashError):
            pipeline.processor().process(invocation(PAYLOADS[:30]))
        pipeline.faults.crash_after = None

    for write in range(0, 30, 2):
        for inner in range(0, 24, 2):
            pipeline = Pipeline()
            pipeline.faults.interrupts[write] = (
                lambda pipeline=pipeline, inner=inner: twin(pipeline, inner)  # type: ignore[misc]
            )
            process_all(pipeline)
            check_truth(pipeline, TRAFFIC)


def deliver(pipeline: Pipeline, payloads: list[bytes], shard: str, source: random.Random) -> None:
    """Deliver a shard as a bad day would: other limits, crashes, twins, repeats, new containers."""
    processors = [pipeline.processor(), pipeline.processor()]
    detectors = [pipeline.detector(), pipeline.detector()]
    start = 0
    while start < len(payloads):
        end = min(len(payloads), start + source.randint(1, 25))
        batch = invocation(payloads[start:end], start=start, shard=shard)
        if source.random() < 0.3:
            old = source.randint(max(0, start - 20), start)
            batch = invocation(payloads[old:end], start=old, shard=shard)
        # Two containers take turns, and now and then one of them is new.
        if source.random() < 0.3:
            processors[0], detectors[0] = pipeline.processor(), pipeline.detector()
        processor, detector = source.choice(processors), source.choice(detectors)
        workers: list[Processor | Detector] = [processor, detector]
        worker = source.choice(workers)
        moment = source.choice(["crash_before", "crash_after"])
        setattr(pipeline.faults, moment, pipeline.faults.writes + source.randrange(60))
        try:
            worker.process(batch)
        except CrashError:
            pass
        finally:
            setattr(pipeline.faults, moment, None)
        if source.random() < 0.2:
            twin, number = pipeline.processor(), pipeline.faults.writes + source.randrange(40)
            pipeline.faults.interrupts[number] = lambda twin=twin, batch=batch: twin.process(batch)  # type: ignore[misc]
        processor.process(batch)
        pipeline.faults.interrupts.clear()
        detector.process(batch)
        start = end


@pytest.mark.parametrize("seed", range(25))
def test_bad_days_over_three_shards(seed: int) -> None:
    """Random faults over several lanes, with sessions spread over them: the truth comes out."""
    source = random.Random(seed)  # noqa: S311 - reproducible
    traffic = generate(seed, 260, NOW, broken=6, bots=1, duplicates=5, late=3, future=2)
    pipeline = Pipeline()
    for shard in range(3):
        payloads = [
            record.data
            for record in traffic.records
            if sum(record.partition_key.encode()) % 3 == shard
        ]
        deliver(pipeline, payloads, f"shardId-{shard:012d}", source)
    check_truth(pipeline, traffic)
    assert {json.loads(each["Message"])["incident_id"] for each in pipeline.sns.messages} == {
        incident.incident_id for incident in pipeline.readback().incidents()
    }


@pytest.mark.parametrize("seed", range(6))
def test_random_partition_keys_keep_sessions_right(seed: int) -> None:
    """Events of a session on all lanes, in any order of lanes: count, ends and pages are right."""
    source = random.Random(seed)  # noqa: S311 - reproducible
    traffic = generate(seed, 150, NOW, bots=0, broken=0, late=4)
    pipeline = Pipeline()
    shards: dict[str, list[bytes]] = {f"shardId-{number:012d}": [] for number in range(4)}
    for record in traffic.records:
        shards[source.choice(sorted(shards))].append(record.data)
    quiet = make_config(detection={
        "enabled": False, "stream": "p", "sensitivity": "Low", "disabledRules": [],
        "rules": [], "alertsTopicArn": "",
    })  # fmt: skip
    pipeline.config = quiet
    for shard in source.sample(sorted(shards), 4):
        deliver(pipeline, shards[shard], shard, source)
    check_truth(pipeline, traffic)


@pytest.mark.parametrize("later", [-3600, 3600])
def test_stream_made_anew_is_a_new_lane_whatever_the_config_says(later: int) -> None:
    """Batches of two streams of one name, in any order and under either config, count once each."""
    pipeline = Pipeline()
    old = invocation(encode([event(), event()]), start=1000)
    new = invocation(encode([event()]), start=later << 148)
    for epoch in ("e1", "e2", "e1"):
        pipeline.config = make_config(streamEpoch=epoch)
        for batch in (old, new, old):
            pipeline.processor().process(batch)
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 3}}
    assert len(list(pipeline.readback().archived_events())) == 3


def test_numbers_of_another_form_take_the_epoch_of_the_config() -> None:
    """Where a sequence number tells no life, as some emulators', the config's epoch does."""
    pipeline = Pipeline()
    batch = invocation(encode([event()]), start=1000 - FIRST_SEQUENCE)
    for epoch in ("e1", "e2", "e2"):
        pipeline.config = make_config(streamEpoch=epoch)
        pipeline.processor().process(batch)
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 2}}


def test_archive_that_is_off_writes_bad_rows_only() -> None:
    """Off means no raw objects; turned on again, nothing older is archived."""
    pipeline = Pipeline(make_config(archive={"enabled": False, "compression": "Gzip"}))
    pipeline.processor().process(invocation([*encode([event()]), b"{"]))
    assert [key.split("/")[0] for key in pipeline.s3.objects] == ["bad"]
    pipeline.config = make_config()
    pipeline.processor().process(invocation([*encode([event()]), b"{", *encode([event()])]))
    assert len(list(pipeline.readback().archived_events())) == 1
    assert len(list(pipeline.readback().bad_rows())) == 1


def test_objects_are_placed_by_arrival_hour() -> None:
    """Keys carry the hour of arrival, lane, limits, and how many events and bad rows there are."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation(encode([event()])))
    (key,) = pipeline.s3.objects
    assert key.startswith("raw/dt=2026-11-23/hr=12/5bf4e5c2-shardId-000000000000-4959")
    assert key.endswith("-1.1.0.jsonl.gz")


def test_object_stands_under_the_hour_of_its_first_record() -> None:
    """Redrive and rebuild look from there on; a batch over two hours stands under the first."""
    pipeline = Pipeline()
    arrivals = [NOW - 3600, NOW - 1800, NOW]
    documents = [event(timestamp=arrivals[0]), event(timestamp=arrivals[1])]
    batch = invocation([*encode(documents), b"{"], arrivals=arrivals)
    pipeline.processor().process(batch)
    assert {key.partition("/")[2][:19] for key in pipeline.s3.objects} == {"dt=2026-11-23/hr=11"}
    assert {key.partition("/")[0] for key in pipeline.s3.objects} == {"raw", "bad"}


def test_lane_is_read_afresh_after_a_failure() -> None:
    """What a container remembered before it failed may be old; the lane item is asked again."""
    pipeline = Pipeline()
    processor = pipeline.processor()
    reads: list[str] = []
    real = pipeline.dynamodb.get_item

    def get_item(**request: Any) -> dict[str, Any]:
        reads.extend(value["S"] for value in request["Key"].values())
        return real(**request)

    pipeline.dynamodb.get_item = get_item  # type: ignore[method-assign]
    processor.process(invocation(encode([event()])))
    processor.process(invocation(encode([event()]), start=1))
    assert reads.count("lane") == 1
    pipeline.faults.crash_before = pipeline.faults.writes + 2
    with pytest.raises(CrashError):
        processor.process(invocation(encode([event()]), start=2))
    pipeline.faults.crash_before = None
    pipeline.processor().process(invocation(encode([event()]), start=2))
    processor.process(invocation(encode([event()]), start=3))
    assert reads.count("lane") == 3  # The other container's, and this one's again.
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 4}}


def test_lane_of_a_replayed_batch_is_read_afresh_after_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As that of a delivered one: what was remembered before the failure may be old."""
    pipeline = Pipeline()
    processor = pipeline.processor()
    arrival = round(NOW * 1000)
    batches = [
        Batch(
            number,
            number,
            arrival,
            arrival,
            [
                Event(
                    number,
                    0,
                    arrival,
                    arrival,
                    "click",
                    "s",
                    None,
                    None,
                    b"visitor8",
                    {},
                    is_page_view=False,
                )
            ],
            [],
        )
        for number in range(4)
    ]
    loads: list[Lane] = []
    real = processor._lanes.load

    def load(lane: Lane) -> LaneState:
        loads.append(lane)
        return real(lane)

    monkeypatch.setattr(processor._lanes, "load", load)
    lane = Lane("e1", "redrive")
    processor.process_batch(lane, batches[0])
    processor.process_batch(lane, batches[1])
    assert len(loads) == 1
    pipeline.faults.crash_before = pipeline.faults.writes + 2
    with pytest.raises(CrashError):
        processor.process_batch(lane, batches[2])
    pipeline.faults.crash_before = None
    processor.process_batch(lane, batches[3])
    assert len(loads) == 2


def archived_lines(pipeline: Pipeline) -> int:
    """Return how many lines stand under raw/, repeated ones included."""
    return sum(
        len(gzip.decompress(body).splitlines())
        for key, (body, _) in pipeline.s3.objects.items()
        if key.startswith("raw/") and body
    )


@pytest.mark.parametrize("believe", [False, True])
def test_control_intent_ignored_doubles_and_believed_loses(
    monkeypatch: pytest.MonkeyPatch, *, believe: bool
) -> None:
    """Without deciding pending intents the sweep fails: the tests above can see the fault."""

    def decide(_self: Archive, _lane: Lane, state: LaneState, intent: Intent) -> LaneState:
        return replace(state, raw=intent.last, bad=intent.last) if believe else state

    monkeypatch.setattr(Archive, "_decide", decide)
    found = set()
    for write in range(6):
        pipeline = Pipeline()
        pipeline.faults.crash_after = write
        with pytest.raises(CrashError):
            process_all(pipeline)
        process_all(pipeline)
        found.add(archived_lines(pipeline))
    right = TRAFFIC.truth.archived_events
    assert found == ({0, right} if believe else {right, 2 * right})


def test_control_comparison_with_last_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `wm < :last` instead of `wm < :first`, overlapping batches count twice."""

    def weak(contributions: Sequence[Count], ttl: int) -> Update:
        update = plan_update([Count(contributions[-1].sequence), contributions[-1]], ttl)
        total = sum(each.events for each in contributions)
        update.values[next(iter(update.values))] = {"N": str(total)}
        return update

    monkeypatch.setattr("processor.counter_items.plan_update", weak)
    pipeline = Pipeline()
    payloads = encode(event() for _ in range(10))
    pipeline.faults.crash_before = 7  # The lane's own watermark is not written.
    with pytest.raises(CrashError):
        pipeline.processor().process(invocation(payloads[:6]))
    pipeline.processor().process(invocation(payloads))
    assert pipeline.readback().all_counts()["page_view"]["2026-11-23T12:00"] > 10
