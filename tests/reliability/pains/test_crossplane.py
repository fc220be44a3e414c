"""Pains that users of Crossplane filed, one test each, proven on this operator.

xp: crossplane/crossplane, xp_aws: provider-aws, upjet_aws and upjet_azure: the Upjet providers. The
number is that of the issue.
"""

from __future__ import annotations

import json
import random
import tracemalloc
import uuid
from collections import Counter
from pathlib import Path

import pytest
import yaml

from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.reconcile.requeue import RequeuePolicy
from clickstream_operator.reconcile.state import GenerationState, ReconcileState
from clickstream_operator.runtime.predicates import Predicates
from clickstream_operator.runtime.workqueue import WorkQueue
from sandbox.aws.strict import StrictAws
from tests.integration.aws_inventory import check_retained, left_in_aws
from tests.integration.pilot import ACCOUNT, Pilot, run
from tests.integration.specs import LEAN, NOTHING_STAYS
from tests.kstatus import Verdict, verdict
from tests.reliability.pains.virtual_time import (
    HOUR,
    WRONG,
    Body,
    condition,
    live,
    never,
)


def test_xp_aws_461_an_error_with_another_request_id_is_no_news(
    pilot: Pilot, aws: StrictAws
) -> None:
    """Each error has a new id, each id a new status, each status a new reconcile: a hot loop."""
    pilot.apply(LEAN)
    for number in range(4):
        aws.end_faults()
        aws.inject(
            "error",
            service="sqs",
            operation="CreateQueue",
            code="InvalidParameterValue",
            status=400,
            message=f"The value is wrong (RequestID: {uuid.uuid4()}, Host ID: {uuid.uuid4().hex})",
        )
        run(pilot.step())
        if number:
            assert pilot.kube_writes == []
        pilot.time += 60
        pilot.forget_calls()
    assert "The value is wrong" in pilot.condition("Stalled")["message"]


def test_xp_aws_847_an_idle_pipeline_costs_almost_nothing(pilot: Pilot) -> None:
    """Idle objects poll AWS until it throttles everybody, and assume a role each time."""
    pilot.apply()
    run(pilot.converge())
    pilot.forget_calls()
    began = pilot.time
    for _ in range(6):
        pilot.time += run(pilot.step()) or 0.0
    hourly = len(pilot.calls) * HOUR / (pilot.time - began)
    assert hourly <= 280
    assert [one for one in pilot.calls if one.service == "sts"] == []
    # The one status is the first reading of the hourly balance.
    assert (pilot.writes(), pilot.kube_writes) == ({}, ["status"])


@pytest.mark.parametrize(
    ("operation", "restarts"),
    [("CreateQueue", 0), ("StartStreamEncryption", 2)],
)
def test_upjet_aws_1772_a_rejected_call_is_tried_less_and_less(
    pilot: Pilot, aws: StrictAws, operation: str, restarts: int
) -> None:
    """AWS rejects a call, the operator repeats it at full speed and fills CloudTrail."""
    aws.inject("error", operation=operation, **WRONG)
    pilot.apply(LEAN)
    for _ in range(restarts + 1):
        live(pilot, never, seconds=HOUR / (restarts + 1))
        pilot.restart()
    rejected = sum(one["operation"] == operation for one in aws.writes())
    # Doubling pauses for five minutes, then the resyncs; a new process starts over.
    assert 3 < rejected <= 24 + 8 * restarts


async def test_xp_aws_2029_an_edit_overtakes_an_hour_of_backlog() -> None:
    """Thousands of objects are polled at the same moment and an edit waits behind all of them."""
    queue = WorkQueue(clock=lambda: 0.0)
    backlog = [ObjectKey("shop", str(number)) for number in range(3000)]
    for key in backlog:
        queue.add(key)
    queue.add(backlog[-1], urgent=True)
    assert await queue.get() == backlog[-1]
    dice = random.Random(1)  # noqa: S311 no secret
    requeue = RequeuePolicy(clock=lambda: 0.0, jitter=dice.random)
    due: Counter[int] = Counter()
    for _ in backlog:
        state = ReconcileState("", GenerationState(1))
        requeue.plan_resync(state, 300)
        due[int(state.generation.resync_due)] += 1
    assert max(due.values()) < len(backlog) / 20


