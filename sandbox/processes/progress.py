"""Progress of long steps on standard error.

On a terminal one line is rewritten with the elapsed seconds; elsewhere (CI logs) a plain line is
printed at the start, every few seconds and at the end.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_TERMINAL_INTERVAL = 0.5
_PLAIN_INTERVAL = 15.0
_WIDTH = 79
_CLEAR_LINE = "\r\x1b[2K"


def say(message: str) -> None:
    """Print one message line for the person who waits."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def step(what: str, detail: Callable[[], str] = str) -> Iterator[None]:
    """Show that `what` is under way until the block ends; `detail` tells its current activity."""
    terminal = sys.stderr.isatty()
    started = time.monotonic()
    ended = threading.Event()
    ticker = threading.Thread(
        target=_tick, args=(what, detail, started, terminal, ended), daemon=True
    )
    if not terminal:
        say(f"{what} ...")
    ticker.start()
    outcome = "failed after"
    try:
        yield
        outcome = "done in"
    finally:
        ended.set()
        ticker.join()
        prefix = _CLEAR_LINE if terminal else ""
        say(f"{prefix}{what}: {outcome} {time.monotonic() - started:.0f} s")


def _tick(
    what: str,
    detail: Callable[[], str],
    started: float,
    terminal: bool,  # noqa: FBT001
    ended: threading.Event,
) -> None:
    while not ended.wait(_TERMINAL_INTERVAL if terminal else _PLAIN_INTERVAL):
        line = f"{what}: {time.monotonic() - started:.0f} s  {detail()}".rstrip()
        if terminal:
            print(_CLEAR_LINE + line[:_WIDTH], end="", file=sys.stderr, flush=True)
        else:
            say(line)
