"""A Kinesis stream in memory: shards with hash ranges, records in order, splits and merges.

Rules: a partition key's MD5 picks the shard (Kinesis Data Streams Developer Guide, "Terminology and
concepts"); sequence numbers grow within a shard, and a child's lie above its parents' ("Resharding
a stream", where a parent is read to its end before its children). They have 56 digits, 47 in base
16: a 2, nine digits for the second in which the shard was made, one for the shard, the rest grows.
That is how the numbers in AWS's own examples read; no page of AWS promises it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_LAYOUT, _LAYOUT_BIT = 2, 184
_CREATED_BIT, _SHARD_BIT = 148, 144
_HASHES: Final = 1 << 128


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One record; `arrival` in epoch seconds."""

    sequence: int
    partition_key: str
    arrival: float
    data: bytes


@dataclass(slots=True)
class Shard:
    """One shard: hash range from `low` up to but without `high`; closed by a reshard.

    `first`: the lowest sequence number it can give; `created` in epoch seconds.
    """

    name: str
    low: int
    high: int
    created: int
    first: int
    parents: tuple[str, ...] = ()
    records: list[StreamRecord] = field(default_factory=list)
    closed: bool = False


class Stream:
    """One life of a stream; `epoch` tells it from a later one of the same name.

    `clock` in epoch seconds, from which its sequence numbers are made.
    """

    def __init__(
        self,
        shards: int,
        source: random.Random,
        clock: Callable[[], float],
    ) -> None:
        self.epoch = epoch_of(int(clock()))
        self.shards: dict[str, Shard] = {}
        self.ended = False
        self._source = source
        self._clock = clock
        self._grown = 0
        for number in range(shards):
            self._open(_HASHES * number // shards, _HASHES * (number + 1) // shards, ())

    def put(self, partition_key: str, data: bytes, arrival: float) -> tuple[str, int]:
        """Append a record; returns its shard and sequence number."""
        place = int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest())
        shard = next(each for each in self._open_shards() if each.low <= place < each.high)
        self._grown += self._source.randrange(1, 1 << 40)
        sequence = shard.first + self._grown
        shard.records.append(StreamRecord(sequence, partition_key, arrival, data))
        return shard.name, sequence

    def split(self, name: str) -> None:
        """Replace a shard by two halves (API: SplitShard)."""
        parent = self.shards[name]
        middle = (parent.low + parent.high) // 2
        parent.closed = True
        self._open(parent.low, middle, (name,))
        self._open(middle, parent.high, (name,))

    def merge(self, name: str, other: str) -> None:
        """Replace two adjacent shards by one (API: MergeShards).

        Raises:
            ValueError: they are not adjacent.
        """
        first, second = sorted((self.shards[name], self.shards[other]), key=lambda s: s.low)
        if first.high != second.low:
            raise ValueError(f"{name} and {other} are not adjacent")
        first.closed = second.closed = True
        self._open(first.low, second.high, (first.name, second.name))

    def reshard(self) -> None:
        """Split or merge, as drawn."""
        shards = sorted(self._open_shards(), key=lambda shard: shard.low)
        if len(shards) > 1 and self._source.random() < 1 / 2:
            index = self._source.randrange(len(shards) - 1)
            self.merge(shards[index].name, shards[index + 1].name)
        else:
            self.split(self._source.choice(shards).name)

    def end(self) -> None:
        """Nothing more will be put: readers that reach the end are done."""
        self.ended = True

    def _open_shards(self) -> list[Shard]:
        return [shard for shard in self.shards.values() if not shard.closed]

    def _open(self, low: int, high: int, parents: tuple[str, ...]) -> None:
        number = len(self.shards)
        name, created = f"shardId-{number:012d}", int(self._clock())
        first = _LAYOUT << _LAYOUT_BIT | created << _CREATED_BIT | number % 16 << _SHARD_BIT
        self.shards[name] = Shard(name, low, high, created, first, parents)


def epoch_of(created: int) -> str:
    """Return the name that the functions give to a shard's life; `created` in epoch seconds."""
    return f"{created:x}"
