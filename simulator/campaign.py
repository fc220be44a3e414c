"""Thousands of runs on all processors, and what they came to together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final

from simulator.checks import Differences
from simulator.faults import Fault
from simulator.settings import draw_harsh_settings
from simulator.trial import run_trial
from simulator.weakened import CONTROLS

_CHUNK: Final = 50


@dataclass(slots=True)
class Campaign:
    """The sum of many runs. `wrong` are the seeds whose stores differ from the truth.

    `lossy` of these have lost or doubled events or rows; in `unseen` the balance has not seen it.
    """

    runs: int = 0
    events: int = 0
    requests: int = 0
    write_units: int = 0
    differences: Differences = field(default_factory=Differences)
    faults: Counter[Fault] = field(default_factory=Counter)
    wrong: list[int] = field(default_factory=list)
    lossy: list[int] = field(default_factory=list)
    unseen: list[int] = field(default_factory=list)

    def merge(self, other: Campaign) -> None:
        """Add runs."""
        self.runs += other.runs
        self.events += other.events
        self.requests += other.requests
        self.write_units += other.write_units
        self.differences.merge(other.differences)
        self.faults.update(other.faults)
        self.wrong += other.wrong
        self.lossy += other.lossy
        self.unseen += other.unseen


def run_seeds(first: int, count: int, control: str = "") -> Campaign:
    """Run trials in this process, under the named control if any, and then in harsh settings."""
    campaign = Campaign()
    weak = next((each for each in CONTROLS if each.name == control), None)
    with weak.applied() if weak else nullcontext():
        for seed in range(first, first + count):
            settings = None
            if weak:
                settings = draw_harsh_settings(
                    seed,
                    streams=weak.streams,
                    hazards=weak.hazards,
                    crawl=weak.crawl,
                    repeats=weak.repeats,
                )
            outcome = run_trial(seed, settings)
            campaign.runs += 1
            campaign.events += outcome.events
            campaign.requests += outcome.requests
            campaign.write_units += outcome.write_units
            campaign.differences.merge(outcome.differences)
            campaign.faults.update(outcome.faults)
            if not outcome.differences.none:
                campaign.wrong.append(seed)
            if outcome.differences.sums_differ:
                campaign.lossy.append(seed)
            if outcome.unseen:
                campaign.unseen.append(seed)
    return campaign


def run_campaign(
    runs: int,
    *,
    first: int = 0,
    control: str = "",
    enough: int | None = None,
    jobs: int | None = None,
    progress: Callable[[int], None] = lambda _runs: None,
) -> Campaign:
    """Run trials on `jobs` processes (all processors when None).

    Args:
        runs: how many, of consecutive seeds.
        first: the first seed.
        control: name of a weakened protocol; none when empty.
        enough: wrong runs after which no more are made; None: make all.
        jobs: processes.
        progress: told the runs that are new, now and then.
    """
    total = Campaign()
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        parts = [
            pool.submit(run_seeds, start, count, control) for start, count in _chunks(first, runs)
        ]
        for part in parts:
            done = part.result()
            total.merge(done)
            progress(done.runs)
            if enough is not None and len(total.wrong) >= enough:
                pool.shutdown(cancel_futures=True)
                break
    return total


def _chunks(first: int, runs: int) -> Iterator[tuple[int, int]]:
    for start in range(first, first + runs, _CHUNK):
        yield start, min(_CHUNK, first + runs - start)
