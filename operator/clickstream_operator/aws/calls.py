"""AWS calls of one reconcile: equal reads share a call, and so do writes that take a list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Protocol

#: Seconds for which a batched write waits for others to join it.
_GATHER_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, for metrics.

    Attributes:
        service: boto3's name of the service.
        operation: boto3's name of the operation, in snake case.
        code: ``OK``, the AWS error code, ``Unanswered`` if the call was cancelled, or ``NotSent``
            if the write fence withheld it.
        seconds: wall time.
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
    """AWS calls of one reconcile of one pipeline.

    Two resources that need the same read (all alarms, all log groups) share one call. A write drops
    the cached answers of its service. `managed_keys`: ARNs of the AWS managed keys that are known
    to be such, which outlive the reconcile; more are added.
    """

    def __init__(self, session: Session, *, managed_keys: set[str] | None = None) -> None:
        self._session = session
        self.managed_keys = set[str]() if managed_keys is None else managed_keys
        self._reads: dict[tuple[str, str, str], asyncio.Task[dict[str, Any]]] = {}
        self._batches: dict[
            tuple[str, str, str], tuple[list[str], asyncio.Task[dict[str, Any]]]
        ] = {}

    async def read(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """The answer of a read, cached until this reconcile writes to the service.

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
        """Send `value` in the list `parameter` of a write, together with the values of others.

        Requests within `_GATHER_SECONDS` share one call, and its answer or error.

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
