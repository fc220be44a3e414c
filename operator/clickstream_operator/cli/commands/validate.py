"""`validate`: manifests checked offline by every rule of the CRD."""

from __future__ import annotations

import click

from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError, ExitCode
from clickstream_operator.cli.options import file_options
from clickstream_operator.cli.output import note, print_document


@click.command("validate", cls=Command)
@file_options()
@click.option(
    "--old",
    metavar="FILE",
    help="The manifests as they are applied now: what is fixed at creation is compared with them.",
)
@click.option("-o", "--output", "form", type=click.Choice(("text", "json")), default="text")
def command(files: tuple[str, ...], *, recursive: bool, old: str | None, form: str) -> int:
    """Check manifests offline, by every rule of the CRD.

    Unknown fields are faults, told with the nearest name. Objects of other kinds are left out.
    Exit code 1 when a manifest has a fault.
    """
    # The interpreter of the rules is part of the extra `cli`; the help needs none of it.
    from clickstream_operator.cli.manifest import (  # noqa: PLC0415
        faults_of,
        key_of,
        load,
        pipelines,
    )

    documents, others = pipelines(load(files, recursive=recursive))
    if not documents:
        raise CliError("no ClickstreamPipeline in these manifests", "name the files that have them")
    before = {key_of(one.body): one.body for one in pipelines(load([old]))[0]} if old else {}
    found = [
        {
            "file": one.source,
            "line": one.line_of(fault.path),
            "name": key_of(one.body),
            "field": fault.path,
            "message": fault.says,
        }
        for one in documents
        for fault in faults_of(one.body, old=before.get(key_of(one.body)))
    ]
    if form == "json":
        print_document(found, "json")
    else:
        for row in found:
            field = f"{row['field']}: " if row["field"] else ""
            click.echo(f"{row['file']}:{row['line']}: {field}{row['message']}")
        left_out = f", {others} of other kinds left out" if others else ""
        faults = f"{len(found)} fault{'s' * (len(found) != 1)}" if found else "no fault"
        plural = "s" * (len(documents) != 1)
        note(f"{len(documents)} manifest{plural}, {faults}{left_out}")
    return ExitCode.ERROR if found else ExitCode.OK
