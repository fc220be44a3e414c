"""`logs`: lines as the functions and as Lambda itself write them."""

from __future__ import annotations

import json

import pytest

from clickstream_operator.cli.function_logs import at_least, parse


def line(message: str, level: str = "") -> dict[str, object]:
    """An event of CloudWatch Logs."""
    text = json.dumps({"level": level, "message": message, "rows": 3}) if level else message
    return {"eventId": message, "timestamp": 1_700_000_000_123, "message": f"{text}\n"}


def test_a_line_of_a_function_has_its_fields() -> None:
    """Time in UTC, level, message and fields."""
    found = parse("processor", line("took a batch", "INFO"))
    assert found.document() == {
        "time": "2023-11-14T22:13:20.123+00:00",
        "function": "processor",
        "level": "INFO",
        "message": "took a batch",
        "rows": 3,
    }
    assert found.text() == "took a batch rows=3"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("START RequestId: 1 Version: 2", "DEBUG"),
        ("REPORT RequestId: 1 Duration: 5 ms", "DEBUG"),
        ("REPORT RequestId: 1 Duration: 60000 ms Status: timeout", ""),
        ('{"_aws": {}, "EventsProcessed": 3}', "DEBUG"),
        ('{"type": "platform.start", "record": {"requestId": "1"}}', "DEBUG"),
        ('{"type": "platform.report", "record": {"status": "error"}}', ""),
        ("[ERROR] MemoryError: Traceback", ""),
        ("[1, 2]", ""),
        ('"text"', ""),
        ("{broken", ""),
    ],
)
def test_a_line_of_lambda_is_told_as_it_stands(text: str, level: str) -> None:
    """What it writes of each run that ends well is for whoever asks; what fails is for all."""
    found = parse("detector", line(text))
    assert (found.level, found.message, found.fields) == (level, text, {})


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 4), ("INFO", 3), ("ERROR", 2)])
def test_levels_are_in_their_order(level: str, count: int) -> None:
    """A line without a level, as that of a crash, is always there."""
    lines = [
        parse("processor", one)
        for one in (
            line("END RequestId: 1"), line("a", "INFO"), line("b", "ERROR"), line("Task timed out"),
        )
    ]  # fmt: skip
    assert len(list(at_least(lines, level))) == count
