"""The budget of one Kinesis record: work that a function does well within its timeout.

A record can't be split by the event source mapping. One that takes longer than the timeout would be
delivered again until it is too old, with its shard behind it. Hence a record may take the CPU time
that the function has in half of its timeout; what exceeds it becomes bad rows.

Lambda gives CPU in proportion to memory, one vCPU at 1,769 MB (AWS Lambda Developer Guide,
"Configure Lambda function memory"). The limits of the default function are set by measurement:
`make bench-dataplane` runs the worst records under its CPU share. All others are in proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

DEFAULT_MEMORY_MIB, DEFAULT_TIMEOUT_SECONDS = 256, 60
_MEMORY_OF_ONE_CPU = 1769
_DEFAULT_MILLISECONDS = 4341
_DEFAULT_ROWS = 10_000
_DEFAULT_WRITES = 2_500
_DEFAULT_TEXT_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Budget:
    """CPU time that one record may take, in milliseconds, and the limits that follow from it."""

    milliseconds: int

    @classmethod
    def of(cls, memory_mib: int, timeout_seconds: int) -> Self:
        """Return the budget of a function: the CPU time of one thread in half of the timeout."""
        share = min(memory_mib / _MEMORY_OF_ONE_CPU, 1)
        return cls(round(share * timeout_seconds * 500))

    @property
    def rows(self) -> int:
        """Most rows of a record, counted across arrays, lines and KPL user records."""
        return self._scale(_DEFAULT_ROWS)

    @property
    def writes(self) -> int:
        """Most items that the events of a record may change."""
        return self._scale(_DEFAULT_WRITES)

    @property
    def text_bytes(self) -> int:
        """Most bytes of a record that are searched as text because they are no JSON."""
        return self._scale(_DEFAULT_TEXT_BYTES)

    @property
    def event_text_bytes(self) -> int:
        """Most characters in the members of a record's events that are searched."""
        return self._scale(_DEFAULT_TEXT_BYTES)

    def _scale(self, limit: int) -> int:
        return limit * self.milliseconds // _DEFAULT_MILLISECONDS


DEFAULT = Budget.of(DEFAULT_MEMORY_MIB, DEFAULT_TIMEOUT_SECONDS)
SMALLEST_MEMORY_MIB = 128
SMALLEST = Budget.of(SMALLEST_MEMORY_MIB, timeout_seconds=30)
"""Budget of the smallest function that the API allows: the least of all budgets."""
UNLIMITED = Budget(10**9)
"""For a process without timeout."""
