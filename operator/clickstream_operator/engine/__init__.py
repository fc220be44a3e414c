"""Generic engine: observes, plans, applies and deletes resources; knows no AWS service."""

from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.delete import Deleter
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Policy
from clickstream_operator.engine.resource import Resource

__all__ = [
    "Applier",
    "Deleter",
    "Outcome",
    "Policy",
    "Resource",
]
