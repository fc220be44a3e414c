"""The AWS calls of one reconcile: equal reads share one call, writes that can go together do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Protocol

#: Writes that can be sent together wait this long for one another.
_GATHER_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, for metrics; `seconds` is wall time.

    `code` is ``OK``, the AWS error code, ``Unanswered`` when nobody waited for the answer, or
    ``NotSent`` when it was kept from being sent here.
    """

    service: str
    operation: str
    code: str
    seconds: float


class Session(Protocol):
    """The part of `AwsSession` that sends calls."""

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Call one boto3 operation (snake case) and return its answer."""


class Calls:
    """The AWS calls of one pass over one pipeline.

    Two resources that need the same read (all alarms, all log groups) share one call; a write
    forgets the answers of its service.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._reads: dict[tuple[str, str, str], asyncio.Task[dict[str, Any]]] = {}
        self._batches: dict[
            tuple[str, str, str], tuple[list[str], asyncio.Task[dict[str, Any]]]
        ] = {}

    async def read(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Answer of a read, from this pass's memory when nothing wrote to the service since.

        Raises:
            AwsError: as `AwsSession.call`.
        """
        key = (service, operation, repr(sorted(parameters.items())))
        task = self._reads.get(key)
        if task is None:
            task = asyncio.ensure_future(self._session.call(service, operation, **parameters))
            self._reads[key] = task
        return await asyncio.shield(task)

    async def write(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Send a write.

        Raises:
            AwsError: as `AwsSession.call`.
        """
        self._forget(service)
        try:
            return await self._session.call(service, operation, **parameters)
        finally:
            self._forget(service)

    async def batched_write(
        self, service: str, operation: str, /, parameter: str, value: str
    ) -> dict[str, Any]:
        """Send a write whose list `parameter` takes many values, together with its like.

        What asks within a moment shares one call, and its answer or error.

        Raises:
            AwsError: as `AwsSession.call`.
        """
        key = (service, operation, parameter)
        if key not in self._batches:
            values: list[str] = []
            self._batches[key] = (values, asyncio.ensure_future(self._send_batch(key, values)))
        values, task = self._batches[key]
        values.append(value)
        return await asyncio.shield(task)

    async def _send_batch(self, key: tuple[str, str, str], values: list[str]) -> dict[str, Any]:
        await asyncio.sleep(_GATHER_SECONDS)
        service, operation, parameter = key
        del self._batches[key]
        return await self.write(service, operation, **{parameter: sorted(values)})

    def _forget(self, service: str) -> None:
        for key in [key for key in self._reads if key[0] == service]:
            del self._reads[key]
