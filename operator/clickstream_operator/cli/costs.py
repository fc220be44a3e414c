"""Costs of specs: sums by service, and a comparison of the stream's modes and windows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cost import estimate
from clickstream_operator.cost.prices import DEFAULT_REGION, document
from clickstream_operator.cost.traffic import Traffic, shard_count, shards_needed

WINDOWS: Final = (0, 1, 5, 10, 15, 30, 60, 120, 300)
"""Batching windows that are compared, beside the spec's own."""
_ROOM: Final = 0.7
"""Share of a shard's throughput that the traffic may take; the rest is room for peaks."""
_PROFILE: Final = {
    "event_bytes": "bytes_per_event",
    "session_events": "events_per_session",
    "pages": "pages",
}


@dataclass(frozen=True, slots=True)
class Sums:
    """Dollars a month of one spec for some volumes."""

    region: str
    """Region whose prices they are."""
    exact_region: bool
    """Whether it is the pipeline's own."""
    dates: tuple[str, str]
    """First and last date of its prices."""
    volumes: tuple[int, ...]
    """Events a day."""
    services: Mapping[str, tuple[float, ...]]
    """Dollars of each service, by volume."""
    shards: tuple[int, ...]
    """Shards that are paid, by volume."""
    short_of: tuple[int, ...]
    """Shards that the traffic needs where there are fewer, else 0, by volume."""

    @property
    def totals(self) -> tuple[float, ...]:
        """Dollars of all services, by volume."""
        return tuple(map(sum, zip(*self.services.values(), strict=True)))

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "currency": "USD",
            "per": "month",
            "pricesOf": self.region,
            "exactRegion": self.exact_region,
            "pricesAt": self.dates[1],
            "estimates": [
                {
                    "eventsPerDay": volume,
                    "shards": self.shards[number],
                    "shardsNeeded": self.short_of[number] or self.shards[number],
                    "total": round(self.totals[number], 2),
                    "services": {
                        name: round(dollars[number], 2) for name, dollars in self.services.items()
                    },
                }
                for number, volume in enumerate(self.volumes)
            ],
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to run the stream, and its cost."""

    mode: str
    shards: int
    window: int
    """Seconds that an event waits at most for its batch."""
    dollars: float
    is_current: bool

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "mode": self.mode,
            "shards": self.shards,
            "batchingWindowSeconds": self.window,
            "total": round(self.dollars, 2),
            "isCurrent": self.is_current,
        }

    def spec(self, now: Spec) -> dict[str, Any]:
        """The members of a spec that choose it; alarms stay above twice the window."""
        stream = {"mode": self.mode}
        chosen: dict[str, Any] = {
            "stream": stream if self.mode == "OnDemand" else {**stream, "shards": self.shards},
            "processor": {"batchingWindowSeconds": self.window},
        }
        least = 2 * self.window + 30
        if now.alarms.iterator_age_seconds < least:
            chosen["alarms"] = {"iteratorAgeSeconds": least}
        return chosen


def traffic_of(volume: int, profile: Mapping[str, float | None]) -> Traffic:
    """The stated traffic with another volume, and with the parts of the profile that are given."""
    given = {_PROFILE[name]: value for name, value in profile.items() if value is not None}
    return Traffic(events_per_day=volume, **given)  # type: ignore[arg-type]


def sums(spec: Spec, region: str, traffics: Sequence[Traffic]) -> Sums:
    """Dollars a month by service, for each traffic."""
    found = [estimate(spec, region=region, traffic=traffic) for traffic in traffics]
    by_service = [one.by_service() for one in found]
    names = dict.fromkeys(name for each in by_service for name in each)
    prices = document()["regions"][found[0].region]
    dates = sorted(str(one["date"]) for one in prices.values())
    paid = tuple(shard_count(spec, traffic) for traffic in traffics)
    needed = map(shards_needed, traffics)
    return Sums(
        region=found[0].region,
        exact_region=found[0].exact_region,
        dates=(dates[0], dates[-1]),
        volumes=tuple(traffic.events_per_day for traffic in traffics),
        services={name: tuple(each.get(name, 0.0) for each in by_service) for name in names},
        shards=paid,
        short_of=tuple(n if n > have else 0 for n, have in zip(needed, paid, strict=True)),
    )


def choices(spec: Spec, region: str, traffic: Traffic) -> list[Choice]:
    """Ways to run the stream for a traffic: its modes, each with several windows.

    A provisioned stream has as many shards as the traffic needs with room for peaks, or as many as
    the spec has, where those are more.
    """
    now = (spec.stream.mode, spec.processor.batching_window_seconds, shard_count(spec, traffic))
    least = shards_needed(traffic, _ROOM)
    ways = [
        (mode, window, shards)
        for mode, counts in (("Provisioned", {least}), ("OnDemand", {0}))
        for shards in counts
        for window in sorted({*WINDOWS, now[1]})
    ]
    if spec.stream.mode == "Provisioned" and now[2] > least and spec.stream.autoscaling is None:
        ways += [("Provisioned", window, now[2]) for window in sorted({*WINDOWS, now[1]})]
    return [_choice(spec, region, traffic, way, now=now) for way in ways]


def cheapest(found: Iterable[Choice], *, within: int) -> Choice | None:
    """The cheapest of those that keep an event waiting so many seconds at most; None without one.

    Of equal ones the one with the shorter wait.
    """
    in_time = [one for one in found if one.window <= within]
    return min(in_time, key=lambda one: (round(one.dollars, 2), one.window), default=None)


def _choice(
    spec: Spec,
    region: str,
    traffic: Traffic,
    way: tuple[str, int, int],
    *,
    now: tuple[str, int, int],
) -> Choice:
    mode, window, shards = way
    stream = spec.stream.model_copy(
        update={"mode": mode, "shards": shards or spec.stream.shards, "autoscaling": None}
    )
    processor = spec.processor.model_copy(update={"batching_window_seconds": window})
    changed = spec.model_copy(update={"stream": stream, "processor": processor})
    paid = shard_count(changed, traffic)
    return Choice(
        mode=mode,
        shards=paid,
        window=window,
        dollars=estimate(changed, region=region, traffic=traffic).dollars,
        is_current=(mode, window, paid) == now,
    )


__all__ = [
    "DEFAULT_REGION",
    "Choice",
    "Spec",
    "Sums",
    "cheapest",
    "choices",
    "sums",
    "traffic_of",
]
