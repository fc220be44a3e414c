"""The end of a pipeline: its resources go, or stay as its deletion policy says; then the object.

The work list is not the spec but the inventory and all that any spec could have asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import FORCE_DELETE, Effective
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.session import AwsSession
from clickstream_operator.engine.delete import Remover
from clickstream_operator.engine.inputs import PassInput
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Next, Outcome
from clickstream_operator.kube.client import Kube
from clickstream_operator.kube.events import EventRecorder, Happening
from clickstream_operator.kube.objects import Subject
from clickstream_operator.pipeline import build as pipeline
from clickstream_operator.reconcile import preflight
from clickstream_operator.reconcile.config import Surroundings
from clickstream_operator.reconcile.inputs import blueprint_of, doubt_of, policy_of
from clickstream_operator.reconcile.requeue import Pace
from clickstream_operator.reconcile.state import Memory
from clickstream_operator.reconcile.status_writer import Reporter, report_of
from clickstream_operator.status import compose as statuses
from clickstream_operator.status.events import notes_of
from clickstream_operator.status.progress_deadline import probe
from clickstream_operator.status.result import Problem
from clickstream_operator.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
#: Its lines are logged at every level.
audit_log = structlog.get_logger("audit")


class Deletion:
    """Takes pipelines whose deletion somebody asked for out of AWS, pass by pass."""

    def __init__(
        self,
        *,
        kube: Kube,
        recorder: EventRecorder,
        reporter: Reporter,
        pace: Pace,
        metrics: Metrics,
        session: Callable[[Subject, str], AwsSession],
        surroundings: Surroundings,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._kube = kube
        self._recorder = recorder
        self._reporter = reporter
        self._pace = pace
        self._metrics = metrics
        self._session = session
        self._around = surroundings
        self._clock = clock
        self._now = now

    async def finalize(self, subject: Subject, memory: Memory) -> float | None:
        """One pass. Returns the seconds until the next, None when the object may go.

        Raises:
            StaleObject: the object changed during the pass.
        """
        if subject.annotations.get(FORCE_DELETE) == "true":
            await self._abandon(subject)
            return None
        refused = preflight.problem_with_credentials(
            subject, self._around
        ) or preflight.problem_with_region(subject, self._around)
        region = preflight.region_of(subject, self._around)
        identity = refused or await preflight.identify(subject, self._session(subject, region))
        if isinstance(identity, Problem):
            return await self._wait_with(identity, subject, memory)
        effective = subject.status.effective
        if effective is None:
            # The finalizer was there before the status: it ended in between, or was restored
            # without its status. What it may have made has the names that it would get.
            effective = preflight.decide_effective(subject, identity, self._around)
            recorded = subject.status.model_copy(update={"effective": effective})
            subject = await self._reporter.store(subject, recorded)
        return await self._remove(subject, memory, effective)

    async def _wait_with(self, problem: Problem, subject: Subject, memory: Memory) -> float:
        """Say what keeps the deletion from AWS, and try again later."""
        problem = self._reporter.dated(problem, memory)
        report = report_of(subject, subject.status.effective, [], {})
        report = replace(report, deleting=True, problem=problem)
        await self._reporter.publish(subject, report, {})
        return self._reporter.in_time(self._pace.backoff(memory), [probe(problem)])

    async def _remove(self, subject: Subject, memory: Memory, effective: Effective) -> float | None:
        calls = Calls(self._session(subject, effective.region))
        resources = pipeline.build_everything(
            blueprint_of(subject, effective, calls, memory.history, self._around)
        )
        inventory = statuses.inventory(subject.status)
        # Deletion overrides suspension and needs no approval.
        policy = replace(policy_of(subject, self._around), approval=None, read_only=False)
        remover = Remover(
            resources,
            PassInput(
                inventory=inventory, policy=policy, carried=memory.polls.not_due(self._clock())
            ),
            gone=memory.gone,
            doubt=doubt_of(memory, inventory, clock=self._clock(), now=self._now()),
        )
        outcomes = dict(await remover.remove())
        memory.note_removal(outcomes)
        built = {resource.name for resource in resources}
        outcomes |= {n: unknown(one) for n, one in inventory.items() if n not in built}
        report = report_of(subject, effective, resources, outcomes)
        report = replace(report, deleting=True, entries=listed(report.entries, inventory))
        subject = await self._reporter.publish(subject, report, outcomes)
        if not is_over(outcomes.values()):
            delay = self._pace.after(memory, outcomes, resync=False)
            entries = statuses.inventory(subject.status).values()
            return self._reporter.in_time(delay, entries)
        await self._tell_retained(subject, report.entries)
        await self._kube.remove_finalizer(subject.body)
        log.info("pipeline deleted", retained=[entry.name for entry in report.entries])
        return None

    async def _tell_retained(self, subject: Subject, entries: Iterable[Entry]) -> None:
        """Say what the deletion policy keeps: nothing else is left to say it."""
        left = (one for one in entries if one.state is State.RETAINED)
        kept = [one.arn or one.physical_name for one in left if not pipeline.is_part(one)]
        if not kept:
            return
        audit_log.info("deletion: retained in AWS", resources=kept)
        for note in notes_of(kept, separator=", "):
            said = f"spec.deletionPolicy keeps {len(kept)} in AWS: {note}"
            await self._recorder.record(
                subject.body, Happening("Normal", Reason.RESOURCE_RETAINED, said, "Delete")
            )

    async def _abandon(self, subject: Subject) -> None:
        """Drop the finalizer on request and say what stays behind."""
        left = [one.arn or one.physical_name for one in subject.status.resources]
        audit_log.warning("force-delete: left behind in AWS", resources=left)
        self._metrics.left_behind.inc(len(left))
        for note in notes_of(left, separator=", "):
            await self._recorder.record(
                subject.body,
                Happening(
                    "Warning",
                    Reason.RESOURCE_RETAINED,
                    f"force-delete leaves {len(left)} resources in AWS: {note}",
                    "ForceDelete",
                ),
            )
        await self._kube.remove_finalizer(subject.body)


def is_over(outcomes: Iterable[Outcome]) -> bool:
    """Whether every resource is gone or stays for good."""
    entries = (outcome.entry for outcome in outcomes)
    return all(entry is None or entry.state is State.RETAINED for entry in entries)


def unknown(entry: Entry) -> Outcome:
    """What becomes of a resource that no spec of this version asks for."""
    if entry.never_written or pipeline.is_part(entry):
        return Outcome(entry.name, None)
    return Outcome(
        entry.name,
        replace(
            entry,
            state=State.BLOCKED,
            reason=Reason.DELETION_BLOCKED,
            message=f"{entry.kind} {entry.physical_name} was made by another version of the "
            f"operator, which alone can delete it; run that version, or leave everything in AWS "
            f"with the annotation {FORCE_DELETE}=true",
        ),
        Next.BACKOFF,
    )


def listed(entries: Iterable[Entry], inventory: Mapping[str, Entry]) -> list[Entry]:
    """What the status of a deletion lists.

    What was never on record and can't be looked for now holds the deletion up as well; it is listed
    when nothing on record explains why: there is nothing left, or it merely waits.
    """
    waiting = Reason.WAITING_FOR_DEPENDENCY
    left = [entry for entry in entries if entry.state is not State.RETAINED]
    explained = any(
        entry.reason != waiting and (entry.name in inventory or entry.arn) for entry in left
    )
    return [
        entry
        for entry in entries
        if entry.name in inventory or entry.arn or not (explained or entry.reason == waiting)
    ]
