"""The loop between resyncs that fits the shard count of a stream to its load."""

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
