"""Balances of hours, read back as the detector wrote them."""

from __future__ import annotations

from clickstream_layout.tables import BALANCE, counter_key
from simulator.stores import COUNTERS, Stores

NUMBERS = {"records": 5, "counted": 4, "bad": 1, "found_counters": 3}


def put(stores: Stores, hour: str, verdict: str, reasons: str, differences: str) -> None:
    """Put the balance of an hour."""
    stores.tables.put_item(
        TableName=COUNTERS,
        Item={
            **counter_key(BALANCE, hour),
            "until": {"S": f"{hour[:-1]}{int(hour[-1]) + 1}"},
            "verdict": {"S": verdict},
            "reasons": {"S": reasons},
            "differences": {"S": differences},
            "ttl": {"N": "1900000000"},
            **{name: {"N": str(number)} for name, number in NUMBERS.items()},
        },
    )


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
