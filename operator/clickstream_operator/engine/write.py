"""Writes of one step, and the observation of their result.

Called by `apply`; calls the kinds by the contract in `resource`.
"""

from __future__ import annotations

from dataclasses import replace

from clickstream_operator.engine.desired import tag_changes
from clickstream_operator.engine.observe import completed
from clickstream_operator.engine.outcome import ResourceReconcile
from clickstream_operator.engine.plan import Action
from clickstream_operator.engine.resource import (
    TAGS,
    Diff,
    Observed,
    Phase,
    Properties,
    Resource,
)


def may_write(work: ResourceReconcile) -> bool:
    """Whether there is something to write, and AWS takes changes of the resource now."""
    if work.change.action in {Action.NONE, Action.HOLD}:
        return False
    phase = work.observed.readiness.phase if work.observed else None
    if phase is Phase.FAILED:
        return work.resource.changeable_when_failed
    return phase is not Phase.PROGRESSING


async def write(work: ResourceReconcile, *, creating: bool) -> Observed | None:
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
    """Properties of a new resource by what AWS acknowledged: initial ones, and those set since."""
    return {
        path: work.desired.properties[path]
        if _is_below(path, work.resource.acknowledged)
        else value
        for path, value in before.properties.items()
        if path in work.desired.properties
    }


def _is_below(path: str, prefixes: frozenset[str]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}.") for prefix in prefixes)
