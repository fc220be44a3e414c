"""Redrive of bad events: each counted and archived once, whatever is called when how often."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redrive.__main__ import Commands, _parser, main
from redrive.replay import lane_of
from tests.lambdas.memory_aws import CrashError
from tests.lambdas.pipelines import (
    COUNTERS,
    Pipeline,
    encode,
    event,
    invocation,
)
from tests.lambdas.redrives import (
    Clients,
    bad_keys,
    check_truth_but_bad_rows,
    give_up,
    half_applied,
    run,
    stored,
    with_fields,
    wronged,
)


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


def test_a_row_that_an_earlier_replay_took_is_not_called_counted() -> None:
    """The object of before has nothing left; what was still bad then is in the newer one."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation(encode([event(event_type=None, kind="signup")])))
    (first,) = bad_keys(pipeline)
    (one,) = run(pipeline, "bad", first)
    assert (one["events"], one["still_bad"], one["earlier"]) == (0, 1, 0)
    pipeline.config = with_fields(type="kind")
    (second,) = set(bad_keys(pipeline)) - {first}
    for key, wanted in ((first, (0, 0, 1)), (second, (1, 0, 0)), (second, (0, 0, 1))):
        (one,) = run(pipeline, "bad", key)
        assert (one["events"], one["still_bad"], one["earlier"]) == wanted
    assert sum(pipeline.readback().counts("signup").values()) == 1


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


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        ([{"key": "k", "events": 1}, {"rebuilt": [], "incomplete": []}], 0, ""),
        ([{"key": "k", "error": "E"}], 1, "what has an error above is not repaired, all else is"),
        ([{"rebuilt": [], "incomplete": ["i"]}], 1, "the archive lacks events"),
        ([{"rebuilt": [], "refused": ["i"]}], 1, "DynamoDB refuses the items"),
        ([{"key": "k", "events": 0, "still_bad": 1}], 1, "break a rule of today"),
        ([{"key": "k", "events": 1, "still_bad": 0}], 0, ""),
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
