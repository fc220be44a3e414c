"""Redrive and rebuild: everything counted and archived once, whatever is called when how often."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.lane_items import LaneItems
from processor.portions import MOST_TRIES
from processor.processor import Processor
from redrive.__main__ import Commands, _hour, _parser, main
from redrive.objects import read_lines
from redrive.replay import lane_of
from shared.decode import read_records
from shared.timestamps import hour_text
from simulator.generator import generate
from tests.lambdas.memory_aws import CrashError, refuse
from tests.lambdas.pipelines import (
    COUNTERS,
    FIRST_SEQUENCE,
    KEY,
    NOW,
    PAGES,
    SESSIONS,
    Pipeline,
    config_document,
    encode,
    event,
    invocation,
    make_config,
)
from tests.lambdas.test_exactness import archived_lines
from tests.unit.simulator.test_generator import check_truth

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET = config_document()["detection"] | {"enabled": False, "alertsTopicArn": ""}
TRAFFIC = generate(3, 60, NOW, broken=0, bots=0, late=3)
PAYLOADS = [record.data for record in TRAFFIC.records]


class Clients:
    """Low-level clients of a pipeline in memory, as the command makes them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def make(self, service: str) -> Any:
        """Return a client; `ssm` knows the hash key only."""
        return self if service == "ssm" else getattr(self._pipeline, service)

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N803
        """Return the hash key."""
        return {"Parameter": {"Value": KEY.decode()}}


def run(pipeline: Pipeline, *arguments: str) -> list[dict[str, Any]]:
    """Run one command in a fresh process."""
    commands = Commands(
        pipeline.config,
        Clients(pipeline),
        clock=lambda: pipeline.now,
        threads=1,
    )
    return list(commands.run(_parser().parse_args(arguments)))


def with_fields(**names: str) -> Any:
    """Return a config whose producer calls some fields otherwise."""
    document = config_document()
    document["events"]["fields"] |= names
    return make_config(events=document["events"], detection=QUIET)


def bad_keys(pipeline: Pipeline) -> list[str]:
    """Return the bad objects that hold something."""
    return [
        key for key, (body, _) in pipeline.s3.objects.items() if key.startswith("bad/") and body
    ]


def wronged(seed: int = 0) -> Pipeline:
    """Return a pipeline that took the traffic with the wrong fields, in some batches."""
    pipeline = Pipeline(with_fields(session="sid", page="url"))
    processor = pipeline.processor()
    source = random.Random(seed)  # noqa: S311 - reproducible
    start = 0
    while start < len(PAYLOADS):
        end = min(len(PAYLOADS), start + source.randint(8, 25))
        processor.process(invocation(PAYLOADS[start:end], start=start))
        start = end
    pipeline.config = with_fields()
    return pipeline


def test_replayed_events_count_as_if_never_bad() -> None:
    """After the fix each row counts and is archived once; a second call changes nothing."""
    pipeline = wronged()
    keys = bad_keys(pipeline)
    assert len(keys) > 2
    run(pipeline, "bad", *keys)
    check_truth_but_bad_rows(pipeline)
    stores = stored(pipeline)
    run(pipeline, "bad", *keys)
    assert stored(pipeline) == stores


def check_truth_but_bad_rows(pipeline: Pipeline) -> None:
    """Compare with the truth; the old bad objects still stand, as they should."""
    bad = {key: value for key, value in pipeline.s3.objects.items() if key.startswith("bad/")}
    for key in bad:
        del pipeline.s3.objects[key]
    try:
        check_truth(pipeline, TRAFFIC)
    finally:
        pipeline.s3.objects.update(bad)


def stored(pipeline: Pipeline) -> Any:
    """Return all items and objects."""
    return deepcopy((pipeline.dynamodb.tables, pipeline.s3.objects))


