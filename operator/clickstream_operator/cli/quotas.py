"""Quotas of an account that a plan would miss, as far as AWS tells them to a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Plan, Spec
from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.read_only import ReadOnlySession

LEAST_UNRESERVED: Final = 100
"""Concurrent executions that Lambda keeps free of reservations (AWS Lambda, "Configuring reserved
concurrency for a function")."""
_ASKED: Final = (
    ("kinesis", "describe_limits"),
    ("lambda", "get_account_settings"),
    ("dynamodb", "describe_limits"),
    ("iam", "get_account_summary"),
)
ROLES: Final = (
    components.PROCESSOR_ROLE,
    components.DETECTOR_ROLE,
    components.SCHEDULER_ROLE,
)
"""Roles of each pipeline."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota of the account, and what is used of it."""

    limit: int
    used: int

    @property
    def free(self) -> int:
        """What is left; below 0 where the account has more than its quota."""
        return self.limit - self.used


def shards_of(limits: Mapping[str, Any]) -> Quota | None:
    """Provisioned shards of the region, from Kinesis's `describe_limits`; None without figures."""
    return _quota(limits, "ShardLimit", "OpenShardCount")


def roles_of(summary: Mapping[str, Any]) -> Quota | None:
    """Roles of the account, from IAM's `get_account_summary`; None without figures."""
    return _quota(summary.get("SummaryMap", {}), "RolesQuota", "Roles")


def executions_of(settings: Mapping[str, Any]) -> Quota | None:
    """Concurrent executions, from Lambda's `get_account_settings`; used are those reserved."""
    found = settings.get("AccountLimit", {})
    if "UnreservedConcurrentExecutions" not in found:
        return None
    free = int(found["UnreservedConcurrentExecutions"])
    limit = int(found.get("ConcurrentExecutions", free))
    return Quota(limit, limit - free)


def _quota(found: Mapping[str, Any], limit: str, used: str) -> Quota | None:
    return Quota(int(found[limit]), int(found[used])) if {limit, used} <= found.keys() else None


@dataclass(frozen=True, slots=True)
class Quotas:
    """What AWS said of its quotas, by service, and what it would not say."""

    answers: Mapping[str, Mapping[str, Any]]
    unread: tuple[str, ...]
    """``service:operation: code`` of each refusal."""


async def read_quotas(session: ReadOnlySession) -> Quotas:
    """Quotas and what is used of them. A refusal is part of the answer."""
    answers: dict[str, Mapping[str, Any]] = {}
    unread = []
    for service, operation in _ASKED:
        try:
            answers[service] = await session.call(service, operation)
        except AwsError as error:
            unread.append(f"{service}:{operation}: {error.code}")
    return Quotas(answers, tuple(unread))


def missed(plan: Plan, before: Spec | None, after: Spec, quotas: Quotas) -> Iterator[str]:
    """Quotas that the plan would miss, each with its numbers and the remedy. Pure."""
    made = {one.resource for one in plan.changes if one.action == "create"}
    yield from _stream(made, before, after, quotas.answers.get("kinesis", {}))
    yield from _concurrency(before, after, quotas.answers.get("lambda", {}))
    yield from _tables(after, quotas.answers.get("dynamodb", {}))
    roles = roles_of(quotas.answers.get("iam", {}))
    wanted = len(made & {*ROLES, components.COLLECTOR_ROLE})
    if roles and wanted > max(0, roles.free):
        yield _words("IAM roles", wanted, roles.free, "Roles per account")


def _stream(
    made: set[str], before: Spec | None, after: Spec, limits: Mapping[str, Any]
) -> Iterator[str]:
    was = before.stream if before is not None and components.STREAM not in made else None
    if after.stream.mode == "OnDemand":
        switched = was is None or was.mode != "OnDemand"
        streams = _quota(limits, "OnDemandStreamCountLimit", "OnDemandStreamCount")
        if switched and streams and streams.free < 1:
            yield _words("on-demand streams", 1, streams.free, "On-demand data streams")
        return
    if components.STREAM not in made and was is None:
        # It is adopted: its shards count already.
        return
    more = after.stream.shards - (was.shards if was and was.mode == "Provisioned" else 0)
    shards = shards_of(limits)
    if shards and more > max(0, shards.free):
        yield _words("shards", more, shards.free, "Shards per Region")


def _concurrency(before: Spec | None, after: Spec, settings: Mapping[str, Any]) -> Iterator[str]:
    more = _reserved(after) - (_reserved(before) if before else 0)
    executions = executions_of(settings)
    if more <= 0 or executions is None:
        return
    free = executions.free - LEAST_UNRESERVED
    if more > free:
        yield _words("reserved concurrent executions", more, free, "Concurrent executions")


def _reserved(spec: Spec) -> int:
    detector = spec.anomaly_detection
    enabled = detector.reserved_concurrency if detector.enabled else 0
    collecting = spec.collector.reserved_concurrency if spec.collector.enabled else 0
    return (spec.processor.reserved_concurrency or 0) + (enabled or 0) + collecting


def _tables(after: Spec, limits: Mapping[str, Any]) -> Iterator[str]:
    units = after.tables.provisioned
    if units is None:
        return
    for what, asked, key in (
        ("read", units.read_units, "TableMaxReadCapacityUnits"),
        ("write", units.write_units, "TableMaxWriteCapacityUnits"),
    ):
        if key in limits and asked > limits[key]:
            quota = f"Table-level {what} throughput limit"
            yield _words(f"{what} units of a table", asked, limits[key], quota)


def _words(what: str, asked: int, free: int, quota: str) -> str:
    return (
        f"quota: {asked} more {what} are needed and {max(0, free)} are free; ask AWS for more of "
        f'"{quota}" (Service Quotas), or ask for less'
    )
