"""Manual approval: plans that wait, approvals that hold for one plan."""

from __future__ import annotations

from tests.integration.aws_inventory import DEFAULT_RESOURCES, base_of, check_retained, left_in_aws
from tests.integration.pilot import Pilot, run


def approve(pilot: Pilot, digest: str) -> None:
    """Approve a plan, as its message says."""
    pilot.sandbox.kubectl(
        "annotate",
        "--overwrite",
        "csp",
        pilot.name,
        "-n",
        pilot.namespace,
        f"clickstream.dev/approved-plan={digest}",
    )


def test_a_manual_pipeline_is_created_only_as_approved(pilot: Pilot) -> None:
    """Nothing before the approval, all of it after, and the same approval never again."""
    pilot.apply({"approval": "Manual"})
    run(pilot.step())
    assert pilot.writes() == {}
    plan = pilot.status()["plan"]
    assert plan["summary"] == "29 to create"
    assert {one["action"] for one in plan["changes"]} == {"create"}
    assert pilot.condition("Ready")["reason"] == "PlanPending"
    assert plan["hash"] in pilot.condition("Ready")["message"]
    assert pilot.condition("Reconciling")["status"] == "absent"
    assert pilot.condition("Stalled")["status"] == "absent"
    approve(pilot, "0" * 32)
    run(pilot.step())
    assert pilot.writes() == {}
    approve(pilot, plan["hash"])
    run(pilot.converge())
    about = [(one["type"], one["reason"]) for one in pilot.events() if one["reason"][:4] == "Plan"]
    assert about == [
        ("Warning", "PlanPending"),
        ("Normal", "PlanApproved"),
        ("Normal", "PlanCompleted"),
    ]
    assert tuple(one["name"] for one in pilot.status()["resources"]) == DEFAULT_RESOURCES
    assert pilot.status()["plan"] == {"approved": False, "serial": 1}
    pilot.forget_calls()
    pilot.apply({"approval": "Manual", "processor": {"memoryMiB": 512}})
    run(pilot.step())
    assert pilot.writes() == {}
    second = pilot.status()["plan"]
    assert second["hash"] != plan["hash"]
    assert second["serial"] == 2
    assert second["changes"] == [
        {
            "action": "update",
            "resource": "processor",
            "field": "memoryMiB",
            "old": "256",
            "new": "512",
        }
    ]
    approve(pilot, second["hash"])
    run(pilot.converge())
    assert pilot.writes() == {"lambda:update_function_configuration": 1}
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)


def test_an_approved_plan_is_finished_by_the_next_process(pilot: Pilot) -> None:
    """A crash in the middle needs no second approval."""
    pilot.apply({"approval": "Manual"})
    run(pilot.step())
    approve(pilot, pilot.status()["plan"]["hash"])
    with pilot.dying_at(20):
        run(pilot.converge())
    run(pilot.converge())
    assert pilot.accepted["dynamodb:create_table"] == 3


def test_drift_and_removal_of_a_manual_pipeline_wait_too(pilot: Pilot) -> None:
    """A correction and a pruned feature are lines of a plan like any other."""
    pilot.apply({"approval": "Manual"})
    run(pilot.step())
    approve(pilot, pilot.status()["plan"]["hash"])
    run(pilot.converge())
    base = base_of(pilot)
    pilot.client("kinesis").increase_stream_retention_period(
        StreamName=f"{base}-events", RetentionPeriodHours=72
    )
    pilot.forget_calls()
    pilot.apply({"approval": "Manual", "dashboard": {"enabled": False}})
    run(pilot.resync())
    assert pilot.writes() == {}
    plan = pilot.status()["plan"]
    assert [(one["action"], one["resource"]) for one in plan["changes"]] == [
        ("delete", "dashboard"),
        ("update", "stream"),
    ]
    approve(pilot, plan["hash"])
    run(pilot.converge())
    assert left_in_aws(pilot)["dashboards"] == set()
    stream = pilot.client("kinesis").describe_stream_summary(StreamName=f"{base}-events")
    assert stream["StreamDescriptionSummary"]["RetentionPeriodHours"] == 24