calls = st.lists(
    st.tuples(
        st.integers(0, 20),  # which object
        st.sampled_from([None, "missing_field:sid", "not_json"]),
        st.one_of(st.none(), st.integers(0, 40)),  # the write at which it dies
        st.booleans(),  # before or after it
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(calls, st.integers(0, 5))
def test_any_order_of_calls_and_crashes_counts_once(
    plan: list[tuple[int, str | None, int | None, bool]], seed: int
) -> None:
    """Whole objects, single reasons, repeats and crashes in any order: the truth comes out."""
    pipeline = wronged(seed)
    keys = bad_keys(pipeline)
    for number, reason, write, before in plan:
        arguments = ["bad", keys[number % len(keys)]]
        arguments += ["--reason", reason] if reason else []
        moment = "crash_before" if before else "crash_after"
        if write is not None:
            setattr(pipeline.faults, moment, pipeline.faults.writes + write)
        try:
            run(pipeline, *arguments)
        except (CrashError, ValueError):
            pass  # A reason that the object does not have is refused.
        finally:
            setattr(pipeline.faults, moment, None)
    run(pipeline, "bad", *keys)
    check_truth_but_bad_rows(pipeline)


def test_two_redrives_at_once_count_once() -> None:
    """A second redrive of the same object at any write of the first one does no harm."""
    total = wronged().faults.writes
    pipeline = wronged()
    run(pipeline, "bad", bad_keys(pipeline)[0])
    for write in range(total, pipeline.faults.writes, 3):
        twin = wronged()
        keys = bad_keys(twin)
        twin.faults.interrupts[write] = partial(run, twin, "bad", keys[0])
        run(twin, "bad", *keys)
        check_truth_but_bad_rows(twin)


def test_control_new_lane_per_call_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a lane for each call instead of one for each object, a repeat counts again."""
    numbers = iter(range(1000))
    monkeypatch.setattr(
        "redrive.replay.lane_of", lambda key, reason: lane_of(f"{key}{next(numbers)}", reason)
    )
    pipeline = wronged()
    keys = bad_keys(pipeline)
    run(pipeline, "bad", *keys, *keys)
    with pytest.raises(AssertionError):
        check_truth_but_bad_rows(pipeline)


def test_what_is_still_bad_becomes_a_new_object() -> None:
    """It is announced, and can be replayed after the next fix; its lane never expires."""
    pipeline = Pipeline(with_fields(session="sid", page="url"))
    pipeline.processor().process(invocation(encode([event(), event(page_url=None)])))
    (first,) = bad_keys(pipeline)
    pipeline.config = with_fields(page="nowhere")
    assert [(line["events"], line["still_bad"]) for line in run(pipeline, "bad", first)] == [(0, 2)]
    (_, second) = bad_keys(pipeline)
    assert second.startswith("bad/dt=2026-11-23/hr=12/redrive-")
    assert json.loads(pipeline.sqs.messages[-1])["key"] == second
    pipeline.config = with_fields()
    assert [(line["events"], line["still_bad"]) for line in run(pipeline, "bad", second)] == [
        (1, 1)
    ]
    lanes = [
        item for item in pipeline.dynamodb.items(COUNTERS) if item["metric_name"]["S"] == "lane"
    ]
    assert sum("ttl" not in item for item in lanes) == 2
    assert len(list(pipeline.readback().archived_events())) == 1


def test_replayed_visitor_and_user_are_those_of_the_live_event() -> None:
    """A user who was hashed is not hashed again, and counts as the visitor that she is."""
    live = Pipeline(with_fields())
    live.processor().process(invocation(encode([event(note="by user-456")])))
    pipeline = Pipeline(with_fields(session="sid"))
    pipeline.processor().process(invocation(encode([event(note="by user-456")])))
    pipeline.config = with_fields()
    run(pipeline, "bad", *bad_keys(pipeline))
    (first,), (second,) = (list(one.readback().archived_events()) for one in (live, pipeline))
    assert first.event == second.event
    assert first.visitor == second.visitor
    assert "user-456" not in pipeline.everything_stored()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bad", "raw/x"), "name a key under bad/"),
        (("failed", "bad/x"), "name a key under aws/lambda/"),
        (("rebuild", "2026-11-23"), "write it as 2026-11-23T12"),
    ],
)
def test_wrong_arguments_are_refused(arguments: tuple[str, ...], message: str) -> None:
    """Each with what to write instead."""
    with pytest.raises(ValueError, match=message):
        run(Pipeline(), *arguments)


def test_unknown_reason_is_refused_with_those_there_are() -> None:
    """The message names the object's reasons."""
    pipeline = wronged()
    with pytest.raises(ValueError, match="it has missing_field:sid"):
        run(pipeline, "bad", bad_keys(pipeline)[0], "--reason", "nonsense")


def give_up(pipeline: Pipeline, batch: dict[str, Any], function: str = "processor") -> str:
    """Put what Lambda puts when it gives up on a batch; returns the key."""
    name = pipeline.config.pipeline
    record = {
        "requestContext": {
            "requestId": "r", "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1,
            "functionArn": f"arn:aws:lambda:eu-west-1:123456789012:function:{name}-{function}",
        },
        "version": "1.0",
        "KinesisBatchInfo": {"shardId": batch["Records"][0]["eventID"].partition(":")[0]},
        "payload": json.dumps(batch),
    }  # fmt: skip
    key = f"aws/lambda/uuid/shard/2026/11/23/{len(pipeline.s3.objects)}-{function}"
    pipeline.s3.objects[key] = (json.dumps(record).encode(), {})
    return key


FAILING = slice(20, 40)


def half_applied(write: int, moment: str) -> tuple[Pipeline, str]:
    """Return a pipeline that died at one write of a batch, which Lambda then gave up on."""
    pipeline = Pipeline(make_config(detection=QUIET))
    pipeline.processor().process(invocation(PAYLOADS[:20]))
    batch = invocation(PAYLOADS[FAILING], start=20)
    setattr(pipeline.faults, moment, pipeline.faults.writes + write)
    with pytest.raises(CrashError):
        pipeline.processor().process(batch)
    setattr(pipeline.faults, moment, None)
    return pipeline, give_up(pipeline, batch)


def writes_of_the_failing_batch() -> int:
    """Return how many writes the batch makes when nothing fails."""
    pipeline = Pipeline(make_config(detection=QUIET))
    pipeline.processor().process(invocation(PAYLOADS[:20]))
    before = pipeline.faults.writes
    pipeline.processor().process(invocation(PAYLOADS[FAILING], start=20))
    return pipeline.faults.writes - before


@pytest.mark.parametrize("last", [False, True], ids=["followed", "last"])
@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
def test_failed_batch_comes_back_whole(moment: str, *, last: bool) -> None:
    """Wherever the batch died: archived, then rebuilt, everything is there once."""
    for write in range(0, writes_of_the_failing_batch(), 2):
        pipeline, key = half_applied(write, moment)
        rest = invocation(PAYLOADS[40:], start=40)
        if not last:
            pipeline.processor().process(rest)
        run(pipeline, "failed")
        run(pipeline, "failed", key)
        if last:
            pipeline.processor().process(rest)
        check_truth(pipeline, TRAFFIC)
        assert archived_lines(pipeline) == len(PAYLOADS)
        stores = stored(pipeline)
        assert run(pipeline, "failed")[-1]["replaced"] == 0
        assert stored(pipeline) == stores


def test_redrive_that_dies_at_any_write_goes_on() -> None:
    """The command is given again and ends as if it had never died."""
    for write in range(0, 40, 2):
        pipeline, _ = half_applied(14, "crash_before")
        pipeline.faults.crash_before = pipeline.faults.writes + write
        try:
            run(pipeline, "failed")
        except CrashError:
            pipeline.faults.crash_before = None
            run(pipeline, "failed")
        pipeline.faults.crash_before = None
        pipeline.processor().process(invocation(PAYLOADS[40:], start=40))
        check_truth(pipeline, TRAFFIC)


def test_function_that_is_still_at_it_finds_its_batch_done() -> None:
    """A failed batch is taken back at any write of an invocation that has not ended."""
    for write in range(writes_of_the_failing_batch()):
        pipeline = Pipeline(make_config(detection=QUIET))
        pipeline.processor().process(invocation(PAYLOADS[:20]))
        batch = invocation(PAYLOADS[FAILING], start=20)
        give_up(pipeline, batch)
        number = pipeline.faults.writes + write
        pipeline.faults.interrupts[number] = partial(run, pipeline, "failed")
        pipeline.processor().process(batch)
        pipeline.processor().process(invocation(PAYLOADS[40:], start=40))
        check_truth(pipeline, TRAFFIC)
        assert archived_lines(pipeline) == len(PAYLOADS)


def test_failed_bad_rows_come_back_as_bad_rows() -> None:
    """What could not be used in a failed batch lies under bad/ and is announced."""
    pipeline = Pipeline(make_config(detection=QUIET))
    batch = invocation([*encode([event()]), b"{"])
    key = give_up(pipeline, batch)
    assert run(pipeline, "failed", key)[0] == {"key": key, "events": 1, "bad_rows": 1}
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["not_json"]
    assert len(pipeline.sqs.messages) == 1
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 1}}


