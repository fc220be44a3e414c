"""Process of the operator: watch, work queue, workers and election around one reconciler."""

from clickstream_operator.runtime.process import run

__all__ = [
    "run",
]
