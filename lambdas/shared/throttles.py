"""Throttled DynamoDB requests in the function's log, with DynamoDB's reason.

botocore tries them again, and a function that is only slow shows no error: without the reason
nobody knows whether a table needs more units, a page is hot, or the account is at its quota
("DynamoDB throttling diagnosis", Amazon DynamoDB developer guide).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.logs import Log

CODES = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)
_SECONDS = 60.0


class Throttles:
    """Writes a line for each table and reason, at most one a minute, with how often it came."""

    def __init__(self, log: Log, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._since: dict[tuple[str, str, str], float] = {}
        self._more: dict[tuple[str, str, str], int] = {}

    def watch(self, dynamodb: Any) -> None:
        """See every answer that a client gets, those that are tried again among them."""
        dynamodb.meta.events.register("response-received.dynamodb", self.note)

    def note(self, parsed_response: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Take an answer in botocore's form; anything but a throttled request says nothing."""
        answer = parsed_response or {}
        code = str(answer.get("Error", {}).get("Code", ""))
        if code not in CODES:
            return
        reasons = answer.get("ThrottlingReasons") or [{}]
        for one in reasons:
            table = str(one.get("resource", "")).partition(":table/")[2]
            self._write(code, str(one.get("reason", "not told")), table)

    def _write(self, code: str, reason: str, table: str) -> None:
        key, now = (code, reason, table), self._clock()
        if now - self._since.get(key, -_SECONDS) < _SECONDS:
            self._more[key] = self._more.get(key, 0) + 1
            return
        self._since[key] = now
        times = 1 + self._more.pop(key, 0)
        self._log.write(
            "WARNING", "DynamoDB throttled", code=code, reason=reason, table=table, times=times
        )
