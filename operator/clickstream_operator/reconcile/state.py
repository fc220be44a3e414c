"""Memory of one pipeline between its reconciles, in three parts by lifetime.

Losing it costs reads, never correctness: everything that must survive a restart is in the status or
in AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action
from clickstream_operator.engine.propagation import PropagationDelay
from clickstream_operator.engine.resource import Observed, Resource
from clickstream_operator.reconcile.corrections import Corrections
from clickstream_operator.reconcile.polling import PollingSchedule
from clickstream_operator.reconcile.verification import Verification
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.status.result import Publication


@dataclass(slots=True)
class ObjectState:
    """Kept as long as the object exists."""

    history: StreamHistory = field(default_factory=StreamHistory)
    resyncs: int = 0
    observations: Mapping[str, Observed] = field(default_factory=dict)
    untagged_in_index: frozenset[str] = frozenset()
    """Resources whose tags the last full observation did not see."""
    unobserved: frozenset[str] = frozenset()
    """Resources that the last reconcile could not observe in full. They are observed in full next
    time: a fast observation would count as a full one."""
    tried: dict[str, float] = field(default_factory=dict)
    """Time at which this process last asked AWS to create each resource, whatever the answer."""
    known_from_start: bool = False
    """Whether this process has known the pipeline since before its first write."""
    scaling_due: float = 0.0
    metrics_due: float = 0.0
    verification: Verification = field(default_factory=Verification)
    proven: dict[str, str] = field(default_factory=dict)
    """ARNs of resources whose owner this process has seen in their tags, or that it created."""
    namespace_since: datetime | None = None
    """Creation of the namespace, once it was asked for."""

    def note_creations(self, outcomes: Mapping[str, Outcome], *, now: float) -> None:
        """Remember what AWS may have created, also where its answer was lost."""
        for name, one in outcomes.items():
            unsure = one.entry is not None and one.entry.state in {State.CREATING, State.FAILED}
            if Action.CREATE in one.done or unsure:
                self.tried[name] = now


@dataclass(slots=True)
class GenerationState:
    """Replaced by a new generation: a new spec starts without the old backoff and counts."""

    number: int
    resync_due: float = 0.0
    reconcile_due: float = 0.0
    """Time of the next reconcile of the whole pipeline; autoscaling runs in between."""
    polls: PollingSchedule = field(default_factory=PollingSchedule)
    idle_polls: int = 0
    failures: int = 0
    failed_observations: int = 0
    unobservable_since: float | None = None
    blocker_reason: str = ""
    blocker_since: str = ""
    creating: Mapping[str, Observed] = field(default_factory=dict)
    """Resources that this process created and AWS is still at work on, as last observed."""
    corrections: Corrections = field(default_factory=Corrections)
    propagating: dict[str, PropagationDelay] = field(default_factory=dict)
    """Changes that AWS accepted and did not show at the last observation."""
    visited: set[str] = field(default_factory=set)
    scaling_blocker: tuple[str, str] | None = None
    publication: Publication | None = None
    """State of the ConfigMap of the outputs when it was last compared."""
    missing_since: dict[str, float] = field(default_factory=dict)
    """Since when a deletion or a pruning has not found a resource that AWS may not show yet."""

    def note_propagating(self, outcomes: Mapping[str, Outcome], *, now: float) -> None:
        """Remember changes that AWS does not show yet, and forget those that it shows."""
        for name, one in outcomes.items():
            known = self.propagating.pop(name, None)
            if one.propagating is None:
                continue
            if known is None or known.diff != one.propagating:
                known = PropagationDelay(one.propagating, first=now, last=now)
            self.propagating[name] = known.resent(now) if one.resent else known


@dataclass(slots=True)
class DeletionState:
    """Kept from the first reconcile of a deletion to the last."""

    gone: set[str] = field(default_factory=set)
    """Resources that this deletion deleted and saw gone: a poll need not observe them again."""
    absent: set[str] = field(default_factory=set)
    """Resources that the last reconcile did not find; not found twice, they are gone."""

    def note(self, outcomes: Mapping[str, Outcome], *, polled: Collection[str]) -> None:
        """Remember which resources need no further observation: deleted, or never there.

        Right after a creation a read may not show a resource yet, so once is not enough. A resource
        that was seen being deleted (`polled`) is gone when it is not found any more.
        """
        nowhere = {
            name for name, one in outcomes.items() if one.entry is None and one.unseen is None
        }
        deleted = {name for name in nowhere if Action.DELETE in outcomes[name].done}
        self.gone |= deleted | (nowhere & (self.absent | set(polled)))
        self.absent = nowhere


@dataclass(slots=True)
class ReconcileState:
    """Memory of one object, by its uid."""

    uid: str
    generation: GenerationState
    object: ObjectState = field(default_factory=ObjectState)
    deletion: DeletionState = field(default_factory=DeletionState)

    def enter(self, generation: int) -> None:
        """Start over with what belongs to a generation, if this is another one."""
        if self.generation.number != generation:
            self.generation = GenerationState(generation)


def still_known(
    state: ReconcileState, wanted: list[Resource], *, resync: bool
) -> Mapping[str, Observed]:
    """Observations that this reconcile need not make again.

    A poll reads only what is not ready; a fast resync leaves out what changes rarely.
    """
    observations = state.object.observations
    if not resync:
        return observations
    full_only = {resource.name for resource in wanted if resource.full_only}
    return {name: seen for name, seen in observations.items() if name in full_only}
