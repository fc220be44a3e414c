"""Tally of a lane: what it has received, counted and archived, by hour of arrival. Pure.

The lane item carries it, written together with the watermark. Its numbers only grow: they are sums
since the tally began, with what of them belongs to the two hours in which records arrived last. So
what had arrived before an hour is known as long as it is one of these two, and a reader that comes
late judges several hours together and loses none. Two hours keep the item below 1 KB.

It is bound to the lane's generation. A version without tallies takes generations and leaves it as
it stands: it then begins anew and says from which hour on it is whole.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from shared.records import QUARANTINED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.records import Batch

HOUR_MS = 3_600_000
_FORMAT, _FORMAT_WITH_REPEATS = 1, 2
_MORE = 0x80
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Numbers:
    """Sums of a lane over some time.

    `records` as Kinesis counts them; `rows` those in them, of which `events` are `counted`, `views`
    of these being page views, and the others `bad`, `quarantined` or `repeated`; `raw_rows` and
    `bad_rows` of objects that stand, with their `raw_bytes` and `bad_bytes` as stored; `late` rows
    that arrived before the hours that were kept.
    """

    records: int = 0
    rows: int = 0
    counted: int = 0
    views: int = 0
    bad: int = 0
    quarantined: int = 0
    raw_rows: int = 0
    raw_bytes: int = 0
    bad_rows: int = 0
    bad_bytes: int = 0
    late: int = 0
    repeated: int = 0

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Numbers) -> Numbers:
        return Numbers(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def surplus(self) -> tuple[int, int]:
        """Rows under `raw/` and under `bad/` beyond those that belong there.

        Of a lane as a whole it never changes: what is closed is archived and counted, each once.
        """
        archived = self.counted + self.repeated
        return self.raw_rows - archived, self.bad_rows - self.bad - self.quarantined

    def __bool__(self) -> bool:
        return any(astuple(self))


_MEMBERS = len(fields(Numbers))


@dataclass(frozen=True, slots=True)
class Tally:
    """A lane's sums `now`, and the parts of them `in_hour` and `in_earlier`.

    Hours since 1970 UTC: `hour` in which the latest record arrived, `earlier` the one before it in
    which any did, `first` the first one that is added up. `begun`: the first hour of which it has
    everything; 0 from the lane's start on, -1 until another record tells.
    """

    begun: int = 0
    first: int = 0
    hour: int = 0
    earlier: int = 0
    now: Numbers = Numbers()
    in_hour: Numbers = Numbers()
    in_earlier: Numbers = Numbers()

    @classmethod
    def unknown(cls) -> Tally:
        """Return the tally of a lane that another version has advanced."""
        return cls(begun=_UNKNOWN)

    @property
    def is_unknown(self) -> bool:
        """Whether another version has advanced the lane since."""
        return self.begun == _UNKNOWN

    def add(self, hour: int, numbers: Numbers) -> Tally:
        """Return the tally with what belongs to an hour."""
        if self.begun == _UNKNOWN:
            # A part of this hour is missing: the next one is the first that is whole.
            return replace(self, begun=hour + 1)
        if hour < self.begun and not self.hour:
            return self
        after = replace(self, first=self.first or hour, now=self.now + numbers)
        if hour > self.hour:
            earlier = self.hour or hour
            return replace(
                after, hour=hour, earlier=earlier, in_hour=numbers, in_earlier=self.in_hour
            )
        if hour == self.hour:
            return replace(after, in_hour=self.in_hour + numbers)
        if hour < self.earlier:
            numbers += Numbers(late=numbers.rows)
            after = replace(after, now=self.now + numbers)
        return replace(after, in_earlier=self.in_earlier + numbers)

    def add_batch(self, batch: Batch, done: int) -> Tally:
        """Return the tally with the records of a batch that are above the lane's end."""
        sums: dict[int, list[int]] = {}

        def sum_of(arrival_ms: int) -> list[int]:
            return sums.setdefault(arrival_ms // HOUR_MS, [0] * 7)

        for sequence, arrival_ms in batch.arrivals:
            if sequence > done:
                sum_of(arrival_ms)[0] += 1
        for event in batch.events:
            if event.sequence > done:
                found = sum_of(event.arrival_ms)
                found[1] += 1
                if event.repeated:
                    found[6] += 1
                    continue
                found[2] += 1
                found[3] += event.is_page_view and event.page is not None
        for row in batch.bad_rows:
            if row.sequence > done:
                found = sum_of(row.arrival_ms)
                found[1] += 1
                found[5 if row.reason == QUARANTINED else 4] += 1
        tally = self
        for hour, numbers in sorted(sums.items()):
            *first, repeated = numbers
            tally = tally.add(hour, Numbers(*first) + Numbers(repeated=repeated))
        return tally

    def before(self, hour: int) -> Numbers | None:
        """Return the sums of what arrived before an hour; None if they are no longer known."""
        if hour > self.hour:
            return self.now
        sums = self.now - self.in_hour
        if hour > self.earlier:
            return sums
        if hour == self.earlier:
            return sums - self.in_earlier
        return Numbers() if hour <= self.first else None

    def encode(self, generation: int) -> bytes:
        """Return what the lane item of that generation holds."""
        head = (generation, self.begun + 1, self.first, self.hour, self.earlier)
        sums = (self.now, self.in_hour, self.in_earlier)
        # As an earlier version reads it, unless there is something that it does not know.
        repeats = any(each.repeated for each in sums)
        members = _MEMBERS if repeats else _MEMBERS - 1
        numbers = (*head, *(number for each in sums for number in astuple(each)[:members]))
        form = _FORMAT_WITH_REPEATS if repeats else _FORMAT
        return bytes([form]) + b"".join(map(_encode, numbers))

    @classmethod
    def decode(cls, data: bytes, generation: int) -> Tally:
        """Return the tally that `encode` wrote; an unknown one if it is of another generation."""
        if data[:1] not in (bytes([_FORMAT]), bytes([_FORMAT_WITH_REPEATS])):
            return cls.unknown()
        members = _MEMBERS if data[0] == _FORMAT_WITH_REPEATS else _MEMBERS - 1
        written, begun, first, hour, earlier, *numbers = _decode(data[1:])
        if written != generation:
            return cls.unknown()
        sums = [
            Numbers(*numbers[start : start + members]) for start in range(0, 3 * members, members)
        ]
        return cls(begun - 1, first, hour, earlier, *sums)


def read_tally(item: Mapping[str, Any]) -> Tally:
    """Return the tally of a lane item; that of a lane without generation begins with the lane."""
    if "g" not in item:
        return Tally()
    if "tally" not in item:
        return Tally.unknown()
    return Tally.decode(item["tally"]["B"], int(item["g"]["N"]))


def _encode(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first, all but the last marked."""
    data = bytearray()
    while number >= _MORE:
        data.append(number & (_MORE - 1) | _MORE)
        number >>= 7
    data.append(number)
    return bytes(data)


def _decode(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & (_MORE - 1)) << shift
        shift += 7
        if byte < _MORE:
            yield number
            number = shift = 0
