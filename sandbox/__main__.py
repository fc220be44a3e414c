"""Command line of the sandbox: `python -m sandbox up`, `status`, `down`, `build`.

Data goes to standard output, messages to standard error. Exit codes: 0 done, 1 failed (the message
says why), 2 wrong usage, 3 `status` found that the sandbox, or a part of it, does not run, 130
interrupted.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import NoReturn

import click

from sandbox.errors import SandboxError
from sandbox.processes.progress import say
from sandbox.processes.run import Run

_NOT_RUNNING = 3
_INTERRUPTED = 130
_EXPORTED = (
    "KUBECONFIG",
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EC2_METADATA_DISABLED",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show a traceback when a command fails.")
def cli(debug: bool) -> None:  # noqa: FBT001 main() reads it
    """Run a Kubernetes API and an AWS emulator on this machine, on loopback only."""


@cli.command()
@click.option("--iam-enforcement", is_flag=True, help="Refuse AWS calls that IAM does not allow.")
@click.option(
    "--audit-log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that gets one JSON line per Kubernetes request.",
)
@click.option("--strict-aws", is_flag=True, help="Add AWS's states, limits and delays.")
def up(iam_enforcement: bool, audit_log: Path | None, strict_aws: bool) -> None:  # noqa: FBT001
    r"""Start the sandbox and print what to export.

    \b
    Use it as: eval "$(python -m sandbox up)"
    """
    from sandbox import standing  # noqa: PLC0415 --help needs none of it

    run = standing.up(iam_enforcement=iam_enforcement, audit_log=audit_log, strict_aws=strict_aws)
    for name in _EXPORTED:
        print(f"export {name}={shlex.quote(run.facts[name])}")
    say("The sandbox runs. Export the lines above; `python -m sandbox down` stops it.")


@cli.command()
def down() -> None:
    """Stop the sandbox and remove its files."""
    from sandbox import standing  # noqa: PLC0415

    stopped = standing.down()
    say("The sandbox is stopped." if stopped else "No sandbox was running.")


@cli.command()
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def status(output: str) -> None:
    """Show each component: its process, address and state."""
    from sandbox import standing  # noqa: PLC0415

    run = standing.current()
    rows = [] if run is None else _rows(run)
    if output == "json":
        facts = {} if run is None else run.facts
        print(json.dumps({"facts": facts, "components": rows}, indent=2))
    elif rows:
        _print_table(rows)
    if run is None:
        say("No sandbox is running; `python -m sandbox up` starts one.")
    elif not run.running():
        say("A part of the sandbox does not run; `python -m sandbox up` starts all of it again.")
    if run is None or not run.running():
        sys.exit(_NOT_RUNNING)


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kubectl(arguments: tuple[str, ...]) -> None:
    """Run kubectl, of the server's version, against the running sandbox."""
    from sandbox import standing  # noqa: PLC0415

    run = standing.current()
    if run is None:
        raise SandboxError("No sandbox is running; `python -m sandbox up` starts one.")
    program = str(Path(run.facts["programs"]) / "kubectl")
    settings = {name: run.facts[name] for name in _EXPORTED}
    os.execve(program, ["kubectl", *arguments], {**os.environ, **settings})  # noqa: S606


@cli.command()
@click.option("--argocd", "gitops", is_flag=True, help="Argo CD and the CRDs of Flux as well.")
def build(*, gitops: bool) -> None:
    """Build or install the sandbox's programs into the cache, if they are not there yet."""
    from sandbox.aws import emulator  # noqa: PLC0415
    from sandbox.programs import argocd, binaries, flux, helm, promtool  # noqa: PLC0415

    print(binaries.locate())
    print(emulator.locate().parents[1])
    for major in helm.MAJORS:
        print(helm.locate(major))
    print(promtool.locate())
    if gitops:
        print(argocd.locate())
        print(*flux.crds(), sep="\n")


@cli.command("helm")
@click.argument("major", type=click.IntRange(3, 4))
def helm_program(major: int) -> None:
    """Print the path of Helm 3 or Helm 4; the first time it is built."""
    from sandbox.programs import helm  # noqa: PLC0415

    print(helm.locate(major))


