"""Progress deadlines: how long a reason may last."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.status.progress_deadline import (
    is_error,
    seconds_left,
    seconds_to_stall,
    stalls,
)
from clickstream_operator.status.result import Blocker

BEGAN = "2026-11-01T12:00:00Z"
NOW = datetime(2026, 11, 1, 12, 4, tzinfo=UTC)


def failing(reason: Reason, since: str = BEGAN) -> Entry:
    """A resource that fails."""
    return Entry("a", "Fake", "base-a", state=State.FAILED, reason=reason, since=since)


@pytest.mark.parametrize(
    ("reason", "since", "left"),
    [
        (Reason.INVALID, BEGAN, -240.0),
        (Reason.INVALID, "", 0.0),
        (Reason.ACCESS_DENIED, BEGAN, 60.0),
        (Reason.ACCESS_DENIED, "", 300.0),
        (Reason.TRANSIENT, BEGAN, 360.0),
        (Reason.WAITING_FOR_AWS, BEGAN, None),
        (Reason.SCALING_IN_STEPS, BEGAN, None),
        ("", BEGAN, None),
    ],
)
def test_a_deadline_follows_from_reason_and_time(
    reason: str, since: str, left: float | None
) -> None:
    """Seconds until the pipeline is stalled; what has no deadline never stalls it."""
    assert seconds_left(reason, since, now=NOW) == left


@pytest.mark.parametrize("reason", [Reason.INVALID, Reason.ACCESS_DENIED, Reason.WAITING_FOR_AWS])
def test_a_blocker_and_a_resource_have_the_same_deadline(reason: Reason) -> None:
    """A blocker of the whole pipeline is treated as a failing resource is."""
    blocker, resource = Blocker(reason, "said", since=BEGAN), failing(reason)
    assert is_error(blocker) == is_error(resource)
    assert stalls(blocker, now=NOW) == stalls(resource, now=NOW)
    assert seconds_to_stall([blocker], now=NOW) == seconds_to_stall([resource], now=NOW)


def test_the_next_deadline_is_the_nearest_that_has_not_passed() -> None:
    """Neither one that has passed, nor a wait, nor a resource that is ready."""
    ready = Entry("b", "Fake", "base-b", state=State.READY, since=BEGAN)
    paced = failing(Reason.RESIZE_BUDGET_EXHAUSTED)
    passed, late = failing(Reason.INVALID), failing(Reason.TRANSIENT)
    assert seconds_to_stall([ready, paced, passed], now=NOW) is None
    denied = Blocker(Reason.ACCESS_DENIED, "said", since=BEGAN)
    assert seconds_to_stall([ready, paced, passed, late, denied], now=NOW) == 60.0
