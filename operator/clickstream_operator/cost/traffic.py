"""How much comes in, and what batches and items become of it.

Everything follows from rates: a shard gathers records for the batching window or until the batch is
full; a batch writes each page, session and counter item that it touches once, so what counts is how
many *distinct* ones it touches.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from clickstream_operator.api.v1alpha1 import Spec

DAYS: Final = 30.4
HOURS: Final = 730
SECONDS: Final = DAYS * 86_400
#: Skew of the page popularity (Zipf's exponent).
_SKEW: Final = 0.8
#: Lambda developer guide, "Lambda quotas": a payload is at most 6 MB; records are in base64, each
#: with about 400 bytes around it.
_PAYLOAD_BYTES: Final = 6_000_000
_AROUND_RECORD: Final = 400
#: An on-demand stream begins with four shards (Kinesis developer guide, "On-demand mode").
_ON_DEMAND_SHARDS: Final = 4
_SHARD_RECORDS: Final = 1000
_SHARD_BYTES: Final = 1_048_576
_MINUTE: Final = 60
#: Of a page's path in a list, with what stands around it.
_NAME_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class Traffic:
    """What producers send, evenly over the day, one event in each record, the session id as key.

    The defaults are the stated traffic of `status.estimatedMonthlyCost`. `bytes_per_event`: of the
    JSON. `session_seconds`: how long a session lasts. `pages`: distinct paths in use, with a Zipf
    popularity. `event_types`: distinct types. `bad_share`: share of events that are bad rows.
    """

    events_per_day: int = 1_000_000
    bytes_per_event: int = 430
    events_per_session: float = 50.0
    session_seconds: float = 1300.0
    pages: int = 400
    page_view_share: float = 0.9
    event_types: int = 2
    bad_share: float = 0.0
    alerts_per_day: float = 10.0

    @property
    def events(self) -> float:
        """Events a month."""
        return self.events_per_day * DAYS

    @property
    def sessions_per_day(self) -> float:
        """Sessions that begin in a day."""
        return self.events_per_day / self.events_per_session

    @property
    def live_sessions(self) -> float:
        """Sessions under way at any moment."""
        return max(1.0, self.sessions_per_day * self.session_seconds / 86_400)


@dataclass(frozen=True, slots=True)
class Flow:
    """What one function sees of the traffic.

    `batch` is the mean of events in a batch, `batches` their number a month over all shards;
    `pages`, `sessions` and `counters` are the distinct items that a batch touches, `listings` the
    write units of its list of pages that are new to the hour.
    """

    shards: int
    batch: float
    batches: float
    pages: float
    sessions: float
    counters: float
    listings: float

    @property
    def writes(self) -> float:
        """Items that a batch writes."""
        return self.pages + self.sessions + self.counters


def shard_count(spec: Spec, traffic: Traffic) -> int:
    """Shards that are paid for; with autoscaling as many as needed, within the bounds."""
    stream = spec.stream
    if stream.mode == "OnDemand":
        return max(_ON_DEMAND_SHARDS, shards_needed(traffic))
    if stream.autoscaling is None:
        return stream.shards
    scaling = stream.autoscaling
    wanted = shards_needed(traffic, scaling.target_utilization_percent / 100)
    return min(max(wanted, scaling.min_shards), scaling.max_shards)


def shards_needed(traffic: Traffic, utilization: float = 1.0) -> int:
    """Shards that take the even traffic.

    A shard takes 1,000 records or 1 MiB a second (Kinesis developer guide, "Quotas and limits").
    """
    rate = traffic.events_per_day / 86_400
    load = max(rate / _SHARD_RECORDS, rate * traffic.bytes_per_event / _SHARD_BYTES)
    return max(1, math.ceil(load / utilization))


def flow(spec: Spec, traffic: Traffic) -> Flow:
    """The batches that the spec's mapping makes of the traffic."""
    shards = shard_count(spec, traffic)
    rate = traffic.events_per_day / 86_400 / shards
    # Without a window Lambda polls each shard once a second.
    gathered = rate * max(1, spec.processor.batching_window_seconds)
    record = traffic.bytes_per_event * 4 / 3 + _AROUND_RECORD
    batch = max(1.0, min(gathered, spec.processor.batch_size, _PAYLOAD_BYTES / record))
    good = batch * (1 - traffic.bad_share)
    views = good * traffic.page_view_share
    live = max(1.0, traffic.live_sessions / shards)
    an_hour = rate * 3600 * (1 - traffic.bad_share) * traffic.page_view_share
    minutes = 1 + batch / rate / _MINUTE if rate else 1.0
    return Flow(
        shards=shards,
        batch=batch,
        batches=traffic.events / batch,
        pages=distinct_pages(views, traffic.pages),
        sessions=_sessions(good, live, traffic.events_per_session),
        counters=min(good, minutes * _distinct(good, traffic.event_types)),
        listings=listings(an_hour, views, traffic.pages) * batch / (rate * 3600) if rate else 0.0,
    )


def listings(views: float, batch_views: float, pages: int) -> float:
    """Write units for the lists of an hour's pages in one lane, `batch_views` at a time.

    A batch with pages that are new to the hour lists them, about 1 KB at most but in the beginning.
    """
    units, done, step = 0.0, 0.0, max(batch_views, 1.0)
    while done < views:
        until = min(views, done + step)
        batches = (until - done) / max(batch_views, 1.0)
        new = (distinct_pages(until, pages) - distinct_pages(done, pages)) / batches
        units += batches * max(1 - math.exp(-new), new * _NAME_BYTES / 1024)
        done, step = until, step * 2
    return units


@lru_cache(maxsize=256)
def distinct_pages(views: float, pages: int) -> float:
    """Pages among so many views, when their popularity follows Zipf's law."""
    weights = [rank**-_SKEW for rank in range(1, pages + 1)]
    total = math.fsum(weights)
    return _expected(views, [weight / total for weight in weights])


def _sessions(events: float, live: float, length: float) -> float:
    """Sessions among so many events, when each event is the last of its session by chance."""
    turnover = min(1.0, 1 / length)
    return _distinct(events, live) * (1 - turnover) + events * turnover


def _distinct(draws: float, kinds: float) -> float:
    """Kinds among so many draws when all are equally likely."""
    return kinds * _expected(draws, [1 / kinds])


def _expected(draws: float, chances: Iterable[float]) -> float:
    """Expected kinds among so many draws; less than one draw is one draw, now and then."""
    whole, share = max(1.0, draws), min(1.0, draws)
    return share * math.fsum(1 - (1 - chance) ** whole for chance in chances)
