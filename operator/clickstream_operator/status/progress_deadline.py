"""Progress deadline: how long a failure may last before the pipeline is stalled. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.status.result import Blocker

#: A resource or a blocker, by its reason and the time at which it began.
Failure = Entry | Blocker

_AT_ONCE: Final = frozenset(
    {
        Reason.INVALID,
        Reason.OWNERSHIP_CONFLICT,
        Reason.ROLE_NOT_ALLOWED,
        Reason.NOT_ALLOWED,
        Reason.ACCOUNT_MISMATCH,
        Reason.REPLACEMENT_NEEDED,
        Reason.RESOURCE_FAILED,
        Reason.RESOURCE_MISSING,
        Reason.DRIFT_LOOP,
        Reason.DELETION_BLOCKED,
        Reason.CHANGE_BLOCKED,
    }
)
_AFTER_FIVE_MINUTES: Final = frozenset(
    {Reason.ACCESS_DENIED, Reason.LIMIT_EXCEEDED, Reason.CREDENTIALS_INVALID}
)
_DEADLINE_OF_ACCESS: Final = timedelta(minutes=5)
_DEADLINE_OF_RETRIES: Final = timedelta(minutes=10)
_WAITING: Final = frozenset(
    {
        Reason.DELETING,
        Reason.WAITING_FOR_AWS,
        Reason.WAITING_FOR_DEPENDENCY,
        Reason.CONFIRMING_ABSENCE,
        "",
    }
)
#: Changes that AWS takes only step by step, or only so often: these waits end by themselves.
PACED: Final = frozenset(
    {Reason.SCALING_IN_STEPS, Reason.RESIZE_BUDGET_EXHAUSTED, Reason.CHANGE_TOO_SOON}
)
_CALM: Final = _WAITING | PACED | {Reason.PLAN_PENDING, Reason.SUSPENDED}
#: Resyncs of a ready pipeline that may fail before Ready becomes Unknown.
TOLERATED_FAILED_OBSERVATIONS: Final = 2


def seconds_left(reason: str, since: str, *, now: datetime) -> float | None:
    """Seconds until a reason that began at `since` (RFC 3339; empty: now) stalls the pipeline.

    Zero or less: it stalls now. None: it has no deadline.
    """
    deadline = _deadline_of(reason)
    if deadline is None:
        return None
    began = datetime.fromisoformat(since) if since else now
    return (deadline - (now - began)).total_seconds()


def is_error(one: Failure) -> bool:
    """Whether this is a failure, not a wait that ends by itself or by an approval."""
    failing = isinstance(one, Blocker) or one.state in {State.FAILED, State.BLOCKED}
    return failing and one.reason not in _CALM


def stalls(one: Failure, *, now: datetime) -> bool:
    """Whether its deadline has passed."""
    left = seconds_left(one.reason, one.since, now=now)
    return left is not None and left <= 0


def is_same_failure(before: Failure, after: Failure) -> bool:
    """Whether a failure goes on under another reason with the same deadline."""
    alike = _deadline_of(before.reason) == _deadline_of(after.reason)
    return is_error(before) and is_error(after) and alike


def seconds_to_stall(failures: Iterable[Failure], *, now: datetime) -> float | None:
    """Seconds until the next of these reaches its deadline; None when none will."""
    left = [seconds_left(one.reason, one.since, now=now) for one in failures if is_error(one)]
    return min((seconds for seconds in left if seconds is not None and seconds > 0), default=None)


def _deadline_of(reason: str) -> timedelta | None:
    """Seconds that a reason may last before the pipeline is stalled; None: without end."""
    if reason in _AT_ONCE:
        return timedelta()
    if reason in _AFTER_FIVE_MINUTES:
        return _DEADLINE_OF_ACCESS
    if reason in _WAITING or reason in PACED:
        return None
    return _DEADLINE_OF_RETRIES
