"""Applier: observe a set of resources, plan, apply in dependency order, one `Outcome` each.

Called by `reconcile.apply`; calls `observe`, `plan` for the decisions, `graph` for the order, and
the kinds by the contract in `resource`.
Errors never leave a resource: each ends as an `Outcome`, so that one that fails holds up only what
needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import structlog

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine import outcome as outcomes
from clickstream_operator.engine import plan
from clickstream_operator.engine.desired import Desired, difference, same_tags, tag_changes
from clickstream_operator.engine.graph import walk
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Creation, Entry
from clickstream_operator.engine.observe import Observer, TagIndex, completed
from clickstream_operator.engine.outcome import Outcome, ResourceReconcile
from clickstream_operator.engine.ownership import Ownership
from clickstream_operator.engine.plan import Action, AdoptionPolicy, Change, Policy
from clickstream_operator.engine.resource import (
    TAGS,
    Diff,
    Observed,
    OutputPending,
    Phase,
    Properties,
    Resource,
    ResourceBlocked,
    StepMustWait,
)

log = structlog.get_logger(__name__)

#: Steps that one resource may take in one pass; AWS's longest chain of single mutations is shorter.
MAX_STEPS: Final = 8


class Applier:
    """Runs one pass and holds what it has learnt so far; made anew for each pass.

    `outcomes` grows while the pass runs. `observations` are of what is ready and as desired: a poll
    need not read it again; `creating` are of what was created and AWS is still at work on.
    """

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
        # What a write may have changed, also one that failed.
        self._touched: dict[str, Entry] = {}
        self._under_way: dict[str, ResourceReconcile] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.observations: dict[str, Observed] = {}
        self.creating: dict[str, Observed] = {}

    @property
    def names(self) -> frozenset[str]:
        """The resources of this pass."""
        return frozenset(resource.name for resource in self._resources)

    @property
    def untagged_in_index(self) -> frozenset[str]:
        """What a full look did not learn the tags of."""
        return self._observer.untagged_in_index

    @property
    def unobserved(self) -> frozenset[str]:
        """What could not be looked at in full."""
        return self._observer.unobserved

    async def apply(self) -> Mapping[str, Outcome]:
        """Bring every resource as far towards its desired state as AWS lets it now."""
        for name, observed in (await self._observer.observe_all()).items():
            self._outputs[name] = observed.outputs
        self._outputs |= {name: one.outputs for name, one in self._start.deferred.items()}
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
        desired = Desired.of(resource, resource.desired(self._outputs))
        work = ResourceReconcile(resource, entry, desired, observation.observed)
        self._under_way[resource.name] = work
        await self._refine(work)
        for _ in range(MAX_STEPS):
            # Asked until it is answered, and before anything is written.
            if work.observed is not None and not work.done:
                work.owner, work.observed = await self._start.owner_of(resource, work.observed)
                if work.owner is Ownership.FOREIGN:
                    # Nothing of ours may be made to point at somebody else's thing.
                    self._outputs.pop(resource.name, None)
                    return _conflict(resource, entry, work.observed, self._start.policy)
                if work.owner in {Ownership.ADOPTABLE, Ownership.ADOPTED}:
                    work.desired = work.desired.marked_as_adopted()
            work.change = self._decide(work)
            if not _may_write(work):
                break
            dependency = self._unready_dependency(resource)
            if dependency:
                return outcomes.waiting_for(resource, entry, dependency, work.observed)
            if self._is_awaited(work) or not await self._step(work):
                break
        result = outcomes.conclude(work, self._start.policy)
        if result.ready and work.observed and work.observed.readiness.phase is Phase.READY:
            self.observations[resource.name] = work.observed
        new = Action.CREATE in work.done or resource.name in self._start.creating
        if new and work.observed and work.observed.readiness.phase is Phase.PROGRESSING:
            self.creating[resource.name] = work.observed
        return result

    def _pending(self, resource: Resource, entry: Entry, pending: OutputPending) -> Outcome:
        """What a resource is to be is not known yet; that it is to be created may be."""
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
        """Look at what a changed desired state may differ in and the first look left out."""
        if self._needs_full_observation(work):
            work.observed = await work.resource.observe(full=True)
        observed, entry = work.observed, work.entry
        same = same_tags(entry.applied_hash, work.desired.fingerprint)
        retagged = bool(entry.applied_hash) and (entry.partially_applied or not same)
        if observed and observed.tags is None and retagged and work.resource.taggable:
            tags = await work.resource.read_tags(observed)
            work.observed = replace(observed, tags=tags)

    def _needs_full_observation(self, work: ResourceReconcile) -> bool:
        """A changed desired state may differ in what a hot observation left out."""
        changed = not work.entry.has_applied(work.desired.fingerprint)
        known = work.resource.name in self._start.known
        if work.resource.observe_late:
            return changed or not known
        if work.resource.fast_is_complete and not known:
            return False
        seen_in_part = work.observed is not None and not self._start.full
        return seen_in_part and changed and bool(work.entry.applied_hash)

    def _decide(self, work: ResourceReconcile) -> Change:
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
            work.observed = await _write(work, creating=resource.name in self._start.creating)
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
            # Created first without a look, and it was there: the next step asks whose it is.
            work.observed = await resource.observe(full=True)
            if work.observed is None:
                raise
            return True
        work.note(change)
        if work.observed is None or work.observed.readiness.phase is not Phase.READY:
            return False
        # When AWS took a step and does not show it, reads lag writes: look again later.
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


def _may_write(work: ResourceReconcile) -> bool:
    """Whether there is something to write, and AWS takes changes of the resource now."""
    if work.change.action in {Action.NONE, Action.HOLD}:
        return False
    phase = work.observed.readiness.phase if work.observed else None
    if phase is Phase.FAILED:
        return work.resource.changeable_when_failed
    return phase is not Phase.PROGRESSING


async def _write(work: ResourceReconcile, *, creating: bool) -> Observed | None:
    """Send the change and observe the result."""
    resource, desired, observed = work.resource, work.desired.properties, work.observed
    if work.change.action is Action.CREATE:
        return await resource.create(desired) or await resource.observe(full=True)
    if observed is None:
        raise RuntimeError("an update needs an observation")
    answer = await write_update(resource, desired, observed, work.change.diff)
    if answer is not None:
        return answer
    if creating and resource.busy_after_change is not None:
        return replace(observed, readiness=resource.busy_after_change)
    new = creating or Action.CREATE in work.done
    if not new or not resource.acknowledged:
        return await resource.observe(full=True)
    seen = await resource.observe(full=False)
    return seen and completed(seen, _acknowledged(work, observed))


async def write_update(
    resource: Resource, desired: Properties, observed: Observed, diff: Diff
) -> Observed | None:
    """Write a difference: tags first, then the next step of the rest.

    Returns the changed resource where an answer describes all of it.

    Raises:
        StepMustWait: AWS takes the step only later; the tags are written.
    """
    await resource.change_tags(observed, *tag_changes(diff))
    rest = diff.only(diff.fields.keys() - {TAGS})
    answer = await resource.update(desired, observed, rest) if rest else None
    return answer if rest == diff else None


def _acknowledged(work: ResourceReconcile, before: Observed) -> Properties:
    """What a new thing has by AWS's word: what it began with, and what was set since."""
    return {
        path: work.desired.properties[path]
        if _is_below(path, work.resource.acknowledged)
        else value
        for path, value in before.properties.items()
        if path in work.desired.properties
    }


