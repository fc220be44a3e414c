"""Each AWS call of creation, update and deletion fails: once each, then one of them for ever.

While a call fails for ever the pipeline becomes Stalled when api.md says, with words that name the
call; it is tried a bounded number of times; when the fault ends all is as if it had never been, and
nothing was made twice. `make test` takes a sample, ``make test-sweeps`` every call and fault.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from sandbox import Sandbox
from sandbox.aws.strict import StrictAws
from tests.integration.aws_inventory import left_in_aws
from tests.integration.pilot import empty_aws
from tests.kstatus import Verdict, verdict
from tests.reliability.journeys import CHANGED, LEAN, Body, Journey

#: Faults by name: what the strict AWS does, the reasons that say so, seconds until Stalled.
FAULTS: Final[dict[str, tuple[dict[str, Any], set[str], float]]] = {
    "throttle": ({"action": "throttle"}, {"Throttled"}, 600),
    "500": (
        {"action": "error", "code": "InternalFailure", "status": 500},
        {"Transient"},
        600,
    ),
    "access denied": ({"action": "access_denied"}, {"AccessDenied"}, 300),
    "in use": (
        {"action": "error", "code": "ResourceInUseException", "status": 400},
        {"Conflict"},
        600,
    ),
    "limit": (
        {"action": "error", "code": "LimitExceededException", "status": 400},
        {"LimitExceeded"},
        300,
    ),
    "expired token": ({"action": "expired_token"}, {"CredentialsInvalid"}, 300),
    "lost answer": ({"action": "drop_after"}, {"Transient", "Conflict"}, 600),
}
#: Of each test, how many parameters `make test` takes.
SAMPLE: Final = 2
#: Attempts of one call on one resource while one fault lasts until Stalled, retries included.
MOST_ATTEMPTS: Final = 70
STAGES: Final = ("create", "update", "delete")
#: At least as many as there are operations.
MOST_CALLS: Final = 100
_WATCHING: Final = frozenset({"Alarm", "Dashboard"})
#: Without these the operator has another way: each thing's own call reads the tags.
_REPLACED: Final = frozenset({"GetResources"})
#: AWS's own limits, which the operator waits for without an end: not Stalled, but said.
_PACED: Final = {("limit", "UpdateShardCount"): "ResizeBudgetExhausted"}
#: Until more full observations failed than are tolerated; one comes with every third resync.
_FULL_SECONDS: Final = 3600 * 2
#: These return what exists.
_RETURN: Final = frozenset({"CreateQueue", "CreateTopic", "CreateBucket"})
_BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def proxy(installed: Sandbox) -> Iterator[StrictAws]:
    """Yield the strict AWS, without AWS's pace: what is counted here is calls."""
    with empty_aws(installed, plain=True):
        yield installed.strict_aws


@pytest.fixture
def journey(installed: Sandbox, proxy: StrictAws) -> Iterator[Journey]:
    """Yield a new pipeline whose AWS has no fault yet."""
    proxy.end_faults()
    proxy.forget_calls()
    started = Journey(installed)
    yield started
    proxy.end_faults()
    started.close()


def begin(journey: Journey, stage: str) -> None:
    """What a user does to begin a stage."""
    if stage == "delete":
        journey.time += 60
        journey.request_deletion()
    else:
        journey.apply(LEAN if stage == "create" else CHANGED)


def finish(journey: Journey, stage: str) -> None:
    """Travel to the end of a stage."""
    journey.travel((lambda _body: False) if stage == "delete" else None)
    if stage == "delete":
        assert journey.body() is None


Calls = list[tuple[str, str]]


def observed_calls(proxy: StrictAws) -> Calls:
    """The calls so far, in the proxy's words; who we are is asked once and has its own tests."""
    return sorted({(one[0], one[1]) for one in proxy.calls() if one[0] != "sts"})


@pytest.fixture(scope="module")
def calls(installed: Sandbox, proxy: StrictAws) -> dict[str, Calls]:
    """The calls of each stage of an undisturbed life."""
    found, journey = {}, Journey(installed)
    try:
        for stage in STAGES:
            proxy.forget_calls()
            begin(journey, stage)
            finish(journey, stage)
            found[stage] = observed_calls(proxy)
    finally:
        journey.close()
    return found


@pytest.fixture(scope="module")
def undisturbed(installed: Sandbox, proxy: StrictAws) -> dict[str, Counter[str]]:
    """What AWS made and removed in each stage of an undisturbed life."""
    found, journey = {}, Journey(installed)
    try:
        for stage in STAGES:
            journey.accepted.clear()
            begin(journey, stage)
            finish(journey, stage)
            found[stage] = journey.made_and_removed()
    finally:
        journey.close()
    return found


