"""Log lines of a pipeline's functions, merged by time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.read_only import ReadOnlySession

GROUPS: Final = {
    "processor": components.PROCESSOR_LOGS,
    "detector": components.DETECTOR_LOGS,
}
"""Inventory name of the log group of each function."""
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a function."""

    identity: str
    """AWS's id of the line."""
    at: datetime
    function: str
    level: str
    """Empty for a line that Lambda itself wrote."""
    message: str
    fields: dict[str, Any]

    def text(self) -> str:
        """Message and fields."""
        given = " ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"{self.message} {given}".rstrip()

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "time": self.at.isoformat(timespec="milliseconds"),
            "function": self.function,
            "level": self.level,
            "message": self.message,
            **self.fields,
        }


async def read(
    session: ReadOnlySession,
    effective: Effective,
    functions: Sequence[str],
    *,
    since: datetime,
    until: datetime,
) -> list[Line]:
    """The lines of some functions, oldest first; a group that is not there has none.

    Raises:
        AwsError: AWS refused.
    """
    found: list[Line] = []
    for function in functions:
        try:
            answer = await session.call(
                "logs",
                "filter_log_events",
                logGroupName=effective.names[GROUPS[function]],
                startTime=round(since.timestamp() * 1000),
                endTime=round(until.timestamp() * 1000),
            )
        except AwsError as error:
            if error.category is not Category.NOT_FOUND:
                raise
            continue
        found += [parse(function, event) for event in answer.get("events", ())]
    return sorted(found, key=lambda line: (line.at, line.function, line.identity))


def parse(function: str, event: dict[str, Any]) -> Line:
    """A line from an event of CloudWatch Logs; Lambda's own lines are text, ours are JSON."""
    text = str(event["message"]).strip()
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    identity = str(event.get("eventId", ""))
    if not isinstance(fields, dict) or "message" not in fields:
        return Line(identity, at, function, "", text, {})
    level, message = str(fields.pop("level", "")), str(fields.pop("message"))
    return Line(identity, at, function, level, message, fields)


def at_least(lines: Sequence[Line], level: str) -> Iterator[Line]:
    """Lines of a level or above; those of Lambda itself only with the lowest."""
    lowest = LEVELS.index(level)
    for line in lines:
        known = LEVELS.index(line.level) if line.level in LEVELS else 0
        if known >= lowest:
            yield line