def test_message_of_an_appended_bad_object_is_sent_by_the_next_call() -> None:
    """Whoever put the object may have died before the message: the next call sends it."""
    batch = invocation([*encode([event()]), b"{"])
    plain = Pipeline(make_config(detection=QUIET))
    give_up(plain, batch)
    run(plain, "failed")
    told = 0
    for write in range(plain.faults.writes):
        pipeline = Pipeline(make_config(detection=QUIET))
        give_up(pipeline, batch)
        pipeline.faults.crash_after = write
        with pytest.raises(CrashError):
            run(pipeline, "failed")
        pipeline.faults.crash_after = None
        told += bool(bad_keys(pipeline)) and not pipeline.sqs.messages
        run(pipeline, "failed")
        assert {json.loads(each)["key"] for each in pipeline.sqs.messages} == {*bad_keys(pipeline)}
    assert told == 1


def test_batch_that_the_detector_gave_up_on_is_left_alone() -> None:
    """The processor has counted it."""
    pipeline = Pipeline(make_config(detection=QUIET))
    key = give_up(pipeline, invocation(PAYLOADS), function="detector")
    assert run(pipeline, "failed")[0]["skipped"].endswith("-detector")
    assert run(pipeline, "failed", key)[-1]["replaced"] == 0
    assert not pipeline.dynamodb.items(PAGES)


