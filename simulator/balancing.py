"""The hourly balance at the end of a run: whether it closes, agrees, and knows all that was put.

The last hour is closed by a balance of its own, which meets no faults: what it finds is due to what
the functions left behind. Its witness is the stream, which knows how many records it took, as
Kinesis's metric IncomingRecords does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from simulator.checks import BALANCE, Differences
from simulator.expressions import Item
from simulator.stores import Stores

COUNTERS_NAME: Final = "balance"
_HOUR: Final = 3600.0
_TICKS: Final = 12


def begin_balance(config: Any, stores: Stores, start: float) -> None:
    """Begin with the hour of `start`, as the first tick of a pipeline does."""
    _balance(config, stores, lambda: start).tick(_unlimited())


def close_hours(config: Any, stores: Stores, end: float) -> None:
    """Close all hours up to that of `end`, in epoch seconds."""
    now = end + _HOUR
    balance = _balance(config, stores, lambda: now)
    for _ in range(_TICKS):
        now += 60.0
        balance.tick(_unlimited())


def balances(stores: Stores, table: str) -> list[Item]:
    """Return the items of balanced hours."""
    return [
        item for item in stores.tables.items(table) if item["metric_name"]["S"] == COUNTERS_NAME
    ]


def compare_balance(
    found: Differences,
    items: list[Item],
    *,
    records: int,
    until: str,
    unknown: bool,
    refused: int,
) -> None:
    """Add to `found` where the balance is not as the records say.

    Args:
        found: the differences of the run.
        items: balances of hours.
        records: that the stream took.
        until: the hour before which all must be closed.
        unknown: whether hours may be unknown, because another version ran as well.
        refused: page views in items that DynamoDB refused: the balance must miss them.
    """
    known = [item for item in items if item["verdict"]["S"] != "Unknown"]
    missed = 0
    for item in known:
        differences = json.loads(item["differences"]["S"])
        if refused:
            missed -= differences.pop("ItemsRefused", 0) + differences.pop("PagesDiffer", 0)
        found.equal(BALANCE, item["time_window"]["S"], differences, {})
    if len(known) < len(items) and unknown:
        return
    found.compare(BALANCE, "refused", missed, refused)
    closed = max((item["until"]["S"] for item in items), default="")
    found.equal(BALANCE, "all hours closed", closed >= until, True)
    received = sum(int(item["records"]["N"]) for item in items)
    found.compare(BALANCE, "records received", received, records)


def _balance(config: Any, stores: Stores, clock: Callable[[], float]) -> Any:
    from detector.balance import HourlyBalance  # noqa: PLC0415 - lambdas/ is a path of its own
    from detector.stream_tail import StreamTail  # noqa: PLC0415 - as above
    from shared.emf import Metrics  # noqa: PLC0415 - as above
    from shared.logs import Log  # noqa: PLC0415 - as above

    def silent(_line: str) -> None:
        return

    return HourlyBalance(
        config,
        dynamodb=stores.tables,
        s3=lambda: stores.bucket,
        tail=StreamTail(stores.tail, config.detection.stream, clock),
        clock=clock,
        metrics=Metrics(config.pipeline, clock, silent),
        log=Log("ERROR", silent),
    )


def _unlimited() -> Any:
    from shared.time_limit import TimeLimit  # noqa: PLC0415 - as above

    return TimeLimit(None)
