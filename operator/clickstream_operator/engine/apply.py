"""One pass over a set of resources: observe all, decide, apply in dependency order, report each.

Errors never leave a resource: each ends as an `Outcome`, so that one that fails holds up only what
needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import structlog

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine import plan
from clickstream_operator.engine.graph import walk
from clickstream_operator.engine.inventory import Entry, Origin, State
from clickstream_operator.engine.plan import Action, Change, Ownership, Policy
from clickstream_operator.engine.resource import (
    DeletionPolicy,
    Diff,
    Observed,
    OutputPending,
    Phase,
    Properties,
    Resource,
    ResourceBlocked,
    fingerprint,
)

log = structlog.get_logger(__name__)

#: Steps that one resource may take in one pass; AWS's longest chain of single mutations is shorter.
MAX_STEPS: Final = 8

_REASONS: Final[dict[Category, Reason]] = {
    Category.NOT_FOUND: Reason.TRANSIENT,
    Category.ALREADY_EXISTS: Reason.CONFLICT,
    Category.CONFLICT: Reason.CONFLICT,
    Category.THROTTLED: Reason.THROTTLED,
    Category.ACCESS_DENIED: Reason.ACCESS_DENIED,
    Category.INVALID: Reason.INVALID,
    Category.LIMIT_EXCEEDED: Reason.LIMIT_EXCEEDED,
    Category.TRANSIENT: Reason.TRANSIENT,
}


class Next(StrEnum):
    """When to look at the resource again."""

    RESYNC = "resync"
    POLL = "poll"
    BACKOFF = "backoff"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pass found out about one resource.

    `entry` None: the resource is gone, or was never there. `done` names what was written this pass.
    `look_failed`: the pass could not see it, which says nothing about the thing itself.
    """

    resource: str
    entry: Entry | None
    next: Next = Next.RESYNC
    outputs: Mapping[str, str] = field(default_factory=dict)
    done: tuple[Action, ...] = ()
    fields: tuple[str, ...] = ()
    corrected_drift: bool = False
    credentials_are_bad: bool = False
    look_failed: bool = False

    @property
    def ready(self) -> bool:
        """Whether AWS has the resource, ready and as desired or merely drifted."""
        return self.entry is not None and self.entry.state in {State.READY, State.DRIFTED}


@dataclass(frozen=True, slots=True)
class PassInput:
    """What a pass starts from.

    `intended_since`: since when the derived names are on record; `chosen_names`: the resources whose
    names a person chose. `known`: fresh observations that need no new read.
    """

    inventory: Mapping[str, Entry]
    policy: Policy
    full: bool
    intended_since: datetime | None = None
    chosen_names: frozenset[str] = frozenset()
    known: Mapping[str, Observed] = field(default_factory=dict)
    corrections: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Look:
    """An observation, or why there is none."""

    observed: Observed | None = None
    error: Exception | None = None


