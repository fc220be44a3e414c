"""`cost`: dollars a month by service, from specs and a traffic profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.options import file_options
from clickstream_operator.cli.output import Column, note, print_document, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickstream_operator.cli.costs import Choice, Sums

_UNITS: Final = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


class Volume(click.ParamType[int]):
    """A number of events, for example 250k or 1.5M."""

    name = "events"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        text = str(value)
        unit = next((unit for unit in ("k", "M", "G") if text.endswith(unit)), "")
        try:
            number = float(text.removesuffix(unit)) * _UNITS[unit]
        except ValueError:
            number = 0
        if not 1 <= number <= _UNITS["G"] * 100:
            self.fail(f"{text} is no number of events; write 10k, 1M or 100M", param, ctx)
        return round(number)


@click.command("cost", cls=Command)
@file_options(required=False)
@click.option(
    "--for",
    "volumes",
    type=Volume(),
    multiple=True,
    default=("1M",),
    show_default="1M",
    help="Events a day, for example 10k, 1M or 100M; may be given several times.",
)
@click.option("--event-bytes", type=click.IntRange(1, 1_000_000), help="Bytes of an event's JSON.")
@click.option("--session-events", type=click.FloatRange(1), help="Events of a session.")
@click.option("--pages", type=click.IntRange(1), help="Distinct pages.")
@click.option("--region", help="Region of manifests that name none.")
@click.option("--compare", is_flag=True, help="Compare modes and windows of the stream instead.")
@click.option(
    "--within",
    type=click.IntRange(0, 300),
    default=60,
    show_default=True,
    help="With --compare: seconds that an event may wait until it is counted.",
)
@click.option("-o", "--output", "form", type=click.Choice(("table", "json", "yaml")))
def command(
    files: tuple[str, ...],
    *,
    recursive: bool,
    volumes: tuple[int, ...],
    region: str | None,
    compare: bool,
    within: int,
    form: str | None,
    **profile: float | None,
) -> None:
    """Estimate the cost of pipelines, by service.

    List prices in dollars a month, without free tier, discounts and taxes. Without -f it is the
    pipeline of an empty spec. --compare finds the cheapest mode and window of the stream by which
    an event is counted in time.
    """
    from clickstream_operator.cli import costs  # noqa: PLC0415
    from clickstream_operator.cli.manifest import key_of, load, valid_pipelines  # noqa: PLC0415

    specs = [("spec: {}", costs.Spec())]
    if files:
        found = valid_pipelines(load(files, recursive=recursive))
        specs = [(key_of(one.body), spec) for one, spec in found]
    traffics = [costs.traffic_of(volume, profile) for volume in volumes]
    if compare and len(traffics) > 1:
        raise click.UsageError("--compare takes one --for; the cheapest way depends on it")
    documents = []
    for name, spec in specs:
        where = spec.region or region or costs.DEFAULT_REGION
        if compare:
            choices = costs.choices(spec, where, traffics[0])
            best = costs.cheapest(choices, within=within)
            if best is None:
                raise CliError(f"no way counts an event within {within} s", "raise --within")
            document = _comparison(name, choices, best, within)
            documents.append({**document, "spec": best.spec(spec)})
            if not form:
                _print_comparison(name, choices, best, within)
            continue
        sums = costs.sums(spec, where, traffics)
        documents.append({"name": name, **sums.document()})
        if not form:
            _print_sums(name, sums)
    if form in {"json", "yaml"}:
        print_document(documents if len(documents) > 1 else documents[0], form)


def _print_sums(name: str, sums: Sums) -> None:
    heads = [
        Column("SERVICE"),
        *(Column(f"{_short(one)}/DAY", numeric=True) for one in sums.volumes),
    ]
    rows = [
        (service, *(f"{dollars:,.2f}" for dollars in each))
        for service, each in sums.services.items()
    ]
    rows.append(("total a month", *(f"{dollars:,.2f}" for dollars in sums.totals)))
    print_table(heads, rows)
    note(f"{name}: dollars a month, {_prices(sums.region, sums.dates[1], sums.exact_region)}")
    for volume, have, needed in zip(sums.volumes, sums.shards, sums.short_of, strict=True):
        if needed:
            note(
                f"{have} shard{'s' * (have != 1)} can't take {_short(volume)} events a day: "
                f"at least {needed} are needed, see --compare"
            )


def _print_comparison(name: str, choices: Sequence[Choice], best: Choice, within: int) -> None:
    rows = [
        (
            one.mode,
            one.shards,
            one.window,
            f"{one.dollars:,.2f}",
            " ".join(
                [*(["cheapest"] if one == best else []), *(["now"] if one.is_current else [])]
            ),
        )
        for one in choices
    ]
    columns = (
        Column("MODE"),
        Column("SHARDS", numeric=True),
        Column("WINDOW S", numeric=True),
        Column("DOLLARS", numeric=True),
        Column(""),
    )
    print_table(columns, rows)
    note(
        f"{name}: cheapest within {within} s is {best.mode} with {best.shards} "
        f"shard{'s' * (best.shards != 1)} and a window of {best.window} s"
    )
    note("The window is how long an event waits at most for its batch; the function's run follows.")


def _comparison(name: str, choices: Sequence[Choice], best: Choice, within: int) -> dict[str, Any]:
    return {
        "name": name,
        "withinSeconds": within,
        "cheapest": best.document(),
        "choices": [one.document() for one in choices],
    }


def _prices(region: str, date: str, exact: bool) -> str:  # noqa: FBT001 - one fact of three
    of = f"list prices of {region} of {date}"
    return of if exact else f"{of}, which stand in for those of the pipeline's own region"


def _short(volume: int) -> str:
    """A number of events in its largest unit."""
    for unit in ("G", "M", "k"):
        if volume >= _UNITS[unit]:
            return f"{volume / _UNITS[unit]:g}{unit}"
    return str(volume)
