"""`doctor`: faults of cluster, rights and account, with remedies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.findings import Finding, Level, print_findings
from clickstream_operator.cli.output import waiting

if TYPE_CHECKING:
    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.kube.objects import PipelineObject


@click.command("doctor", cls=Command)
@click.argument("name", required=False, shell_complete=complete_pipelines)
@cluster_options
@click.option("--region", help="Region to look at without a NAME. Default: AWS_REGION.")
@click.option("--role", metavar="ARN", help="Role of the operator, whose actions are simulated.")
@click.option("--no-aws", is_flag=True, help="Look at the cluster only.")
@click.option("--profile", help="Profile of the AWS credential.")
@click.option("-o", "--output", "form", type=click.Choice(("table", "json", "yaml")))
def command(
    name: str | None,
    *,
    cluster: Cluster,
    region: str | None,
    role: str | None,
    no_aws: bool,
    profile: str | None,
    form: str | None,
) -> int:
    """Find what keeps the operator or you from working, with remedies.

    Cluster, operator, CRD and rights in the cluster; then, with your AWS credential, whose it is,
    region, quotas, and each action of the operator's policy by IAM's policy simulator. With a NAME
    also its bucket and role names, and whether you may send to its stream (a dry run). Nothing is
    written. Exit code 2 when something does not work.
    """
    from clickstream_operator.cli.cluster_checks import cluster_findings  # noqa: PLC0415
    from clickstream_operator.kube.errors import KubernetesError  # noqa: PLC0415

    with waiting("looking at the cluster"):
        try:
            reader = cluster.reader()
            found = list(cluster_findings(reader, cluster.namespace))
        except KubernetesError as error:
            found = [Finding(Level.FAIL, "cluster", str(error), "choose one with --context")]
    reached = found[0].level is Level.OK
    obj = find(cluster, name) if name and reached else None
    if not no_aws:
        with waiting("looking at AWS"):
            found += _of_aws(cluster if reached else None, obj, region, role, profile)
    return print_findings(found, form)


def _of_aws(
    cluster: Cluster | None,
    obj: PipelineObject | None,
    region: str | None,
    role: str | None,
    profile: str | None,
) -> list[Finding]:
    from clickstream_operator.aws.errors import AwsError  # noqa: PLC0415
    from clickstream_operator.cli import aws  # noqa: PLC0415
    from clickstream_operator.cli.cluster_checks import role_of  # noqa: PLC0415

    effective = obj.status.effective if obj else None
    variables = ("AWS_REGION", "AWS_DEFAULT_REGION")
    where = (
        effective.region
        if effective
        else region or next(filter(None, map(os.getenv, variables)), "")
    )
    if not where:
        return [Finding(Level.FAIL, "region", "none is set", "give --region or set AWS_REGION")]
    principal = role or ""
    if cluster is not None and not principal:
        reader = cluster.reader()
        principal = role_of(reader, reader.operators())

    async def work(session: ReadOnlySession) -> list[Finding]:
        return await _looked_at(session, obj, principal)

    try:
        return aws.run(where, work, profile=profile)
    except AwsError as error:
        return [Finding(Level.FAIL, "credential", str(aws.told(error)))]


async def _looked_at(
    session: ReadOnlySession, obj: PipelineObject | None, principal: str
) -> list[Finding]:
    from clickstream_operator.cli import account_checks as checks  # noqa: PLC0415
    from clickstream_operator.cli import iam_documents, simulation  # noqa: PLC0415
    from clickstream_operator.cli.design import partition_of  # noqa: PLC0415

    effective = obj.status.effective if obj else None
    found = [await checks.credential_finding(session, effective.account if effective else "")]
    if found[0].level is Level.FAIL:
        return found
    found.append(Finding(Level.OK, "region", f"{session.region} answers"))
    shards = obj.spec.stream.shards if obj and not effective else 0
    found += [
        one async for one in checks.account_findings(session, shards=shards, new=not effective)
    ]
    identity = await session.credential()
    source = principal or simulation.source_of(identity.arn)
    if source:
        account = identity.arn.split(":")[4]
        policy = iam_documents.narrowed(
            iam_documents.operator_policy(), partition=partition_of(session.region), account=account
        )
        found += await simulation.findings(session, policy, principal=source)
    else:
        says = f"the actions were not simulated: {identity.arn} is no role or user"
        found.append(Finding(Level.WARN, "IAM", says, "name the operator's role with --role"))
    if obj is not None and effective is not None:
        mine = {one.name for one in obj.status.resources if one.arn}
        found += [one async for one in checks.name_findings(session, effective, mine=mine)]
        found.append(await checks.send_finding(session, effective))
    return found
