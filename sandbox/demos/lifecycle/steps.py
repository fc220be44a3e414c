"""The steps of a life, in order: creation, edits, breakage, scaling, approval, suspension."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from clickstream_operator.query import PipelineReader
from sandbox.demos.lifecycle import endings
from sandbox.demos.lifecycle.session import PIPELINE, Session
from sandbox.demos.scripted.session import condition
from sandbox.processes.process import wait_until

EVENTS: Final = 50
_COUNT_SECONDS: Final = 60.0
_APPROVED: Final = "clickstream.dev/approved-plan"
#: What 48 h of retention ask of the lifetimes.
_LONGER: Final = {"ttl": {"sessionMetricsHours": 72, "countersHours": 72}}


def create(session: Session) -> None:
    """From nothing to Ready, with AWS's states in the way, and data through it."""
    with session.step("Create a pipeline, and send events through it"):
        session.apply()
        session.wait_ready()
        learn(session)
        session.show_conditions()
        stream = session.aws.stream(session.names["stream"])
        session.screen.aws(("now",), [(name, value) for name, value in stream.items()])
        session.check("the stream has 2 shards", stream["shards"], "2")
        resources = session.status()["resources"]
        ready = sum(one["state"] == "Ready" for one in resources)
        session.check(f"all {len(resources)} resources are Ready", ready, len(resources))
        session.check(f"{EVENTS} events are counted", count(session, EVENTS), EVENTS)


def edit(session: Session) -> None:
    """Three fields at once, of three services; one of them needs two more to be legal."""
    with session.step("Edit fields"):
        names = session.names

        def shown() -> dict[str, str]:
            return {
                "memory of the processor": session.aws.memory(names["processor"]),
                "retention of the stream": session.aws.stream(names["stream"])["retention"],
                "retention of its logs": session.aws.log_retention(names["processor-logs"]),
            }

        before = shown()
        session.apply(
            processor={"memoryMiB": 512},
            stream={"retentionHours": 48},
            logs={"retentionDays": 30},
            tables=_LONGER,
        )
        session.wait_ready()
        after = shown()
        session.screen.aws(("before", "after"), [(key, before[key], after[key]) for key in before])
        session.show_conditions("Ready")
        wanted = ["512 MiB", "48 h", "30 days"]
        for (what, found), value in zip(after.items(), wanted, strict=True):
            session.check(f"{what} is {value}", found, value)


def toggle(session: Session) -> None:
    """A feature off and on: its resources go and come back, and only they."""
    with session.step("Turn the dashboard off, and on again"):
        names = session.names
        everything = session.aws.owned(base(session))
        before = session.aws.dashboard(names["dashboard"])
        session.apply(dashboard={"enabled": False})
        session.wait_ready()
        between = session.aws.dashboard(names["dashboard"])
        gone = everything - session.aws.owned(base(session))
        session.apply(dashboard={"enabled": True})
        session.wait_ready()
        after = session.aws.dashboard(names["dashboard"])
        session.screen.aws(("before", "off", "on"), [("dashboard", before, between, after)])
        session.check("only the dashboard went", sorted(gone), [f"dashboard {names['dashboard']}"])
        session.check("all of it is back", session.aws.owned(base(session)), everything)


def break_things(session: Session) -> None:
    """Four things changed by hand in AWS: found, named and repaired."""
    with session.step("Break four things by hand in AWS"):
        names = session.names
        alarm = f"{base(session)}-processor-errors"

        def shown() -> dict[str, str]:
            return {
                "alarm processor-errors": session.aws.alarm(alarm),
                "lifecycle rule of the archive": session.aws.expiry(names["archive"]),
                "dead-letter queue": session.aws.queue(names["dead-letter"]),
                "retention of the stream": session.aws.stream(names["stream"])["retention"],
            }

        before = shown()
        for command in (
            session.aws.delete_alarm(alarm),
            session.aws.change_expiry(names["archive"], 7),
            session.aws.delete_queue(names["dead-letter"]),
            session.aws.change_retention(names["stream"], 24),
        ):
            session.screen.command(command)
        session.sandbox.strict_aws.forget_calls()
        broken = shown()
        session.observe_now()
        session.wait_ready()
        # The strict AWS shows a new queue late.
        wait_until(lambda: shown() == before, 10)
        after = shown()
        session.screen.aws(
            ("before", "broken", "after"), [(k, before[k], broken[k], after[k]) for k in before]
        )
        session.show_conditions("Ready")
        for what, value in before.items():
            session.check(f"{what}: was broken, and is right again", after[what], value,
                          right=after[what] == value != broken[what])  # fmt: skip


