"""Verdict on a count for its minute of the week: one series, one bucket at a time. Pure.

Counts are looked at as their Anscombe transform, y = 2 sqrt(x + 3/8): a Poisson count then spreads
by 1 whatever its size. Expected is the level of its quarter of an hour in the week (672 of them)
times a slow factor; the spread is 1 and what the series adds to it, learned as a share of the
level. A count is odd when it lies beyond `z` spreads twice in a row, or when the sum of what
exceeds `DRIFT` spreads, kept apart for up and down (CUSUM), passes `h`. Everything that is learned
is cut to `CUT` spreads first and stands still while the series is odd: an incident must not teach
itself. What stays odd is the new level after some hours.

Where the clock of a site changes, its week moves by an hour against UTC. So before a count is
called odd, the weeks that are an hour earlier or later are tried: one that explains what has come
since the change is the week from then on.

A quarter that was never seen takes the mean of its time of day; before two days have been seen the
last hour's median and its absolute deviation stand in. Small counts are gathered in buckets of 5 or
15 minutes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

QUARTER, QUARTERS_A_DAY, QUARTERS = 15, 96, 672
DRIFT = 1.25
"""Slack of CUSUM, in spreads."""
CUT = 2.5
_LEAP = 6.0
"""Most spreads that one bucket adds to a sum, so that no single one passes `h`."""
_RECENT = 60
_FEWEST_RECENT = 30
_DAYS_2, _DAYS_9 = 2 * 1440, 9 * 1440
_PROFILE_RATE = 0.02
_FACTOR_RATE = 0.006
_SPREAD_RATE = 0.002
_FIRST_SPREAD = 0.1
_CALM, _CALM_BUCKETS = 2.0, 5
_STEPS: tuple[tuple[int, float], ...] = ((1, 30.0), (5, 6.0), (15, 0.0))
"""Minutes of a bucket by the least expected count a minute."""
_FINENESS = 64
_HOUR = 60
_PARTS = 6
_FIT = 1.6
"""Most that the mean of the squared spreads may be under another week that explains the counts."""
_EVIDENCE = {False: 30.0, True: 10.0}
"""Least gain in log-likelihood of such a week: half the difference of the squared spreads. It is
less where the counts would be called odd else."""


Direction = Literal["both", "up", "down"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the ordinary: spreads twice in a row, and the sum of excess."""

    z: float
    h: float


