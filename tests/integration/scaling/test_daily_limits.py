"""Budgets of a day: resizes, switches of mode, quotas of the account."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.integration.pilot import Pilot, run
from tests.integration.scaling.stream_shards import (
    converge,
    fill_budget,
    is_ready,
    now,
    refusal,
    resized,
    shards,
    stream_name,
)


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


@pytest.mark.usefixtures("strict_kinesis")
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


@pytest.mark.usefixtures("strict_kinesis")
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