def report_drift(session: Session) -> None:
    """Drift that the policy leaves alone is named by field, and repaired when the policy says."""
    with session.step("Report drift instead of correcting it"):
        group = session.names["processor-logs"]
        session.apply(driftPolicy="Report")
        session.wait_ready()
        session.screen.command(session.aws.change_log_retention(group, 3))
        session.sandbox.strict_aws.forget_calls()
        session.observe_now()
        session.wait("the drift is named", _drifts)
        session.show_conditions("Ready", "DriftDetected")
        status = session.status()
        drift = condition(status, "DriftDetected")["message"]
        session.check("Ready stays True", condition(status, "Ready")["status"], "True")
        session.check("the field is named", drift, "processor-logs: retentionDays")
        reported = session.aws.log_retention(group)
        session.check("nothing was written", len(session.sandbox.strict_aws.writes()), 0)
        session.apply(driftPolicy="Correct")
        session.observe_now()
        session.wait_ready()
        after = session.aws.log_retention(group)
        session.screen.aws(("under Report", "under Correct"), [("logs", reported, after)])
        session.check("it was left as it was", reported, "3 days")
        session.check("then it was corrected", after, "30 days")


def scale(session: Session) -> None:
    """Eight times the shards, in the only steps that AWS takes, over a crash of the operator."""
    with session.step("Scale from 2 to 16 shards, and kill the operator on the way"):
        before = session.aws.stream(session.names["stream"])["shards"]
        session.apply(stream={"retentionHours": 48, "shards": 16})
        session.wait("the first step is asked for", lambda status: bool(status.get("resizes")))
        session.show_conditions("Ready")
        session.screen.command("kill -9 <operator>")
        session.operator.kill()
        session.operator.start()
        session.screen.say("a new one is started; and goes on from what is")
        session.wait("16 shards", lambda status: condition(status, "Ready")["status"] == "True")
        after = session.aws.stream(session.names["stream"])["shards"]
        session.screen.aws(("before", "after"), [("shards of the stream", before, after)])
        steps = [one["shards"] for one in session.status()["resizes"]]
        session.check("the steps are double each, none twice", steps, [4, 8, 16])
        session.check("the stream has 16 shards", after, "16")
        session.check(
            f"{EVENTS} more events are counted, and none twice",
            count(session, EVENTS),
            2 * EVENTS,
        )


def approve(session: Session) -> None:
    """Nothing without a yes: a plan, a wrong hash, the right one."""
    with session.step("Approve a change before it is made"):
        function = session.names["processor"]
        before = session.aws.memory(function)
        session.apply(approval="Manual", processor={"memoryMiB": 1024})
        session.wait(
            "a plan waits", lambda status: condition(status, "Ready")["reason"] == "PlanPending"
        )
        plan = session.status()["plan"]
        session.screen.command(f"kubectl get csp {PIPELINE} -o jsonpath='{{.status.plan}}'")
        titles = ("action", "resource", "field", "old", "new")
        changes = [[str(one.get(title, "")) for title in titles] for one in plan["changes"]]
        session.screen.rows(titles, changes)
        session.check("the plan is one change", len(plan["changes"]), 1)
        session.annotate(_APPROVED, "0" * len(plan["hash"]))
        session.observe_now()
        session.show_conditions("Ready")
        refused = session.aws.memory(function)
        session.check("a wrong hash changes nothing", refused, before)
        session.check("and nothing was written", len(session.sandbox.strict_aws.writes()), 0)
        session.annotate(_APPROVED, plan["hash"])
        session.wait_ready()
        after = session.aws.memory(function)
        session.screen.aws(
            ("before", "wrong hash", "right hash"), [("processor", before, refused, after)]
        )
        session.check("the right hash applies it", after, "1024 MiB")
        done = session.status()["plan"]
        session.check("the plan is done", done.get("changes", []), [])
        session.check(
            "its hash can't be used again", done["serial"], f"above {plan.get('serial', 0)}",
            right=done["serial"] > plan.get("serial", 0),
        )  # fmt: skip
        session.apply(approval="Automatic")
        session.wait_ready()