@cli.command("audit-tool", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def audit_tool(name: str, words: tuple[str, ...]) -> None:
    """Run a tool of the audit; the first time they are installed."""
    from sandbox.programs import audit_tools  # noqa: PLC0415

    arguments = [*audit_tools.command(audit_tools.locate(), name), *words]
    os.execv(arguments[0], arguments)  # noqa: S606


@cli.command()
@click.option(
    "--keep", is_flag=True, help="Leave the sandbox, the operator and the pipeline running."
)
def demo(keep: bool) -> None:  # noqa: FBT001
    """From nothing to a live pipeline: operator, events, every number beside the truth."""
    from rich.console import Console  # noqa: PLC0415

    from sandbox import standing  # noqa: PLC0415
    from sandbox.demos.quickstart import NEXT, REPORT, Demo  # noqa: PLC0415
    from sandbox.instance import Sandbox  # noqa: PLC0415

    console = Console()
    started = time.monotonic()
    sandbox = standing.launch() if keep else Sandbox.start()
    show = Demo(sandbox, console)
    show.report.seconds["sandbox"] = round(time.monotonic() - started, 2)
    right = False
    try:
        right = show.run(keep=keep)
    finally:
        if keep:
            sandbox.release_ports()
        else:
            sandbox.stop()
        show.report.seconds["total"] = round(time.monotonic() - started, 2)
        show.save()
    total = show.report.seconds["total"]
    verdict = "[green]Every number is right[/green]" if right else "[red]A number differs[/red]"
    console.print(
        f"{verdict}: {total:.0f} s in all; the figures are in {REPORT.relative_to(Path.cwd())}"
    )
    if keep:
        say(NEXT)
    _end(sandbox.run, right=right, keep=False)


@cli.command("query-demo")
def query_demo() -> None:
    """Six weeks of events: reports on DuckDB and on a real Trino, beside the truth."""
    import tempfile  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415

    from sandbox.demos import archive_sql  # noqa: PLC0415

    console = Console()
    with tempfile.TemporaryDirectory(prefix="clickstream-query-demo-") as folder:
        right = archive_sql.run(console, Path(folder))
    console.print("Every row is the truth." if right else "Some rows are not the truth.")
    sys.exit(0 if right else 1)


@cli.command("producers-demo")
def producers_demo() -> None:
    """What six well-known producers send, each beside what is counted of it."""
    from rich.console import Console  # noqa: PLC0415

    from sandbox.demos.producers import ProducersDemo  # noqa: PLC0415
    from sandbox.instance import Sandbox  # noqa: PLC0415

    console = Console()
    sandbox = Sandbox.start()
    right = False
    try:
        right = ProducersDemo(sandbox, console).run()
    finally:
        sandbox.stop()
    console.print(
        "[green]Every number is right[/green]" if right else "[red]A number differs[/red]"
    )
    _end(sandbox.run, right=right, keep=False)


@cli.command()
@click.option(
    "--keep", is_flag=True, help="Leave the sandbox, the operator and the pipeline running."
)
def lifecycle(keep: bool) -> None:  # noqa: FBT001
    """Edit, break, scale, approve, suspend, delete and re-create, on an AWS with all its states."""
    from sandbox.demos.lifecycle.play import play  # noqa: PLC0415

    sandbox, right = play(keep=keep)
    _end(sandbox.run, right=right, keep=keep)


@cli.command("install-demo")
@click.option("--keep", is_flag=True, help="Leave sandbox, operators and pipelines running.")
def install_demo(keep: bool) -> None:  # noqa: FBT001
    """Install with Helm, apply, upgrade, fail over, roll back, uninstall and install again."""
    from sandbox.demos.installation.play import play  # noqa: PLC0415

    sandbox, right = play(keep=keep)
    _end(sandbox.run, right=right, keep=keep)


@cli.command("tenants-demo")
def tenants_demo() -> None:
    """Attack one tenant from the namespace of another, and print what stops each attack."""
    from sandbox.demos.tenants.play import play  # noqa: PLC0415

    sandbox, right = play()
    _end(sandbox.run, right=right, keep=False)


@cli.command("cli-demo")
@click.option("--write", is_flag=True, help="Renew docs/how-to/command-line-session.md.")
def cli_demo(write: bool) -> None:  # noqa: FBT001
    """Fourteen commands of the command line, each judged by what it shows."""
    from sandbox.demos.command_line import play  # noqa: PLC0415

    sys.exit(0 if play(write=write) else 1)


@cli.command("migrate-demo")
def migrate_demo() -> None:
    """A Terraform deployment to a Ready pipeline and back, with every event counted."""
    from sandbox.demos.migration import play  # noqa: PLC0415

    sys.exit(0 if play() else 1)


def _end(run: Run, *, right: bool, keep: bool) -> NoReturn:
    """Say how to reach what keeps running, and exit with 1 unless all was right."""
    if keep:
        for name in _EXPORTED:
            print(f"export {name}={shlex.quote(run.facts[name])}")
        say("Export the lines above; `make down` stops it all.")
    sys.exit(0 if right else 1)


def _rows(run: Run) -> list[dict[str, str | int]]:
    return [
        {
            "component": component.name,
            "pid": component.process.pid,
            "address": component.address,
            "state": "running" if component.process.alive() else "ended",
        }
        for component in run.components.values()
    ]


def _print_table(rows: list[dict[str, str | int]]) -> None:
    lines = [tuple(rows[0]), *(tuple(str(value) for value in row.values()) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def main() -> None:
    """Run the command line; a failure that we foresee is one message, not a traceback."""
    try:
        cli.main(prog_name="python -m sandbox", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        say("Interrupted; nothing was left running.")
        sys.exit(_INTERRUPTED)
    except (SandboxError, OSError) as error:
        if "--debug" in sys.argv:
            raise
        say(f"Error: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
