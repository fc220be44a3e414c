"""Design of a pipeline: the spec becomes the list of its AWS resources. Pure."""

from clickstream_operator.pipeline.build import build, build_everything, build_stream, is_part
from clickstream_operator.pipeline.context import BuildContext
from clickstream_operator.pipeline.outputs import pipeline_outputs

__all__ = [
    "BuildContext",
    "build",
    "build_everything",
    "build_stream",
    "is_part",
    "pipeline_outputs",
]
