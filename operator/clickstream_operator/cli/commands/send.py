"""`send`: events into the stream of a pipeline, and the counts compared with the truth."""

from __future__ import annotations

import random
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError, ExitCode
from clickstream_operator.cli.output import (
    Column,
    note,
    print_document,
    print_table,
    progress,
    waiting,
)

if TYPE_CHECKING:
    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.sending import SendingSession
    from clickstream_operator.cli.proof import Run
    from clickstream_operator.cli.sending import Sent
    from clickstream_operator.kube.objects import PipelineObject
    from clickstream_operator.synthetic import Row

_COLUMNS: Final = (
    Column("NUMBER"),
    Column("SENT", numeric=True),
    Column("FOUND", numeric=True),
    Column(""),
)
_KINDS: Final = ("shop", "bots", "messy")
_LOOK_SECONDS: Final = 2.0


@click.command("send", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option("--events", type=click.IntRange(1), help="Events. Default: rate times duration.")
@click.option(
    "--rate", type=click.FloatRange(0), default=50.0, show_default=True,
    help="Events a second; 0 is as fast as it goes.",
)  # fmt: skip
@click.option(
    "--duration", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Seconds."
)
@click.option(
    "--traffic", type=click.Choice(_KINDS), default="shop", show_default=True,
    help="Visitors of a shop; the same with bots; or with broken, late and repeated events.",
)  # fmt: skip
@click.option("--seed", type=int, help="The same seed makes the same events. Default: by chance.")
@click.option("--aggregate", is_flag=True, help="Pack records as Kinesis's own library does.")
@click.option(
    "--file", "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Your own events instead, one JSON object a line.",
)  # fmt: skip
@click.option("--verify", is_flag=True, help="Wait, and compare every number with the truth.")
@click.option(
    "--timeout", type=click.IntRange(1), default=180, show_default=True,
    help="With --verify: seconds to wait.",
)  # fmt: skip
@click.option("--profile", help="Profile of the AWS credential.")
@click.option("-o", "--output", "form", type=click.Choice(("table", "json")), default="table")
def command(
    name: str,
    *,
    cluster: Cluster,
    events: int | None,
    rate: float,
    duration: float,
    traffic: str,
    seed: int | None,
    aggregate: bool,
    file: str | None,
    verify: bool,
    timeout: int,
    profile: str | None,
    form: str,
) -> int:
    """Send events to a pipeline, and compare its counts with the truth.

    Sessions and pages carry a label of this run, so --verify tells them from all other traffic:
    events, sessions, page views, visitors and the archive, each as it was sent. Records that the
    stream does not accept are sent again. Exit code 2 when a number differs.
    """
    from clickstream_operator.cli import aggregation, events_sent, proof  # noqa: PLC0415

    if verify and file:
        raise click.UsageError("--verify knows the truth of made events only, not of --file")
    obj = find(cluster, name)
    now = datetime.now(UTC)
    run: Run | None = None
    seed = seed if seed is not None else secrets.randbelow(1 << 31)
    label = f"run-{seed:x}-{int(now.timestamp()):x}"
    if file:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        records = events_sent.read_file(text, str(obj.spec.events.fields.session))
    else:
        count = events or max(1, round((rate or 50.0) * duration))
        wish = events_sent.Wish(traffic, count, seed, label)
        made = events_sent.make(wish, obj.spec, now=now)
        run = proof.Run.of(made, label, obj.spec, sent_at=now)
        records = [(one.partition_key, one.data) for one in made.records]
    pack = aggregation.aggregated if aggregate else aggregation.alone
    packed = list(pack(records))
    total = sum(one.events for one in packed)
    if rate and total / rate > 1:
        note(f"sending {total:,} events in about {total / rate:,.0f} s, seed {seed}")
    sent = _send(obj, packed, rate, profile=profile)
    answer: dict[str, Any] = {
        "events": sent.events, "records": sent.records, "refused": sent.refused,
        "givenUp": sent.given_up, "seed": seed, "label": label,
    }  # fmt: skip
    if sent.given_up:
        raise CliError(
            f"{sent.events:,} events are in the stream, {sent.given_up:,} records are not: "
            f"{sent.reason}",
            "send slower with --rate, or give the stream more shards",
        )
    again = f", {sent.refused:,} records sent again" if sent.refused else ""
    summary = f"sent {sent.events:,} events in {sent.records:,} records{again}"
    if run is None or not verify:
        if form == "json":
            print_document(answer, form)
        else:
            click.echo(summary)
        return ExitCode.OK
    note(summary)
    began = time.monotonic()
    rows = _compare(obj, run, timeout=timeout, profile=profile)
    equal = all(row.equal for row in rows)
    if form == "json":
        print_document({**answer, "equal": equal, "rows": [one.document() for one in rows]}, form)
    else:
        print_table(
            _COLUMNS,
            [(one.what, f"{one.sent:,}", f"{one.found:,}", "ok" if one.equal else "FAIL")
             for one in rows],
        )  # fmt: skip
        seconds = time.monotonic() - began
        note(
            f"every number is as it was sent, {seconds:.0f} s later"
            if equal
            else f"not every number is there after {seconds:.0f} s; look at `status` and `logs`"
        )
    return ExitCode.OK if equal else ExitCode.FOUND


def _send(obj: PipelineObject, packed: list[Any], rate: float, *, profile: str | None) -> Sent:
    """Send, with progress; an interruption says how much is in the stream."""
    from clickstream_operator.api import components  # noqa: PLC0415
    from clickstream_operator.aws.sending import SendingSession  # noqa: PLC0415
    from clickstream_operator.cli import aws  # noqa: PLC0415
    from clickstream_operator.cli.sending import MonotonicClock, Sender, Sent  # noqa: PLC0415

    total = sum(one.events for one in packed)
    latest = Sent()

    async def work(session: SendingSession, effective: Effective) -> Sent:
        nonlocal latest
        sender = Sender(
            session,
            effective.names[components.STREAM],
            clock=MonotonicClock(),
            chance=random.random,
            on_progress=lambda sent: show(sent.events),
        )
        latest = sender.sent
        return await sender.send(packed, rate=rate)

    with progress(total, "sending") as show:
        try:
            return aws.of_pipeline(obj, work, profile=profile, session=SendingSession)
        except KeyboardInterrupt:
            raise CliError(
                f"interrupted: {latest.events:,} of {total:,} events are in the stream, and stay "
                "there",
                "send again for a whole run; it gets a label of its own",
            ) from None


def _compare(obj: PipelineObject, run: Run, *, timeout: int, profile: str | None) -> list[Row]:
    """The numbers when all are equal, or when the time is over."""
    from clickstream_operator.aws.read_only import ReadOnlySession  # noqa: PLC0415
    from clickstream_operator.cli import aws, proof, results  # noqa: PLC0415
    from clickstream_operator.cli.sending import MonotonicClock, until  # noqa: PLC0415

    rows: list[Row] = []

    async def work(session: ReadOnlySession, effective: Effective) -> list[Row]:
        async def equal() -> bool:
            rows[:] = await session.in_thread(
                lambda clients: proof.compare(run, results.reader(clients, effective))
            )
            return all(row.equal for row in rows)

        await until(equal, clock=MonotonicClock(), seconds=timeout, every=_LOOK_SECONDS)
        return rows

    with waiting(f"comparing with the truth, for at most {timeout} s"):
        return aws.of_pipeline(obj, work, profile=profile, session=ReadOnlySession)
