"""Cut-over of a stream that is adopted: who still counts from it, what is lost or counted twice.

Which functions are the recipe's is known by the tables that their environment names; other readers
of the stream are nobody's rivals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective, Plan, Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.cli.deployments.model import BUCKET_VARIABLE, PREFIX_VARIABLE
from clickstream_operator.cli.deployments.steps import turn_off

_OFF: Final = frozenset({"Disabled", "Disabling"})
_LAG_WINDOW: Final = timedelta(minutes=10)
_PERIOD: Final = 60


@dataclass(frozen=True, slots=True)
class OldReader:
    """A function of the recipe that reads the stream."""

    mapping: str
    function: str
    counts: bool
    """Whether it writes the counts: the recipe's other function only reads them."""
    reads: bool
    since: datetime
    """Last change of its mapping."""
    lag_seconds: float | None
    """Age of the oldest record it read in the ten minutes before; None: CloudWatch has none."""


@dataclass(frozen=True, slots=True)
class CutOver:
    """What there is to say of a cut-over: as it is, and events at risk."""

    notes: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()


def is_due(spec: Spec, plan: Plan) -> bool:
    """Whether a plan makes a mapping on a stream that somebody else may read."""
    made = {one.resource for one in plan.changes if one.action == "create"}
    return spec.names.stream is not None and components.PROCESSOR_MAPPING in made


async def read_readers(
    session: ReadOnlySession, effective: Effective, *, now: datetime
) -> list[OldReader]:
    """The recipe's functions that have a mapping on the stream, on or off.

    Raises:
        AwsError: a request was refused.
    """
    place = AwsLocation(effective.partition, effective.region, effective.account)
    tables = {
        effective.names[one]
        for one in (components.PAGE_METRICS, components.SESSION_METRICS, components.COUNTERS)
    }
    found = []
    arn = place.stream(effective.names[components.STREAM])
    answer = await session.call("lambda", "list_event_source_mappings", EventSourceArn=arn)
    for mapping in answer["EventSourceMappings"]:
        function = function_name(mapping["FunctionArn"])
        variables = await variables_of(session, mapping["FunctionArn"])
        prefix = variables.get(PREFIX_VARIABLE, "")
        if not prefix or not any(one.startswith(f"{prefix}-") for one in tables):
            continue
        reads = mapping["State"] not in _OFF
        since = mapping["LastModified"]
        found.append(
            OldReader(
                mapping=mapping["UUID"],
                function=function,
                counts=BUCKET_VARIABLE in variables,
                reads=reads,
                since=since,
                lag_seconds=await _lag(session, function, until=now if reads else since),
            )
        )
    return sorted(found, key=lambda one: one.function)


async def variables_of(session: ReadOnlySession, function: str) -> dict[str, str]:
    """Environment of a function; empty when it is gone.

    Raises:
        AwsError: the request was refused.
    """
    try:
        answer = await session.call("lambda", "get_function_configuration", FunctionName=function)
    except AwsError as error:
        if error.category is Category.NOT_FOUND:
            return {}
        raise
    variables: dict[str, str] = (answer.get("Environment") or {}).get("Variables") or {}
    return variables


def function_name(arn: str) -> str:
    """Name in the ARN of a function, its alias or its version."""
    return arn.split(":")[6]


async def _lag(session: ReadOnlySession, function: str, *, until: datetime) -> float | None:
    answer = await session.call(
        "cloudwatch",
        "get_metric_data",
        StartTime=until - _LAG_WINDOW,
        EndTime=until,
        MetricDataQueries=[
            {
                "Id": "lag",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Lambda",
                        "MetricName": "IteratorAge",
                        "Dimensions": [{"Name": "FunctionName", "Value": function}],
                    },
                    "Period": _PERIOD,
                    "Stat": "Maximum",
                },
            }
        ],
    )
    values = [value for one in answer.get("MetricDataResults", ()) for value in one["Values"]]
    return max(values) / 1000 if values else None


def judge(readers: Iterable[OldReader], start: datetime | None, region: str) -> CutOver:
    """What becomes of the events around the cut-over.

    `start`: the time from which the pipeline counts; None: from its creation on. Pure.
    """
    notes: list[str] = []
    risks: list[str] = []
    for one in readers:
        if one.reads:
            notes.append(_still_on(one, start, region))
        elif one.counts:
            _stopped(one, start, notes, risks)
    return CutOver(tuple(notes), tuple(risks))


def _still_on(one: OldReader, start: datetime | None, region: str) -> str:
    off = f"turn it off before you apply: {turn_off(region, one.mapping)}"
    if not one.counts:
        return f"cut-over: {one.function} still reads the stream, and alerts too; {off}"
    since = said(start) if start else "the pipeline's creation"
    lag = "" if one.lag_seconds is None else f" It is at most {one.lag_seconds:.0f} s behind."
    return (
        f"cut-over: {one.function} still counts. What it processes of the events from {since} on "
        f"is counted twice; {off}.{lag}"
    )


def _stopped(one: OldReader, start: datetime | None, notes: list[str], risks: list[str]) -> None:
    stopped = said(one.since)
    if start is None:
        risks.append(
            f"cut-over: {one.function} stopped at {stopped}, and the pipeline counts from its "
            "creation on: nobody counts what comes between; set "
            f"spec.processor.startingPosition to AtTimestamp {stopped}"
        )
        return
    reached = one.since - timedelta(seconds=one.lag_seconds or 0)
    if start > reached:
        behind = f", {one.lag_seconds:.0f} s behind" if one.lag_seconds else ""
        risks.append(
            f"cut-over: {one.function} stopped at {stopped}{behind}, and the pipeline counts from "
            f"{said(start)} on: nobody counts {(start - reached).total_seconds():.0f} s of events; "
            f"set the timestamp of spec.processor.startingPosition to {said(reached)} or earlier"
        )
        return
    overlap = (one.since - start).total_seconds()
    unknown = (
        ""
        if one.lag_seconds is not None
        else f" CloudWatch has no IteratorAge of {one.function}: see that it had caught up."
    )
    notes.append(
        f"cut-over: {one.function} stopped at {stopped}, the pipeline counts from {said(start)} "
        f"on: no event is lost, and those of at most {overlap:.0f} s are counted twice.{unknown}"
    )


def starting_at(spec: Spec) -> datetime | None:
    """The recorded time from which a spec counts; None where it records none."""
    position = spec.processor.starting_position
    return datetime.fromisoformat(position.timestamp) if position.timestamp else None


def said(moment: datetime) -> str:
    """A time as a manifest has it, cut to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
