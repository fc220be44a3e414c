"""`init`: a first manifest, by questions or flags, with the meaning of each field beside it."""

from __future__ import annotations

import sys
from typing import Any

import click

from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import hand_over, note

_PRESETS = ("minimal", "low-cost", "production", "on-demand", "privacy-strict", "ephemeral")
_PRODUCERS = ("own", "snowplow")


@click.command("init", cls=Command)
@click.argument("name", required=False)
@click.option("-n", "--namespace", help="Namespace of the pipeline.")
@click.option("--region", help="AWS region. Default: the operator's.")
@click.option("--environment", help="Environment, as a tag: dev, prod.")
@click.option("--preset", type=click.Choice(_PRESETS), help="What to begin with.")
@click.option(
    "--producer",
    type=click.Choice(_PRODUCERS),
    help="What makes the events, which decides the names of their members.",
)
@click.option("--email", "emails", multiple=True, help="Address for alerts; may be repeated.")
@click.option("-o", "--output", "file", help="File to write; it must not exist yet.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; what is not given has its default.")
def command(*, file: str | None, yes: bool, **given: Any) -> None:
    """Write a first manifest, with comments.

    On a terminal it asks for what is not given. The manifest is valid, and its cost is told.
    """
    from clickstream_operator.api.v1alpha1 import Spec  # noqa: PLC0415
    from clickstream_operator.cli.manifest import faults_of  # noqa: PLC0415
    from clickstream_operator.cli.new_manifest import commented, manifest  # noqa: PLC0415
    from clickstream_operator.cost import estimate  # noqa: PLC0415

    answers = _answers(given, ask=sys.stdin.isatty() and not yes)
    body = manifest(answers)
    for fault in faults_of(body):
        raise CliError(str(fault))
    dollars = estimate(Spec.model_validate(body["spec"]), region=answers.region).text()
    cost = f"about ${dollars.lstrip('~')} a month at a million events a day, by list prices"
    text = commented(
        body, heading=f"Made by `clickstream init`: {cost}. `kubectl explain csp.spec` has more."
    )
    hand_over(text, file)
    if file is None:
        return
    note(f"{file}: {cost}")
    note(f"next: clickstream plan -f {file}, then kubectl apply -f {file}")


def _answers(given: dict[str, Any], *, ask: bool) -> Any:
    from clickstream_operator.cli.new_manifest import Answers  # noqa: PLC0415

    def answer(key: str, question: str, default: str, choices: tuple[str, ...] = ()) -> str:
        if given[key] is not None or not ask:
            return str(given[key] or default)
        kind = click.Choice(choices) if choices else None
        return str(click.prompt(question, default=default, type=kind, err=True))

    emails = given["emails"]
    answers = {
        "name": answer("name", "Name of the pipeline", "clickstream"),
        "namespace": answer("namespace", "Namespace", "default"),
        "region": answer("region", "AWS region (empty: the operator's)", ""),
        "environment": answer("environment", "Environment", ""),
        "preset": answer("preset", "Begin with", "minimal", _PRESETS),
        "producer": answer("producer", "Events come from", "own", _PRODUCERS),
    }
    if ask and not emails:
        text = str(click.prompt("E-mails for alerts, with commas", default="", err=True))
        emails = tuple(part.strip() for part in text.split(",") if part.strip())
    return Answers(**answers, emails=tuple(emails))