LIMITS = {"Low": Limits(5.0, 12.0), "Medium": Limits(4.0, 8.0), "High": Limits(3.5, 6.0)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on a bucket. `expected` and `count` are of the whole bucket of `minutes`."""

    odd: bool
    z: float
    count: int
    expected: float
    minutes: int


@dataclass(slots=True)
class Season:
    """The memory of one series; about 2 KB as stored."""

    seen: int = 0
    profile: list[float] = field(default_factory=lambda: [-1.0] * QUARTERS)
    factor: float = 1.0
    spread: float = _FIRST_SPREAD
    recent: list[float] = field(default_factory=list)
    up: float = 0.0
    down: float = 0.0
    last_z: float = 0.0
    odd: bool = False
    calm: int = 0
    step: int = 1
    gathered: int = 0
    filled: int = 0
    offset: int = 0
    weeks: dict[int, tuple[float, float, int]] = field(default_factory=dict)

    def feed(
        self, minute: int, count: int, limits: Limits, direction: Direction = "both"
    ) -> Verdict | None:
        """Take the count of a minute (since 1970); minutes must come in order, gaps are allowed.

        Returns:
            A verdict when the minute ends a bucket and there is enough to judge by; else None.
        """
        self.gathered += count
        self.filled += 1
        if (minute + 1) % self.step:
            return None
        # A bucket that began before the series did, or lost a minute, says nothing.
        whole, total, step = self.filled == self.step, self.gathered, self.step
        self.gathered = self.filled = 0
        verdict = self._judge(minute, total, limits, direction) if whole else None
        if (minute + 1) % QUARTER == 0 and not self.odd:
            rate = (self._level(minute + 1 + self.offset) * self.factor / 2) ** 2
            self.step = next(each for each, least in _STEPS if rate >= least)
            if self.step != step:
                self.up = self.down = self.last_z = 0.0
        return verdict

    def _judge(
        self, minute: int, total: int, limits: Limits, direction: Direction
    ) -> Verdict | None:
        step = self.step
        # In units of one minute: the level is that of the mean minute of the bucket.
        y = 2 * math.sqrt(total / step + 0.375 / step)
        young = self.seen < _DAYS_2
        expected, spread = self._recent_level(step) if young else self._expect(minute, self.offset)
        ready = not young or len(self.recent) * step >= _FEWEST_RECENT
        z = (y - expected) / spread
        if self.seen >= _DAYS_9:
            self._compare_weeks(minute, y)
            needed = _EVIDENCE[self._would_be_odd(z, limits, direction)]
            offset = self._moved(needed)
            if offset is not None:
                self._move(offset)
                expected, spread = self._expect(minute, offset)
                z = (y - expected) / spread
        self._learn(minute, y, z, expected, spread)
        self.seen += step
        if not ready:
            return None
        self._decide(z, limits, direction, young=young)
        count = max(0.0, (expected / 2) ** 2 * step - 0.375)
        return Verdict(self.odd, z, total, count, step)

    def _expect(self, minute: int, offset: int) -> tuple[float, float]:
        """Return the expected transform of the bucket that ends with a minute, and its spread."""
        expected = self._level(minute - self.step // 2 + offset) * self.factor
        return expected, math.hypot(1 / math.sqrt(self.step), self.spread * expected)

    def _would_be_odd(self, z: float, limits: Limits, direction: Direction) -> bool:
        rises, falls, twice = self._weigh(z, limits, direction)
        return self.odd or twice or rises > limits.h or falls > limits.h

    def _weigh(self, z: float, limits: Limits, direction: Direction) -> tuple[float, float, bool]:
        """Return the sums of excess with one more bucket, and whether two in a row are beyond."""
        leap = max(-_LEAP, min(_LEAP, z))
        rises = 0.0 if direction == "down" else max(0.0, self.up + leap - DRIFT)
        falls = 0.0 if direction == "up" else max(0.0, self.down - leap - DRIFT)
        wanted = {"both": abs(z), "up": z, "down": -z}[direction]
        last = self.last_z
        before = {"both": abs(last), "up": last, "down": -last}[direction]
        twice = wanted > limits.z and (self.step > 1 or before > limits.z)
        return rises, falls, twice

    def _compare_weeks(self, minute: int, y: float) -> None:
        """Add up what speaks for a week that is an hour earlier or later, from where on it does."""
        here = self._distance(minute, y, self.offset)
        for offset in (self.offset - _HOUR, self.offset + _HOUR):
            if abs(offset) > _HOUR:
                continue
            there = self._distance(minute, y, offset)
            gain, excess, buckets = self.weeks.get(offset, (0.0, 0.0, 0))
            gain += (here - there) / 2
            if gain > 0:
                self.weeks[offset] = gain, excess + there, buckets + 1
            else:
                self.weeks.pop(offset, None)

    def _moved(self, needed: float) -> int | None:
        """Return the offset of the week that explains the counts better, if there is one."""
        offset = max(self.weeks, key=lambda each: self.weeks[each], default=None)
        if offset is None:
            return None
        gain, excess, buckets = self.weeks[offset]
        return offset if gain >= needed and excess <= _FIT * buckets else None

    def _distance(self, minute: int, y: float, offset: int) -> float:
        """Return the squared spreads between a bucket and its level, at most those of a leap."""
        expected, spread = self._expect(minute, offset)
        return min(_LEAP, abs(y - expected) / spread) ** 2

    def _move(self, offset: int) -> None:
        self.offset = offset
        self.weeks.clear()
        self.up = self.down = self.last_z = 0.0
        self.odd, self.calm = False, 0

    def _decide(self, z: float, limits: Limits, direction: Direction, *, young: bool) -> None:
        rises, falls, twice = self._weigh(z, limits, direction)
        self.up = 0.0 if young else min(rises, 2 * limits.h)
        self.down = 0.0 if young else min(falls, 2 * limits.h)
        self.last_z = z
        if self.odd:
            self.calm = self.calm + 1 if abs(z) < _CALM else 0
            if self.calm * self.step >= _CALM_BUCKETS:
                self.odd, self.up, self.down = False, 0.0, 0.0
        elif twice or self.up > limits.h or self.down > limits.h:
            self.odd, self.calm = True, 0

    def _learn(self, minute: int, y: float, z: float, expected: float, spread: float) -> None:
        self.recent = [*self.recent[1 - _RECENT // self.step :], y]
        cut = max(-CUT, min(CUT, z)) * spread
        index = (minute - self.step // 2 + self.offset) // QUARTER % QUARTERS
        known = self.profile[index]
        young = self.seen < _DAYS_2
        if known < 0:
            # The whole of a first visit is the mean of its buckets, by the quick rate below.
            known = self._guess(index)
            self.profile[index] = y if young or known < 0 else expected + cut
            return
        if self.odd:
            self.factor += _FACTOR_RATE / 2 * self.step * cut / max(expected, 1.0)
            return
        within = minute % QUARTER // self.step + 1
        rate = 1 / within if young else _PROFILE_RATE * self.step
        target = y if young else known + cut
        self.profile[index] = max(0.0, known + rate * (target - known))
        if not young:
            self.factor += _FACTOR_RATE * self.step * cut / max(expected, 1.0)
            self.factor = min(max(self.factor, 0.05), 20.0)
            excess = (min(abs(z), CUT) * spread) ** 2 - 1 / self.step
            share = self.spread**2
            share += _SPREAD_RATE * self.step * (excess / max(expected, 1.0) ** 2 - share)
            self.spread = math.sqrt(max(share, 1e-6))

    def _level(self, minute: int) -> float:
        """Return the level of a minute, on the line between the middles of two quarters."""
        position = (minute - QUARTER // 2) / QUARTER
        first = math.floor(position)
        share = position - first
        a, b = self._guess(first % QUARTERS), self._guess((first + 1) % QUARTERS)
        a, b = (a if a >= 0 else b), (b if b >= 0 else a)
        return max(0.0, a + share * (b - a))

    def _guess(self, index: int) -> float:
        """Return the level of a quarter: its own, else the mean of its time of day, else -1."""
        own = self.profile[index]
        if own >= 0:
            return own
        known = [
            each for each in self.profile[index % QUARTERS_A_DAY :: QUARTERS_A_DAY] if each >= 0
        ]
        return sum(known) / len(known) if known else -1.0

    def _recent_level(self, step: int) -> tuple[float, float]:
        if not self.recent:
            return 0.0, 1.0
        middle = median(self.recent)
        deviation = median(abs(each - middle) for each in self.recent)
        return middle, max(1.4826 * deviation, 1 / math.sqrt(step), 0.05 * middle)

    def encode(self) -> list[Any]:
        """Return the memory as JSON data: numbers as integers of 1/64."""
        profile = [round(each * _FINENESS) for each in self.profile]
        recent = [round(each * _FINENESS) for each in self.recent]
        numbers = [self.factor, self.spread, self.up, self.down, self.last_z]
        rounded = [round(each, 6) for each in numbers]
        counts = [self.seen, int(self.odd), self.calm, self.step, self.gathered, self.filled]
        weeks = [[offset, *week] for offset, week in sorted(self.weeks.items())]
        return [profile, recent, rounded, counts, self.offset, weeks]

    @classmethod
    def decode(cls, data: list[Any]) -> Season:
        """Return the memory that `encode` wrote."""
        # One that was written before clocks were known to change ends here.
        profile, recent, numbers, counts, offset, weeks = [*data, 0, []][:_PARTS]
        factor, spread, up, down, last_z = numbers
        seen, odd, calm, step, gathered, filled = counts
        return cls(
            seen=seen,
            profile=[each / _FINENESS for each in profile],
            factor=factor,
            spread=spread,
            recent=[each / _FINENESS for each in recent],
            up=up,
            down=down,
            last_z=last_z,
            odd=bool(odd),
            calm=calm,
            step=step,
            gathered=gathered,
            filled=filled,
            offset=offset,
            weeks={each: (gain, excess, buckets) for each, gain, excess, buckets in weeks},
        )
