"""Shards that follow the load: the loop that resizes a stream between resyncs."""

from clickstream_operator.autoscaling.autoscaler import (
    EVERY_SECONDS,
    Scaling,
    event,
    scale,
    scales,
    shown,
    with_blocker,
)

__all__ = [
    "EVERY_SECONDS",
    "Scaling",
    "event",
    "scale",
    "scales",
    "shown",
    "with_blocker",
]
