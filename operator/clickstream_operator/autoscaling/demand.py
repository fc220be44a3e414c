"""Shards that the load needs, for `spec.stream.autoscaling`. Pure.

Decisions follow from the history in CloudWatch and from the status, so a restart changes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.spec import Autoscaling
from clickstream_operator.api.status import Resize
from clickstream_operator.autoscaling.load import Minute
from clickstream_operator.resources.kinesis_history import last_resize
from clickstream_operator.resources.kinesis_limits import budget, next_step, to_the_minute

#: Write capacity of a shard ("Kinesis Data Streams quotas and limits").
_BYTES_A_SECOND: Final = 1024 * 1024
_RECORDS_A_SECOND: Final = 1000
_MINUTE: Final = timedelta(minutes=1)
#: Minutes in a row above the target that double the shards, among the recent ones: CloudWatch may
#: not have the last one yet.
_IN_A_ROW: Final = 2
_RECENT: Final = 3
#: Resizes of a day that are reserved for growing.
_RESERVE: Final = 2


@dataclass(frozen=True, slots=True)
class History:
    """Load of a stream."""

    minutes: Mapping[datetime, Minute]
    """Load by the start of each minute."""
    since: datetime
    """Creation of the stream."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Decision about the shard count."""

    shards: int | None = None
    """The new count; None leaves it."""
    reason: Reason | None = None
    """Reason of the change, or of a change that is needed and not possible."""
    message: str = ""


def window(spec: Autoscaling, now: datetime) -> tuple[datetime, datetime]:
    """Start and end of the history that a decision needs, in whole minutes."""
    end = now.replace(second=0, microsecond=0)
    return end - _low_minutes(spec) * _MINUTE, end


def utilization(minute: Minute, shards: int) -> float:
    """Utilization of `shards` shards in a minute, in percent: the higher of bytes and records."""
    capacity = 60 * shards
    return 100 * max(
        minute.bytes / (capacity * _BYTES_A_SECOND),
        minute.records / (capacity * _RECORDS_A_SECOND),
    )


def decide_shards(
    history: History,
    current: int,
    spec: Autoscaling,
    resizes: Sequence[Resize],
    now: datetime,
) -> Decision:
    """Double, halve, or leave the shards.

    They are doubled after two minutes in a row above the target. They are halved if the load was
    below half of the target for `scaleDownAfterSeconds`, in which the stream existed and was not
    resized; the load of the halved stream is then below the target. A minute without data had no
    records. A count outside of the bounds is left to the resync.
    """
    if not spec.min_shards <= current <= spec.max_shards:
        return Decision()
    start, end = window(spec, now)
    left = budget((datetime.fromisoformat(one.at) for one in resizes), now)
    target = spec.target_utilization_percent
    high = _high(_loads(history, current, end - _RECENT * _MINUTE, end), target)
    if high and current < spec.max_shards:
        wanted = next_step(current, spec.max_shards)
        said = f"{high[0]:.0f} % and {high[1]:.0f} % of what {_shards(current)} take"
        if left.next_at is not None:
            return Decision(
                None,
                Reason.RESIZE_BUDGET_EXHAUSTED,
                f"the load needs {wanted} shards, and there are {current}: AWS takes 10 resizes of "
                f"a stream in 24 hours; the next is possible from {to_the_minute(left.next_at)} on",
            )
        note = f"{current} to {_shards(wanted)}: two minutes took {said}; the target is {target} %"
        return Decision(wanted, Reason.SCALED_UP, note)
    if high or current <= spec.min_shards or left.left <= _RESERVE:
        return Decision()
    resized = last_resize(resizes)
    if start < history.since or (resized is not None and start < resized):
        return Decision()
    peak = max(_loads(history, current, start, end))
    if peak >= target / 2:
        return Decision()
    wanted = next_step(current, spec.min_shards)
    note = (
        f"{current} to {_shards(wanted)}: no minute of the last {_low_minutes(spec)} took more "
        f"than {peak:.0f} % of what {_shards(current)} take; the target is {target} %"
    )
    return Decision(wanted, Reason.SCALED_DOWN, note)


def _low_minutes(spec: Autoscaling) -> int:
    return -(-spec.scale_down_after_seconds // 60)


def _loads(history: History, shards: int, start: datetime, end: datetime) -> list[float]:
    count = int((end - start) / _MINUTE)
    minutes = (history.minutes.get(start + number * _MINUTE, Minute()) for number in range(count))
    return [utilization(minute, shards) for minute in minutes]


def _high(loads: Iterable[float], target: float) -> tuple[float, ...]:
    """The first minutes in a row above the target, if there are enough of them."""
    row: tuple[float, ...] = ()
    for load in loads:
        row = (*row, load) if load > target else ()
        if len(row) == _IN_A_ROW:
            return row
    return ()


def _shards(count: int) -> str:
    return "1 shard" if count == 1 else f"{count} shards"
