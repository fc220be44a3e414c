"""Reading back what a pipeline counted, archived and found, from its tables and its bucket."""

from clickstream_operator.query.reader import PipelineReader

__all__ = ["PipelineReader"]
