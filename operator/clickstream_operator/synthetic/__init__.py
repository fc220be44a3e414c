"""Synthetic traffic whose outcome is known: records for the stream, and the truth about them."""

from clickstream_operator.synthetic.agreement import Row
from clickstream_operator.synthetic.generator import Record, SessionTruth, Traffic, Truth, generate

__all__ = ["Record", "Row", "SessionTruth", "Traffic", "Truth", "generate"]
