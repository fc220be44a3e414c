"""Ids of events that a lane has seen of late, by which repeats are told. Pure.

An event is a repeat if its id was seen before it in its lane, within so many seconds and among so
many ids. Whether it is one follows from the lane's records alone, in their order: time is the
lane's own clock, the latest arrival up to a record, which never goes back. So every attempt at a
record finds the same, whatever batch it comes in.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ID_BYTES = 16
MOST_IDS = 100_000
"""Ids of a lane that are kept: some 30 MB in memory, 2.8 MB in items."""
MOST_BYTES = 300_000
"""Size of one item; DynamoDB takes 400 KB."""
_MORE = 0x80


@dataclass(frozen=True, slots=True)
class Sighting:
    """The ids in one record, in order, and the lane's clock there (UTC ms).

    Without ids: a record that was set aside undecoded. `start`: how many ids of the record stand in
    sightings before this one.
    """

    sequence: int
    clock_ms: int
    ids: Sequence[bytes] = ()
    start: int = 0


class Window:
    """The ids that count at one place of a lane."""

    def __init__(self, seconds: int, most: int = MOST_IDS) -> None:
        self._span_ms = seconds * 1000
        self._most = most
        self._order: deque[tuple[int, bytes]] = deque()
        self._known: dict[bytes, int] = {}
        self.clock_ms = 0

    def __len__(self) -> int:
        return len(self._order)

    def advance(self, arrival_ms: int) -> int:
        """Go on to a record; returns the lane's clock there."""
        self.clock_ms = max(self.clock_ms, arrival_ms)
        while self._order and self._order[0][0] < self.clock_ms - self._span_ms:
            self._forget()
        return self.clock_ms

    def see(self, identity: bytes) -> bool:
        """Note an id; returns whether it was seen before."""
        repeated = identity in self._known
        self._order.append((self.clock_ms, identity))
        self._known[identity] = self._known.get(identity, 0) + 1
        if len(self._order) > self._most:
            self._forget()
        return repeated

    def replay(self, sightings: Iterable[Sighting]) -> None:
        """Note what was seen before, given in lane order."""
        for each in sightings:
            if each.ids:
                self.advance(each.clock_ms)
            for identity in each.ids:
                self.see(identity)

    def _forget(self) -> None:
        _, identity = self._order.popleft()
        left = self._known[identity] - 1
        if left:
            self._known[identity] = left
        else:
            del self._known[identity]


def encode(sightings: Iterable[Sighting]) -> Iterator[tuple[Sighting, bytes]]:
    """Yield items' contents in lane order, each with the last sighting in it."""
    data = bytearray()
    last: Sighting | None = None
    sequence = clock = 0
    for sighting in _cut(sightings):
        if last is not None and len(data) + ID_BYTES * len(sighting.ids) > MOST_BYTES:
            yield last, bytes(data)
            data, sequence, clock = bytearray(), 0, 0
        for number in (
            sighting.sequence - sequence,
            sighting.clock_ms - clock,
            sighting.start,
            len(sighting.ids),
        ):
            _add(data, number)
        data += b"".join(sighting.ids)
        last, sequence, clock = sighting, sighting.sequence, sighting.clock_ms
    if last is not None and data:
        yield last, bytes(data)


def decode(data: bytes) -> Iterator[Sighting]:
    """Yield the sightings of an item."""
    place = sequence = clock = 0

    def number() -> int:
        nonlocal place
        found = shift = 0
        while True:
            byte = data[place]
            place += 1
            found |= (byte & (_MORE - 1)) << shift
            shift += 7
            if byte < _MORE:
                return found

    while place < len(data):
        sequence += number()
        clock += number()
        start, count = number(), number()
        end = place + ID_BYTES * count
        ids = tuple(data[at : at + ID_BYTES] for at in range(place, end, ID_BYTES))
        place = end
        yield Sighting(sequence, clock, ids, start)


def merge(found: Iterable[tuple[int, Sighting]], until: int) -> list[Sighting]:
    """Return the sightings of a lane up to a sequence number, in order, each once.

    Attempts at the same records leave the same, but for a record that one of them set aside: the
    later one counts, by its generation, with which each is given.
    """
    records: dict[int, tuple[int, dict[int, Sighting]]] = {}
    for generation, sighting in found:
        if sighting.sequence > until:
            continue
        known, parts = records.get(sighting.sequence, (-1, {}))
        if generation > known:
            parts = {}
        if generation >= known:
            parts[sighting.start] = sighting
            records[sighting.sequence] = generation, parts
    return [parts[start] for _, (_, parts) in sorted(records.items()) for start in sorted(parts)]


def _cut(sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """Yield sightings, those of large records in parts that fit into an item."""
    most = MOST_BYTES // ID_BYTES
    for each in sightings:
        if len(each.ids) <= most:
            yield each
            continue
        for start in range(0, len(each.ids), most):
            ids = each.ids[start : start + most]
            yield Sighting(each.sequence, each.clock_ms, ids, start)


def _add(data: bytearray, number: int) -> None:
    """Add a number in groups of seven bits, the lowest first, all but the last marked."""
    while number >= _MORE:
        data.append(number & (_MORE - 1) | _MORE)
        number >>= 7
    data.append(number)
