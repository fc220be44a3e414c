"""AWS refuses each write of a correction, a re-creation, a removal and other tags for good.

No status that is written meanwhile is content while AWS differs, through idle times, a restart and
other refusals of the same call; when AWS takes the call, AWS is as the spec asks and the status is
content. `make test` takes a sample, ``make test-sweeps`` every call.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from clickstream_operator.api.v1alpha1 import Spec
from docs.generator.resources import resources_of
from sandbox import Sandbox
from tests.integration.pilot import empty_aws
from tests.kstatus import Verdict, verdict
from tests.reliability import drift_map
from tests.reliability.refusal_campaign import (
    MOMENTS,
    NOTICED,
    REFUSALS,
    REPLACED,
    Body,
    Call,
    Moment,
    Refusals,
    conditions,
    is_content,
)

#: Moments of which `make test` takes one call each.
SAMPLE: Final = ("correct S3Bucket", "re-create IAMRole", "remove features")
#: What Ready waits for.
GATING: Final = frozenset(
    one.name for one in resources_of(Spec.model_validate(drift_map.SPEC)) if one.gates_ready
)


Start = Callable[[Moment], Refusals]


@pytest.fixture(scope="module")
def start(installed: Sandbox) -> Iterator[Start]:
    """Give the pipeline of a moment. AWS has no pace of its own: deadlines are the operator's."""
    with ExitStack() as stack:
        campaign: Refusals | None = None

        def of(moment: Moment) -> Refusals:
            nonlocal campaign
            if campaign is None or campaign.spec != moment.spec:
                stack.close()
                stack.enter_context(empty_aws(installed, plain=True))
                campaign = Refusals.start(installed, moment.spec)
                stack.callback(campaign.pilot.close)
                stack.callback(installed.strict_aws.end_faults)
            return campaign

        yield of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All moments, or the sample."""
    if "moment" in metafunc.fixturenames:
        whole = metafunc.config.getoption("--whole-sweeps")
        chosen = [one for one in MOMENTS if whole or one.name in SAMPLE]
        # Those of one pipeline one after the other.
        chosen.sort(key=lambda one: len(one.spec))
        metafunc.parametrize("moment", chosen, ids=lambda one: one.name.replace(" ", "-"))


def test_a_refusal_that_lasts_is_said_as_long(
    start: Start, moment: Moment, request: pytest.FixtureRequest
) -> None:
    """Each call of the moment under each refusal, and then as if it had never been."""
    campaign = start(moment)
    calls = campaign.calls_of(moment)
    assert calls
    if not request.config.getoption("--whole-sweeps"):
        calls = random.Random(13).sample(calls, 1)  # noqa: S311 no secret
    faults = [
        f"{service}:{operation}: {fault}"
        for service, operation in calls
        for fault in refused(campaign, moment, (service, operation))
    ]
    assert not faults, "\n".join(faults)


def refused(campaign: Refusals, moment: Moment, call: Call) -> Iterator[str]:
    """What is wrong while AWS refuses one call, and afterwards."""
    campaign.begin()
    moment.happens(campaign)
    for turn, name in enumerate(REFUSALS):
        campaign.aws.end_faults()
        what = dict(REFUSALS[name])
        campaign.aws.inject(what.pop("action"), service=call[0], operation=call[1], **what)
        if turn == 1:
            campaign.pilot.restart()
        written = campaign.go_on(REPLACED if turn else NOTICED)
        if turn == 0:
            written = after_notice(written)
        yield from (f"{name}: {fault}" for fault in unsaid(campaign, written))
    campaign.aws.end_faults()
    campaign.go_on(until=campaign.is_as_desired)
    yield from campaign.written.broken
    campaign.written.broken.clear()


def after_notice(written: list[Body]) -> list[Body]:
    """The statuses from the first one on that says that AWS differs."""
    for number, body in enumerate(written):
        if not is_content(body):
            return written[number:]
    return []


def unsaid(campaign: Refusals, written: list[Body]) -> Iterator[str]:
    """Statuses that hide what AWS refused."""
    differing = campaign.differing()
    if not differing:
        # The operator has another way, or nothing was left to do.
        return
    if not written:
        yield f"no status says that AWS differs in {differing}"
    names = {one.split(" ")[0] for one in differing}
    for body in written:
        if is_content(body):
            yield f"content while AWS differs in {differing}: {body['status']['conditions']}"
            return
    last = campaign.body()
    if not names & {one["name"] for one in last["status"]["resources"] if one.get("reason")}:
        yield f"no reason stands at any of {names}"
    if names & GATING and verdict(last) is not Verdict.FAILED:
        yield f"not Stalled, while AWS differs in {differing}: {conditions(last)}"
