"""Hourly balances for people: what the detector found, beside what Kinesis took."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from clickstream_operator.cli import balances
from clickstream_operator.query.rows import Balance
from simulator.stores import Stores
from tests.unit.query.balance_items import put

NUMBERS = {
    "records": 9, "rows": 12, "counted": 10, "bad": 2, "found_counters": 10, "found_raw_rows": 10,
}  # fmt: skip


def balance(hour: int, hours: int = 1, **changes: Any) -> Balance:
    """The balance of some hours of a day."""
    members: dict[str, Any] = {
        "hour": f"2026-11-23T{hour:02d}",
        "until": f"2026-11-23T{hour + hours:02d}",
        "verdict": "Balanced",
        "reasons": (),
        "differences": {},
        "numbers": NUMBERS,
    }
    return Balance(**members | changes)


def test_a_row_has_the_numbers_and_the_witness() -> None:
    """Hour, verdict, Kinesis, records, rows, counted, in tables, archived, bad."""
    (row,) = balances.rows([balance(12)], {"2026-11-23T12": 9})
    assert row == ("2026-11-23T12", "Balanced", 9, 9, 12, 10, 10, 10, 2, "")
    assert len(row) == len(balances.COLUMNS)


def test_a_difference_says_what_and_how_much() -> None:
    """Above 0 too much, below it missing; a reason without an amount stands alone."""
    differences = {"CountersDiffer": -3, "ArchiveDiffers": 1}
    lost = balance(12, verdict="Different", reasons=(*differences,), differences=differences)
    unknown = balance(13, verdict="Unknown", reasons=("NotPermitted",), numbers={})
    first, second = balances.rows([lost, unknown], {})
    assert (first[2], first[-1]) == ("-", "CountersDiffer -3 ArchiveDiffers +1")
    assert second == ("2026-11-23T13", "Unknown", *["-"] * 7, "NotPermitted")


def test_hours_that_were_judged_together_are_one_row() -> None:
    """With what Kinesis took in all of them."""
    incoming = {"2026-11-23T11": 100, "2026-11-23T12": 4, "2026-11-23T14": 5, "2026-11-23T15": 100}
    (row,) = balances.rows([balance(12, hours=3)], incoming)
    assert row[:3] == ("2026-11-23T12 +2 h", "Balanced", 9)


def test_the_witness_is_asked_for_the_hours_that_were_closed() -> None:
    """One request; none without a balance."""
    asked = []

    class CloudWatch:
        """Has one value."""

        def get_metric_data(self, **parameters: Any) -> dict[str, Any]:
            """Records of an hour."""
            asked.append(parameters)
            moments = [datetime(2026, 11, 23, 13, tzinfo=UTC)]
            return {"MetricDataResults": [{"Timestamps": moments, "Values": [5.0]}]}

    stores = Stores()
    reader = stores.readback(lambda: 1_800_000_000.0)
    range_ = {
        "since": datetime(2026, 11, 23, 12, tzinfo=UTC),
        "until": datetime(2026, 11, 24, tzinfo=UTC),
    }

    def read() -> Any:
        return balances.read(reader, lambda _service: CloudWatch(), "shop", **range_)

    assert read() == ([], {})
    assert asked == []
    put(stores, "2026-11-23T13", "Balanced", "", "{}")
    (found,), incoming = read()
    assert (found.hour, incoming) == ("2026-11-23T13", {"2026-11-23T13": 5})
    (query,) = asked[0]["MetricDataQueries"]
    assert query["MetricStat"]["Metric"]["MetricName"] == "IncomingRecords"
    assert (asked[0]["StartTime"].hour, asked[0]["EndTime"].hour) == (13, 14)
