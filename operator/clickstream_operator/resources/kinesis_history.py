"""Recent resizes and mode switches of a stream, from which its quotas are counted.

Read from the status at the start of a reconcile and written back with the outcome. It makes at most
one resize and one switch of mode, so a crash between the call and the status write loses one entry:
then AWS refuses a call that was believed possible, which is waited out like a budget that is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from clickstream_operator.api.status import ModeSwitch, Resize
from clickstream_operator.resources.alarm_mute import MuteRecord
from clickstream_operator.resources.kinesis_limits import DAY, SWITCHES_A_DAY, Budget, budget

#: How long after a refusal AWS is asked again.
RETRY_AFTER: Final = timedelta(minutes=15)
_Entry = TypeVar("_Entry", Resize, ModeSwitch)
_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(slots=True)
class StreamHistory:
    """Resizes and switches of mode, oldest first.

    `refused`: until when AWS is not asked again, by operation; forgotten at a restart, as is
    `mute`, the mute of the alarms for a resize.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    resizes: list[Resize] = field(default_factory=list)
    switches: list[ModeSwitch] = field(default_factory=list)
    refused: dict[str, datetime] = field(default_factory=dict)
    mute: MuteRecord = field(default_factory=MuteRecord)

    def learn(self, resizes: Iterable[Resize], switches: Iterable[ModeSwitch]) -> None:
        """Take in what the status has; what it has not yet (a write that failed) is kept."""
        self.resizes = _in_order([*resizes, *self.resizes])
        self.switches = _in_order([*switches, *self.switches])

    def resized(self, shards: int) -> None:
        """AWS took a resize. What no longer counts is dropped now, not when it expires."""
        at = self.now()
        self.resizes = [one for one in self.resizes if at - _time(one) <= DAY]
        self.resizes.append(Resize(at=at.strftime(_FORMAT), shards=shards))

    def switched(self, mode: str) -> None:
        """AWS took a switch of mode."""
        at = self.now()
        self.switches = [one for one in self.switches if at - _time(one) <= DAY]
        self.switches.append(ModeSwitch(at=at.strftime(_FORMAT), mode=mode))

    def forget(self) -> None:
        """A new stream starts with full budgets."""
        self.resizes, self.switches, self.refused = [], [], {}
        self.mute.may_last = bool(self.mute.may_last)

    def resize_budget(self) -> Budget:
        """Resizes that AWS still takes."""
        return budget((_time(one) for one in self.resizes), self.now())

    def switch_budget(self) -> Budget:
        """Switches of mode that AWS still takes."""
        return budget((_time(one) for one in self.switches), self.now(), most=SWITCHES_A_DAY)

    def refuse(self, operation: str) -> None:
        """AWS does not take the operation now."""
        self.refused[operation] = self.now() + RETRY_AFTER

    def seconds_refused(self, operation: str) -> float:
        """Seconds in which AWS need not be asked again; 0: it may be."""
        until = self.refused.get(operation)
        return max(0.0, (until - self.now()).total_seconds()) if until else 0.0


def last_resize(resizes: Iterable[Resize]) -> datetime | None:
    """Time of the latest resize."""
    return max((_time(one) for one in resizes), default=None)


def _in_order(entries: Iterable[_Entry]) -> list[_Entry]:
    """Each entry once, by time."""
    known: list[_Entry] = []
    for entry in entries:
        if entry not in known:
            known.append(entry)
    return sorted(known, key=_time)


def _time(one: Resize | ModeSwitch) -> datetime:
    return datetime.fromisoformat(one.at)
