"""Checks of an AWS account: credential, region, quotas, names, and the right to send events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.cli.aws import remedy_of
from clickstream_operator.cli.findings import Finding, Level
from clickstream_operator.cli.quotas import (
    LEAST_UNRESERVED,
    ROLES,
    Quota,
    executions_of,
    roles_of,
    shards_of,
)

_DRY_RUN: Final = "DryRunOperationException"
_RAISE: Final = "ask AWS to raise the quota (Service Quotas)"

Check = Callable[[], Awaitable[Finding]]


async def credential_finding(session: ReadOnlySession, account: str) -> Finding:
    """Whose credential it is, and whether it is of the account, where one is given."""
    try:
        found = await session.credential()
    except AwsError as error:
        remedy = "log in, or choose one with --profile or AWS_PROFILE"
        return Finding(Level.FAIL, "credential", error.text, remedy)
    source = f", from {found.source}" if found.source else ""
    says = f"{found.arn}{source}"
    own = found.arn.split(":")[4]
    if account and own != account:
        return Finding(
            Level.FAIL,
            "credential",
            f"{says}, and the pipeline is in account {account}",
            "choose another with --profile or AWS_PROFILE",
        )
    return Finding(Level.OK, "credential", says)


async def account_findings(
    session: ReadOnlySession, *, shards: int, new: int
) -> AsyncIterator[Finding]:
    """Region and quotas, for as many new shards and pipelines as are wanted."""
    checks: tuple[tuple[str, Check], ...] = (
        ("shards", lambda: _shards(session, shards)),
        ("concurrency", lambda: _concurrency(session)),
        ("roles", lambda: _roles(session, new * len(ROLES))),
    )
    for subject, check in checks:
        yield await told(subject, check)


async def told(subject: str, check: Check) -> Finding:
    """The finding of a check, or why it could not be made."""
    try:
        return await check()
    except AwsError as error:
        return Finding(
            Level.WARN, subject, f"could not be looked at: {error.text}", remedy_of(error)
        )


async def _shards(session: ReadOnlySession, wanted: int) -> Finding:
    shards = shards_of(await session.call("kinesis", "describe_limits"))
    return _of_quota("shards", shards, wanted, f"in use in {session.region}")


async def _roles(session: ReadOnlySession, wanted: int) -> Finding:
    roles = roles_of(await session.call("iam", "get_account_summary"))
    return _of_quota("roles", roles, wanted, "in use")


def _of_quota(subject: str, quota: Quota | None, wanted: int, used: str) -> Finding:
    if quota is None:
        return Finding(Level.WARN, subject, "AWS does not tell the quota")
    says = f"{quota.used} of {quota.limit} {used}"
    if wanted > quota.free:
        return Finding(Level.FAIL, subject, f"{says}, {wanted} more are wanted", _RAISE)
    return Finding(Level.OK, subject, says)


async def _concurrency(session: ReadOnlySession) -> Finding:
    executions = executions_of(await session.call("lambda", "get_account_settings"))
    if executions is None:
        return Finding(Level.WARN, "concurrency", "AWS does not tell the quota")
    says = f"{executions.free} of {executions.limit} Lambda executions at a time are unreserved"
    if executions.free <= LEAST_UNRESERVED < executions.limit:
        return Finding(Level.WARN, "concurrency", says, f"release reservations, or {_RAISE}")
    return Finding(Level.OK, "concurrency", says)


async def send_finding(session: ReadOnlySession, effective: Effective) -> Finding:
    """Whether the credential may put records into a stream: Kinesis is asked in a dry run."""
    stream = effective.names[components.STREAM]
    subject = "sending"
    endpoint = session.endpoint("kinesis")
    if ".amazonaws.com" not in endpoint and ".amazonaws." not in endpoint:
        # An emulator that does not know DryRun would put the record.
        return Finding(Level.WARN, subject, f"not tried: {endpoint} may not know DryRun")
    try:
        await session.call(
            "kinesis",
            "put_record",
            StreamName=stream,
            Data=b"{}",
            PartitionKey="doctor",
            DryRun=True,
        )
    except AwsError as error:
        if error.code == _DRY_RUN:
            return Finding(Level.OK, subject, f"this credential may send to {stream}")
        if error.category is Category.ACCESS_DENIED:
            remedy = "allow it kinesis:PutRecord and kinesis:PutRecords on the stream"
            return Finding(Level.FAIL, subject, error.text, remedy)
        return Finding(
            Level.WARN, subject, f"could not be looked at: {error.text}", remedy_of(error)
        )
    return Finding(Level.WARN, subject, f"{endpoint} did not heed DryRun")


async def name_findings(
    session: ReadOnlySession, effective: Effective, *, mine: set[str]
) -> AsyncIterator[Finding]:
    """Whether bucket and roles of a pipeline are free, or its own: `mine`, by inventory name."""
    bucket = effective.names[components.ARCHIVE]
    yield await told(
        "bucket",
        partial(_name, session, components.ARCHIVE, bucket, mine, ("s3", "head_bucket", "Bucket")),
    )
    for role in ROLES:
        name = effective.names[role]
        request = ("iam", "get_role", "RoleName")
        yield await told("role", partial(_name, session, role, name, mine, request))


async def _name(
    session: ReadOnlySession,
    component: str,
    name: str,
    mine: set[str],
    request: tuple[str, str, str],
) -> Finding:
    service, operation, parameter = request
    subject = "bucket" if service == "s3" else "role"
    given: dict[str, Any] = {parameter: name}
    try:
        await session.call(service, operation, **given)
    except AwsError as error:
        if error.category is Category.NOT_FOUND:
            if component in mine:
                return Finding(
                    Level.WARN, subject, f"{name} is on record, and not there", "`verify` it"
                )
            return Finding(Level.OK, subject, f"{name} is free")
        if service == "s3" and error.category is Category.ACCESS_DENIED:
            return Finding(
                Level.FAIL,
                subject,
                f"{name} is there, and you may not look at it: another account may own it",
                "choose another with spec.names.archiveBucket",
            )
        raise
    if component in mine:
        return Finding(Level.OK, subject, f"{name} is there, as on record")
    return Finding(
        Level.FAIL,
        subject,
        f"{name} is there already, and no pipeline has it on record",
        "it is adopted only if its tags name this pipeline; else delete it or choose another name",
    )
