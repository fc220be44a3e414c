"""Monthly cost of a pipeline: an estimate from its spec and a traffic profile. Pure."""

from clickstream_operator.cost.estimate import Estimate, estimate
from clickstream_operator.cost.shards import shards_text
from clickstream_operator.cost.traffic import Traffic

__all__ = [
    "Estimate",
    "Traffic",
    "estimate",
    "shards_text",
]
