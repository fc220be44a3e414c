"""Work queue of keys with the semantics of client-go.

A key is queued once, however often it is added, and is never processed twice at the same time.
Added while it is processed, it is processed once more. Edits go before resyncs.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable

from clickstream_operator.kube.objects import ObjectKey


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
        self._urgent: deque[ObjectKey] = deque()
        self._normal: deque[ObjectKey] = deque()
        self._queued: dict[ObjectKey, float] = {}
        self._processing: set[ObjectKey] = set()
        self._again: dict[ObjectKey, bool] = {}
        self._delayed: list[tuple[float, int, ObjectKey]] = []
        self._due: dict[ObjectKey, float] = {}
        self._sequence = 0
        self._wake = asyncio.Event()
        self._closed = False

    def add(self, key: ObjectKey, *, urgent: bool = False) -> None:
        """Queue a key now; an urgent one goes before resyncs."""
        self._due.pop(key, None)
        if key in self._processing:
            self._again[key] = self._again.get(key, False) or urgent
            return
        if key in self._queued:
            if urgent and key in self._normal:
                self._normal.remove(key)
                self._urgent.append(key)
            return
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
            for line in (self._urgent, self._normal):
                if line:
                    key = line.popleft()
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

    def close(self) -> None:
        """Return no more keys."""
        self._closed = True
        self._wake.set()

    @property
    def busy(self) -> int:
        """Number of keys that are processed now."""
        return len(self._processing)

    def _release_due(self) -> None:
        now = self._clock()
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                self.add(key)

    async def _sleep_until_due(self) -> None:
        # Outdated entries only shorten the sleep.
        timeout = max(0.0, self._delayed[0][0] - self._clock()) if self._delayed else None
        try:
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            return