def three_failed(pipeline: Pipeline) -> list[str]:
    """Give up on three batches of one event each, of three sessions and hours."""
    hours = (9, 10, 11)
    return [
        give_up(pipeline, invocation(
            encode([event(session_id=f"s{hour}", timestamp=f"2026-11-23T{hour:02d}:30:00Z")]),
            start=hour,
        ))
        for hour in hours
    ]  # fmt: skip


def counted_hours(pipeline: Pipeline) -> list[str]:
    """Return the hours in which the page counts, and that each session counts with it."""
    (hours,) = pipeline.readback().all_page_views().values()
    assert len(pipeline.readback().all_sessions()) == len(hours)
    return sorted(hours)


_PROCESSOR = b'{"requestContext": {"functionArn": ":function:shop-abcd2345-processor"}}'


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"no JSON", "Expecting value"),
        (b"{}", ""),
        (b'{"requestContext": 5}', ""),
        (_PROCESSOR, "no payload"),
        (_PROCESSOR[:-1] + b', "payload": "{\\"Records\\": [{}]}"}', "kinesis"),
    ],
    ids=["no JSON", "nothing", "other shape", "no payload", "no record"],
)
def test_failed_batch_that_is_none_keeps_no_other_from_its_repair(body: bytes, error: str) -> None:
    """Its line has the error; the batches before and behind it are appended and rebuilt."""
    pipeline = Pipeline(make_config(detection=QUIET))
    keys = three_failed(pipeline)
    broken = keys[0] + "-and-more"
    pipeline.s3.objects[broken] = (body, {})
    lines = run(pipeline, "failed")
    found = {line["key"]: line for line in lines if "key" in line}
    assert found.keys() == {*keys, broken}
    assert error in found[broken].get("error", found[broken].get("skipped", ""))
    assert counted_hours(pipeline) == ["2026-11-23T09", "2026-11-23T10", "2026-11-23T11"]


