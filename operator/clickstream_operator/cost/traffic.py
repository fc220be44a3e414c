"""Traffic of a pipeline, and the batches and items that it makes. Pure.

A shard gathers records until the batching window ends or the batch is full. A batch writes each
page, session and counter item once, so its cost depends on the number of *distinct* ones.
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
#: Bytes of a path in a list of pages, with its quotes and comma.
_NAME_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class Traffic:
    """Traffic profile: even over the day, one event in a record, and the session id as its key.

    The defaults are the stated traffic of `status.estimatedMonthlyCost`.
    """

    events_per_day: int = 1_000_000
    bytes_per_event: int = 430
    """Bytes of the JSON."""
    events_per_session: float = 50.0
    session_seconds: float = 1300.0
    """Length of a session."""
    pages: int = 400
    """Distinct paths, with a popularity by Zipf's law."""
    page_view_share: float = 0.9
    """Share of events that are page views."""
    event_types: int = 2
    """Distinct types."""
    bad_share: float = 0.0
    """Share of events that become bad rows."""
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
    """Batches of one function."""

    shards: int
    batch: float
    """Mean number of events in a batch."""
    batches: float
    """Batches a month, of all shards."""
    pages: float
    """Distinct page items of a batch."""
    sessions: float
    """Distinct session items of a batch."""
    counters: float
    """Distinct counter items of a batch."""
    listings: float
    """Write units of a batch for lists of pages that are new to the hour."""

    @property
    def writes(self) -> float:
        """Items that a batch writes."""
        return self.pages + self.sessions + self.counters


def shard_count(spec: Spec, traffic: Traffic) -> int:
    """Billed shards; with autoscaling as many as needed, within the bounds."""
    stream = spec.stream
    if stream.mode == "OnDemand":
        return max(_ON_DEMAND_SHARDS, shards_needed(traffic))
    if stream.autoscaling is None:
        return stream.shards
    scaling = stream.autoscaling
    wanted = shards_needed(traffic, scaling.target_utilization_percent / 100)
    return min(max(wanted, scaling.min_shards), scaling.max_shards)


def shards_needed(traffic: Traffic, utilization: float = 1.0) -> int:
    """Shards that the traffic needs when it is even.

    A shard takes 1,000 records or 1 MiB a second (Kinesis developer guide, "Quotas and limits").
    """
    rate = traffic.events_per_day / 86_400
    load = max(rate / _SHARD_RECORDS, rate * traffic.bytes_per_event / _SHARD_BYTES)
    return max(1, math.ceil(load / utilization))


def flow(spec: Spec, traffic: Traffic) -> Flow:
    """Batches that the event source mapping of the spec makes of the traffic."""
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
    """Write units of the lists of an hour's pages in one lane, with `batch_views` in a batch.

    A batch lists its pages that are new to the hour, in about 1 KB except at the start of the hour.
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
    """Expected distinct pages of `views` views, with a popularity by Zipf's law."""
    weights = [rank**-_SKEW for rank in range(1, pages + 1)]
    total = math.fsum(weights)
    return _expected(views, [weight / total for weight in weights])


def _sessions(events: float, live: float, length: float) -> float:
    """Expected distinct sessions of `events` events, each of which may end its session."""
    turnover = min(1.0, 1 / length)
    return _distinct(events, live) * (1 - turnover) + events * turnover


def _distinct(draws: float, kinds: float) -> float:
    """Expected distinct kinds of `draws` draws, if all are equally likely."""
    return kinds * _expected(draws, [1 / kinds])


def _expected(draws: float, chances: Iterable[float]) -> float:
    """Expected distinct kinds of `draws` draws; a part of a draw is one draw with that chance."""
    whole, share = max(1.0, draws), min(1.0, draws)
    return share * math.fsum(1 - (1 - chance) ** whole for chance in chances)
