"""`plan`: what a manifest, or a pipeline as it stands, would change in AWS. Nothing is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError, ExitCode
from clickstream_operator.cli.options import file_options
from clickstream_operator.cli.output import (
    Column,
    note,
    print_document,
    print_sentence,
    print_table,
)

if TYPE_CHECKING:
    from clickstream_operator.cli.manifest import Document
    from clickstream_operator.cli.plan_text import Report
    from clickstream_operator.kube.objects import PipelineObject

_COLUMNS: Final = (Column(""), Column("RESOURCE"), Column("CHANGE"))


@click.command("plan", cls=Command)
@click.argument("name", required=False, shell_complete=complete_pipelines)
@file_options(required=False)
@cluster_options
@click.option("--profile", help="Profile of the AWS credential.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit code 2 when there are changes, 0 when not."
)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(("text", "markdown", "json", "yaml")),
    default="text",
)
def command(
    name: str | None,
    files: tuple[str, ...],
    *,
    recursive: bool,
    cluster: Cluster,
    profile: str | None,
    detailed_exitcode: bool,
    form: str,
) -> int:
    """Show what would change in AWS, and what it would cost.

    With -f manifests are tried at the API server in a dry run; with a NAME the pipeline is taken as
    it stands. Then the operator's own engine observes AWS with your credential, which can't write
    here. `+` is made, `~` changed, `-` deleted; `-/+` can only be replaced, which the operator does
    not do; `!` is held up.
    """
    from clickstream_operator.cli.plan_text import markdown  # noqa: PLC0415

    if bool(name) == bool(files):
        raise click.UsageError("give the NAME of a pipeline, or manifests with -f")
    if name:
        obj = find(cluster, name)
        reports = [_report(cluster, obj, before=obj, profile=profile, notes=[])]
    else:
        reports = [_of_file(cluster, one, profile) for one in _documents(files, recursive)]
    if form == "markdown":
        click.echo(markdown(reports).rstrip())
    elif form in {"json", "yaml"}:
        documents = [one.document() for one in reports]
        print_document(documents if len(documents) > 1 else documents[0], form)
    else:
        for one in reports:
            _print(one)
    if any(one.planned.incomplete for one in reports):
        raise CliError("the plan is incomplete: not everything could be observed")
    changed = any(one.has_changes for one in reports)
    return ExitCode.FOUND if detailed_exitcode and changed else ExitCode.OK


def _documents(files: tuple[str, ...], recursive: bool) -> list[Document]:  # noqa: FBT001 - as given
    from clickstream_operator.cli.manifest import load, valid_pipelines  # noqa: PLC0415

    return [one for one, _ in valid_pipelines(load(files, recursive=recursive))]


def _of_file(cluster: Cluster, manifest: Document, profile: str | None) -> Report:
    """The plan of a manifest: tried in a dry run, or merged offline where the user may not try."""
    from clickstream_operator.kube.errors import KubernetesRefusal  # noqa: PLC0415
    from clickstream_operator.kube.objects import ObjectKey, parse  # noqa: PLC0415

    metadata = manifest.body["metadata"]
    if "name" not in metadata:
        raise CliError(f"{manifest.source}: a plan needs metadata.name", "name the pipeline")
    key = ObjectKey(metadata.get("namespace") or cluster.namespace, metadata["name"])
    reader = cluster.reader()
    live = reader.get(key)
    notes = []
    try:
        body = reader.dry_run(key, manifest.body, live=live)
    except KubernetesRefusal as refusal:
        if "unknown field" in str(refusal):
            raise CliError(
                f"the CRD in the cluster lacks fields of this manifest: {refusal}",
                "it is older than this tool: upgrade it with the chart",
            ) from refusal
        if not refusal.forbidden or "admission" in str(refusal):
            raise
        notes.append(
            "You may not try it at the API server: only the rules of the CRD were checked."
        )
        body = _offline(manifest.body, live, key)
    before = parse(key, live) if live else None
    return _report(cluster, parse(key, body), before=before, profile=profile, notes=notes)


def _offline(body: Any, live: dict[str, Any] | None, key: tuple[str, str]) -> dict[str, Any]:
    """The object as the API server would make it, as far as the CRD's defaults tell."""
    from clickstream_operator.cli.manifest import faults_of  # noqa: PLC0415
    from clickstream_operator.cli.manifest.schema import (  # noqa: PLC0415
        defaulted,
        object_schema,
    )

    for fault in faults_of(body, old=live):
        raise CliError(f"{key[0]}/{key[1]}: {fault}")
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    made = {
        "metadata": {
            "uid": "new", "generation": 1, "creationTimestamp": now, **body["metadata"],
        }
    }  # fmt: skip
    filled = defaulted({"spec": body.get("spec")}, object_schema())
    return {**(live or {**body, **made}), "spec": filled["spec"]}


