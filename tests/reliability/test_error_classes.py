"""Each class of AWS errors: how often it is tried again, what the status says and when, its end.

A pipeline that is Ready is edited, and the one call that the edit needs fails: at Lambda.
Nothing waits: the clock is virtual, and jitter takes a tenth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from clickstream_operator.aws.error_codes import category_of
from clickstream_operator.aws.errors import Category
from sandbox import Sandbox
from tests.integration.aws_inventory import base_of, wait_until_active
from tests.integration.pilot import empty_aws, run
from tests.kstatus import Verdict, verdict
from tests.reliability.journeys import LEAN, Journey, Spec

#: After a failure: doubling from 2 seconds to 15 minutes.
DOUBLING: Final = (1.8, 3.6, 7.2, 14.4, 28.8, 57.6, 115.2, 230.4, 460.8, *[810.0] * 4)
#: While AWS is busy with a resource: observations that become rarer, and stay frequent.
POLLS: Final = (2.0, 4.0, 8.0, 15.0, *[30.0] * 30)
AT_ONCE: Final = 0.0
FIVE_MINUTES: Final = 300.0
TEN_MINUTES: Final = 600.0
#: Reconciles that are checked after the pipeline is Stalled: it is never given up.
AFTERWARDS: Final = 2
#: No resync within the times that matter.
BASE: Final[Spec] = LEAN | {"resyncIntervalSeconds": 86400}
EDITED: Final[Spec] = BASE | {"processor": {"memoryMiB": 512}}


@dataclass(frozen=True)
class Row:
    """One class: an answer of AWS that is of it, and what follows from it.

    `tries`: calls sent in one reconcile. `pauses`: seconds from one reconcile to the next,
    where nothing is due earlier. `stalled_after`: seconds.
    """

    code: str
    status: int
    reason: str
    pauses: tuple[float, ...]
    stalled_after: float
    tries: int = 1
    message: str = "said AWS"


ROWS: Final[dict[Category, Row]] = {
    Category.NOT_FOUND: Row("ResourceNotFoundException", 404, "Transient", POLLS, TEN_MINUTES),
    Category.ALREADY_EXISTS: Row(
        "ResourceConflictException",
        409,
        "Conflict",
        DOUBLING,
        TEN_MINUTES,
        message="Function already exist: probe",
    ),
    Category.CONFLICT: Row("ResourceConflictException", 409, "Conflict", POLLS, TEN_MINUTES),
    Category.THROTTLED: Row(
        "TooManyRequestsException", 429, "Throttled", DOUBLING, TEN_MINUTES, tries=2
    ),
    Category.ACCESS_DENIED: Row(
        "AccessDeniedException", 403, "AccessDenied", DOUBLING, FIVE_MINUTES
    ),
    Category.INVALID: Row("InvalidParameterValueException", 400, "Invalid", DOUBLING, AT_ONCE),
    Category.LIMIT_EXCEEDED: Row(
        "CodeStorageExceededException", 400, "LimitExceeded", DOUBLING, FIVE_MINUTES
    ),
    Category.UNRECOGNIZED: Row("Unheard", 400, "UnknownAnswer", DOUBLING, TEN_MINUTES),
    Category.TRANSIENT: Row("ServiceException", 500, "Transient", DOUBLING, TEN_MINUTES, tries=2),
}


def test_every_class_has_its_row() -> None:
    """A class without a row would have untested behaviour."""
    assert ROWS.keys() == set(Category)
    for category, row in ROWS.items():
        assert category_of(row.code, row.message, row.status) is category


@pytest.fixture(scope="module")
def ready(installed: Sandbox) -> Iterator[Journey]:
    """Yield a pipeline that is Ready; each test edits it and reverts it."""
    with empty_aws(installed, plain=True):
        journey = Journey(installed)
        journey.apply(BASE)
        journey.travel()
        yield journey
        journey.close()


@pytest.fixture
def journey(ready: Journey) -> Iterator[Journey]:
    """Yield it as it was before the first edit, on a full second: the status has no fractions."""
    ready.sandbox.strict_aws.end_faults()
    ready.apply(BASE)
    ready.travel()
    # The emulator takes real time for what it makes of a function.
    wait_until_active(ready, f"{base_of(ready)}-processor")
    ready.time = math.ceil(ready.time) + 60
    ready.forget_calls()
    yield ready
    ready.sandbox.strict_aws.end_faults()


@dataclass
class Attempt:
    """One reconcile under a fault. `at`: seconds since it began; `pause`: until the next one."""

    at: float
    pause: float
    tries: int
    body: dict[str, Any]

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and reason."""
        for one in self.body["status"]["conditions"]:
            if one["type"] == kind:
                return one["status"], one["reason"]
        return "absent", ""


