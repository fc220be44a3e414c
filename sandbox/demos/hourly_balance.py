"""The hour of the demo, closed by the detector's own code with a clock that runs ahead."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from clickstream_operator.query.rows import Balance
from clickstream_operator.synthetic import Row
from detector.balance import HourlyBalance
from detector.stream_tail import StreamTail
from shared.config import parse_config
from shared.emf import Metrics
from shared.logs import Log
from shared.time_limit import TimeLimit

_AHEAD_SECONDS: Final = 7200.0
#: A difference would be told after three comparisons.
_TICKS: Final = 4
#: What is compared, and the names of both numbers in a balance.
_EQUATIONS: Final = (
    ("events counted, and in counter items", "counted", "found_counters"),
    ("page views counted, and in page items", "views", "found_views"),
    ("events counted, and in session items", "counted", "found_sessions"),
    ("events archived, and in objects under raw/", "raw_rows", "found_raw_rows"),
    ("bytes archived, and in objects under raw/", "raw_bytes", "found_raw_bytes"),
    ("bad rows kept, and in objects under bad/", "bad_rows", "found_bad_rows"),
)


def close_hours(client: Callable[[str], Any], detector: str) -> None:
    """Close the hours up to now, as the tick does when they are over.

    Args:
        client: makes a low-level client of a service.
        detector: physical name of the function, whose configuration says where everything is.
    """
    answer = client("lambda").get_function_configuration(FunctionName=detector)
    config = parse_config(answer["Environment"]["Variables"]["CLICKSTREAM_CONFIG"])
    ahead = 0.0

    def clock() -> float:
        return time.time() + ahead

    def silent(_line: str) -> None:
        return

    balance = HourlyBalance(
        config,
        dynamodb=client("dynamodb"),
        s3=lambda: client("s3"),
        tail=StreamTail(client("kinesis"), config.detection.stream, clock),
        clock=clock,
        metrics=Metrics(config.pipeline, clock, silent),
        log=Log("ERROR", silent),
    )
    balance.tick(TimeLimit(None))
    ahead = _AHEAD_SECONDS
    for _ in range(_TICKS):
        balance.tick(TimeLimit(None))


def rows_of(balances: Sequence[Balance]) -> list[Row]:
    """What the lanes say beside what stands, over all hours that were closed."""
    rows = []
    for what, received, standing in _EQUATIONS:
        said = sum(each.numbers[received] for each in balances)
        stands = sum(each.numbers[standing] for each in balances)
        rows.append(Row(what, said, stands, said == stands))
    return rows
