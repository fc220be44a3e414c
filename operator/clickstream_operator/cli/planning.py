"""Plans of people: the operator's own engine over a pipeline, with nothing approved.

With an empty approval the engine withholds each change and says which it is, as it does for a
pipeline with ``approval: Manual``; the session below it can't write besides. So a plan has the
lines that the operator would put into `status.plan`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from clickstream_operator import pipeline
from clickstream_operator import status as statuses
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Effective, Plan
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.aws.tag_index import TagIndex
from clickstream_operator.cli.aws import ensure_account
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.delete import Deleter
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Approval
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile.approval import next_plan
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.inputs import build_context, policy_of
from clickstream_operator.reconcile.location import effective_of
from clickstream_operator.resources.kinesis_history import StreamHistory

#: Outcomes that are no obstacle: the change itself waits, or what comes before it.
_EXPECTED: Final = frozenset({Reason.PLAN_PENDING, Reason.WAITING_FOR_DEPENDENCY, ""})


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a plan."""

    kind: str
    physical_name: str
    holds: str
    """Data that is lost with it, as a clause; empty where it holds none."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a resource can't become as the spec says."""

    resource: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what it is about."""

    effective: Effective
    plan: Plan
    resources: Mapping[str, Resource]
    obstacles: tuple[Obstacle, ...]
    incomplete: bool
    """Whether a resource could not be observed."""
    identity: CallerIdentity
    """Whose credential observed."""


async def make_plan(
    obj: PipelineObject, config: OperatorConfig, session: ReadOnlySession
) -> Planned:
    """Observe everything and plan.

    Raises:
        AwsError: there is no usable credential.
        CliError: the credential belongs to another account than the pipeline.
    """
    if obj.status.effective is not None:
        await ensure_account(session, obj.status.effective)
    identity = await session.identity()
    effective = effective_of(obj, identity, config)
    history = StreamHistory()
    history.learn(obj.status.resizes, obj.status.mode_switches)
    calls = Calls(session)
    context = build_context(obj, effective, calls, history, config)
    wanted = pipeline.build(context)
    start = ReconcileInput(
        inventory=statuses.inventory(obj.status),
        policy=replace(policy_of(obj, config), approval=Approval(), read_only=False),
        full=True,
        intended_since=obj.created_at,
        chosen_names=names.chosen(obj.spec),
    )
    outcomes = dict(await Applier(wanted, start, tag_index=TagIndex(calls)).apply())
    gone = start.inventory.keys() - {one.name for one in wanted}
    leaving = [one for one in pipeline.build_everything(context) if one.name in gone]
    outcomes |= await Deleter(leaving, start).delete()
    plan = next_plan(
        None, outcomes, uid=obj.metadata["uid"], generation=obj.generation, annotation=""
    )
    return Planned(
        effective=effective,
        plan=plan or Plan(),
        resources={
            one.name: Resource(one.kind, one.physical_name, one.holds)
            for one in (*wanted, *leaving)
        },
        obstacles=tuple(_obstacles(outcomes)),
        incomplete=any(one.observation_failed for one in outcomes.values()),
        identity=identity,
    )


def _obstacles(outcomes: Mapping[str, Outcome]) -> list[Obstacle]:
    return [
        Obstacle(name, one.entry.reason, one.entry.message)
        for name, one in sorted(outcomes.items())
        if one.entry is not None
        and not one.withheld
        and one.entry.state in {"Blocked", "Failed"}
        and one.entry.reason not in _EXPECTED
    ]
