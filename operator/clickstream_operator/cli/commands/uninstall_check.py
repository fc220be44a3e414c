"""`uninstall-check`: obstacles to an uninstall of the chart."""

from __future__ import annotations

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, listed
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.findings import print_findings


@click.command("uninstall-check", cls=Command)
@cluster_options
@click.option("-o", "--output", "form", type=click.Choice(("table", "json", "yaml")))
def command(*, cluster: Cluster, form: str | None) -> int:
    """Show what would stand in the way of an uninstall of the chart.

    All pipelines of the cluster, the operator, and whether Helm would take the CRD along. Exit code
    2 when something does.
    """
    from clickstream_operator.cli import leaving, skew  # noqa: PLC0415

    reader = cluster.reader()
    crd = reader.crd()
    pipelines = listed(cluster, all_namespaces=True) if crd else []
    operators = skew.operators_of(reader.operators())
    return print_findings(leaving.findings(pipelines, operators, crd), form)
