"""The set of visitors of a page item: exact up to 96, then HyperLogLog with p = 10.

Encoding: one format byte, then either sorted 8-byte hashes, or 1,024 registers of 6 bits (768
bytes; 3.25 % standard error), so that the item stays below 1 KB, one write unit (DynamoDB Developer
Guide, "Read and write operations"). The bytes are a function of the set alone, whatever the order
and grouping in which it grew.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SPARSE, DENSE = 1, 2
HASH_BYTES = 8
MOST_EXACT = 96
PRECISION = 10
REGISTERS = 1 << PRECISION
_REST_BITS = 64 - PRECISION
_BITS = 6


class Visitors:
    """A set of 8-byte visitor hashes that can be merged and counted."""

    __slots__ = ("_exact", "_registers")

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        self._exact: frozenset[bytes] | None = frozenset()
        self._registers = b""
        self._add(hashes)

    @classmethod
    def decode(cls, data: bytes) -> Visitors:
        """Return the set that `encode` wrote.

        Raises:
            ValueError: the bytes are of no known format.
        """
        visitors, body = cls(), data[1:]
        if data[:1] == bytes([SPARSE]) and len(body) % HASH_BYTES == 0:
            visitors._exact = frozenset(
                body[start : start + HASH_BYTES] for start in range(0, len(body), HASH_BYTES)
            )
        elif data[:1] == bytes([DENSE]) and len(body) == REGISTERS * _BITS // 8:
            number = int.from_bytes(body, "big")
            visitors._exact = None
            visitors._registers = bytes(
                number >> _BITS * (REGISTERS - 1 - index) & 63 for index in range(REGISTERS)
            )
        else:
            raise ValueError("not a visitors sketch")
        return visitors

    def encode(self) -> bytes:
        """Return the bytes that a page item holds."""
        if self._exact is not None:
            return bytes([SPARSE]) + b"".join(sorted(self._exact))
        number = 0
        for register in self._registers:
            number = number << _BITS | register
        return bytes([DENSE]) + number.to_bytes(REGISTERS * _BITS // 8, "big")

    def with_hashes(self, hashes: Iterable[bytes]) -> Visitors:
        """Return this set with more hashes; the set itself stays as it is."""
        result = Visitors()
        result._exact, result._registers = self._exact, self._registers
        result._add(hashes)
        return result

    def union(self, other: Visitors) -> Visitors:
        """Return the visitors of both sets; the sets themselves stay as they are."""
        if other._exact is not None:
            return self.with_hashes(other._exact)
        if self._exact is not None:
            return other.with_hashes(self._exact)
        result = Visitors()
        result._exact = None
        result._registers = bytes(map(max, self._registers, other._registers))
        return result

    def count(self) -> int:
        """Return the number of visitors: exact while sparse, else HyperLogLog's estimate."""
        if self._exact is not None:
            return len(self._exact)
        total = math.fsum(2.0**-register for register in self._registers)
        estimate = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS**2 / total
        zeros = self._registers.count(0)
        if estimate <= 2.5 * REGISTERS and zeros:
            estimate = REGISTERS * math.log(REGISTERS / zeros)
        return round(estimate)

    @property
    def exact(self) -> frozenset[bytes] | None:
        """The hashes themselves while there are few; None once only registers are left."""
        return self._exact

    def _add(self, hashes: Iterable[bytes]) -> None:
        if self._exact is not None:
            self._exact = self._exact.union(hashes)
            if len(self._exact) <= MOST_EXACT:
                return
            hashes, self._exact, self._registers = self._exact, None, bytes(REGISTERS)
        registers = bytearray(self._registers)
        for each in hashes:
            number = int.from_bytes(each, "big")
            index, rest = number >> _REST_BITS, number & (1 << _REST_BITS) - 1
            rank = _REST_BITS - rest.bit_length() + 1
            registers[index] = max(registers[index], rank)
        self._registers = bytes(registers)


def count_union(sketches: Iterable[Visitors]) -> int:
    """Return the number of visitors in several sets.

    The limit of an exact set is the size of an item. A reader has none: as long as every lane's set
    is exact, so is their union, however large.
    """
    known, estimated = set[bytes](), Visitors()
    only_exact = True
    for sketch in sketches:
        if sketch.exact is None:
            only_exact = False
            estimated = estimated.union(sketch)
        else:
            known |= sketch.exact
    return len(known) if only_exact else estimated.with_hashes(known).count()
