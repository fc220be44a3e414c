"""Unique visitors of several page items: the union of their sketches, counted.

A sketch is exact while it is small and HyperLogLog after (Flajolet et al., "HyperLogLog: the
analysis of a near-optimal cardinality estimation algorithm"). The constants are the functions' own;
a test ties them to `lambdas/`, which this package may not import.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

SPARSE: Final = 1
DENSE: Final = 2
HASH_BYTES: Final = 8
PRECISION: Final = 10
REGISTERS: Final = 1 << PRECISION
_BITS: Final = 6


def count_visitors(sketches: Iterable[bytes]) -> int:
    """Return the number of distinct visitors in the union of `visitors` attributes.

    Raises:
        ValueError: bytes of no known format.
    """
    exact: set[bytes] = set()
    registers: list[int] | None = None
    for sketch in sketches:
        body = sketch[1:]
        if sketch[:1] == bytes([SPARSE]):
            exact.update(body[i : i + HASH_BYTES] for i in range(0, len(body), HASH_BYTES))
        elif sketch[:1] == bytes([DENSE]):
            number = int.from_bytes(body, "big")
            dense = [number >> _BITS * (REGISTERS - 1 - i) & 63 for i in range(REGISTERS)]
            registers = dense if registers is None else list(map(max, registers, dense))
        else:
            raise ValueError("not a visitors sketch")
    if registers is None:
        return len(exact)
    rest_bits = 64 - PRECISION
    for visitor in exact:
        number = int.from_bytes(visitor, "big")
        rest = number & (1 << rest_bits) - 1
        index = number >> rest_bits
        registers[index] = max(registers[index], rest_bits - rest.bit_length() + 1)
    estimate = (
        0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS**2 / math.fsum(2.0**-r for r in registers)
    )
    zeros = registers.count(0)
    if estimate <= 2.5 * REGISTERS and zeros:
        estimate = REGISTERS * math.log(REGISTERS / zeros)
    return round(estimate)
