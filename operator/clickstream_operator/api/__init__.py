"""Contract with users: spec, status, conditions, reasons, and the CRD made of them."""

from clickstream_operator.api import components, v1alpha1
from clickstream_operator.api.reasons import Reason

__all__ = [
    "Reason",
    "components",
    "v1alpha1",
]
