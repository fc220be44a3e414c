"""Balances of hours, as the detector writes them."""

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
