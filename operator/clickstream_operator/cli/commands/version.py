"""`version`: the versions of this tool, of the operator and of the CRD."""

from __future__ import annotations

from typing import Any

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import ExitCode
from clickstream_operator.cli.output import note, print_document


@click.command("version", cls=Command)
@cluster_options
@click.option("--client", is_flag=True, help="Only this tool; no cluster is asked.")
@click.option("-o", "--output", "form", type=click.Choice(("text", "json", "yaml")), default="text")
def command(*, cluster: Cluster, client: bool, form: str) -> int:
    """Print the versions of this tool, of the operator and of the CRD.

    Exit code 2 when they differ.
    """
    from clickstream_operator.cli import skew  # noqa: PLC0415

    own = skew.client_version()
    found: dict[str, Any] = {"client": own}
    if form == "text":
        click.echo(f"client    {own}")
    fault, operators = "", []
    if not client:
        reader = cluster.reader()
        fault = skew.crd_fault(reader.crd())
        operators = skew.operators_of(reader.operators())
        found |= {"operators": {one.name: one.version for one in operators}, "crd": fault or "same"}
    if form != "text":
        print_document(found, form)
    elif not client:
        for one in operators:
            click.echo(f"operator  {one.version or 'unknown'} ({one.name})")
        if not operators:
            click.echo("operator  not seen")
        click.echo(f"crd       {fault or 'has the same fields as this tool'}")
    others = [one for one in operators if one.version not in {own, ""}]
    if fault:
        note("apply the CRD of the chart whose version you want, and install the tool of the same")
    if others:
        note(f"the operator's version is not {own}: install this tool in its version")
    return ExitCode.FOUND if fault or others else ExitCode.OK