def _report(
    cluster: Cluster,
    obj: PipelineObject,
    *,
    before: PipelineObject | None,
    profile: str | None,
    notes: list[str],
) -> Report:
    from clickstream_operator.aws.errors import AwsError  # noqa: PLC0415
    from clickstream_operator.aws.read_only import ReadOnlySession  # noqa: PLC0415
    from clickstream_operator.cli import admission, aws, cut_over, quotas  # noqa: PLC0415
    from clickstream_operator.cli.data_risks import risks  # noqa: PLC0415
    from clickstream_operator.cli.operator_config import read_config, read_tenants  # noqa: PLC0415
    from clickstream_operator.cli.plan_text import Report  # noqa: PLC0415
    from clickstream_operator.cli.planning import Planned, make_plan  # noqa: PLC0415
    from clickstream_operator.cost import estimate  # noqa: PLC0415
    from clickstream_operator.reconcile.location import region_of  # noqa: PLC0415

    reader = cluster.reader()
    tenants, unread = read_tenants(reader)
    config = replace(read_config(reader, obj.status.effective), tenants=tenants)
    region = region_of(obj, config)
    if not region:
        raise CliError(f"{obj.key.name}: no region", "set spec.region, or AWS_REGION")
    others, unlisted = admission.others(reader, obj, config)

    async def work(
        session: ReadOnlySession,
    ) -> tuple[Planned, quotas.Quotas, list[cut_over.OldReader]]:
        planned = await make_plan(obj, config, session)
        readers = []
        if cut_over.is_due(obj.spec, planned.plan):
            readers = await cut_over.read_readers(session, planned.effective, now=datetime.now(UTC))
        limits = quotas.Quotas({}, ())
        if planned.plan.changes:
            limits = await quotas.read_quotas(session)
        return planned, limits, readers

    try:
        planned, limits, readers = aws.run(region, work, profile=profile)
    except AwsError as error:
        raise aws.told(error) from error
    blocked = admission.obstacles(obj, config, others, planned.identity)
    judged = cut_over.judge(readers, cut_over.starting_at(obj.spec), region)
    was_there = before is not None and before.status.effective is not None
    spec_before = before.spec if before and was_there else None
    notes = [*notes, *(one for one in (unread, unlisted) if one), *judged.notes]
    if obj.spec.suspend:
        notes.append("spec.suspend is true: nothing of this is applied before it is resumed.")
    if limits.unread:
        notes.append(f"Quotas that you may not read: {', '.join(limits.unread)}.")
    notes += quotas.missed(planned.plan, spec_before, obj.spec, limits)
    return Report(
        name=f"{obj.key.namespace}/{obj.key.name}",
        planned=replace(planned, obstacles=(*blocked, *planned.obstacles)),
        cost_before=estimate(spec_before, region=region).text() if spec_before else "",
        cost_after=estimate(obj.spec, region=region).text(),
        risks=(*(risks(before.spec, obj.spec) if before else ()), *judged.risks),
        notes=tuple(notes),
    )


def _print(report: Report) -> None:
    effective = report.planned.effective
    click.echo(f"{report.name} in {effective.region} of account {effective.account}")
    if report.has_changes:
        click.echo()
        print_table(_COLUMNS, report.lines())
        click.echo()
    for one in report.all_risks():
        print_sentence(f"data at risk: {one}", color="red")
    for text in report.notes:
        note(text)
    click.echo(f"{report.summary()}{'.' if report.has_changes else ''} Cost: {report.cost()}")
    if report.planned.plan.changes_hash:
        click.echo(f"changesHash {report.planned.plan.changes_hash}")
