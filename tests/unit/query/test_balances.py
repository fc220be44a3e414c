"""Balances of hours, read back as the detector wrote them."""

from __future__ import annotations

from simulator.stores import Stores
from tests.unit.query.balance_items import NUMBERS, put


def test_balances_are_read_by_hour_oldest_first() -> None:
    """Both ends are included; numbers, reasons and differences are those of the item."""
    stores = Stores()
    put(stores, "2026-11-23T13", "Different", "CountersDiffer", '{"CountersDiffer": -1}')
    put(stores, "2026-11-23T12", "Balanced", "", "{}")
    put(stores, "2026-11-23T14", "Unknown", "NotPermitted", "{}")
    reader = stores.readback(lambda: 1_800_000_000.0)
    first, second = reader.balances(until="2026-11-23T13")
    assert (first.hour, first.until, first.verdict) == (
        "2026-11-23T12",
        "2026-11-23T13",
        "Balanced",
    )
    assert (second.reasons, second.differences) == (("CountersDiffer",), {"CountersDiffer": -1})
    assert second.numbers == NUMBERS
    (last,) = reader.balances(since="2026-11-23T14")
    assert (last.verdict, last.reasons) == ("Unknown", ("NotPermitted",))