def reconcile_under(journey: Journey, row: Row, since: float) -> Attempt:
    """Run the next reconcile, and let its pause go by."""
    journey.forget_calls()
    at = journey.time - since
    pause = run(journey.step())
    assert pause is not None
    tries = sum(one.code == row.code for one in journey.calls)
    journey.time += pause
    return Attempt(at, pause, tries, journey.body() or {})


@pytest.mark.plain_aws("one call fails, and only that")
@pytest.mark.parametrize("category", ROWS)
def test_what_follows_from_an_error(journey: Journey, category: Category) -> None:
    """Its backoff, its condition at its time, and all is well once AWS answers."""
    row = ROWS[category]
    journey.sandbox.strict_aws.inject(
        "error",
        service="lambda",
        operation="UpdateFunctionConfiguration",
        code=row.code,
        message=row.message,
        status=row.status,
    )
    journey.apply(EDITED)
    since, seen = journey.time, list[Attempt]()
    while sum(one.at >= row.stalled_after for one in seen) <= AFTERWARDS:
        seen.append(reconcile_under(journey, row, since))
        assert len(seen) < 40

    expected = expected_reconciles(row)[: len(seen)]
    assert [one.tries for one in seen] == [tries for _, tries in expected]
    assert [one.at for one in seen] == pytest.approx([at for at, _ in expected], abs=0.05)
    for one in seen:
        stalled = one.at >= row.stalled_after
        assert one.condition("Ready") == ("False", row.reason)
        assert one.condition("Stalled") == (("True", row.reason) if stalled else ("absent", ""))
        retried = ("absent", "") if stalled else ("True", "ProgressingWithRetry")
        assert one.condition("Reconciling") == retried
        assert verdict(one.body) is (Verdict.FAILED if stalled else Verdict.IN_PROGRESS)
    first = next(one.at for one in seen if one.at >= row.stalled_after)
    assert first == pytest.approx(row.stalled_after, abs=0.2)
    texts = {one.body["status"]["conditions"][0]["message"] for one in seen}
    assert len(texts) == 1
    assert f"failed with {row.code}: {row.message}" in texts.pop()

    # A new spec starts over: it may be the remedy.
    journey.apply(EDITED | {"environment": "prod"})
    assert reconcile_under(journey, row, since).pause <= POLLS[0]

    journey.sandbox.strict_aws.end_faults()
    journey.forget_calls()
    run(journey.step())
    assert journey.accepted["lambda:update_function_configuration"] == 1
    (body,) = journey.travel()[-1:]
    conditions = {one["type"]: one["status"] for one in body["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    assert conditions.keys().isdisjoint({"Stalled", "Reconciling"})
    processor = f"{base_of(journey)}-processor"
    found = journey.client("lambda").get_function_configuration(FunctionName=processor)
    assert found["MemorySize"] == 512


def expected_reconciles(row: Row) -> list[tuple[float, int]]:
    """The times of reconciles and the calls of each; one of them is there to set Stalled.

    A failure is tried again in that one too. A resource that AWS works on keeps its own times.
    """
    due, at, reconciles = row.stalled_after + 0.1, 0.0, list[tuple[float, int]]()
    for pause in row.pauses:
        reconciles.append((at, row.tries))
        if row.pauses is POLLS and at < due < at + pause:
            reconciles.append((due, 0))
        elif at < row.stalled_after < at + pause:
            pause = due - at  # noqa: PLW2901 - it comes sooner
        at += pause
    return reconciles
