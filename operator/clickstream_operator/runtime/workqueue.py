"""Work queue of keys with the semantics of client-go.

A key is queued once, however often it is added, and is never processed twice at the same time.
Added while it is processed, it is processed once more. Edits go before resyncs, but no namespace
has two turns in a row while another waits, one turn of eight is a resync's, and edits of one object
are a second apart: a tenant that edits without end delays itself.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from typing import Final

from clickstream_operator.kube.objects import ObjectKey

#: One turn of so many is a resync's, however many edits wait.
_RESYNC_EVERY: Final = 8
#: Seconds between two reconciles of one object that its edits ask for.
EDIT_SECONDS: Final = 1.0


class _Line:
    """Keys that wait, with turns by namespace."""

    def __init__(self) -> None:
        self._by_namespace: dict[str, deque[ObjectKey]] = {}

    def append(self, key: ObjectKey) -> None:
        self._by_namespace.setdefault(key.namespace, deque()).append(key)

    def remove(self, key: ObjectKey) -> bool:
        """Take one key out; False when it does not wait here."""
        waiting = self._by_namespace.get(key.namespace, deque())
        if key not in waiting:
            return False
        waiting.remove(key)
        if not waiting:
            del self._by_namespace[key.namespace]
        return True

    def take(self, *, after: str | None) -> ObjectKey | None:
        """The first key of the next namespace other than `after`; its namespace goes last."""
        for namespace, waiting in self._by_namespace.items():
            if namespace == after:
                continue
            key = waiting.popleft()
            del self._by_namespace[namespace]
            if waiting:
                self._by_namespace[namespace] = waiting
            return key
        return None


class WorkQueue:
    """The queue; `clock` defaults to that of the event loop."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] | None = None,
        on_change: Callable[[int, bool], None] = lambda _depth, _added: None,
        on_wait: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._on_change = on_change
        self._on_wait = on_wait
        self._urgent, self._normal = _Line(), _Line()
        self._turns = 0
        self._last: str | None = None
        self._edited: dict[ObjectKey, float] = {}
        self._held: set[ObjectKey] = set()
        self._queued: dict[ObjectKey, float] = {}
        self._processing: set[ObjectKey] = set()
        self._again: dict[ObjectKey, bool] = {}
        self._delayed: list[tuple[float, int, ObjectKey]] = []
        self._due: dict[ObjectKey, float] = {}
        self._sequence = 0
        self._wake = asyncio.Event()
        self._closed = False

    def add(self, key: ObjectKey, *, urgent: bool = False) -> None:
        """Queue a key now; an urgent one goes before resyncs, a second after its last."""
        if urgent and key not in self._queued and self._hold(key):
            return
        self._due.pop(key, None)
        self._held.discard(key)
        if key in self._processing:
            self._again[key] = self._again.get(key, False) or urgent
            return
        if key in self._queued:
            if urgent and self._normal.remove(key):
                self._urgent.append(key)
            return
        if urgent:
            self._edited[key] = self._clock()
        self._queued[key] = self._clock()
        (self._urgent if urgent else self._normal).append(key)
        self._on_change(len(self._queued), True)
        self._wake.set()

    def add_after(self, key: ObjectKey, delay: float) -> None:
        """Queue a key in `delay` seconds, unless it is queued or due earlier."""
        if key in self._queued:
            return
        due = self._clock() + delay
        known = self._due.get(key)
        if known is not None and known <= due:
            return
        self._due[key] = due
        self._sequence += 1
        heapq.heappush(self._delayed, (due, self._sequence, key))
        self._wake.set()

    async def get(self) -> ObjectKey | None:
        """The next key; None when the queue is closed."""
        while not self._closed:
            self._release_due()
            key = self._next()
            if key is not None:
                self._on_wait(self._clock() - self._queued.pop(key))
                self._processing.add(key)
                self._on_change(len(self._queued), False)
                return key
            self._wake.clear()
            await self._sleep_until_due()
        return None

    def done(self, key: ObjectKey) -> None:
        """Mark a key as processed."""
        self._processing.discard(key)
        if key in self._again:
            self.add(key, urgent=self._again.pop(key))

    def delete(self, key: ObjectKey) -> None:
        """Drop the planned reconciles of a key; a running one goes on."""
        self._due.pop(key, None)
        self._again.pop(key, None)
        self._edited.pop(key, None)
        self._held.discard(key)

    def close(self) -> None:
        """Return no more keys."""
        self._closed = True
        self._wake.set()

    @property
    def busy(self) -> int:
        """Number of keys that are processed now."""
        return len(self._processing)

    def _next(self) -> ObjectKey | None:
        """The key whose turn it is: of another namespace than the last, if one waits."""
        lines = (self._urgent, self._normal)
        if (self._turns + 1) % _RESYNC_EVERY == 0:
            lines = (self._normal, self._urgent)
        for after in (self._last, None):
            for line in lines:
                key = line.take(after=after)
                if key is not None:
                    self._turns, self._last = self._turns + 1, key.namespace
                    return key
        return None

    def _hold(self, key: ObjectKey) -> bool:
        """Put an edit off that follows too soon on another of the object; whether it was."""
        now = self._clock()
        due = self._edited.get(key, now - EDIT_SECONDS) + EDIT_SECONDS
        if due <= now:
            self._edited.pop(key, None)
            return False
        self._held.add(key)
        self._due.pop(key, None)
        self.add_after(key, due - now)
        return True

    def _release_due(self) -> None:
        now = self._clock()
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                self.add(key, urgent=key in self._held)

    async def _sleep_until_due(self) -> None:
        # Outdated entries only shorten the sleep.
        timeout = max(0.0, self._delayed[0][0] - self._clock()) if self._delayed else None
        try:
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            return