@pytest.mark.plain_aws("AWS takes its time for each: that nothing is added to it is tried here")
def test_xp_2477_a_dependent_is_woken_in_the_same_reconcile(pilot: Pilot) -> None:
    """A dependent waits for the next poll, minutes away, although what it needs is there."""
    pilot.apply(LEAN)
    run(pilot.step())
    # Five levels down the function is made; the emulator takes a moment to call it Active.
    assert pilot.accepted["lambda:create_function"] == 1
    waiting = {one["name"] for one in pilot.status()["resources"] if one["state"] != "Ready"}
    assert waiting <= {"processor", "processor-mapping"}


def test_xp_2649_there_is_one_crd_and_it_is_small() -> None:
    """Hundreds of CRDs cost the API server gigabytes, and one too large can't be applied."""
    (found,) = (Path(__file__).parents[3] / "crds").glob("*.yaml")
    (document,) = yaml.safe_load_all(found.read_text())
    assert [one["name"] for one in document["spec"]["versions"]] == ["v1alpha1"]
    assert len(json.dumps(document)) < 262_144 / 2


def test_upjet_aws_325_memory_does_not_grow_with_the_size_of_objects() -> None:
    """Gigabytes for a few hundred objects, because each is cached whole."""
    store = Predicates()

    def body(number: int) -> Body:
        resources = [{"name": str(part), "message": "x" * 400} for part in range(50)]
        return {
            "metadata": {"uid": f"uid-{number}", "generation": 1, "finalizers": ["ours"]},
            "status": {"resources": resources},
        }

    tracemalloc.start()
    for number in range(500):
        store.changed(ObjectKey("shop", str(number)), body(number))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / 500 < 2048


def test_upjet_azure_622_it_is_not_ready_while_an_update_fails(
    pilot: Pilot, aws: StrictAws
) -> None:
    """Ready=True of the old spec lets the next sync wave start although the update failed."""
    pilot.apply(LEAN)
    live(pilot)
    aws.inject("access_denied", operation="UpdateFunctionConfiguration*")
    pilot.apply(LEAN | {"processor": {"memoryMiB": 512}})
    assert verdict(pilot.body() or {}) is Verdict.IN_PROGRESS
    seen = live(pilot, never, seconds=200)
    assert len(seen) > 3
    for body in seen:
        assert condition(body, "Ready")["status"] == "False"
        assert condition(body, "Ready")["observedGeneration"] == 2
    aws.end_faults()
    live(pilot)


def test_xp_4251_what_was_never_made_needs_no_deletion(pilot: Pilot) -> None:
    """An object that never got anywhere can't be deleted, because its finalizer was there first."""
    pilot.apply({"credentials": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}})
    run(pilot.step())
    assert "finalizers" not in (pilot.body() or {})["metadata"]
    pilot.request_deletion()
    assert pilot.body() is None
    assert pilot.calls == []


def test_xp_6878_nothing_is_forgotten_during_a_network_cut(pilot: Pilot, aws: StrictAws) -> None:
    """No answer is taken for "not found": the object goes, its resources stay and cost."""
    pilot.apply(LEAN | NOTHING_STAYS)
    live(pilot)
    made = {one["name"] for one in pilot.status()["resources"]}
    pilot.request_deletion()
    aws.inject("drop_before")
    seen = live(pilot, never, seconds=600)
    assert verdict(seen[-1]) is Verdict.TERMINATING
    kept = {one["name"] for one in seen[-1]["status"]["resources"]}
    assert kept == made
    aws.end_faults()
    live(pilot, never)
    assert pilot.body() is None
    assert set().union(*left_in_aws(pilot).values()) == set()


def test_xp_4839_a_suspended_pipeline_can_be_deleted(pilot: Pilot) -> None:
    """A paused object and its namespace hang in Terminating."""
    pilot.apply(LEAN)
    run(pilot.converge())
    pilot.apply(LEAN | {"suspend": True, "driftPolicy": "Report", "approval": "Manual"})
    run(pilot.step())
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)