class Applier:
    """Runs one pass. Holds what the pass has learnt so far; made anew for each pass."""

    def __init__(self, resources: Iterable[Resource], start: PassInput) -> None:
        self._resources = {resource.name: resource for resource in resources}
        self._start = start
        self._looks: dict[str, _Look] = {}
        self._outputs: dict[str, Mapping[str, str]] = {}
        self.outcomes: dict[str, Outcome] = {}
        #: What the pass saw of resources that are ready: a poll need not read them again.
        self.observations: dict[str, Observed] = {}

    async def apply(self) -> Mapping[str, Outcome]:
        """Bring every resource as far towards its desired state as AWS lets it now."""
        await asyncio.gather(*(self._look(resource) for resource in self._resources.values()))
        for name, look in self._looks.items():
            if look.observed is not None:
                self._outputs[name] = look.observed.outputs
        await walk(self._resources.values(), self._visit)
        return self.outcomes

    async def remove(self) -> Mapping[str, Outcome]:
        """Take every resource away, dependents first, as its deletion policy says."""
        await walk(self._resources.values(), self._take_away, reverse=True)
        return self.outcomes

    async def _look(self, resource: Resource) -> None:
        look = self._looks[resource.name] = _Look()
        entry = self._entry(resource)
        if resource.name in self._start.known:
            look.observed = self._start.known[resource.name]
            return
        first = resource.create_first and entry.never_written and not self._start.policy.read_only
        if first or resource.late_look:
            return
        try:
            look.observed = await resource.observe(full=self._start.full or not entry.applied_hash)
        except Exception as error:  # reported in the resource's turn, like every other failure
            look.error = error

    async def _visit(self, resource: Resource) -> None:
        with structlog.contextvars.bound_contextvars(resource=resource.name):
            try:
                outcome = await self._converge(resource)
            except OutputPending as pending:
                outcome = self._waiting(resource, pending.resource)
            except ResourceBlocked as blocked:
                outcome = self._held(resource, State.BLOCKED, blocked.reason, blocked.message)
            except AwsError as error:
                outcome = self._failed(resource, error)
            except Exception as error:  # one resource's defect must not stop the others
                log.exception("unexpected error in a resource")
                outcome = self._held(
                    resource,
                    State.FAILED,
                    Reason.INTERNAL_ERROR,
                    f"unexpected {type(error).__name__}; the operator's log has the details",
                )
        self.outcomes[resource.name] = outcome
        if outcome.outputs:
            self._outputs[resource.name] = outcome.outputs

    async def _converge(self, resource: Resource) -> Outcome:
        look = self._looks[resource.name]
        if isinstance(look.error, AwsError):
            return replace(self._failed(resource, look.error), look_failed=True)
        if look.error:
            raise look.error
        entry = self._entry(resource)
        observed = look.observed
        desired = resource.desired(self._outputs)
        if resource.late_look:
            observed = await resource.observe(full=True)
        if observed is not None and self._needs_full_look(resource, entry, desired):
            observed = await resource.observe(full=True)
        done: list[Action] = []
        fields: set[str] = set()
        drifted = False
        for _ in range(MAX_STEPS):
            if observed is not None and Action.CREATE not in done:
                held = await self._check_owner(resource, entry, observed)
                if held:
                    return held
            change = plan.decide(
                resource,
                desired,
                observed,
                entry,
                self._start.policy,
                corrections=self._start.corrections.get(resource.name, 0),
            )
            if change.action in {Action.NONE, Action.HOLD}:
                break
            busy = observed is not None and observed.readiness.phase is Phase.PROGRESSING
            if busy or (waits_for := self._unready_dependency(resource)):
                if busy:
                    break
                return self._waiting(resource, str(waits_for), observed)
            drifted = drifted or change.is_drift
            fields |= set(change.diff.paths)
            before = change.diff
            try:
                observed = await self._write(resource, desired, observed, change)
            except AwsError as error:
                if error.category is not Category.ALREADY_EXISTS:
                    raise
                # Created first without a look, and it was there: whose is it?
                observed = await resource.observe(full=True)
                if observed is None:
                    raise
                continue
            done.append(change.action)
            if observed is None or observed.readiness.phase is not Phase.READY:
                break
            if change.action is Action.UPDATE and resource.diff(desired, observed) == before:
                # AWS took the step and does not show it yet: reads lag writes.
                break
        return self._result(resource, entry, desired, observed, change, done, fields, drifted)

    def _needs_full_look(self, resource: Resource, entry: Entry, desired: Properties) -> bool:
        if resource.name in self._start.known or self._start.full or not entry.applied_hash:
            return False
        return entry.applied_hash != fingerprint(desired, resource.tags)

    async def _write(
        self,
        resource: Resource,
        desired: Properties,
        observed: Observed | None,
        change: Change,
    ) -> Observed | None:
        if change.action is Action.CREATE:
            return await resource.create(desired) or await resource.observe(full=True)
        if observed is None:
            raise RuntimeError("an update needs an observation")
        await resource.update(desired, observed, change.diff)
        return await resource.observe(full=True)

    async def _check_owner(
        self, resource: Resource, entry: Entry, observed: Observed
    ) -> Outcome | None:
        """None when the resource is ours; the held outcome otherwise."""
        found = observed.tags
        known = bool(entry.arn) and entry.arn == observed.arn
        if found is None and resource.taggable and not known:
            found = await resource.read_tags(observed)
        since = None if resource.name in self._start.chosen_names else self._start.intended_since
        owner = plan.ownership_of(
            resource, observed, entry, found, self._start.policy, intended_since=since
        )
        if owner is Ownership.FOREIGN:
            return self._held(
                resource,
                State.BLOCKED,
                Reason.OWNERSHIP_CONFLICT,
                f"{resource.kind} {resource.physical_name} exists and is not this pipeline's; "
                "remove it, or allow adoption with spec.adoptionPolicy",
                arn="",
            )
        return None

    def _unready_dependency(self, resource: Resource) -> str | None:
        for name in sorted(resource.depends_on):
            outcome = self.outcomes.get(name)
            if outcome is not None and not outcome.ready:
                return name
        return None

    def _result(
        self,
        resource: Resource,
        entry: Entry,
        desired: Properties,
        observed: Observed | None,
        change: Change,
        done: list[Action],
        fields: set[str],
        drifted: bool,
    ) -> Outcome:
        if observed is None:
            if change.action is Action.HOLD and change.reason:
                return self._held(resource, State.BLOCKED, change.reason, change.message)
            # Created, and AWS does not show it yet.
            waiting = replace(
                entry,
                state=State.CREATING,
                reason=Reason.WAITING_FOR_AWS,
                message=f"{resource.kind} {resource.physical_name} was created and is not seen yet",
            )
            return Outcome(resource.name, waiting, Next.POLL, done=tuple(done))
        diff = resource.diff(desired, observed)
        origin = self._origin(entry, observed)
        entry = replace(entry, arn=observed.arn, origin=origin)
        outcome = Outcome(
            resource.name,
            entry,
            outputs=observed.outputs,
            done=tuple(done),
            fields=tuple(sorted(fields)),
            corrected_drift=drifted,
        )
        phase = observed.readiness.phase
        if change.action is Action.HOLD and change.reason:
            held = replace(
                entry,
                state=State.BLOCKED,
                reason=change.reason,
                message=change.message,
                drift=plan.describe_drift(diff) if change.is_drift else (),
            )
            return replace(outcome, entry=held, next=Next.BACKOFF)
        if phase is Phase.FAILED:
            return replace(
                outcome,
                entry=replace(
                    entry,
                    state=State.FAILED,
                    reason=Reason.RESOURCE_FAILED,
                    message=observed.readiness.message,
                ),
                next=Next.BACKOFF,
            )
        if diff and change.action is Action.NONE and change.is_drift:
            drift = plan.describe_drift(diff)
            show = self._start.policy.drift is not plan.DriftPolicy.IGNORE
            state = State.DRIFTED if show else State.READY
            return replace(
                outcome,
                entry=replace(
                    entry,
                    state=state,
                    reason=Reason.DRIFT_DETECTED if show else "",
                    message=f"differs in {', '.join(diff.paths)}" if show else "",
                    drift=drift if show else (),
                ),
            )
        if diff or phase is Phase.PROGRESSING:
            creating = not entry.applied_hash
            return replace(
                outcome,
                entry=replace(
                    entry,
                    state=State.CREATING if creating else State.UPDATING,
                    reason=Reason.WAITING_FOR_AWS,
                    message=observed.readiness.message
                    or f"{', '.join(diff.paths)} not applied yet",
                    drift=(),
                ),
                next=Next.POLL,
            )
        self.observations[resource.name] = observed
        return replace(
            outcome,
            entry=replace(
                entry,
                state=State.READY,
                reason="",
                message="",
                drift=(),
                applied_hash=fingerprint(desired, resource.tags),
            ),
        )

    def _origin(self, entry: Entry, observed: Observed) -> Origin:
        if entry.arn:
            return entry.origin
        found = observed.tags
        owned = found is None or bool(found.keys() & self._any_tags())
        return Origin.CREATED if owned else Origin.ADOPTED

    def _any_tags(self) -> set[str]:
        return {key for resource in self._resources.values() for key in resource.tags}

    async def _take_away(self, resource: Resource) -> None:
        with structlog.contextvars.bound_contextvars(resource=resource.name):
            try:
                outcome = await self._removed(resource)
            except ResourceBlocked as blocked:
                outcome = self._held(resource, State.BLOCKED, blocked.reason, blocked.message)
            except AwsError as error:
                outcome = self._failed(resource, error)
            except Exception as error:  # as in _visit
                log.exception("unexpected error in a resource")
                outcome = self._held(
                    resource,
                    State.FAILED,
                    Reason.INTERNAL_ERROR,
                    f"unexpected {type(error).__name__}; the operator's log has the details",
                )
        self.outcomes[resource.name] = outcome

    async def _removed(self, resource: Resource) -> Outcome:
        entry = self._entry(resource)
        if entry.state is State.RETAINED:
            return Outcome(resource.name, entry)
        for dependent in self._resources.values():
            outcome = self.outcomes.get(dependent.name)
            gone = outcome is None or outcome.entry is None
            if resource.name in dependent.depends_on and not gone and outcome:
                left = outcome.entry
                if left and left.state is not State.RETAINED:
                    return self._waiting(resource, dependent.name)
        try:
            observed = await resource.observe(full=False)
        except ResourceBlocked as blocked:
            if blocked.reason != Reason.OWNERSHIP_CONFLICT:
                raise
            observed = None  # somebody else's, so there is nothing of ours to remove
        if observed is None:
            return Outcome(resource.name, None)
        if not await self._owns_for_removal(resource, entry, observed):
            log.warning("left alone: not this pipeline's", physical_name=resource.physical_name)
            return Outcome(resource.name, None)
        entry = replace(entry, arn=observed.arn)
        if resource.deletion is DeletionPolicy.RETAIN:
            kept = replace(entry, state=State.RETAINED, reason=Reason.RESOURCE_RETAINED, message="")
            return Outcome(resource.name, kept)
        done: tuple[Action, ...] = ()
        if observed.readiness.phase is not Phase.DELETING:
            await resource.delete(observed)
            done = (Action.DELETE,)
            if await resource.observe(full=False) is None:
                return Outcome(resource.name, None, done=done)
        going = replace(
            entry,
            state=State.DELETING,
            reason=Reason.WAITING_FOR_AWS,
            message=f"{resource.kind} {resource.physical_name} is being deleted",
        )
        return Outcome(resource.name, going, Next.POLL, done=done)

    async def _owns_for_removal(self, resource: Resource, entry: Entry, observed: Observed) -> bool:
        found = observed.tags
        if found is None and resource.taggable and entry.arn != observed.arn:
            found = await resource.read_tags(observed)
        policy = Policy()  # adoption has no say in a removal
        return plan.ownership_of(resource, observed, entry, found, policy) is Ownership.OURS

    def _entry(self, resource: Resource) -> Entry:
        return self._start.inventory.get(resource.name) or Entry(
            name=resource.name, kind=resource.kind, physical_name=resource.physical_name
        )

    def _waiting(
        self, resource: Resource, dependency: str, observed: Observed | None = None
    ) -> Outcome:
        entry = replace(
            self._entry(resource),
            state=State.PENDING,
            reason=Reason.WAITING_FOR_DEPENDENCY,
            message=f"waiting for {dependency}",
        )
        outputs = observed.outputs if observed else {}
        return Outcome(resource.name, entry, Next.POLL, outputs=outputs)

    def _held(
        self, resource: Resource, state: State, reason: str, message: str, arn: str | None = None
    ) -> Outcome:
        entry = replace(self._entry(resource), state=state, reason=reason, message=message)
        if arn is not None:
            entry = replace(entry, arn=arn)
        return Outcome(resource.name, entry, Next.BACKOFF)

    def _failed(self, resource: Resource, error: AwsError) -> Outcome:
        bad = error.credentials_are_bad
        reason = Reason.CREDENTIALS_INVALID if bad else _REASONS[error.category]
        entry = replace(
            self._entry(resource), state=State.FAILED, reason=reason, message=str(error)
        )
        soon = error.category in {Category.CONFLICT, Category.NOT_FOUND}
        return Outcome(
            resource.name,
            entry,
            Next.POLL if soon else Next.BACKOFF,
            credentials_are_bad=bad,
        )


__all__ = ["Applier", "Diff", "Next", "Outcome", "PassInput"]
