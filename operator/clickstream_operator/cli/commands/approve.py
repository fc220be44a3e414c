"""`approve`: the plan that waits in a pipeline's status."""

from __future__ import annotations

from typing import Final

import click

from clickstream_operator.cli.changing import confirm, writer
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import Column, note, print_table

_COLUMNS: Final = (Column("ACTION"), Column("RESOURCE"), Column("CHANGE"))


@click.command("approve", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--changes-hash", help="Approve only if the plan has the changes of this hash, as `plan` says."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(name: str, *, cluster: Cluster, changes_hash: str | None, yes: bool) -> None:
    """Approve the plan that waits.

    The plan is that of the status, which the operator has made. With --changes-hash it is approved
    without a question, and only if it has exactly the changes that `plan` showed.
    """
    from clickstream_operator.api.v1alpha1 import APPROVED_PLAN  # noqa: PLC0415

    obj = find(cluster, name)
    plan = obj.status.plan
    if plan is None or not plan.changes:
        why = "its approval is Automatic" if obj.spec.approval != "Manual" else "nothing differs"
        raise CliError(f"no plan of {name} waits: {why}", "`plan` shows what would change")
    if obj.status.observed_generation != obj.generation:
        raise CliError(f"the operator has not planned the present spec of {name}", "try again soon")
    if plan.approved or obj.annotations.get(APPROVED_PLAN) == plan.hash:
        note("it is approved already")
        return
    if changes_hash is None:
        rows = [
            (one.action, one.resource, f"{one.field}: {one.old} -> {one.new}" if one.field else "")
            for one in plan.changes
        ]
        print_table(_COLUMNS, rows)
        confirm(f"Approve: {plan.summary}?", agreed=yes)
    elif changes_hash != plan.changes_hash:
        raise CliError(
            f"the plan that waits has other changes: its changesHash is {plan.changes_hash}",
            "look at them with `plan`",
        )
    writer(cluster).annotate(obj.key, APPROVED_PLAN, plan.hash)
    click.echo(f"approved {obj.key.namespace}/{name}: {plan.summary}")
