"""Applier: observes a set of resources, plans and applies them in dependency order.

Called by `reconcile.apply`; calls `observe`, `plan` for the decisions, `graph` for the order, and
`write` for the writes. Errors never leave a resource: each ends as an `Outcome`, so that a failure
holds up only its dependents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import structlog

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine import outcome as outcomes
from clickstream_operator.engine import plan
from clickstream_operator.engine.desired import Desired, difference, same_tags
from clickstream_operator.engine.graph import walk
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Creation, Entry
from clickstream_operator.engine.name_check import names_of_others
from clickstream_operator.engine.observe import Observer, TagIndex, completed
from clickstream_operator.engine.outcome import Outcome, ResourceReconcile
from clickstream_operator.engine.outputs import OutputPending
from clickstream_operator.engine.ownership import Ownership, refusal
from clickstream_operator.engine.plan import Action, Change
from clickstream_operator.engine.resource import (
    TAGS,
    Observed,
    Phase,
    Resource,
    ResourceBlocked,
    StepMustWait,
)
from clickstream_operator.engine.write import may_write, write

log = structlog.get_logger(__name__)

#: Steps of one resource in one reconcile; AWS's longest chain of single mutations is shorter.
MAX_STEPS: Final = 8


class Applier:
    """One run of the engine over the resources of a pipeline."""

    outcomes: dict[str, Outcome]
    """By resource; grows while the run lasts."""
    observations: dict[str, Observed]
    """Of resources that are ready and as desired, which a poll need not observe again."""
    creating: dict[str, Observed]
    """Of resources that were created and AWS is still at work on."""
    proven: dict[str, str]
    """ARNs of resources whose owner the tags told, or that were created."""

    def __init__(
        self,
        resources: Iterable[Resource],
        start: ReconcileInput,
        *,
        tag_index: TagIndex | None = None,
    ) -> None:
        self._resources = tuple(resources)
        self._start = start
        self._observer = Observer(self._resources, start, tag_index=tag_index)
        self._outputs: dict[str, Mapping[str, str]] = {}
        # Entries after writes, also of those that failed: they may have changed something.
        self._touched: dict[str, Entry] = {}
        self._under_way: dict[str, ResourceReconcile] = {}
        self._compared: set[str] = set()
        self._foreign: set[str] = set()
        self.proven = {}
        self.outcomes = {}
        self.observations = {}
        self.creating = {}

    @property
    def names(self) -> frozenset[str]:
        """The resources of this run."""
        return frozenset(resource.name for resource in self._resources)

    @property
    def untagged_in_index(self) -> frozenset[str]:
        """Resources whose tags a full observation did not show."""
        return self._observer.untagged_in_index

    @property
    def unobserved(self) -> frozenset[str]:
        """Resources that could not be observed in full."""
        return self._observer.unobserved

    @property
    def compared(self) -> frozenset[str]:
        """Resources of which every property was compared with AWS, and created ones.

        Of those in `untagged_in_index` the tags are compared by the next resync.
        """
        return frozenset(self._compared)

    async def apply(self) -> Mapping[str, Outcome]:
        """Bring every resource as far towards its desired state as AWS allows now."""
        for name, observed in (await self._observer.observe_all()).items():
            self._outputs[name] = observed.outputs
        self._outputs |= {name: one.outputs for name, one in self._start.deferred.items()}
        self._foreign |= await names_of_others(self._resources, self._observer, self._start)
        await walk(self._resources, self._visit)
        return self.outcomes

    async def _visit(self, resource: Resource) -> None:
        if resource.name in self._start.deferred:
            self.outcomes[resource.name] = self._start.deferred[resource.name]
            if resource.name in self._start.creating:
                self.creating[resource.name] = self._start.creating[resource.name]
            return
        entry = self._start.entry(resource)
        with structlog.contextvars.bound_contextvars(resource=resource.name):
            try:
                outcome = await self._converge(resource, entry)
            except OutputPending as pending:
                outcome = self._pending(resource, entry, pending)
            except ResourceBlocked as blocked:
                touched = self._touched.get(resource.name, entry)
                outcome = outcomes.blocked(resource, touched, blocked.reason, blocked.message)
            except AwsError as error:
                touched = self._touched.get(resource.name, entry)
                outcome = outcomes.failed(resource, touched, error)
            except Exception as error:  # one resource's defect must not stop the others
                log.exception("unexpected error in a resource")
                touched = self._touched.get(resource.name, entry)
                outcome = outcomes.broken(resource, touched, error)
        outcome = outcomes.with_open_drift(outcome, self._under_way.get(resource.name))
        self.outcomes[resource.name] = outcome
        if outcome.outputs:
            self._outputs[resource.name] = outcome.outputs

    async def _converge(self, resource: Resource, entry: Entry) -> Outcome:
        observation = self._observer[resource.name]
        if isinstance(observation.error, AwsError):
            return replace(
                outcomes.failed(resource, entry, observation.error), observation_failed=True
            )
        if observation.error:
            raise observation.error
        resource = resource.bind(self._outputs)
        foreign = resource.given & self._foreign
        if foreign:
            reduced = resource.without(foreign)
            if reduced is None:
                return outcomes.waiting_for(resource, entry, min(foreign), observation.observed)
            resource = reduced
        desired = Desired.of(resource, resource.desired(self._outputs))
        work = ResourceReconcile(resource, entry, desired, observation.observed)
        self._under_way[resource.name] = work
        await self._refine(work)
        held = await self._take_steps(work)
        if held is not None:
            return held
        result = outcomes.conclude(work, self._start.policy)
        if result.ready and entry.being_created:
            self._compared.add(resource.name)
        self._remember(work, result)
        return result

    async def _take_steps(self, work: ResourceReconcile) -> Outcome | None:
        """Write step after step; an outcome if something keeps the resource from being written."""
        for _ in range(MAX_STEPS):
            # Determined before anything is written, and not again afterwards.
            if work.observed is not None and not work.done:
                work.owner, work.observed = await self._start.owner_of(work.resource, work.observed)
                if work.owner is Ownership.FOREIGN:
                    return self._refuse(work, work.observed)
                if work.owner is Ownership.ADOPTABLE and (
                    why := work.resource.misfit(work.observed)
                ):
                    reason = Reason.OWNERSHIP_CONFLICT
                    return outcomes.blocked(work.resource, work.entry, reason, why)
                if work.owner in {Ownership.ADOPTABLE, Ownership.ADOPTED}:
                    work.desired = work.desired.marked_as_adopted()
            work.change = self._decide(work)
            if not may_write(work):
                return None
            if await self._read_owner_tags(work):
                continue
            obstacle = self._obstacle(work)
            if obstacle:
                return outcomes.waiting_for(work.resource, work.entry, obstacle, work.observed)
            if self._is_awaited(work) or not await self._step(work):
                return None
        return None

    def _refuse(self, work: ResourceReconcile, observed: Observed) -> Outcome:
        """The outcome of one with another owner, of which no output reaches our resources."""
        resource = work.resource
        self._foreign.add(resource.name)
        self._outputs.pop(resource.name, None)
        log.warning("another owner", physical_name=resource.physical_name, tags=observed.tags)
        message = refusal(resource, observed, self._start.policy)
        unowned = replace(work.entry, arn="")
        return outcomes.blocked(resource, unowned, Reason.OWNERSHIP_CONFLICT, message)

    async def _read_owner_tags(self, work: ResourceReconcile) -> bool:
        """Read the tags before the first write: a record alone may be forged or restored."""
        observed = work.observed
        if observed is None or work.done or not self._start.is_unproven(work.resource, observed):
            return False
        tags = await work.resource.read_tags(observed)
        work.observed = replace(observed, tags=tags)
        return True

    def _obstacle(self, work: ResourceReconcile) -> str | None:
        """The resource for which a write waits: nothing new is made beside another owner's."""
        if work.change.action is Action.CREATE and self._foreign:
            return min(self._foreign)
        return self._unready_dependency(work.resource)

    def _remember(self, work: ResourceReconcile, result: Outcome) -> None:
        """Keep what need not be observed, or proven, again."""
        name, observed = work.resource.name, work.observed
        if observed is None:
            return
        if Action.CREATE in work.done or observed.tags is not None:
            self.proven[name] = observed.arn
        if result.ready and observed.readiness.phase is Phase.READY:
            self.observations[name] = observed
        new = Action.CREATE in work.done or name in self._start.creating
        if new and observed.readiness.phase is Phase.PROGRESSING:
            known = None if Action.CREATE in work.done else self._start.creating.get(name)
            # While AWS creates it, an observation lacks what the answer to the creation said.
            self.creating[name] = completed(observed, known.properties) if known else observed

    def _pending(self, resource: Resource, entry: Entry, pending: OutputPending) -> Outcome:
        """The outcome of a resource whose desired state is not known yet.

        That it is to be created is known, and may need an approval.
        """
        approval = self._start.policy.approval
        change = Change(Action.CREATE)
        wanted = plan.planned(resource, change)
        if approval is None or entry.arn or approval.covers(wanted, being_created=True):
            return outcomes.waiting_for(resource, entry, pending.resource)
        held = plan.withhold(change, wanted)
        return outcomes.conclude(
            ResourceReconcile(resource, entry, Desired({}, {}), None, held), self._start.policy
        )

    async def _refine(self, work: ResourceReconcile) -> None:
        """Observe what the first observation lacks and a changed desired state may differ in."""
        if self._needs_full_observation(work):
            work.observed = await work.resource.observe(full=True)
            self._observer[work.resource.name].full = True
        observed, entry = work.observed, work.entry
        same = same_tags(entry.applied_hash, work.desired.fingerprint)
        retagged = bool(entry.applied_hash) and (entry.partially_applied or not same)
        if observed and observed.tags is None and retagged and work.resource.taggable:
            tags = await work.resource.read_tags(observed)
            work.observed = replace(observed, tags=tags)

    def _needs_full_observation(self, work: ResourceReconcile) -> bool:
        """Whether fields that a fast observation leaves out may differ from the desired state."""
        changed = not work.entry.has_applied(work.desired.fingerprint)
        known = work.resource.name in self._start.known
        if work.resource.observe_late:
            return changed or not known
        if work.resource.fast_is_complete and not known:
            return False
        seen_in_part = work.observed is not None and not self._start.full
        return seen_in_part and changed and bool(work.entry.applied_hash)

    def _decide(self, work: ResourceReconcile) -> Change:
        # Of one that AWS is at work on, a kind does not read what can't be changed yet.
        busy = work.observed and work.observed.readiness.phase is not Phase.READY
        if self._observer[work.resource.name].full and not busy:
            self._compared.add(work.resource.name)
        return plan.decide(
            work.resource,
            work.desired,
            work.observed,
            work.entry,
            self._start.policy,
            corrections=self._start.corrections.get(work.resource.name, 0),
        )

    def _is_awaited(self, work: ResourceReconcile) -> bool:
        """Whether this very change was sent, is not shown yet, and is not sent again now."""
        sent = self._start.propagating.get(work.resource.name)
        if sent is None or work.done or work.change.diff != sent.diff:
            return False
        work.sent, work.timed_out = sent, sent.has_timed_out(self._start.moment)
        return work.resent or not sent.is_due(self._start.moment)

    async def _step(self, work: ResourceReconcile) -> bool:
        """Write one change and observe the result; False when the next step must wait for AWS."""
        change, resource, before = work.change, work.resource, work.entry
        if change.action is Action.UPDATE and not change.is_drift:
            work.entry = replace(before, partially_applied=bool(before.applied_hash))
            self._touched[resource.name] = work.entry
        try:
            work.observed = await write(work, creating=resource.name in self._start.creating)
        except StepMustWait as later:
            work.wait = later.wait
            # Tags are written before the rest.
            written = change.diff.only(later.written | {TAGS})
            if written:
                work.note(replace(change, diff=written))
            else:
                work.entry = before
            return False
        except AwsError as error:
            if error.category is not Category.ALREADY_EXISTS or change.action is not Action.CREATE:
                if change.action is Action.CREATE:
                    self._touched[resource.name] = _with_creation(work.entry, error)
                raise
            # Created without an observation, and it existed: the next step determines its owner.
            work.observed = await resource.observe(full=True)
            if work.observed is None:
                raise
            return True
        work.note(change)
        if work.observed is None or work.observed.readiness.phase is not Phase.READY:
            return False
        # A step that AWS took and does not show: reads lag writes, and a poll follows.
        left = difference(resource, work.desired, work.observed)
        return change.action is not Action.UPDATE or left != change.diff

    def _unready_dependency(self, resource: Resource) -> str | None:
        for name in sorted(resource.depends_on):
            outcome = self.outcomes.get(name)
            if outcome is not None and not (outcome.ready or outcome.usable):
                return name
        return None


def _with_creation(entry: Entry, error: AwsError) -> Entry:
    """The entry after a creation that failed; once it is unconfirmed, only AWS can tell."""
    unsure = error.may_have_landed or entry.creation is Creation.UNCONFIRMED
    return replace(entry, creation=Creation.UNCONFIRMED if unsure else Creation.REFUSED)
