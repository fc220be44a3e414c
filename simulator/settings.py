"""Settings of a run, and how a campaign draws them.

A campaign over seeds meets all sorts of streams, batches, fault rates and hazards.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Final

from shared.budget import DEFAULT_MEMORY_MIB
from simulator.containers import Hazards
from simulator.faults import Fault
from simulator.mapping import MappingSettings
from simulator.traffic import POISON, REFUSED_PAGE

#: Budgets of some items for each record.
_MEMORIES: Final = (1, 2)
#: Seconds within which repeats count once; a run lasts half a minute.
_WINDOWS: Final = (5, 15, 60)


@dataclass(frozen=True, slots=True)
class TrialSettings:
    """What a run is like. `fault_rate` is the probability of a fault at each request."""

    records: int = 24
    shards: int = 2
    session_keys: bool = True
    crowd: bool = False
    fault_rate: float = 0.03
    fault_budget: int = 25
    reshards: int = 1
    new_stream: bool = False
    overlap: bool = False
    """Whether the old mappings go on beside those of the new stream."""
    mapping: MappingSettings = field(default_factory=MappingSettings)
    kinds: frozenset[Fault] | None = None
    hazards: Hazards | None = None
    """What records meet by themselves; nobody looks for anomalies then."""
    crawl: bool = False
    """Whether a robot without cookies comes by that a low ceiling folds, records end the detector,
    and the topic can't be reached for a while."""
    deduplicate_seconds: int = 0
    """Window within which repeats, which there are then, count once; nobody looks for anomalies."""
    late: bool = False
    """Whether the run begins shortly before an hour ends, so that hours are closed amid faults."""


def draw_hazards(source: random.Random) -> Hazards:
    """Return what the records of a run meet: poison, budgets of two sizes, or two versions."""
    if source.random() < 1 / 3:
        return Hazards(
            memories=(DEFAULT_MEMORY_MIB,),
            writes_at_once=source.choice((2, 5)),
            earlier=source.choice((0.2, 0.5, 0.8)),
            poison=source.choice((b"", POISON)),
        )
    return Hazards(
        memories=source.choice((_MEMORIES, _MEMORIES, _MEMORIES[:1])),
        writes_at_once=source.choice((2, 3, 8)),
        poison=source.choice((b"", POISON)),
        refused=source.choice(("", REFUSED_PAGE)),
        limited=source.random() < 1 / 2,
    )


def draw_settings(seed: int) -> TrialSettings:
    """Return the settings of a campaign's run; one in three has hazards."""
    source = random.Random(f"settings {seed}")  # noqa: S311 - reproducible, not secret
    drawn = _draw_settings(source)
    drawn = replace(drawn, late=random.Random(f"late {seed}").random() < 1 / 3)  # noqa: S311 - as above
    repeats = random.Random(f"repeats {seed}")  # noqa: S311 - as above
    # Ids that were seen are not taken along into a new stream.
    window = repeats.choice(_WINDOWS) if repeats.random() < 1 / 4 and not drawn.new_stream else 0
    if source.random() < 1 / 3:
        hazards = draw_hazards(source)
        # An earlier version knows no repeats.
        window = 0 if hazards.earlier else window
        return replace(drawn, hazards=hazards, deduplicate_seconds=window)
    crawl = source.random() < 1 / 4
    return replace(drawn, crawl=crawl, deduplicate_seconds=0 if crawl else window)


def _draw_settings(source: random.Random) -> TrialSettings:
    return TrialSettings(
        records=source.randint(8, 30),
        shards=source.choice((1, 1, 2, 2, 3, 4)),
        session_keys=source.random() < 3 / 4,
        crowd=source.random() < 1 / 25,
        fault_rate=source.choice((0.01, 0.03, 0.03, 0.08)),
        fault_budget=source.choice((10, 20, 40)),
        reshards=source.choice((0, 0, 1, 1, 2)),
        new_stream=(new_stream := source.random() < 1 / 8),
        overlap=new_stream and source.random() < 3 / 4,
        mapping=MappingSettings(
            batch_size=source.choice((1, 3, 8, 8, 20, 100)),
            window_seconds=source.choice((0.0, 1.0, 5.0, 30.0)),
            bisect=source.random() < 4 / 5,
            item_failures=source.random() < 4 / 5,
        ),
    )


def draw_harsh_settings(
    seed: int,
    *,
    streams: int = 1,
    hazards: Hazards | None = None,
    crawl: bool = False,
    repeats: bool = False,
) -> TrialSettings:
    """Return settings under which a wrong condition shows soon: long batches, cut again and again.

    Batches are not bisected, so that what fails comes again whole, or with other limits. With two
    `streams` the second takes the first one's place while it is read.
    """
    source = random.Random(f"harsh settings {seed}")  # noqa: S311 - reproducible, not secret
    return TrialSettings(
        records=30,
        shards=source.choice((1, 2)),
        fault_rate=0.06,
        fault_budget=80,
        reshards=source.choice((0, 1)),
        new_stream=streams > 1,
        overlap=streams > 1,
        mapping=MappingSettings(
            batch_size=source.choice((6, 15, 30)),
            window_seconds=source.choice((5.0, 15.0)),
            bisect=source.random() < 1 / 4,
        ),
        hazards=hazards,
        crawl=crawl,
        deduplicate_seconds=source.choice(_WINDOWS) if repeats else 0,
    )
