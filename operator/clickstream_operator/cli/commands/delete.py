"""`delete`: a pipeline, after a list of the resources that go and stay, with their cost."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.changing import confirm, writer
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError, ExitCode
from clickstream_operator.cli.output import Column, note, print_table, waiting

if TYPE_CHECKING:
    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.cli.parting import Part, Sizes
    from clickstream_operator.kube.objects import PipelineObject

_POLL_SECONDS: Final = 1.0
_COLUMNS: Final = (Column(""), Column("RESOURCE"), Column("NAME"))


@click.command("delete", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option("--keep-data", is_flag=True, help="Keep tables and bucket, whatever the spec says.")
@click.option("--lose-data", is_flag=True, help="Agree that data is lost, where the spec says so.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--no-aws", is_flag=True, help="Do not ask AWS what the rest will cost.")
@click.option("--profile", help="Profile of the AWS credential.")
@click.option(
    "--timeout", type=click.IntRange(0), default=300, show_default=True, help="Seconds to wait."
)
def command(
    name: str,
    *,
    cluster: Cluster,
    keep_data: bool,
    lose_data: bool,
    yes: bool,
    no_aws: bool,
    profile: str | None,
    timeout: int,
) -> int:
    """Delete a pipeline, after saying what stays and what that costs a month.

    What goes is decided by spec.deletionPolicy; --keep-data sets it to Retain for tables and bucket
    first. Where data would be lost, --yes alone is not enough. With --timeout 0 the end is not
    awaited.
    """
    from clickstream_operator.cli import parting  # noqa: PLC0415

    obj = find(cluster, name)
    where = f"{obj.key.namespace}/{name}"
    found = parting.parts(obj, keep_data=keep_data)
    if found:
        print_table(
            _COLUMNS,
            [("stays" if one.stays else "goes", one.name, one.physical_name) for one in found],
        )
    else:
        note("nothing of it in AWS is on record")
    if any(one.stays for one in found):
        note(_cost(obj, found, profile) if not no_aws else "what stays goes on to cost")
        note(f"a manifest of the same name in {obj.key.namespace} takes what stays back")
    lost = parting.lost(found)
    for one in lost:
        note(f"data is lost: {one.physical_name}{f', {one.holds}' if one.holds else ''}")
    note("events that wait in the stream and are not counted yet are lost with it")
    if lost and yes and not lose_data:
        raise CliError("data would be lost", "add --lose-data, or keep it with --keep-data")
    confirm(f"Delete {where}{' AND ITS DATA' if lost else ''}?", agreed=yes)
    if keep_data:
        writer(cluster).keep_data(obj.key)
    writer(cluster).delete(obj.key, uid=obj.metadata["uid"])
    if not timeout:
        note(f"the deletion of {where} is requested; `status` shows how far it is")
        return ExitCode.OK
    _wait(cluster, obj, timeout)
    click.echo(f"{where} is deleted")
    return ExitCode.OK


def _cost(obj: PipelineObject, found: list[Part], profile: str | None) -> str:
    """Monthly cost of the resources that stay, in a sentence."""
    from clickstream_operator.cli import aws, kept_sizes, parting  # noqa: PLC0415
    from clickstream_operator.cost.prices import prices_of  # noqa: PLC0415

    stays = {one.name for one in found if one.stays}

    async def work(session: ReadOnlySession, effective: Effective) -> Sizes:
        return await kept_sizes.read(session, effective, stays, now=datetime.now(UTC))

    try:
        sizes = aws.of_pipeline(obj, work, profile=profile)
    except CliError as error:
        return f"what stays goes on to cost; how much is not known: {error}"
    region = obj.status.effective.region if obj.status.effective else ""
    dollars = parting.dollars_a_month(sizes, prices_of(region))
    bucket = (
        "" if sizes.bucket_bytes is not None else ", without the bucket, of which S3 tells daily"
    )
    return f"what stays costs about {dollars:,.2f} dollars a month at its present size{bucket}"


def _wait(cluster: Cluster, obj: PipelineObject, seconds: int) -> None:
    """Wait until it is gone.

    Raises:
        CliError: it is still there; says what it waits for.
    """
    from clickstream_operator.api.conditions import READY  # noqa: PLC0415

    reader = cluster.reader()
    end = time.monotonic() + seconds
    said = ""
    with waiting(f"waiting until {obj.key.namespace}/{obj.key.name} is gone"):
        while True:
            body: dict[str, Any] | None = reader.get(obj.key)
            if body is None or body["metadata"]["uid"] != obj.metadata["uid"]:
                return
            conditions = (body.get("status") or {}).get("conditions") or []
            ready = next((one for one in conditions if one["type"] == READY), None)
            said = ready["message"] if ready else ""
            if time.monotonic() > end:
                raise CliError(
                    f"it is still being deleted after {seconds} s{f': {said}' if said else ''}",
                    "docs/how-to/delete-and-keep-data.md has the remedy of each message",
                )
            time.sleep(_POLL_SECONDS)
