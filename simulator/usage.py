"""Cost of the calls of a run, counted the way AWS bills them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from simulator.expressions import Item, Value

#: DynamoDB Developer Guide, "DynamoDB read and write operations": one write unit for each started
#: KB of an item, one read unit for each started 4 KB, half of it when eventually consistent.
WRITE_UNIT_BYTES: Final = 1024
READ_UNIT_BYTES: Final = 4096
_COLLECTION_BYTES: Final = 3


@dataclass(slots=True)
class Usage:
    """Requests by operation, write and read units by table, bytes put by object kind.

    `requests` by boto3's method name; refused conditions count, as AWS bills them.
    """

    requests: Counter[str] = field(default_factory=Counter)
    write_units: Counter[str] = field(default_factory=Counter)
    read_units: dict[str, float] = field(default_factory=dict)
    stored_bytes: Counter[str] = field(default_factory=Counter)

    def write(self, operation: str, table: str, size: int) -> None:
        """Count a write of an item of that size: the greater of before and after."""
        self.requests[operation] += 1
        self.write_units[table] += max(1, -(-size // WRITE_UNIT_BYTES))

    def read(self, operation: str, table: str, size: int, *, consistent: bool) -> None:
        """Count a read of items of that size together."""
        self.requests[operation] += 1
        units = max(1, -(-size // READ_UNIT_BYTES)) * (1.0 if consistent else 0.5)
        self.read_units[table] = self.read_units.get(table, 0.0) + units


def item_size(item: Item) -> int:
    """Return an item's size in bytes (Developer Guide, "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Value) -> int:
    (kind, content) = next(iter(value.items()))
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "B":
        return len(content)
    if kind == "N":
        digits = len(Decimal(content).normalize().as_tuple().digits)
        return (digits + 1) // 2 + 1 + (1 if content.startswith("-") else 0)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "L":
        return _COLLECTION_BYTES + sum(1 + _value_size(each) for each in content)
    if kind == "M":
        return _COLLECTION_BYTES + len(content) + item_size(content)
    if kind == "SS":
        return sum(len(each.encode()) for each in content)
    raise ValueError(f"a value of type {kind!r}")
