"""One document for all who watch it: read by one task while anybody does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any


class Feed:
    """The latest document, read again and again while somebody watches.

    Args:
        read: the document; its errors are its own to tell, by a member of the document.
        every: seconds between the end of a reading and the next.
    """

    def __init__(self, read: Callable[[], Awaitable[dict[str, Any]]], *, every: float) -> None:
        self._read = read
        self._every = every
        self._changed = asyncio.Condition()
        self._version = 0
        self._text = ""
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None

    async def watch(self) -> AsyncGenerator[str]:
        """Yield the document as JSON, at once where there is one, then each time it is read."""
        self._watchers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        seen = 0
        try:
            while True:
                async with self._changed:
                    while self._version <= seen:
                        await self._changed.wait()
                    seen, text = self._version, self._text
                yield text
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._task.cancel()
                self._task = None
                # Who comes next sees a new one, not one of an hour ago.
                self._version, self._text = 0, ""

    async def _run(self) -> None:
        while True:
            text = json.dumps(await self._read(), separators=(",", ":"))
            async with self._changed:
                self._version += 1
                self._text = text
                self._changed.notify_all()
            await asyncio.sleep(self._every)