def test_failed_batch_that_cannot_be_rebuilt_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All but it are rebuilt; once the cause is gone, the same command mends the rest."""
    pipeline = Pipeline(make_config(detection=QUIET))
    keys = three_failed(pipeline)
    real = pipeline.dynamodb.put_item

    def put_item(**request: Any) -> Any:
        if request["Item"].get("timestamp_hour", {}).get("S", "").startswith("2026-11-23T10"):
            raise refuse("ProvisionedThroughputExceededException", "PutItem")
        return real(**request)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.dynamodb, "put_item", put_item)
        errors = [line["key"] for line in run(pipeline, "failed") if "error" in line]
    assert errors == [keys[1]]
    assert counted_hours(pipeline) == ["2026-11-23T09", "2026-11-23T11"]
    assert not any("error" in line for line in run(pipeline, "failed"))
    assert counted_hours(pipeline) == ["2026-11-23T09", "2026-11-23T10", "2026-11-23T11"]


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


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        ([{"key": "k", "events": 1}, {"rebuilt": [], "incomplete": []}], 0, ""),
        ([{"key": "k", "error": "E"}], 1, "what has an error above is not repaired, all else is"),
        ([{"rebuilt": [], "incomplete": ["i"]}], 1, "the archive lacks events"),
        ([{"rebuilt": [], "refused": ["i"]}], 1, "DynamoDB refuses the items"),
    ],
)
def test_exit_code_and_message_are_true(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lines: list[dict[str, Any]],
    code: int,
    message: str,
) -> None:
    """0 only when everything is repaired; else the message says what is not, by the lines."""
    pipeline = Pipeline()
    monkeypatch.setattr("redrive.__main__.Clients", lambda: Clients(pipeline))
    monkeypatch.setattr("redrive.__main__.find_config", lambda *_: pipeline.config)
    monkeypatch.setattr(Commands, "run", lambda *_: iter(lines))
    assert main(["failed"]) == code
    printed, told = capsys.readouterr()
    assert [json.loads(line) for line in printed.splitlines()] == lines
    assert message in told
    assert bool(told) == bool(code)


def all_hours(pipeline: Pipeline) -> list[str]:
    """Return the hours that have items."""
    items = pipeline.dynamodb.items(PAGES) + pipeline.dynamodb.items(COUNTERS)
    keys = [item.get("timestamp_hour") or item["time_window"] for item in items]
    return sorted({key["S"][:13] for key in keys if key["S"].startswith("20")})


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


def test_documented_rights_are_those_that_the_commands_use() -> None:
    """No more and no less; `lambda:GetFunctionConfiguration` is what `--function` calls."""
    used: set[str] = {"lambda:GetFunctionConfiguration"}

    class Watched(Clients):
        def make(self, service: str) -> Any:
            client = super().make(service)

            class Client:
                def __getattr__(self, name: str) -> Any:
                    used.add(f"{service}:{''.join(part.title() for part in name.split('_'))}")
                    return getattr(client, name)

            return Client()

    pipeline, _ = half_applied(14, "crash_before")
    give_up(pipeline, invocation([b"{"], start=40))
    for arguments in (["failed"], ["bad", "BAD"], ["rebuild", "2026-11-23T11"]):
        keys = [bad_keys(pipeline)[0] if each == "BAD" else each for each in arguments]
        commands = Commands(pipeline.config, Watched(pipeline), clock=lambda: pipeline.now)
        list(commands.run(_parser().parse_args(keys)))
    renamed = {"s3:ListObjectsV2": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "redrive.md").read_text()
    policy = json.loads(page.partition("```json")[2].partition("```")[0])
    granted = {action for one in policy["Statement"] for action in one["Action"]}
    assert {renamed.get(name, name) for name in used} == granted


class StreamOnce:
    """A stream that has some records; kept as `kinesis` of the clients."""

    def __init__(self, payloads: dict[int, bytes]) -> None:
        self.payloads = payloads
        self.calls: list[str] = []

    def get_shard_iterator(self, **arguments: str) -> dict[str, str]:
        """Return an iterator that begins at a record."""
        assert arguments["ShardIteratorType"] == "AT_SEQUENCE_NUMBER"
        self.calls.append(arguments["ShardId"])
        return {"ShardIterator": arguments["StartingSequenceNumber"]}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803
        """Return the record, if it is there still, after one answer without any."""
        assert Limit == 1
        if not ShardIterator.startswith("+"):
            return {"Records": [], "NextShardIterator": f"+{ShardIterator}"}
        number = int(ShardIterator)
        found = [(number, self.payloads[number])] if number in self.payloads else []
        return {
            "Records": [
                {
                    "SequenceNumber": str(each),
                    "ApproximateArrivalTimestamp": datetime.fromtimestamp(NOW, UTC),
                    "Data": data,
                }
                for each, data in found
            ],
            **({} if found else {"NextShardIterator": None}),
        }


def with_stream(pipeline: Pipeline, payloads: dict[int, bytes]) -> StreamOnce:
    """Give the pipeline a stream with records by their place in it."""
    stream = StreamOnce({FIRST_SEQUENCE + place: data for place, data in payloads.items()})
    pipeline.kinesis = stream  # type: ignore[attr-defined]
    return stream


def views(pipeline: Pipeline) -> int:
    """Return how often all pages were viewed."""
    hours = pipeline.readback().all_page_views().values()
    return sum(each.views for found in hours for each in found.values())


def test_events_beyond_the_budget_come_back_once() -> None:
    """A replay counts each as if the record had been small, with its own visitor."""
    documents = [
        event(session_id=f"s{n}", user_id=f"user-{n:06d}", page_url="/p") for n in range(700)
    ]
    plain = Pipeline(make_config(detection=QUIET))
    plain.processor().process(invocation(encode(documents)))
    pipeline = Pipeline(make_config(detection=QUIET))
    small = Processor(
        pipeline.config, dynamodb=pipeline.dynamodb, s3=pipeline.s3, sqs=pipeline.sqs,
        hash_key=KEY, clock=lambda: pipeline.now, memory_mib=128, out=pipeline.lines.append,
    )  # fmt: skip
    small.process(
        invocation([json.dumps(documents).encode()]),
        SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000),
    )
    left = len(list(pipeline.readback().bad_rows()))
    assert 0 < left < 700
    assert views(pipeline) == 700 - left
    for _ in range(2):
        run(pipeline, "bad", *bad_keys(pipeline))
        assert views(pipeline) == 700
        assert len(pipeline.readback().all_sessions()) == 700
        assert len(list(pipeline.readback().archived_events())) == 700
    visitors = {
        line["_clickstream"]["visitor"]
        for one in (plain, pipeline)
        for key in one.s3.objects
        if key.startswith("raw/")
        for line in read_lines(one.s3, "p-archive", key)
    }
    assert len(visitors) == 700


@pytest.mark.parametrize("half_counted", [False, True])
def test_record_that_was_not_kept_is_read_from_the_stream(*, half_counted: bool) -> None:
    """Quarantined or with too many rows: its events count once, whatever had been counted of it."""
    record = json.dumps([event(session_id=f"s{n}") for n in range(5)]).encode()
    pipeline = Pipeline(make_config(detection=QUIET))
    if half_counted:
        pipeline.faults.crash_before = 7
        with pytest.raises(CrashError):
            pipeline.processor().process(invocation([record]))
        pipeline.faults.crash_before = None
        assert archived_lines(pipeline) == 5
    (lane,) = read_records(invocation([record]), "e1")
    items = LaneItems(pipeline.dynamodb, COUNTERS, 48)
    for _ in range(MOST_TRIES):
        items.begin_attempt(lane, items.load(lane), 0)
    pipeline.processor().process(invocation([record, *encode([event()])]))
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["quarantined"]
    stream = with_stream(pipeline, {0: record})
    for _ in range(2):
        lines = run(pipeline, "bad", *bad_keys(pipeline))
        assert not any("error" in line for line in lines)
        assert views(pipeline) == 6
        assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 6}}
        assert len(list(pipeline.readback().archived_events())) == archived_lines(pipeline) == 6
        assert [each.event_count for each in pipeline.readback().all_sessions().values()] == [1] * 6
    assert stream.calls == ["shardId-000000000000"] * 2


def test_record_with_too_many_rows_is_taken_back_with_a_larger_budget() -> None:
    """No row of it is lost, and none counted twice, in any form of record."""
    rows = 10_020
    small = [event(session_id="s", page_url="/p", user_id=None, user_agent=None, ip_address=None)]
    record = json.dumps(small * rows, separators=(",", ":")).encode()
    pipeline = Pipeline(make_config(detection=QUIET))
    pipeline.processor().process(invocation([record]))
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["too_large"]
    with_stream(pipeline, {0: record})
    for _ in range(2):
        run(pipeline, "bad", *bad_keys(pipeline))
        assert views(pipeline) == rows
        assert archived_lines(pipeline) == rows


def test_record_that_the_stream_has_no_more_is_an_error_of_its_own() -> None:
    """The line names it; other objects are repaired."""
    pipeline = Pipeline(with_fields(session="sid"))
    pipeline.processor().process(invocation([b"[" + b"0," * 20_000 + b"0]"]))
    pipeline.processor().process(invocation(encode([event()]), start=1))
    pipeline.config = with_fields()
    with_stream(pipeline, {})
    lines = run(pipeline, "bad", *bad_keys(pipeline))
    (error,) = [line["error"] for line in lines if "error" in line]
    assert "no longer has record" in error
    assert views(pipeline) == 1


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
