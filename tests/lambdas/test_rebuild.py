"""Rebuild of items from the archive, while batches go on."""

from __future__ import annotations

import random
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from clickstream_operator.synthetic.generator import generate
from redrive.__main__ import _hour
from shared.timestamps import hour_text
from tests.lambdas.memory_aws import refuse
from tests.lambdas.pipelines import (
    COUNTERS,
    NOW,
    PAGES,
    SESSIONS,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
)
from tests.lambdas.redrives import (
    PAYLOADS,
    QUIET,
    TRAFFIC,
    all_hours,
    bad_keys,
    half_applied,
    run,
    three_failed,
)
from tests.unit.synthetic.test_generator import check_truth

if TYPE_CHECKING:
    from collections.abc import Callable


def test_item_that_dynamodb_refuses_is_named_and_all_others_are_rebuilt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever of a batch can be repaired is; the line names what can't."""
    pipeline = Pipeline(make_config(detection=QUIET))
    three_failed(pipeline)
    real = pipeline.dynamodb.put_item

    def put_item(**request: Any) -> Any:
        if request["Item"].get("timestamp_hour", {}).get("S", "").startswith("2026-11-23T10"):
            raise refuse("ValidationException", "PutItem")
        return real(**request)

    monkeypatch.setattr(pipeline.dynamodb, "put_item", put_item)
    (refused,) = run(pipeline, "failed")[-1]["refused"]
    assert refused.startswith("/products 2026-11-23T10#")
    assert refused.endswith(": ValidationException")
    (hours,) = pipeline.readback().all_page_views().values()
    assert sorted(hours) == ["2026-11-23T09", "2026-11-23T11"]
    assert len(pipeline.readback().all_sessions()) == 3


def random_days(seed: int) -> Pipeline:
    """Return a pipeline after traffic over three shards, in batches of any size."""
    source = random.Random(seed)  # noqa: S311 - reproducible
    traffic = generate(seed, 200, NOW, broken=3, bots=0, late=4, duplicates=3)
    pipeline = Pipeline(make_config(detection=QUIET))
    for shard in range(3):
        payloads = [each.data for each in traffic.records if source.randrange(3) == shard]
        start = 0
        while start < len(payloads):
            end = min(len(payloads), start + source.randint(1, 30))
            batch = invocation(
                payloads[start:end],
                start=start,
                shard=f"shardId-{shard:012d}",
                arrivals=[NOW + index / 10 for index in range(start, end)],
            )
            pipeline.processor().process(batch)
            start = end
    return pipeline


@pytest.mark.parametrize("seed", range(4))
def test_rebuilt_items_equal_the_live_ones(seed: int) -> None:
    """In every attribute: nothing is replaced, and what was damaged comes back as it was."""
    pipeline = random_days(seed)
    live = deepcopy(pipeline.dynamodb.tables)
    sessions = [item["session_id"]["S"] for item in pipeline.dynamodb.items(SESSIONS)]
    arguments = ["rebuild", *all_hours(pipeline)]
    for session in sessions:
        arguments += ["--session", session]
    (line,) = run(pipeline, *arguments)
    counters = [key for key in live[COUNTERS] if key[0].startswith("events_per_minute_")]
    assert line["equal"] == len(live[PAGES]) + len(counters) + len(sessions)
    assert (line["replaced"], line["incomplete"]) == (0, [])
    for table in (PAGES, SESSIONS):
        for item in pipeline.dynamodb.items(table)[::2]:
            for name in ("view_count", "event_count"):
                if name in item:
                    item[name] = {"N": "0"}
    for key in counters[::2]:
        del pipeline.dynamodb.tables[COUNTERS][key]
    run(pipeline, *arguments)
    assert pipeline.dynamodb.tables == live


