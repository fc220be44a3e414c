"""`snippet`: what a web page has to have in its head to be counted."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import note


@click.command("snippet", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@click.option("--module", "is_module", is_flag=True, help="Lines of a JavaScript module instead.")
@click.option(
    "--follow-upgrades",
    "follows",
    is_flag=True,
    help="Pin no version: the page goes with upgrades of the operator.",
)
@click.option(
    "--address",
    default="",
    metavar="URL",
    help="Address that pages reach the collector by, such as a CDN's.",
)
@click.option(
    "--save",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write script, module and types into a folder, to serve them yourself.",
)
@cluster_options
def command(
    name: str,
    *,
    is_module: bool,
    follows: bool,
    address: str,
    folder: Path | None,
    cluster: Cluster,
) -> None:
    """Print the element that makes a web page count.

    It pins the script by its integrity: after an upgrade of the operator that changes the script,
    print it again and change the page, or use --follow-upgrades. A module is never pinned.
    """
    from clickstream_operator.cli import page_script  # noqa: PLC0415

    obj = find(cluster, name)
    snippet = page_script.snippet_of(obj.status.outputs)
    if not snippet and not obj.spec.collector.enabled:
        raise CliError(
            f"{name} has no collector",
            "set spec.collector.enabled and spec.collector.allowedOrigins",
        )
    if not snippet:
        raise CliError(
            f"the collector of {name} has no address yet",
            f"wait until it has: kubectl wait --for=condition=Ready csp/{name}",
        )
    if is_module:
        click.echo(page_script.module(snippet, address=address))
    else:
        click.echo(page_script.element(snippet, address=address, follows=follows))
    if obj.spec.collector.origin_secret_arn and not address:
        note("the collector takes requests of its CDN only: give the CDN's address with --address")
    if folder is not None:
        _save(page_script.folder(), page_script.FILES, folder)
        note("served from elsewhere the script needs data-collector, with the address above")


def _save(source: Path, files: tuple[str, ...], folder: Path) -> None:
    if not source.is_dir():
        raise CliError(
            "this installation has no script: it was made from a checkout without npm",
            "install Node.js and the command line again, or load the script from the collector",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copyfile(source / file, folder / file)
    note(f"written to {folder}: {', '.join(files)}")