def inject(proxy: StrictAws, fault: str, service: str, operation: str, **match: Any) -> None:
    """Let a call fail."""
    what = dict(FAULTS[fault][0])
    proxy.inject(what.pop("action"), service=service, operation=operation, **match, **what)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All faults and all calls, or a sample of both that is the same each time."""
    dice = random.Random(4)  # noqa: S311 no secret
    whole = metafunc.config.getoption("--whole-sweeps")
    if "fault" in metafunc.fixturenames:
        every = list(FAULTS)
        metafunc.parametrize("fault", every if whole else dice.sample(every, SAMPLE))
    if "number" in metafunc.fixturenames:
        # How many calls there are shows in the undisturbed life; numbers beyond them do nothing.
        every_number = range(MOST_CALLS)
        chosen = every_number if whole else dice.sample(range(50), SAMPLE)
        metafunc.parametrize("number", chosen)


def test_each_call_fails_twice(
    journey: Journey,
    proxy: StrictAws,
    calls: dict[str, Calls],
    undisturbed: dict[str, Counter[str]],
    fault: str,
) -> None:
    """The first two calls of every operation fail, and every stage ends as it does without.

    Two: the quick retry fails as well, so that the next reconcile has to repair it.
    """
    for stage in STAGES:
        journey.accepted.clear()
        proxy.end_faults()
        for service, operation in calls[stage]:
            inject(proxy, fault, service, operation, count=2)
        begin(journey, stage)
        finish(journey, stage)
        hit = [one for one in proxy.faults() if one["hits"]]
        assert len(hit) > len(calls[stage]) / 2
        assert not journey.made_and_removed() - undisturbed[stage]
        check_nothing_twice(proxy)
    assert set().union(*left_in_aws(journey).values()) == set()


def check_nothing_twice(proxy: StrictAws) -> None:
    """AWS made nothing a second time."""
    made = Counter(
        (one["operation"], one["resource"])
        for one in proxy.writes()
        if one["sent"] and one["outcome"] == "OK" and one["operation"].startswith("Create")
    )
    twice = {thing for thing, count in made.items() if count > 1 and thing[0] not in _RETURN}
    assert twice == set()


def test_one_call_fails_for_ever(
    journey: Journey, proxy: StrictAws, calls: dict[str, Calls], number: int
) -> None:
    """Under each fault in turn: Stalled in time and in words. The same end when it stops."""
    wanted = each_in_its_first_stage(calls)
    assert len(wanted) <= MOST_CALLS
    if number >= len(wanted):
        return
    stage, service, operation = wanted[number]
    for earlier in STAGES[: STAGES.index(stage)]:
        begin(journey, earlier)
        finish(journey, earlier)
    for turn, fault in enumerate(FAULTS):
        proxy.end_faults()
        inject(proxy, fault, service, operation)
        if not turn:
            begin(journey, stage)
        if not fails_in_time(journey, proxy, fault, service, operation):
            break
    proxy.end_faults()
    finish(journey, stage)
    if journey.body() is not None:
        begin(journey, "delete")
        finish(journey, "delete")
    check_nothing_twice(proxy)
    assert set().union(*left_in_aws(journey).values()) == set()


#: Observations of kinds that no stage makes: a deletion does not wait for them.
_NEVER_MADE: Final = frozenset({"DescribeAlarms", "GetSchedule"})


def each_in_its_first_stage(calls: dict[str, Calls]) -> list[tuple[str, str, str]]:
    """Every operation, with the first stage that calls it."""
    found: dict[tuple[str, str], str] = {}
    for stage in STAGES:
        for call in calls[stage]:
            found.setdefault(call, stage)
    return [(stage, *call) for call, stage in found.items()]


def fails_in_time(
    journey: Journey, proxy: StrictAws, fault: str, service: str, operation: str
) -> bool:
    """Travel until the fault is called Stalled; False when the pipeline goes on without it."""
    _, reasons, deadline = FAULTS[fault]
    paced = _PACED.get((fault, operation))
    if paced:
        bodies = journey.travel(lambda body: ready_reason(body) == paced, seconds=4 * 3600)
        assert ready_reason(bodies[-1]) == paced
        assert verdict(bodies[-1]) is Verdict.IN_PROGRESS
        return True
    bodies = journey.travel(lambda body: over(body, reasons), seconds=4 * 3600)
    (told,) = proxy.faults()
    assert max(told["hits_by_resource"].values(), default=0) <= MOST_ATTEMPTS, told
    if not bodies or journey.body() is None:
        # The deletion needed no answer of this call.
        assert fault == "lost answer" or operation in _NEVER_MADE, told
        return False
    body = bodies[-1]
    failed = [one for one in body["status"]["resources"] if one.get("reason") in reasons]
    if verdict(body) is Verdict.CURRENT:
        # What only watches fails beside a working pipeline; lost answers do not undo the work.
        assert fault == "lost answer" or all(one["kind"] in _WATCHING for one in failed)
        if fault != "lost answer" and not failed and operation not in _REPLACED:
            # An observation that nothing waits for: the next full one says so.
            bodies = journey.travel(lambda body: says(body, reasons), seconds=_FULL_SECONDS)
            assert says(bodies[-1], reasons), (told, bodies[-1]["status"])
        return False
    (stalled,) = (one for one in body["status"]["conditions"] if one["type"] == "Stalled")
    assert stalled["reason"] in reasons
    assert f"{service}:" in stalled["message"]
    assert "failed with" in stalled["message"]
    since = min(datetime.fromisoformat(one["lastTransitionTime"]) for one in failed)
    lasted = (_BEGINNING - since).total_seconds() + journey.time
    assert deadline <= lasted < deadline + 2
    return True


def ready_reason(body: Body) -> str:
    """The reason of Ready."""
    (ready,) = (one for one in body["status"]["conditions"] if one["type"] == "Ready")
    return str(ready["reason"])


def says(body: Body, reasons: set[str]) -> bool:
    """Whether a resource says one of these reasons."""
    return any(one.get("reason") in reasons for one in body["status"]["resources"])


def over(body: Body, reasons: set[str]) -> bool:
    """Whether the pipeline is current, or stalled for one of these reasons."""
    stalled = any(
        one["type"] == "Stalled" and one["reason"] in reasons
        for one in body["status"]["conditions"]
    )
    return stalled or verdict(body) is Verdict.CURRENT
