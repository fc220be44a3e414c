"""Tasks that take turns at single steps, in an order drawn from one random source.

A task is a greenlet. It goes on until it pauses (before and after each request to AWS), sleeps, or
ends; which task is next is drawn. The clock moves a little with each step and jumps when all sleep,
so a run takes no real time and is the same for the same seed.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any, Final

from greenlet import getcurrent, greenlet

STEP_SECONDS: Final = 0.004


class DiedError(BaseException):
    """The invocation that runs here has died; nothing may handle this but the end of the task."""


class Task:
    """One greenlet. A `watched` task's error is for whoever waits; any other's ends the run."""

    def __init__(self, scheduler: Scheduler, run: Callable[[], Any], *, watched: bool) -> None:
        self._scheduler = scheduler
        self._run = run
        self._greenlet = greenlet(self._body, parent=scheduler.hub)
        self.watched = watched
        self.done = False
        self.killed = False
        self.waiting: list[Task] = []
        self.result: Any = None
        self.error: BaseException | None = None

    def _body(self) -> None:
        try:
            if not self.killed:
                self.result = self._run()
        except (Exception, DiedError) as error:  # noqa: BLE001 - kept for whoever waits
            self.error = error
        self.done = True

    def step(self) -> None:
        """Run until the task pauses, sleeps or ends; raises the error of an unwatched one."""
        self._greenlet.switch()
        if self.error is not None and not self.watched:
            raise self.error

    def kill(self) -> None:
        """Let the task die at its next turn."""
        self.killed = True

    def exception(self) -> BaseException | None:
        """Wait for the end and return the error (the interface of concurrent.futures)."""
        self._scheduler.join(self)
        return DiedError() if self.killed and self.error is None else self.error


class Scheduler:
    """Runs tasks until none is left that could go on."""

    def __init__(self, source: random.Random, start: float) -> None:
        self.hub = getcurrent()
        self.now = start
        self._source = source
        self._ready: list[Task] = []
        self._asleep: list[tuple[float, int, Task]] = []
        self._current: Task | None = None
        self._counter = 0

    def spawn(self, run: Callable[[], Any], *, delay: float = 0.0, watched: bool = False) -> Task:
        """Start a task `delay` seconds from now; it gets its first turn after that."""
        task = Task(self, run, watched=watched)
        if delay:
            self._rest(task, self.now + delay)
        else:
            self._ready.append(task)
        return task

    def run(self) -> None:
        """Give turns until every task has ended; raises the first error of an unwatched one."""
        ready, asleep = self._ready, self._asleep
        while ready or asleep:
            while asleep and (asleep[0][0] <= self.now or not ready):
                moment, _, task = heapq.heappop(asleep)
                self.now = max(self.now, moment)
                ready.append(task)
            index = int(self._source.random() * len(ready))
            ready[index], ready[-1] = ready[-1], ready[index]
            self._current = task = ready.pop()
            self.now += STEP_SECONDS
            task.step()
            self._current = None
            if task.done:
                ready += task.waiting

    def pause(self) -> None:
        """Let others take turns; raises DiedError if the task was killed meanwhile."""
        task = self._running()
        self._ready.append(task)
        self._leave(task)

    def sleep(self, seconds: float) -> None:
        """Pause for at least that long; raises as `pause` does."""
        task = self._running()
        self._rest(task, self.now + seconds)
        self._leave(task)

    def join(self, task: Task) -> None:
        """Pause until a task has ended; raises as `pause` does."""
        if not task.done:
            waiter = self._running()
            task.waiting.append(waiter)
            self._leave(waiter)

    def wait(self, condition: Callable[[], bool], *, until: float | None = None) -> bool:
        """Pause until a condition holds or the time has come; return whether it holds."""
        pause = 0.0
        while not condition():
            if until is not None and self.now >= until:
                return False
            # Waiting costs turns, so it gets rarer; nothing here depends on a quick reaction.
            pause = min(1.0, 2 * pause + STEP_SECONDS)
            self.sleep(pause)
        return True

    def _running(self) -> Task:
        if self._current is None:
            raise RuntimeError("only a task can pause")
        return self._current

    def _rest(self, task: Task, moment: float) -> None:
        self._counter += 1
        heapq.heappush(self._asleep, (moment, self._counter, task))

    def _leave(self, task: Task) -> None:
        self.hub.switch()
        if task.killed:
            raise DiedError
