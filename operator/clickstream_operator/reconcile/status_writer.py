"""What the operator says of a pass: status and Events, and when it does not cry wolf."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from clickstream_operator.api import conditions as types
from clickstream_operator.api.pending import fields_without_effect
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import RECONCILE_REQUESTED_AT, Effective, Status
from clickstream_operator.cost.estimate import estimate
from clickstream_operator.engine.inventory import Entry
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.resource import Resource
from clickstream_operator.kube.client import Kube
from clickstream_operator.kube.events import EventRecorder
from clickstream_operator.kube.objects import Subject, parse
from clickstream_operator.pipeline import outputs
from clickstream_operator.reconcile.requeue import Pace
from clickstream_operator.reconcile.state import Memory
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.status import compose as statuses
from clickstream_operator.status.events import happenings
from clickstream_operator.status.progress_deadline import (
    TOLERATED_FAILED_LOOKS,
    is_same_failure,
    probe,
    seconds_to_stall,
)
from clickstream_operator.status.result import Problem, Report, timestamp

#: Problems that say nothing about the pipeline itself.
_PASSING: Final = frozenset(
    {
        Reason.TRANSIENT,
        Reason.THROTTLED,
        Reason.ACCESS_DENIED,
        Reason.CREDENTIALS_INVALID,
    }
)
#: Clocks differ by fractions of a second: a pass at a deadline must not come before it.
_AFTER_DEADLINE: Final = 0.1


class Reporter:
    """Writes status and Events of the passes."""

    def __init__(
        self, *, kube: Kube, recorder: EventRecorder, pace: Pace, now: Callable[[], datetime]
    ) -> None:
        self._kube = kube
        self._recorder = recorder
        self._pace = pace
        self._now = now

    async def say_problem(self, subject: Subject, memory: Memory, problem: Problem) -> Problem:
        """Say what keeps a whole pass from happening; a ready pipeline is believed for a while.

        Returns the problem with the time since which it has been the case.
        """
        problem = self.dated(problem, memory)
        report = report_of(subject, subject.status.effective, [], {})
        if problem.reason in _PASSING and _was_ready(subject, memory):
            interval = subject.spec.resync_interval_seconds
            memory.failed_looks = self._pace.failed_looks(memory, interval)
            report = replace(report, failed_looks=memory.failed_looks)
        if report.failed_looks in range(1, TOLERATED_FAILED_LOOKS + 1):
            bad = problem.reason is Reason.CREDENTIALS_INVALID
            report = replace(
                report, credentials_are_bad=bad, credentials_message=problem.message if bad else ""
            )
        else:
            report = replace(report, problem=problem)
        await self.publish(subject, report, {})
        return problem

    def dated(self, problem: Problem, memory: Memory) -> Problem:
        """The problem with the time since which it, or another borne as long, has been the case."""
        known = memory.problem_reason
        before = Problem(Reason(known), "") if known else None
        if before is None or not is_same_failure(probe(before), probe(problem)):
            memory.problem_since = timestamp(self._now())
        memory.problem_reason = problem.reason
        return replace(problem, since=memory.problem_since)

    def in_time(self, delay: float, entries: Iterable[Entry]) -> float:
        """`delay`, or less when a failure has lasted too long before: it is said on time."""
        left = seconds_to_stall(entries, now=self._now())
        return delay if left is None else min(delay, left + _AFTER_DEADLINE)

    def tolerate_failed_looks(
        self,
        subject: Subject,
        report: Report,
        outcomes: Mapping[str, Outcome],
        memory: Memory,
    ) -> Report:
        """A resync that could not see a ready pipeline says nothing about the pipeline."""
        blind = [one for one in outcomes.values() if one.look_failed]
        # What waits for a thing that could not be seen could not be seen either.
        seen = [one for one in outcomes.values() if not (one.look_failed or one.waits)]
        if not blind or not all(one.ready for one in seen) or not _was_ready(subject, memory):
            memory.failed_looks = 0
            memory.unseen_since = None
            return report
        interval = subject.spec.resync_interval_seconds
        memory.failed_looks = self._pace.failed_looks(memory, interval)
        if memory.failed_looks <= TOLERATED_FAILED_LOOKS:
            before = statuses.inventory(subject.status)
            entries = [before.get(entry.name, entry) for entry in report.entries]
            report = replace(report, entries=entries)
        return replace(report, failed_looks=memory.failed_looks)

    async def publish(
        self,
        subject: Subject,
        report: Report,
        outcomes: Mapping[str, Outcome],
        *,
        before: Status | None = None,
    ) -> Subject:
        """Write the status if it changed, and an Event for each transition since `before`."""
        if report.problem is not None and report.problem.reason is Reason.CREDENTIALS_INVALID:
            report = replace(
                report, credentials_are_bad=True, credentials_message=report.problem.message
            )
        before = before or subject.status
        subject = await self.write(subject, report)
        # A correction that took one pass leaves the status as it was, and is news all the same.
        if subject.status != before or any(one.done for one in outcomes.values()):
            gating = None if report.deleting else report.gating
            for happening in happenings(before, subject.status, outcomes, gating=gating):
                await self._recorder.record(subject.body, happening)
        return subject

    async def write(self, subject: Subject, report: Report) -> Subject:
        """Write the status if it differs from the one that is stored."""
        return await self.store(subject, statuses.compose(subject.status, report, now=self._now()))

    async def store(self, subject: Subject, status: Status) -> Subject:
        """Store a status unless it is stored already.

        Raises:
            StaleObject: the object changed since the pass read it.
        """
        new = statuses.as_body(status)
        if new == statuses.as_body(subject.status):
            return subject
        return parse(subject.key, await self._kube.write_status(subject.body, new))


def report_of(
    subject: Subject,
    effective: Effective | None,
    resources: list[Resource],
    outcomes: Mapping[str, Outcome],
    *,
    history: StreamHistory | None = None,
) -> Report:
    """What a pass found, in the order of `resources`, then what only the inventory knows."""
    before = statuses.inventory(subject.status)
    order = [resource.name for resource in resources]
    order += [name for name in before if name not in order]
    entries = []
    for name in order:
        outcome = outcomes.get(name)
        entry = outcome.entry if outcome else before.get(name)
        if entry is not None:
            entries.append(entry)
    bad = next((one for one in outcomes.values() if one.credentials_are_bad), None)
    return Report(
        generation=subject.generation,
        entries=entries,
        gating=frozenset(r.name for r in resources if r.gates_ready),
        effective=effective,
        outputs=_outputs(subject, effective, outcomes) if outcomes else {},
        credentials_are_bad=bad is not None,
        credentials_message=bad.entry.message if bad and bad.entry else "",
        suspended=subject.spec.suspend,
        pending_fields=fields_without_effect(subject.spec),
        handled_request=subject.annotations.get(RECONCILE_REQUESTED_AT, ""),
        plan=subject.status.plan,
        resizes=history.resizes if history else None,
        mode_switches=history.switches if history else None,
        monthly_cost=estimate(subject.spec, region=effective.region).text() if effective else "",
    )


def _outputs(
    subject: Subject,
    effective: Effective | None,
    outcomes: Mapping[str, Outcome],
) -> Mapping[str, Any]:
    if effective is None or subject.deleting:
        return {}
    return outputs.pipeline_outputs(
        spec=subject.spec,
        effective=effective,
        pipeline=subject.key.name,
        seen={name: outcome.outputs for name, outcome in outcomes.items()},
    )


def _was_ready(subject: Subject, memory: Memory) -> bool:
    """Whether the pipeline was ready when it was last seen."""
    ready = any(c.type == types.READY and c.status == "True" for c in subject.status.conditions)
    return ready or memory.failed_looks > 0