@pytest.mark.parametrize("agent", ["x" * 300, "x" * 256, "x", None])
def test_lost_session_is_rebuilt_as_it_was(agent: str | None) -> None:
    """Its user agent cut as the processor cuts it, and one that is unknown as such."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation(encode([event(user_agent=agent)] * 2)))
    live = deepcopy(pipeline.dynamodb.tables[SESSIONS])
    assert len(live) == 1
    pipeline.dynamodb.tables[SESSIONS].clear()
    (line,) = run(pipeline, "rebuild", *all_hours(pipeline), "--session=session-1")
    assert line["replaced"] == 1
    assert pipeline.dynamodb.tables[SESSIONS] == live


def test_item_with_more_than_the_archive_is_left_and_named() -> None:
    """Without its objects an hour is not rebuilt to less."""
    pipeline = random_days(1)
    live = deepcopy(pipeline.dynamodb.tables)
    raw = [key for key in pipeline.s3.objects if key.startswith("raw/")]
    del pipeline.s3.objects[raw[0]]
    sessions = [item["session_id"]["S"] for item in pipeline.dynamodb.items(SESSIONS)]
    (line,) = run(pipeline, "rebuild", *all_hours(pipeline), *(f"--session={s}" for s in sessions))
    assert line["incomplete"]
    assert line["replaced"] == 0
    assert pipeline.dynamodb.tables == live


def test_expired_items_are_not_brought_back() -> None:
    """Past its lifetime an item stays gone."""
    pipeline = random_days(2)
    hours = all_hours(pipeline)
    pipeline.now += 49 * 3600
    for key in [key for key in pipeline.dynamodb.tables[COUNTERS] if key[0] != "lane"]:
        del pipeline.dynamodb.tables[COUNTERS][key]
    (line,) = run(pipeline, "rebuild", *hours)
    assert line["expired"] > 0
    assert line["replaced"] == 0


def test_rebuild_needs_the_archive() -> None:
    """With the archive off the command says so."""
    pipeline = Pipeline(make_config(archive={"enabled": False, "compression": "Gzip"}))
    with pytest.raises(ValueError, match=r"archive\.enabled is false"):
        run(pipeline, "rebuild", "2026-11-23T12")


def test_hours_are_utc() -> None:
    """An hour on the command line is the hour of the keys."""
    assert hour_text(_hour("2026-11-23T12")) == "2026-11-23T12"


def test_batch_in_the_middle_of_a_rebuild_is_not_lost() -> None:
    """New events come in at any write of a rebuild: the items hold them all the same."""
    for write in range(0, 30, 3):
        pipeline, _ = half_applied(16, "crash_before")
        number = pipeline.faults.writes + write
        rest = invocation(PAYLOADS[40:], start=40)
        pipeline.faults.interrupts[number] = partial(pipeline.processor().process, rest)
        run(pipeline, "failed")
        pipeline.faults.interrupts.clear()
        pipeline.processor().process(invocation(PAYLOADS[40:], start=40))
        check_truth(pipeline, TRAFFIC)


def check_rebuild_while(arrange: Callable[[Pipeline, Callable[[], None]], None]) -> None:
    """Rebuild everything, while events of the same items come in once, whenever `arrange` says."""
    pipeline = random_days(3)
    hours = all_hours(pipeline)
    sessions = [item["session_id"]["S"] for item in pipeline.dynamodb.items(SESSIONS)]
    more = encode(
        event(session_id=session, page_url=page, timestamp="2026-11-23T11:59:00Z")
        for session in sessions[:5]
        for page in ("/home", "/products")
    )
    batch = invocation(more, start=500, arrivals=[NOW + 60] * len(more))
    for item in pipeline.dynamodb.items(PAGES) + pipeline.dynamodb.items(SESSIONS):
        # Each must be written: a rebuild of what is right would have nothing to lose.
        name = "view_count" if "view_count" in item else "event_count"
        item[name] = {"N": "0"}
    pending = [batch]

    def come_in() -> None:
        pipeline.processor().process(pending.pop())

    arrange(pipeline, come_in)
    (line,) = run(pipeline, "rebuild", *hours, *(f"--session={session}" for session in sessions))
    assert not pending
    assert line["incomplete"] == []
    undisturbed = random_days(3)
    undisturbed.processor().process(batch)
    assert pipeline.dynamodb.tables[PAGES] == undisturbed.dynamodb.tables[PAGES]
    assert pipeline.dynamodb.tables[SESSIONS] == undisturbed.dynamodb.tables[SESSIONS]
    assert pipeline.readback().all_counts() == undisturbed.readback().all_counts()


@pytest.mark.parametrize("read", [0, 58, 84, 90, 174, 203, 261, 420, 522])
def test_batch_in_the_middle_of_reading_is_not_lost(read: int) -> None:
    """Events of the same items come in while the archive or an item is being read."""

    def arrange(pipeline: Pipeline, come_in: Callable[[], None]) -> None:
        calls = iter(range(10_000))

        def watched(call: Callable[..., Any]) -> Callable[..., Any]:
            def answer(**arguments: Any) -> Any:
                found = call(**arguments)
                if next(calls) == read:
                    come_in()
                return found

            return answer

        for store, name in ((pipeline.s3, "list_objects_v2"), (pipeline.s3, "get_object"),
                            (pipeline.dynamodb, "get_item")):  # fmt: skip
            setattr(store, name, watched(getattr(store, name)))

    check_rebuild_while(arrange)


@pytest.mark.parametrize("write", [0, 20, 40, 62, 70, 78])
def test_batch_between_reading_and_writing_an_item_is_not_lost(write: int) -> None:
    """Events of the same items come in right before an item is put."""

    def arrange(pipeline: Pipeline, come_in: Callable[[], None]) -> None:
        pipeline.faults.interrupts[pipeline.faults.writes + write] = come_in

    check_rebuild_while(arrange)


@pytest.mark.parametrize("table", [PAGES, SESSIONS, COUNTERS])
def test_item_that_was_refused_is_rebuilt(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """Once DynamoDB takes it, the bad row's replay makes every item what it would have been."""
    documents = [event(), event(page_url="/odd"), event(session_id="odd", event_type="odd")]
    plain = Pipeline(make_config(detection=QUIET))
    plain.processor().process(invocation(encode(documents)))
    pipeline = Pipeline(make_config(detection=QUIET))
    real = pipeline.dynamodb.update_item
    wanted = {PAGES: "/odd", SESSIONS: "odd", COUNTERS: "events_per_minute_odd"}[table]

    def update_item(**request: Any) -> Any:
        if wanted in [value["S"] for value in request["Key"].values()]:
            raise refuse("ValidationException", "UpdateItem")
        return real(**request)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.dynamodb, "update_item", update_item)
        pipeline.processor().process(invocation(encode(documents)))
    for _ in range(2):
        run(pipeline, "bad", *bad_keys(pipeline), "--reason", "refused_item")
        for each in (PAGES, SESSIONS):
            found, right = (
                sorted(sorted(map(repr, item.items())) for item in one.dynamodb.items(each))
                for one in (pipeline, plain)
            )
            assert found == right
        assert pipeline.readback().all_counts() == plain.readback().all_counts()
