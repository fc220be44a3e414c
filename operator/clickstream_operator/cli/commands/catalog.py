"""`catalog`: a template that makes tables, views and a workgroup over an archive, for Athena."""

from __future__ import annotations

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.output import print_document


@click.command("catalog", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--scan-limit-gib",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Most gibibytes that one query may read; beyond, Athena ends it.",
)
@click.option(
    "--results-days",
    type=click.IntRange(1),
    default=7,
    show_default=True,
    help="So many days results are kept, in a bucket of their own.",
)
@click.option("--database", help="Name of the database. Default: from the pipeline's names.")
@click.option("--workgroup", help="Name of the workgroup, likewise.")
@click.option(
    "-o", "--output", "form", type=click.Choice(("json", "yaml")), default="json", show_default=True
)
def command(
    name: str,
    *,
    cluster: Cluster,
    scan_limit_gib: int,
    results_days: int,
    database: str | None,
    workgroup: str | None,
    form: str,
) -> None:
    """Print a CloudFormation template for SQL on Athena over an archive.

    A Glue database with a table of lines whose partitions are projected by day and hour, the views
    events, archived_events, page_views, sessions and bad_rows, and a workgroup with a limit and
    encrypted results. Nothing is asked of AWS. Afterwards `query --engine athena` uses it.
    """
    from clickstream_operator.api import components  # noqa: PLC0415
    from clickstream_operator.cli.athena import Catalogue  # noqa: PLC0415
    from clickstream_operator.cli.catalog_template import template  # noqa: PLC0415
    from clickstream_operator.cli.errors import CliError  # noqa: PLC0415

    obj = find(cluster, name)
    effective = obj.status.effective
    if effective is None:
        raise CliError(
            f"the operator has not decided where {obj.key.name} is",
            "wait until `status` shows its account, or let `doctor` look for the cause",
        )
    own = Catalogue.of(effective.base)
    made = template(
        Catalogue(database or own.database, workgroup or own.workgroup),
        bucket=effective.names[components.ARCHIVE],
        expiration_days=obj.spec.archive.expiration_days,
        scan_limit_gib=scan_limit_gib,
        results_days=results_days,
    )
    print_document(made, form)
