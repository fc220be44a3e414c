"""Redrive of batches that Lambda gave up on: each comes back whole, once."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.lambdas.memory_aws import CrashError, refuse
from tests.lambdas.pipelines import (
    PAGES,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
)
from tests.lambdas.redrives import (
    FAILING,
    PAYLOADS,
    QUIET,
    TRAFFIC,
    bad_keys,
    counted_hours,
    give_up,
    half_applied,
    run,
    stored,
    three_failed,
    writes_of_the_failing_batch,
)
from tests.lambdas.test_exactness import archived_lines
from tests.unit.synthetic.test_generator import check_truth


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
