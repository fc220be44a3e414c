"""Containers of the processor with settings, time limits and records of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from processor.processor import Processor
from tests.lambdas.pipelines import (
    COUNTERS,
    KEY,
    Pipeline,
    event,
)

POISON = b"a record that decoding does not survive"
SMALL_MEMORY, LARGE_MEMORY = 128, 1769


@dataclass
class Context:
    """Lambda's context; each question takes some of the time that is left."""

    left_ms: list[int] = field(default_factory=lambda: [60_000])

    def get_remaining_time_in_millis(self) -> int:
        """Return the next of the given times, the last one again and again."""
        return self.left_ms.pop(0) if len(self.left_ms) > 1 else self.left_ms[0]


def container(pipeline: Pipeline, **settings: Any) -> Processor:
    """Return the processor of a fresh container with its own settings."""
    return Processor(
        pipeline.config,
        dynamodb=pipeline.dynamodb,
        s3=pipeline.s3,
        sqs=pipeline.sqs,
        hash_key=KEY,
        clock=lambda: pipeline.now,
        out=pipeline.lines.append,
        **settings,
    )


def many(sessions: int) -> bytes:
    """Return one record of page views, each of another session and page."""
    return json.dumps(
        [event(session_id=f"s{n}", page_url=f"/p/{n}", user_id=None) for n in range(sessions)]
    ).encode()


def lane_item(pipeline: Pipeline) -> dict[str, Any]:
    """Return the only lane's item."""
    (item,) = [
        one for one in pipeline.dynamodb.items(COUNTERS) if one["metric_name"]["S"] == "lane"
    ]
    return item


def deadly(function: Any, error: BaseException) -> Any:
    """Let decoding the poison end in an error, which stands for death when it is a CrashError."""
    decoder: Any = function._decoder
    decode = decoder.decode

    def die(record: Any, *arguments: Any) -> Any:
        if record.data == POISON:
            raise error
        return decode(record, *arguments)

    decoder.decode = die
    return function
