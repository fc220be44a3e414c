"""Stages of a benchmark: events at one rate, with probes that tell when they are counted."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import quantiles
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli.aggregation import Packed
from clickstream_operator.cli.events_sent import member_names, page_view_type
from clickstream_operator.cli.sending import Clock, Sender, Sent, Session
from clickstream_operator.query import PipelineReader

_LOOK_SECONDS: Final = 0.5
Reading = Callable[[Callable[[PipelineReader], Any]], Any]
"""Runs something with the pipeline's reader beside the event loop."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Result of one stage; times in seconds, None where nothing was measured."""

    wanted: float
    """Events a second that were asked for; 0 is as fast as it went."""
    reached: float
    """Events a second that the stream took."""
    refused: int
    """Records that had to be sent again."""
    given_up: int
    put_median: float | None
    put_slowest: float | None
    """The 99th percentile of the requests."""
    counted_median: float | None
    """From sending a probe until its session is in the table."""
    counted_slowest: float | None
    probes: int
    probes_missing: int

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "wantedPerSecond": self.wanted,
            "reachedPerSecond": round(self.reached, 1),
            "refused": self.refused,
            "givenUp": self.given_up,
            "putMedianSeconds": self.put_median,
            "putSlowestSeconds": self.put_slowest,
            "countedMedianSeconds": self.counted_median,
            "countedSlowestSeconds": self.counted_slowest,
            "probes": self.probes,
            "probesMissing": self.probes_missing,
        }


def probe(session: str, page: str, spec: Spec, *, now: datetime) -> Packed:
    """One page view of a session of its own, in the form that the spec reads.

    The user's id is in no other member: where privacy hides it, it is hidden there as well, and
    neither session nor page would be found.
    """
    names = member_names(spec)
    event = {
        names["event_type"]: page_view_type(spec),
        names["session_id"]: session,
        names["user_id"]: f"user of {session}",
        names["timestamp"]: now.isoformat(timespec="milliseconds"),
        names["page_url"]: page,
        names["event_id"]: session,
    }
    return Packed(session, json.dumps(event).encode(), 1)


async def run_stage(
    session: Session,
    stream: str,
    records: Sequence[Packed],
    *,
    rate: float,
    probes: Callable[[int], Packed],
    reading: Reading,
    clock: Clock,
    patience: float,
    on_progress: Callable[[Sent], None],
) -> Stage:
    """Send records at a rate, a probe each second, and wait until the probes are counted."""
    sender = Sender(session, stream, clock=clock, chance=random.random, on_progress=on_progress)
    began = clock.time()
    sending = asyncio.ensure_future(sender.send(records, rate=rate))
    sent_at: dict[str, float] = {}
    found_at: dict[str, float] = {}
    number = 0
    end = None
    try:
        while True:
            if sending.done():
                sending.result()
                end = end or clock.time()
                if (len(found_at) == len(sent_at) and sent_at) or clock.time() > end + patience:
                    break
            elif clock.time() - began >= number:
                one = probes(number)
                number += 1
                sent_at[one.partition_key] = clock.time()
                await Sender(session, stream, clock=clock, chance=random.random).send([one])
            for name in sent_at.keys() - found_at.keys():
                if await reading(partial(_session, name)) is not None:
                    found_at[name] = clock.time()
            await clock.sleep(_LOOK_SECONDS)
    finally:
        sending.cancel()
    sent = sender.sent
    delays = [found_at[name] - sent_at[name] for name in found_at]
    return Stage(
        wanted=rate,
        reached=sent.events / max(0.001, (end or clock.time()) - began),
        refused=sent.refused,
        given_up=sent.given_up,
        put_median=_part(sent.seconds, 50),
        put_slowest=_part(sent.seconds, 99),
        counted_median=_part(delays, 50),
        counted_slowest=max(delays) if delays else None,
        probes=len(sent_at),
        probes_missing=len(sent_at) - len(found_at),
    )


def _part(values: Sequence[float], percent: int) -> float | None:
    """The percentile of some values; None without any."""
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _session(name: str, read: PipelineReader) -> Any:
    return read.session(name)


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)
