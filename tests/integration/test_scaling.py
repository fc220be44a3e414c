"""Shards in steps, budgets of a day, switches of mode, and shards that follow the load."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.session import AwsSession
from sandbox.aws.strict import StrictAws
from tests.integration.pilot import Crash, Pilot, run

SCALING = {"stream": {"autoscaling": {"minShards": 2, "maxShards": 8}}}


def now(pilot: Pilot) -> datetime:
    """The time that the operator believes in."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=pilot.time)


def stream_name(pilot: Pilot) -> str:
    """Name of the pipeline's stream."""
    return str(pilot.resource("stream")["physicalName"])


def shards(pilot: Pilot) -> int:
    """What AWS has."""
    answer = pilot.client("kinesis").describe_stream_summary(StreamName=stream_name(pilot))
    return int(answer["StreamDescriptionSummary"]["OpenShardCount"])


def resized(pilot: Pilot) -> list[int]:
    """The recorded resizes."""
    return [one["shards"] for one in pilot.status().get("resizes", ())]


def calls(pilot: Pilot) -> dict[str, int]:
    """AWS calls since they were forgotten, by operation."""
    counts: dict[str, int] = {}
    for one in pilot.calls:
        counts[one.operation] = counts.get(one.operation, 0) + 1
    return counts


def fill_budget(pilot: Pilot, *hours_ago: float) -> None:
    """Record resizes in the status, as if they had been asked for."""
    entries = [
        {
            "at": (now(pilot) - timedelta(hours=one)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "shards": 2,
        }
        for one in hours_ago
    ]
    pilot.sandbox.kubectl(
        "patch", "csp", pilot.name, "--subresource=status", "--type=merge",
        "-p", json.dumps({"status": {"resizes": entries}}),
    )  # fmt: skip


@pytest.fixture
def answer_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """AWS's answers to one operation: an error to raise, or a dictionary to return."""
    send = AwsSession.call
    answers: dict[str, Any] = {}

    async def call(self: AwsSession, service: str, operation: str, /, **given: Any) -> Any:
        if operation not in answers:
            return await send(self, service, operation, **given)
        if isinstance(answers[operation], AwsError):
            raise answers[operation]
        return answers[operation]

    monkeypatch.setattr(AwsSession, "call", call)

    def set_answer(operation: str, answer: Any = None) -> None:
        if answer is None:
            answers.pop(operation, None)
        else:
            answers[operation] = answer

    return set_answer


def refusal(
    operation: str, text: str, *, service: str = "kinesis", code: str = "LimitExceededException"
) -> AwsError:
    """AWS says no."""
    category = Category.INVALID if code == "ValidationException" else Category.LIMIT_EXCEEDED
    return AwsError(service=service, operation=operation, code=code, text=text, category=category)


def test_large_change_takes_recorded_steps(pilot: Pilot) -> None:
    """2 to 16 by way of 4 and 8: one call a pass, each on record before the next."""
    pilot.apply()
    run(pilot.converge())
    pilot.apply({"stream": {"shards": 16}})
    run(pilot.step())
    assert (shards(pilot), resized(pilot)) == (4, [4])
    ready = pilot.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ScalingInSteps")
    assert ready["message"] == (
        "stream: on the way to 16 shards, in steps of at most double or half: the step to 4 was "
        "asked for, 2 more steps follow"
    )
    assert pilot.condition("Reconciling")["status"] == "True"
    assert pilot.condition("Stalled")["status"] == "absent"
    run(pilot.converge())
    assert (shards(pilot), resized(pilot)) == (16, [4, 8, 16])
    assert pilot.status()["outputs"]["kinesisStreamShards"] == 16
    pilot.forget_calls()
    run(pilot.resync())
    assert pilot.writes() == {}
    assert pilot.kube_writes == []


def test_next_process_goes_on_where_one_died(pilot: Pilot) -> None:
    """A crash right after a call loses its record, and no step is taken twice."""
    pilot.apply()
    run(pilot.converge())
    pilot.apply({"stream": {"shards": 16}})

    def crash(record: Any) -> None:
        if record.operation == "update_shard_count":
            raise Crash

    pilot.on_write = crash
    with pytest.raises(Crash):
        run(pilot.step())
    pilot.on_write = lambda _record: None
    pilot.restart()
    assert (shards(pilot), resized(pilot)) == (4, [])
    run(pilot.step())
    pilot.restart()
    run(pilot.converge())
    assert (shards(pilot), resized(pilot)) == (16, [8, 16])
    assert pilot.writes()["kinesis:update_shard_count"] == 3


def test_spent_budget_is_waited_for(pilot: Pilot) -> None:
    """Calm, with the time at which it goes on; the rest of a change is made meanwhile."""
    pilot.apply()
    run(pilot.converge())
    free = now(pilot) + timedelta(minutes=31)  # half an hour, rounded up to a full minute
    fill_budget(pilot, 23.5, *[number + 1.0 for number in range(9)])
    pilot.forget_calls()
    pilot.apply({"stream": {"shards": 4, "shardLevelMetrics": []}, "processor": {"memoryMiB": 512}})
    run(pilot.converge(lambda: pilot.condition("Ready")["reason"] == "ResizeBudgetExhausted"))
    assert "kinesis:update_shard_count" not in pilot.writes()
    assert pilot.writes()["kinesis:disable_enhanced_monitoring"] == 1
    assert pilot.writes()["lambda:update_function_configuration"] == 1
    ready = pilot.condition("Ready")
    assert ready["status"] == "False"
    assert f"from 2 to 4 shards is possible from {free:%Y-%m-%dT%H:%MZ} on" in ready["message"]
    assert pilot.condition("Reconciling")["status"] == "True"
    assert pilot.condition("Stalled")["status"] == "absent"
    run(pilot.converge(lambda: pilot.resource("processor")["state"] == "Ready"))
    pilot.restart()
    run(pilot.step())
    pilot.forget_calls()
    pilot.time += 1500
    run(pilot.step())
    assert pilot.writes() == {}
    assert pilot.kube_writes == []
    pilot.time += 400
    run(pilot.converge())
    assert shards(pilot) == 4
    assert pilot.condition("Stalled")["status"] == "absent"


def test_refusal_by_aws_is_waited_out(pilot: Pilot, answer_with: Callable[..., None]) -> None:
    """Somebody else used the budget up: not Stalled, asked again every 15 minutes only."""
    pilot.apply()
    run(pilot.converge())
    text = "Stream web-events under account 123456789012 was scaled ten times within 24 hours."
    answer_with("update_shard_count", refusal("update_shard_count", text))
    pilot.apply({"stream": {"shards": 4}})
    run(pilot.step())
    assert pilot.condition("Ready")["reason"] == "ResizeBudgetExhausted"
    assert resized(pilot) == []
    pilot.time += 720
    run(pilot.step())
    assert pilot.condition("Stalled")["status"] == "absent"
    answer_with("update_shard_count")
    run(pilot.step())
    assert shards(pilot) == 2
    pilot.time += 200
    run(pilot.converge())
    assert (shards(pilot), resized(pilot)) == (4, [4])


def test_quota_of_the_account_is_an_error(pilot: Pilot, answer_with: Callable[..., None]) -> None:
    """A person must raise it."""
    pilot.apply()
    run(pilot.converge())
    text = "This request would exceed the shard limit for the account 123456789012 in us-east-1."
    answer_with("update_shard_count", refusal("update_shard_count", text))
    pilot.apply({"stream": {"shards": 4}})
    run(pilot.step())
    assert pilot.condition("Ready")["reason"] == "LimitExceeded"
    pilot.time += 301
    run(pilot.step())
    assert pilot.condition("Stalled")["reason"] == "LimitExceeded"


def test_one_approval_covers_all_steps(pilot: Pilot) -> None:
    """The plan says 2 to 16; its steps start from other counts."""
    pilot.apply()
    run(pilot.converge())
    pilot.apply({"approval": "Manual", "stream": {"shards": 16}})
    run(pilot.step())
    plan = pilot.status()["plan"]
    (line,) = plan["changes"]
    assert (line["field"], line["old"], line["new"]) == ("shards", "2", "16")
    assert shards(pilot) == 2
    pilot.sandbox.kubectl(
        "annotate", "csp", pilot.name, f"clickstream.dev/approved-plan={plan['hash']}"
    )
    run(pilot.step())
    assert shards(pilot) == 4
    pilot.restart()
    run(pilot.converge())
    assert (shards(pilot), resized(pilot)) == (16, [4, 8, 16])
    assert pilot.status()["plan"] == {"approved": False, "serial": 1}


def test_hand_made_shards_are_put_back_in_steps(pilot: Pilot) -> None:
    """Five steps of one correction are one correction, not a loop of them."""
    pilot.apply({"stream": {"shards": 32}})
    run(pilot.converge())
    name = stream_name(pilot)
    pilot.client("kinesis").update_shard_count(
        StreamName=name, TargetShardCount=1, ScalingType="UNIFORM_SCALING"
    )
    pilot.time += 301
    run(pilot.converge(lambda: shards(pilot) == 32))
    assert resized(pilot) == [2, 4, 8, 16, 32]
    assert pilot.resource("stream").get("reason", "") != "DriftLoop"


def test_third_switch_of_mode_waits(pilot: Pilot, answer_with: Callable[..., None]) -> None:
    """Two a day are recorded; the third has a time; then the shards follow."""
    pilot.apply()
    run(pilot.converge())
    kinesis = pilot.client("kinesis")
    mode = {"now": "PROVISIONED"}
    summary = kinesis.describe_stream_summary(StreamName=stream_name(pilot))

    def show(wanted: str) -> None:
        # The emulator has no UpdateStreamMode.
        mode["now"] = wanted
        summary["StreamDescriptionSummary"]["StreamModeDetails"] = {"StreamMode": wanted}
        answer_with("describe_stream_summary", summary)

    answer_with("update_stream_mode", {"ResponseMetadata": {}})
    for wanted in ("OnDemand", "Provisioned"):
        pilot.apply({"stream": {"mode": wanted}})
        run(pilot.step())
        show({"OnDemand": "ON_DEMAND", "Provisioned": "PROVISIONED"}[wanted])
        run(pilot.converge())
    assert [one["mode"] for one in pilot.status()["modeSwitches"]] == ["ON_DEMAND", "PROVISIONED"]
    pilot.apply({"stream": {"mode": "OnDemand"}})
    run(pilot.step())
    ready = pilot.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ChangeTooSoon")
    tomorrow = r"mode to ON_DEMAND is possible from 2026-01-02T00:\d\dZ on$"
    assert re.search(tomorrow, ready["message"])
    pilot.time += 700
    run(pilot.step())
    assert pilot.condition("Stalled")["status"] == "absent"


@pytest.mark.parametrize(
    ("operation", "code", "text"),
    [
        (
            "update_table",
            "LimitExceededException",
            "Subscriber limit exceeded: Update to PayPerRequest mode are limited to 4 in 1 day(s).",
        ),
    ],
)
def test_table_that_was_switched_too_often_waits(
    pilot: Pilot, answer_with: Callable[..., None], operation: str, code: str, text: str
) -> None:
    """Not an error, and what is set stays."""
    provisioned = {"billingMode": "Provisioned", "provisioned": {"readUnits": 5, "writeUnits": 5}}
    pilot.apply({"tables": provisioned})
    run(pilot.converge())
    answer_with(operation, refusal(operation, text, service="dynamodb", code=code))
    pilot.apply({"tables": {"billingMode": "OnDemand"}})
    run(pilot.step())
    assert pilot.condition("Ready")["reason"] == "ChangeTooSoon"
    pilot.time += 700
    run(pilot.step())
    assert pilot.condition("Stalled")["status"] == "absent"
    answer_with(operation)
    run(pilot.converge())


@pytest.fixture
def hard(pilot: Pilot) -> StrictAws:
    """AWS with states, limits on resizes and switches of mode, and nothing else in the way."""
    hard = pilot.sandbox.strict_aws
    hard.reset(["kinesis-states=60", "kinesis-resizes", "kinesis-modes"])
    return hard


def converge(pilot: Pilot, until: Callable[[], bool]) -> None:
    """Passes, each at its time."""
    for _ in range(200):
        delay = run(pilot.step())
        if until():
            return
        assert delay is not None
        pilot.time += delay
    raise AssertionError(f"not there: {pilot.status()}")


def is_ready(pilot: Pilot) -> bool:
    """Whether Ready is True."""
    return str(pilot.condition("Ready")["status"]) == "True"


@pytest.mark.usefixtures("hard")
def test_steps_wait_for_an_active_stream(pilot: Pilot) -> None:
    """While AWS resizes, the condition keeps its words; no call is refused."""
    pilot.apply()
    converge(pilot, lambda: is_ready(pilot))
    pilot.apply({"stream": {"shards": 16}})
    said: list[tuple[str, str]] = []

    def note() -> bool:
        ready = pilot.condition("Ready")
        one = (ready["reason"], ready["message"])
        if one not in said:
            said.append(one)
        return is_ready(pilot)

    converge(pilot, note)
    assert resized(pilot) == [4, 8, 16]
    steps = [message for reason, message in said if reason == "ScalingInSteps"]
    assert ["the step to 4" in steps[0], "the step to 8" in steps[1]] == [True, True]
    assert len(steps) == 2
    tries = [one.code for one in pilot.calls if one.operation == "update_shard_count"]
    assert tries == ["OK"] * 3


@pytest.mark.usefixtures("hard")
def test_limits_of_aws_are_met_calmly(pilot: Pilot) -> None:
    """Ten resizes, then a wait of a day; never a refused call, never Stalled."""
    pilot.apply({"stream": {"shards": 1}})
    converge(pilot, lambda: is_ready(pilot))
    pilot.apply({"stream": {"shards": 64}})
    converge(pilot, lambda: is_ready(pilot))
    pilot.apply({"stream": {"shards": 1}})
    converge(pilot, lambda: pilot.condition("Ready")["reason"] == "ResizeBudgetExhausted")
    assert resized(pilot)[-4:] == [32, 16, 8, 4]
    assert "on the way to 1, is possible from" in pilot.condition("Ready")["message"]
    pilot.time += 86_000
    converge(pilot, lambda: is_ready(pilot))
    assert resized(pilot)[-2:] == [2, 1]
    assert pilot.condition("Stalled")["status"] == "absent"
    assert {one.code for one in pilot.calls if one.operation == "update_shard_count"} == {"OK"}
    notes = [one["note"] for one in pilot.events() if one["type"] == "Warning"]
    assert notes == []


@pytest.mark.usefixtures("hard")
def test_mode_and_shards_follow_one_another(pilot: Pilot) -> None:
    """Back from on-demand the shards are brought to the spec in steps."""
    pilot.apply({"stream": {"shards": 8}})
    converge(pilot, lambda: is_ready(pilot))
    for spec in ({"mode": "OnDemand"}, {"mode": "Provisioned", "shards": 2}):
        pilot.apply({"stream": spec})
        run(pilot.step())
        converge(pilot, lambda: is_ready(pilot))
    assert resized(pilot) == [4, 2]
    pilot.apply({"stream": {"mode": "OnDemand"}})
    converge(pilot, lambda: pilot.condition("Ready")["reason"] == "ChangeTooSoon")
    tries = [one.code for one in pilot.calls if one.operation == "update_stream_mode"]
    assert tries == ["OK", "OK"]


# Autoscaling


def feed(pilot: Pilot, *megabytes_a_second: float) -> None:
    """Let the stream take so much in the last minutes; the last of them ended just now."""
    end = now(pilot).replace(second=0, microsecond=0)
    pilot.client("cloudwatch").put_metric_data(
        Namespace="AWS/Kinesis",
        MetricData=[
            {
                "MetricName": "IncomingBytes",
                "Dimensions": [{"Name": "StreamName", "Value": stream_name(pilot)}],
                "Timestamp": end - timedelta(minutes=number),
                "Value": rate * 60 * 1024 * 1024,
            }
            for number, rate in enumerate(reversed(megabytes_a_second), start=1)
        ],
    )


@pytest.fixture
def grown(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> Pilot:
    """A ready pipeline with autoscaling; its time is the emulator's, which makes the stream."""
    pilot.time = (datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()
    pilot.apply(SCALING)
    run(pilot.converge())
    return pilot


def minutes(pilot: Pilot, count: int) -> None:
    """Let minutes pass, with the passes that the operator asks for."""
    end = pilot.time + 60 * count
    while pilot.time < end:
        delay = run(pilot.step())
        assert delay is not None
        assert delay <= 60
        pilot.time += max(delay, 0.01)


def test_load_doubles_the_shards(grown: Pilot) -> None:
    """Two high minutes: one call, one Event with numbers, one record; Ready stays."""
    minutes(grown, 1)
    feed(grown, 1.8, 1.9)
    minutes(grown, 2)
    assert (shards(grown), resized(grown)) == (4, [4])
    (event,) = (one for one in grown.events() if one["reason"] == "ScaledUp")
    assert event["type"] == "Normal"
    assert event["note"] == (
        "2 to 4 shards: two minutes took 90 % and 95 % of what 2 shards take; the target is 70 %"
    )
    assert grown.condition("Ready")["status"] == "True"
    assert grown.condition("DriftDetected")["status"] == "False"
    assert grown.status()["outputs"]["kinesisStreamShards"] == 4
    transitions = [one["reason"] for one in grown.events()]
    assert "DriftCorrected" not in transitions
    run(grown.resync())
    assert shards(grown) == 4


def test_quiet_hours_halve_the_shards_down_to_the_bound(grown: Pilot) -> None:
    """Not before half an hour, then once each half hour; a new process decides the same."""
    grown.client("kinesis").update_shard_count(
        StreamName=stream_name(grown), TargetShardCount=8, ScalingType="UNIFORM_SCALING"
    )
    minutes(grown, 20)
    assert resized(grown) == []
    grown.restart()
    minutes(grown, 15)
    assert (shards(grown), resized(grown)) == (4, [4])
    minutes(grown, 20)
    assert shards(grown) == 4
    minutes(grown, 90)
    assert (shards(grown), resized(grown)) == (2, [4, 2])
    assert [one["reason"] for one in grown.events()].count("ScaledDown") == 2


def test_quiet_minute_costs_two_reads(grown: Pilot) -> None:
    """One GetMetricData and one DescribeStreamSummary a minute; nothing is written."""
    grown.sandbox.kubectl(
        "patch", "csp", grown.name, "--type=merge",
        '-p={"spec":{"resyncIntervalSeconds":86400}}',
    )  # fmt: skip
    run(grown.converge())
    minutes(grown, 1)
    grown.forget_calls()
    minutes(grown, 10)
    assert calls(grown) == {"get_metric_data": 10, "describe_stream_summary": 10}
    assert grown.kube_writes == []


def test_count_outside_the_bounds_is_brought_back(grown: Pilot) -> None:
    """By the ordinary pass, in steps; within them it is nobody's drift."""
    run(grown.step())
    grown.apply({"stream": {"autoscaling": {"minShards": 10, "maxShards": 16}}})
    run(grown.converge())
    assert (shards(grown), resized(grown)) == (10, [4, 8, 10])


def test_the_bounds_are_what_is_approved(grown: Pilot) -> None:
    """Under approval Manual the count moves between them, and no plan asks about it."""
    grown.apply({**SCALING, "approval": "Manual"})
    run(grown.converge())
    minutes(grown, 1)
    feed(grown, 1.8, 1.9)
    minutes(grown, 2)
    assert (shards(grown), resized(grown)) == (4, [4])
    run(grown.resync())
    assert not (grown.status().get("plan") or {}).get("hash")
    assert grown.condition("Ready")["status"] == "True"


def test_suspended_pipeline_does_not_scale(grown: Pilot) -> None:
    """Neither metrics nor resizes."""
    feed(grown, 1.9, 1.9)
    grown.apply({**SCALING, "suspend": True})
    grown.forget_calls()
    for _ in range(3):
        grown.time += 60
        feed(grown, 1.9, 1.9)
        run(grown.step())
    assert "get_metric_data" not in calls(grown)
    assert shards(grown) == 2


def test_last_resizes_of_a_day_are_for_growing(grown: Pilot) -> None:
    """With the budget spent the load is named and a time; Ready stays."""
    fill_budget(grown, *[number + 1.0 for number in range(10)])
    for _ in range(8):
        feed(grown, 1.9, 1.9)
        minutes(grown, 1)
    assert shards(grown) == 2
    stream = grown.resource("stream")
    assert (stream["state"], stream["reason"]) == ("Ready", "ResizeBudgetExhausted")
    assert "the load needs 4 shards, and there are 2" in stream["message"]
    assert grown.condition("Ready")["status"] == "True"
    warnings = [one for one in grown.events() if one["reason"] == "ResizeBudgetExhausted"]
    assert len(warnings) == 1


def test_metrics_that_may_not_be_read_are_named(
    grown: Pilot, answer_with: Callable[..., None]
) -> None:
    """The pipeline works on; the stream's line says what is missing; it heals."""
    denied = AwsError(
        service="cloudwatch",
        operation="get_metric_data",
        code="AccessDenied",
        text="not authorized to perform cloudwatch:GetMetricData",
        category=Category.ACCESS_DENIED,
    )
    answer_with("get_metric_data", denied)
    minutes(grown, 12)
    assert "cloudwatch:GetMetricData" in grown.resource("stream")["message"]
    assert grown.condition("Ready")["status"] == "True"
    assert [one["reason"] for one in grown.events()].count("AccessDenied") == 1
    answer_with("get_metric_data")
    minutes(grown, 2)
    assert "message" not in grown.resource("stream")


@pytest.mark.usefixtures("hard")
def test_ready_stays_while_aws_resizes_for_the_load(pilot: Pilot) -> None:
    """A stream that is UPDATING takes records: nobody is alarmed, and no second step is taken."""
    pilot.time = (datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()
    pilot.apply(SCALING)
    converge(pilot, lambda: is_ready(pilot))
    feed(pilot, 1.9, 1.9, 1.9)
    converge(pilot, lambda: resized(pilot) == [4])
    busy = []
    for _ in range(5):
        feed(pilot, 3.9, 3.9, 3.9)
        run(pilot.step())
        busy.append((is_ready(pilot), resized(pilot)))
        pilot.time += 10
    assert busy == [(True, [4])] * 5
    feed(pilot, 3.9, 3.9, 3.9)
    converge(pilot, lambda: resized(pilot) == [4, 8])
    tries = [one.code for one in pilot.calls if one.operation == "update_shard_count"]
    assert tries == ["OK", "OK"]
