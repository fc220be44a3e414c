"""Autoscaling between resyncs: reads the stream and its metrics, and resizes by one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from clickstream_operator.api import components
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.spec import Autoscaling
from clickstream_operator.api.v1alpha1 import Status
from clickstream_operator.autoscaling.demand import Decision, History, decide_shards, window
from clickstream_operator.autoscaling.load import read_load
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError
from clickstream_operator.cost import shards_text
from clickstream_operator.engine.inventory import Entry
from clickstream_operator.engine.outcome import Outcome, failed
from clickstream_operator.engine.resource import Phase, StepMustWait
from clickstream_operator.kube.events import Event
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.kinesis_stream import PROVISIONED, KinesisStream
from clickstream_operator.status.compose import inventory

log = structlog.get_logger(__name__)

#: Interval of autoscaling: CloudWatch has a value for each minute.
EVERY_SECONDS: Final = 60.0
#: Place of the region in ``arn:partition:service:region:account:resource``.
_REGION_OF_ARN: Final = 3
_PASSING: Final = frozenset({Reason.TRANSIENT, Reason.THROTTLED, Reason.CONFLICT})


@dataclass(frozen=True, slots=True)
class Scaling:
    """Result of one autoscaling."""

    shards: int | None = None
    """Observed count; None while AWS is at work on the stream."""
    done: Decision | None = None
    """The resize that was requested."""
    blocker: tuple[str, str] | None = None
    """Reason and message of what keeps the stream from following its load."""


def scales(obj: PipelineObject) -> bool:
    """Whether the shards of the pipeline follow the load now."""
    if obj.spec.stream.autoscaling is None or obj.spec.suspend:
        return False
    if obj.status.observed_generation != obj.generation:
        return False
    stream = inventory(obj.status).get(components.STREAM)
    if stream is None or not stream.arn or not stream.applied_hash:
        return False
    # A change that waits for approval does not stop the load.
    return Outcome(components.STREAM, stream).ready or stream.reason == Reason.PLAN_PENDING


async def scale(
    stream: KinesisStream,
    spec: Autoscaling,
    entry: Entry,
    *,
    calls: Calls,
    history: StreamHistory,
) -> Scaling:
    """Observe the stream, read its load, decide, and resize by at most one step."""
    try:
        return await _scale(stream, spec, entry, calls=calls, history=history)
    except StepMustWait as later:
        return Scaling(blocker=(later.wait.reason, later.wait.message))
    except AwsError as error:
        refused = failed(stream, entry, error).entry
        log.warning("autoscaling failed", why=str(error))
        if refused is None or refused.reason in _PASSING:
            return Scaling()
        return Scaling(blocker=(refused.reason, f"autoscaling: {refused.message}"))


async def _scale(
    stream: KinesisStream,
    spec: Autoscaling,
    entry: Entry,
    *,
    calls: Calls,
    history: StreamHistory,
) -> Scaling:
    observed = await stream.observe(full=False)
    if observed is None or observed.arn != entry.arn or observed.created_at is None:
        return Scaling()  # The next resync reports it.
    if observed.readiness.phase is not Phase.READY or observed.properties["mode"] != PROVISIONED:
        return Scaling()
    await stream.end_mute()
    shards = observed.properties["shards"]
    now = history.now()
    minutes = await read_load(calls, stream.physical_name, *window(spec, now))
    if minutes is None:
        return Scaling(shards)
    decision = decide_shards(
        History(minutes, observed.created_at), shards, spec, history.resizes, now
    )
    if decision.shards is None:
        held = (decision.reason.value, decision.message) if decision.reason else None
        return Scaling(shards, blocker=held)
    await stream.resize(observed, decision.shards)
    region = entry.arn.split(":")[_REGION_OF_ARN]
    note = f"{decision.message}; {shards_text(region, shards, decision.shards)}"
    return Scaling(shards, done=replace(decision, message=note))


def event(scaling: Scaling, before: tuple[str, str] | None) -> Event | None:
    """The Event about a resize or a new blocker; None without either."""
    if scaling.done is not None and scaling.done.reason is not None:
        return Event("Normal", scaling.done.reason, scaling.done.message, "Scale")
    if scaling.blocker is not None and scaling.blocker != before:
        return Event("Warning", Reason(scaling.blocker[0]), scaling.blocker[1], "Scale")
    return None


def shown(status: Status, scaling: Scaling, history: StreamHistory) -> Status:
    """The status after one autoscaling."""
    reason, message = scaling.blocker or ("", "")
    resources = [
        one.model_copy(update={"reason": reason, "message": message})
        if one.name == components.STREAM and one.state == "Ready"
        else one
        for one in status.resources
    ]
    outputs = dict(status.outputs)
    if scaling.shards is not None:
        outputs["kinesisStreamShards"] = scaling.shards
    return status.model_copy(
        update={"resizes": history.resizes, "resources": resources, "outputs": outputs}
    )


def with_blocker(
    outcomes: Mapping[str, Outcome], blocker: tuple[str, str] | None
) -> dict[str, Outcome]:
    """The outcomes of a resync, with the blocker of autoscaling on the stream."""
    found = dict(outcomes)
    stream = found.get(components.STREAM)
    if blocker is not None and stream is not None and stream.ready and stream.entry is not None:
        reason, message = blocker
        if not stream.entry.reason:
            entry = replace(stream.entry, reason=reason, message=message)
            found[components.STREAM] = replace(stream, entry=entry)
    return found
