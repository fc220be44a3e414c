"""What one reconcile leaves for the next. Losing it costs reads, never correctness."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action
from clickstream_operator.engine.propagation import PropagationDelay
from clickstream_operator.engine.resource import Observed
from clickstream_operator.reconcile.polling import PollingSchedule
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.status.result import Publication


@dataclass(slots=True)
class ReconcileState:
    """What is remembered of one pipeline at one generation."""

    uid: str
    generation: int
    resync_due: float = 0.0
    resyncs: int = 0
    polls: PollingSchedule = field(default_factory=PollingSchedule)
    idle_polls: int = 0
    failures: int = 0
    failed_observations: int = 0
    unobservable_since: float | None = None
    blocker_reason: str = ""
    blocker_since: str = ""
    observations: Mapping[str, Observed] = field(default_factory=dict)
    creating: Mapping[str, Observed] = field(default_factory=dict)
    """What this process created and AWS is still at work on, as last seen."""
    corrections: dict[str, int] = field(default_factory=dict)
    correcting: set[str] = field(default_factory=set)
    propagating: dict[str, PropagationDelay] = field(default_factory=dict)
    """What AWS accepted and did not show at the last look."""
    visited: set[str] = field(default_factory=set)
    history: StreamHistory = field(default_factory=StreamHistory)
    scaling_due: float = 0.0
    scaling_blocker: tuple[str, str] | None = None
    reconcile_due: float = 0.0
    """When the next pass over the whole pipeline is due; those of autoscaling lie between."""
    publication: Publication | None = None
    """How the ConfigMap of the outputs stood when it was last looked at."""
    untagged_in_index: frozenset[str] = frozenset()
    """What the last full look did not learn the tags of."""
    unobserved: frozenset[str] = frozenset()
    """What the last pass could not look at in full: a look at less would seem to be all of it."""
    gone: set[str] = field(default_factory=set)
    """What this deletion deleted and saw gone: a poll need not look for it again."""
    tried: dict[str, float] = field(default_factory=dict)
    """When this process last asked AWS to create a resource, whatever the answer."""
    saw_all: bool = False
    """Whether this process has known the pipeline since before its first write."""
    missing_since: dict[str, float] = field(default_factory=dict)
    """Since when the removal has looked in vain for what may not be shown yet."""

    absent: set[str] = field(default_factory=set)
    """What this deletion did not find in its last pass; not found twice, it is gone."""

    def note_creations(self, outcomes: Mapping[str, Outcome], *, now: float) -> None:
        """Remember what AWS may have made in this pass: also what it did not answer."""
        for name, one in outcomes.items():
            unsure = one.entry is not None and one.entry.state in {State.CREATING, State.FAILED}
            if Action.CREATE in one.done or unsure:
                self.tried[name] = now

    def note_propagating(self, outcomes: Mapping[str, Outcome], *, now: float) -> None:
        """Remember what was written and is not shown yet, and forget what is."""
        for name, one in outcomes.items():
            known = self.propagating.pop(name, None)
            if one.propagating is None:
                continue
            if known is None or known.diff != one.propagating:
                known = PropagationDelay(one.propagating, first=now, last=now)
            self.propagating[name] = known.resent(now) if one.resent else known

    def note_removal(self, outcomes: Mapping[str, Outcome]) -> None:
        """Remember what a removal need not look for again: deleted, or never there.

        Right after a creation a read may not see a thing yet, so once is not never. What was seen
        to be on its way out is gone when it is not seen any more.
        """
        nowhere = {name for name, one in outcomes.items() if one.entry is None}
        deleted = {name for name in nowhere if Action.DELETE in outcomes[name].done}
        self.gone |= deleted | (nowhere & (self.absent | set(self.polls.names)))
        self.absent = nowhere

    def count_corrections(
        self,
        outcomes: Mapping[str, Outcome],
        *,
        unobservable: Collection[str] = (),
        full: bool = True,
    ) -> list[str]:
        """Count drift corrections in a row; returns the resources whose correction began.

        A correction may take several passes and counts once. Whether it lasted shows in a look at
        everything (`full`): a hot one may not have looked at what was corrected. `unobservable`:
        what the pass took for granted.
        """
        began = [
            name
            for name, one in outcomes.items()
            if one.corrected_drift and name not in self.correcting
        ]
        for name in began:
            self.corrections[name] = self.corrections.get(name, 0) + 1
            self.correcting.add(name)
        for name, one in outcomes.items():
            if one.ready:
                self.correcting.discard(name)
            settled = one.entry is not None and one.entry.state is State.READY and not one.done
            if full and settled and name not in unobservable:
                self.corrections.pop(name, None)
        return began
