"""Reconciles at their times on the virtual clock, and the objects after them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from sandbox.aws.strict import StrictAws
from tests.integration.pilot import Pilot, run
from tests.kstatus import Verdict, verdict

Body = dict[str, Any]
MOST_RECONCILES = 80
HOUR = 3600.0
WRONG: dict[str, Any] = {
    "code": "InvalidArgumentException",
    "status": 400,
    "message": "The key is disabled.",
}
_REAL_PAUSE_SECONDS: Final = 0.02


def is_ready(body: Body) -> bool:
    """Whether Flux, Argo CD and Helm would go on."""
    return verdict(body) is Verdict.CURRENT


def live(
    pilot: Pilot,
    until: Callable[[Body], bool] = is_ready,
    *,
    seconds: float = 48 * HOUR,
) -> list[Body]:
    """Reconcile, each time when it is due, until the object is as asked or gone; return each."""
    seen: list[Body] = []
    end = pilot.time + seconds
    for _ in range(MOST_RECONCILES):
        delay, body = run(_step(pilot))
        if body is None or delay is None:
            return seen
        if seen and body == seen[-1]:
            # The emulator prepares a function in real time, which no virtual clock hastens.
            time.sleep(_REAL_PAUSE_SECONDS)
        seen.append(body)
        if until(body) or pilot.time + delay > end:
            return seen
        pilot.time += delay
    raise AssertionError(f"not there after {MOST_RECONCILES} reconciles: {seen[-1]['status']}")


async def _step(pilot: Pilot) -> tuple[float | None, Body | None]:
    """One reconcile, and the object after it: without kubectl, which takes longer."""
    delay = await pilot.step()
    return delay, await pilot.controller._services.kube.get(pilot.key)


def condition(body: Body, kind: str) -> dict[str, Any]:
    """One condition, empty when it is absent."""
    found = [one for one in body["status"]["conditions"] if one["type"] == kind]
    return dict(found[0]) if found else {}


def reasons(bodies: list[Body]) -> set[str]:
    """Every reason that any resource ever had."""
    return {one.get("reason", "") for body in bodies for one in body["status"]["resources"]}


def attempts(aws: StrictAws, service: str, operation: str) -> Counter[str]:
    """Calls of one operation by outcome."""
    counted: Counter[str] = Counter()
    for (_, _, outcome), count in aws.calls(service, operation).items():
        counted[outcome] += count
    return counted


def never(_body: Body) -> bool:
    """Go on until the object is gone, or the time is over."""
    return False
