"""`trace`: one event, from the record in the stream to the items that count it."""

from __future__ import annotations

import json
import random
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import ExitCode
from clickstream_operator.cli.output import Column, note, print_document, print_table, waiting

if TYPE_CHECKING:
    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.sending import SendingSession
    from clickstream_operator.kube.objects import PipelineObject
    from clickstream_operator.query import PipelineReader

_COLUMNS: Final = (Column("STEP"), Column("AFTER S", numeric=True), Column("WHERE"))
_LOOK_SECONDS: Final = 0.5


@dataclass(slots=True)
class Step:
    """One place that the event has to reach; `after` in seconds, None before it is there."""

    name: str
    where: str
    after: float | None = None
    bad: bool = False

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        return {"step": self.name, "where": self.where, "afterSeconds": self.after}


@dataclass(slots=True)
class Trace:
    """The steps of one event."""

    session: str
    page: str
    moment: datetime
    steps: list[Step] = field(default_factory=list)


@click.command("trace", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--timeout", type=click.IntRange(1), default=180, show_default=True, help="Seconds to wait."
)
@click.option("--profile", help="Profile of the AWS credential.")
@click.option("-o", "--output", "form", type=click.Choice(("table", "json")), default="table")
def command(name: str, *, cluster: Cluster, timeout: int, profile: str | None, form: str) -> int:
    """Send one event, and follow it to the items that count it.

    It is a page view of a page and a session of its own, which counts as any other. Shown is where
    it is, and how long after it was sent: record, session item, page item, archived row. Exit code
    2 when it is not everywhere in time.
    """
    from clickstream_operator.aws.sending import SendingSession  # noqa: PLC0415
    from clickstream_operator.cli import aws, stages  # noqa: PLC0415

    obj = find(cluster, name)
    label = f"trace-{secrets.token_hex(6)}"
    trace = Trace(label, f"/{label}", stages.utc_now())

    async def work(session: SendingSession, effective: Effective) -> None:
        await _follow(session, effective, obj, trace, timeout)

    with waiting(f"following one event, for at most {timeout} s"):
        aws.of_pipeline(obj, work, profile=profile, session=SendingSession)
    if form == "json":
        document = {"session": trace.session, "page": trace.page}
        print_document({**document, "steps": [one.document() for one in trace.steps]}, form)
    else:
        rows = [
            (one.name, "-" if one.after is None else f"{one.after:.1f}", one.where)
            for one in trace.steps
        ]
        print_table(_COLUMNS, rows)
    missing = [one.name for one in trace.steps if one.after is None]
    bad = [one for one in trace.steps if one.bad]
    if bad:
        note(f"it is a bad row: {bad[0].where}; `explain` and the spec's events.fields help")
    elif missing:
        note(f"not there after {timeout} s: {', '.join(missing)}; `status` and `logs` look further")
    return ExitCode.FOUND if missing or bad else ExitCode.OK


async def _follow(
    session: SendingSession, effective: Effective, obj: PipelineObject, trace: Trace, seconds: int
) -> None:
    from clickstream_operator.api import components  # noqa: PLC0415
    from clickstream_operator.cli import results, stages  # noqa: PLC0415
    from clickstream_operator.cli.sending import MonotonicClock, Sender, until  # noqa: PLC0415

    clock = MonotonicClock()
    stream = effective.names[components.STREAM]
    sender = Sender(session, stream, clock=clock, chance=random.random)
    record = stages.probe(trace.session, trace.page, obj.spec, now=trace.moment)
    began = clock.time()
    sent = await sender.send([record])
    place = f"{stream} {sent.first_shard} {sent.first_sequence}"
    trace.steps = [
        Step("record", place, clock.time() - began),
        Step("session", effective.names[components.SESSION_METRICS]),
        Step("page", effective.names[components.PAGE_METRICS]),
    ]
    if obj.spec.archive.enabled:
        trace.steps.append(Step("archive", effective.names[components.ARCHIVE]))

    def look(clients: Any, step: Step) -> str:
        return _look(results.reader(clients, effective), step, trace)

    async def there() -> bool:
        for step in trace.steps:
            if step.after is None:
                found = await session.in_thread(partial(look, step=step))
                if found:
                    step.where, step.after = f"{step.where} {found}", clock.time() - began
        return all(one.after is not None for one in trace.steps)

    await until(there, clock=clock, seconds=seconds, every=_LOOK_SECONDS)


def _look(read: PipelineReader, step: Step, trace: Trace) -> str:
    """Where in a step's place the event is; empty before it is there."""
    if step.name == "session":
        return trace.session if read.session(trace.session) else ""
    if step.name == "page":
        hours = list(read.page_views(trace.page))
        return f"{trace.page} {hours[0]}" if hours else ""
    place = {"day": trace.moment.strftime("%Y-%m-%d"), "hour": trace.moment.strftime("%H")}
    for row in read.archived_events(**place):
        if trace.session in json.dumps(row.event):
            return f"lane {row.lane} sequence {row.sequence}"
    for bad in read.bad_rows(**place):
        if trace.session in json.dumps(bad.payload):
            step.bad = True
            return f"{bad.reason} ({bad.detail})"
    return ""
