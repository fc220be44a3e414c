"""Log lines of a pipeline's functions, merged by time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
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
#: A run that fails has its status in the report.
_OF_EVERY_RUN: Final = ("START ", "END ", "REPORT ", "INIT_START ")
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a function."""

    identity: str
    """AWS's id of the line."""
    at: datetime
    function: str
    level: str
    """DEBUG for metrics and for what Lambda writes of each run; empty where it does not say."""
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
        request: dict[str, Any] = {
            "logGroupName": effective.names[GROUPS[function]],
            "startTime": round(since.timestamp() * 1000),
            "endTime": round(until.timestamp() * 1000),
        }
        try:
            async for event in _events(session, request):
                found.append(parse(function, event))  # noqa: PERF401 - what came before an error stays
        except AwsError as error:
            if error.category is not Category.NOT_FOUND:
                raise
    return sorted(found, key=lambda line: (line.at, line.function, line.identity))


async def _events(session: ReadOnlySession, request: dict[str, Any]) -> AsyncIterator[Any]:
    """Events of all pages; one without an event may have a next one."""
    while True:
        answer = await session.call("logs", "filter_log_events", **request)
        for event in answer.get("events", ()):
            yield event
        if not answer.get("nextToken"):
            return
        request = {**request, "nextToken": answer["nextToken"]}


def parse(function: str, event: dict[str, Any]) -> Line:
    """A line from an event of CloudWatch Logs; ours are JSON, Lambda's own are text or JSON.

    "Using Lambda function log levels", "Embedded metric format".
    """
    text = str(event["message"]).strip()
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    identity = str(event.get("eventId", ""))
    if not isinstance(fields, dict) or "message" not in fields:
        return Line(identity, at, function, "DEBUG" if _is_routine(text, fields) else "", text, {})
    level, message = str(fields.pop("level", "")), str(fields.pop("message"))
    return Line(identity, at, function, level, message, fields)


def _is_routine(text: str, fields: Any) -> bool:
    """Whether a line is a metric, or what Lambda writes of every run that ends well."""
    if isinstance(fields, dict):
        status = (fields.get("record") or {}).get("status", "success")
        return "_aws" in fields or (
            str(fields.get("type", "")).startswith("platform.") and status == "success"
        )
    return text.startswith(_OF_EVERY_RUN) and "Status: " not in text


def at_least(lines: Sequence[Line], level: str) -> Iterator[Line]:
    """Lines of a level or above; one without a level, as that of a crash, always."""
    lowest = LEVELS.index(level)
    for line in lines:
        known = LEVELS.index(line.level) if line.level in LEVELS else len(LEVELS)
        if known >= lowest:
            yield line
