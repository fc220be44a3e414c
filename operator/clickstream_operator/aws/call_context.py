"""On whose behalf AWS is called: what one pass over one pipeline may take from the others.

The calls of a pass find it in the context of their task, so that nothing between the controller and
the session has to hand it on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from clickstream_operator.aws.errors import AwsError

#: Calls that one pass has under way at once. Fewer than the threads by as much as there are workers
#: (see `Settings`), so that passes whose calls hang leave threads for all others.
CALLS_AT_ONCE: Final = 8


class CallContext:
    """One pass. `is_edit`: somebody waits for its result; a resync can wait."""

    def __init__(self, pipeline: str, *, is_edit: bool, at_once: int = CALLS_AT_ONCE) -> None:
        self.pipeline = pipeline
        self.is_edit = is_edit
        self.concurrency = asyncio.Semaphore(at_once)
        self._silent: dict[tuple[str, str], AwsError] = {}

    def note_silence(self, region: str, service: str, error: AwsError) -> None:
        """Remember that a service let a call wait in vain: its others need not wait as long."""
        self._silent[region, service] = error

    def silence(self, region: str, service: str) -> AwsError | None:
        """What a call of this pass to the service waited for in vain; None when it answers."""
        return self._silent.get((region, service))


_current: ContextVar[CallContext | None] = ContextVar("aws_pass", default=None)


def current() -> CallContext | None:
    """The pass that runs; None outside of one."""
    return _current.get()


@contextmanager
def running(one: CallContext) -> Iterator[None]:
    """Make the calls of this block, and of the tasks that it starts, calls of this pass."""
    token = _current.set(one)
    try:
        yield
    finally:
        _current.reset(token)
