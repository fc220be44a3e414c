"""Independent requests of one batch, several at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Workers:
    """A pool of threads; with one thread, the calls are made in order by the caller itself."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def run(self, calls: Sequence[Callable[[], None]]) -> None:
        """Make all calls. After the first failure none is started in its share; it is raised."""
        if self._pool is None or len(calls) < 2:  # noqa: PLR2004 - one call needs no thread
            _run_share(calls)
            return
        shares = [calls[start :: self._threads] for start in range(min(self._threads, len(calls)))]
        futures = [self._pool.submit(_run_share, share) for share in shares]
        failures = [future.exception() for future in futures]
        for failure in failures:
            if failure is not None:
                raise failure


def _run_share(calls: Sequence[Callable[[], None]]) -> None:
    for call in calls:
        call()