def _is_below(path: str, prefixes: frozenset[str]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}.") for prefix in prefixes)


def _conflict(resource: Resource, entry: Entry, observed: Observed, policy: Policy) -> Outcome:
    thing = f"{resource.kind} {resource.physical_name}"
    tags = observed.tags or {}
    owner = ownership.owner_in_words(tags)
    if ownership.same_owner(resource.tags, tags):
        message = (
            f"{thing} is what an earlier pipeline of this name retained, and spec.adoptionPolicy "
            "is Never; set it to Retained, or remove the resource"
        )
    elif owner:
        message = (
            f"{thing} belongs to {owner}; delete that pipeline and what it retained, or choose "
            "another name"
        )
    else:
        message = f"{thing} exists and is not this pipeline's; remove it, or {_adopt(policy)}"
    return outcomes.blocked(resource, replace(entry, arn=""), Reason.OWNERSHIP_CONFLICT, message)


def _adopt(policy: Policy) -> str:
    """What is missing for the adoption of what has no owner."""
    missing = []
    if policy.adoption is not AdoptionPolicy.ALWAYS:
        missing.append("set spec.adoptionPolicy to Always")
    if not policy.adopt_without_owner:
        missing.append(
            "let the operator adopt what has no owner (CLICKSTREAM_ADOPT_WITHOUT_OWNER=true)"
        )
    return " and ".join(missing)
