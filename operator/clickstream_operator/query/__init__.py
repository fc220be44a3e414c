"""Results of a pipeline: page views, sessions, incidents and archived events, read back."""

from clickstream_operator.query.reader import PipelineReader

__all__ = ["PipelineReader"]
