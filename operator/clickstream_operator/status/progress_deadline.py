"""How long a failure may last before the pipeline is stalled. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.status.result import Blocker

_AT_ONCE: Final = frozenset(
    {
        Reason.INVALID,
        Reason.OWNERSHIP_CONFLICT,
        Reason.ROLE_NOT_ALLOWED,
        Reason.ACCOUNT_MISMATCH,
        Reason.REPLACEMENT_NEEDED,
        Reason.RESOURCE_FAILED,
        Reason.RESOURCE_MISSING,
        Reason.DRIFT_LOOP,
        Reason.DELETION_BLOCKED,
    }
)
_AFTER_FIVE_MINUTES: Final = frozenset(
    {Reason.ACCESS_DENIED, Reason.LIMIT_EXCEEDED, Reason.CREDENTIALS_INVALID}
)
_PATIENCE_WITH_ACCESS: Final = timedelta(minutes=5)
_PATIENCE_WITH_RETRIES: Final = timedelta(minutes=10)
_WAITING: Final = frozenset(
    {
        Reason.DELETING,
        Reason.WAITING_FOR_AWS,
        Reason.WAITING_FOR_DEPENDENCY,
        Reason.CONFIRMING_ABSENCE,
        "",
    }
)
#: What AWS lets us do only step by step, or only so often: it takes its time and ends by itself.
PACED: Final = frozenset(
    {Reason.SCALING_IN_STEPS, Reason.RESIZE_BUDGET_EXHAUSTED, Reason.CHANGE_TOO_SOON}
)
_CALM: Final = _WAITING | PACED | {Reason.PLAN_PENDING, Reason.SUSPENDED}
#: Resyncs of a ready pipeline that may fail before Ready becomes Unknown.
TOLERATED_FAILED_OBSERVATIONS: Final = 2


def is_error(entry: Entry) -> bool:
    """Whether this is a failure, not a wait that ends by itself or by an approval."""
    return entry.state in {State.FAILED, State.BLOCKED} and entry.reason not in _CALM


def stalls(entry: Entry, *, now: datetime) -> bool:
    """Whether waiting longer for this resource is not worth it."""
    deadline = _deadline_of(entry.reason)
    if deadline is None:
        return False
    since = datetime.fromisoformat(entry.since) if entry.since else now
    return now - since >= deadline


def is_same_failure(before: Entry, after: Entry) -> bool:
    """Whether a failure goes on under another reason that is borne as long."""
    alike = _deadline_of(before.reason) == _deadline_of(after.reason)
    return is_error(before) and is_error(after) and alike


def seconds_to_stall(entries: Iterable[Entry], *, now: datetime) -> float | None:
    """Seconds until the next of these has failed for too long; None when none is on the way."""
    left = []
    for entry in entries:
        deadline = _deadline_of(entry.reason)
        if deadline is not None and is_error(entry) and not stalls(entry, now=now):
            since = datetime.fromisoformat(entry.since) if entry.since else now
            left.append((deadline - (now - since)).total_seconds())
    return min(left, default=None)


def probe(blocker: Blocker) -> Entry:
    """A problem as the failure of a resource without a name: the same patience holds for both."""
    return Entry(
        name="",
        kind="",
        physical_name="",
        state=State.FAILED,
        reason=blocker.reason,
        since=blocker.since,
    )


def _deadline_of(reason: str) -> timedelta | None:
    """How long a reason may last before the pipeline is stalled; None: for ever."""
    if reason in _AT_ONCE:
        return timedelta()
    if reason in _AFTER_FIVE_MINUTES:
        return _PATIENCE_WITH_ACCESS
    if reason in _WAITING or reason in PACED:
        return None
    return _PATIENCE_WITH_RETRIES