def suspend(session: Session) -> None:
    """A suspended pipeline reports and writes nothing; resumed, it repairs."""
    with session.step("Suspend, break something, resume"):
        function = session.names["detector"]
        before = session.aws.memory(function)
        session.apply(suspend=True)
        session.wait(
            "it is suspended", lambda status: condition(status, "Suspended")["status"] == "True"
        )
        session.screen.command(session.aws.change_memory(function, 192))
        session.sandbox.strict_aws.forget_calls()
        session.observe_now()
        session.wait("the drift is named", _drifts)
        session.show_conditions()
        suspended = session.aws.memory(function)
        writes = len(session.sandbox.strict_aws.writes())
        drift = condition(session.status(), "DriftDetected")["message"]
        session.check("the field is named", drift, "detector: memoryMiB")
        session.check("nothing was written while suspended", writes, 0)
        session.apply(suspend=False)
        session.observe_now()
        session.wait_ready()
        after = session.aws.memory(function)
        session.screen.aws(
            ("before", "suspended", "resumed"), [("detector", before, suspended, after)]
        )
        session.check("it was left as it was", suspended, "192 MiB")
        session.check("then it was corrected", after, before)


def _drifts(status: object) -> bool:
    return isinstance(status, dict) and condition(status, "DriftDetected")["status"] == "True"


def learn(session: Session) -> None:
    """Remember names and outputs; both stay the same for the whole life."""
    status = session.status()
    session.names = status["effective"]["names"]
    session.outputs = status["outputs"]


def base(session: Session) -> str:
    """The stem of all names."""
    return session.names["dashboard"]


def count(session: Session, events: int) -> int:
    """Send page views and return what is counted in all, once it no longer lacks any."""
    sent = int(session.notes.get("sent", 0)) + events
    session.notes["sent"] = sent
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    records = []
    for number in range(events):
        session_id = f"session-{sent}-{number % 10}"
        event = {
            "event_type": "page_view",
            "session_id": session_id,
            "user_id": f"user-{number}",
            "timestamp": now,
            "page_url": f"/products/{number % 5}",
        }
        records.append({"PartitionKey": session_id, "Data": json.dumps(event).encode()})
    stream = session.outputs["kinesisStreamName"]
    session.aws.client("kinesis").put_records(StreamName=stream, Records=records)
    read = PipelineReader(
        dynamodb=session.aws.client("dynamodb"),
        s3=session.aws.client("s3"),
        page_metrics_table=session.outputs["dynamodbPageMetricsTableName"],
        session_metrics_table=session.outputs["dynamodbSessionMetricsTableName"],
        counters_table=session.outputs["dynamodbCountersTableName"],
        bucket=session.outputs["s3BucketName"],
        clock=time.time,
    )

    def counted() -> int:
        return sum(sum(minutes.values()) for minutes in read.all_counts().values())

    wait_until(lambda: counted() >= sent, _COUNT_SECONDS)
    return counted()


STEPS: Final[tuple[Callable[[Session], None], ...]] = (
    create,
    edit,
    toggle,
    break_things,
    report_drift,
    scale,
    approve,
    suspend,
    lambda session: endings.delete(session, base(session)),
    lambda session: endings.return_again(session, lambda: count(session, EVENTS)),
)
"""A life up to its last but one end; `endings.end` is the last."""
