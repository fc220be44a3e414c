"""Call context: the reconcile on whose behalf AWS is called, and its share of the process.

A context variable carries it from the reconciler to the session, so that nothing in between has to
hand it on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from clickstream_operator.aws.errors import AwsError

#: Concurrency slots of one reconcile, unless `Settings` gives others: all workers together take no
#: more slots than there are threads, so that calls that hang leave threads to the others.
CALLS_AT_ONCE: Final = 8


class CallContext:
    """One reconcile: its concurrency slots, and a circuit breaker for services that time out.

    Attributes:
        pipeline: namespace and name, for fair turns between pipelines.
        is_edit: somebody waits for the result; a resync can wait.
        concurrency: slots for calls under way at once.
    """

    def __init__(self, pipeline: str, *, is_edit: bool, at_once: int = CALLS_AT_ONCE) -> None:
        self.pipeline = pipeline
        self.is_edit = is_edit
        self.concurrency = asyncio.Semaphore(at_once)
        self._timeouts: dict[tuple[str, str], AwsError] = {}

    def open_circuit(self, region: str, service: str, error: AwsError) -> None:
        """Record a timeout, so that further calls to the service fail at once."""
        self._timeouts[region, service] = error

    def timeout_of(self, region: str, service: str) -> AwsError | None:
        """The timeout of an earlier call of this reconcile to the service; None without one."""
        return self._timeouts.get((region, service))


_current: ContextVar[CallContext | None] = ContextVar("aws_call_context", default=None)


def current() -> CallContext | None:
    """The reconcile that runs in this task; None outside of one."""
    return _current.get()


@contextmanager
def running(context: CallContext) -> Iterator[None]:
    """Attribute the calls of this block, and of the tasks that it starts, to a reconcile."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
