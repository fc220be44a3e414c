"""One reconcile of one pipeline: observe and apply, or finalize, then write the status."""

from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.reconciler import Reconciler

__all__ = [
    "OperatorConfig",
    "Reconciler",
]
