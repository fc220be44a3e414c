"""Candidates for one Lease on a virtual clock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from clickstream_operator.kube.client import KubernetesError
from clickstream_operator.kube.fence import WriteFence
from clickstream_operator.kube.leader_election import LeaderElector, LeaseTaken
from clickstream_operator.kube.lease import (
    Lease,
    Timing,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
TIMING = Timing()


@dataclass
class Board:
    """One lease as the API server keeps it, and a clock that every candidate sees."""

    lease: Lease | None = None
    time: float = 1000.0
    trouble: str = ""
    defect: Exception | None = None
    timeouts: list[float] = field(default_factory=list)
    slowness: float = 0.0
    """Seconds that an answer takes after the API server has written."""

    def read(self, namespace: str, name: str, *, timeout: float) -> Lease | None:
        """The lease that is there."""
        assert (namespace, name) == ("system", "operator")
        self._answer(timeout)
        return self.lease

    def write(self, lease: Lease, *, timeout: float) -> Lease:
        """Store it, if the writer knew the present version."""
        self._answer(timeout)
        if lease.version != (self.lease.version if self.lease else ""):
            raise LeaseTaken
        self.lease = replace(Lease.parse(lease.body()), version=str(int(lease.version or 0) + 1))
        self.time += self.slowness
        return self.lease

    def _answer(self, timeout: float) -> None:
        self.timeouts.append(timeout)
        if self.defect:
            self.time += timeout
            raise self.defect
        if self.trouble:
            self.time += timeout
            raise KubernetesError(self.trouble)


@dataclass
class Operator:
    """A candidate and what became of it."""

    board: Board
    name: str
    happened: list[str] = field(default_factory=list)
    may_write_when_lost: bool | None = None
    elected: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.fence = WriteFence(TIMING.deadline, clock=lambda: self.board.time)
        self.candidate = LeaderElector(
            self.board,
            self.fence,
            namespace="system",
            name="operator",
            identity=self.name,
            timing=TIMING,
            on_elected=self._note_election,
            on_lost=self._note_loss,
            clock=lambda: self.board.time,
            now=lambda: START + timedelta(seconds=self.board.time),
        )

    def _note_election(self) -> None:
        self.happened.append("elected")
        self.elected.set()

    def _note_loss(self) -> None:
        self.happened.append("lost")
        self.may_write_when_lost = self.ensure_leader()

    def ensure_leader(self) -> bool:
        """Whether the fence is open."""
        return self.fence.remaining() > 0
