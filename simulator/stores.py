"""The stores of one pipeline in memory, its configuration from the operator, and a reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from clickstream_layout.tables import COUNTER_KEY, PAGE_KEY, SESSION_KEY
from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.pipeline.function_config import Function, as_text, document
from clickstream_operator.query import PipelineReader
from simulator.objects import Bucket, Queue, Topic
from simulator.tables import Tables
from simulator.tail import Tail
from simulator.usage import Usage

BASE: Final = "shop-abcd2345"
PAGES: Final = f"{BASE}-page-metrics"
SESSIONS: Final = f"{BASE}-session-metrics"
COUNTERS: Final = f"{BASE}-counters"
ARCHIVE: Final = f"{BASE}-archive"
KEYS: Final[dict[str, tuple[str, ...]]] = {
    PAGES: PAGE_KEY,
    SESSIONS: SESSION_KEY,
    COUNTERS: COUNTER_KEY,
}
HASH_KEY: Final = b"the hash key of simulated pipelines"
_PHYSICAL: Final = {
    components.PAGE_METRICS: PAGES,
    components.SESSION_METRICS: SESSIONS,
    components.COUNTERS: COUNTERS,
    components.ARCHIVE: ARCHIVE,
    components.STREAM: f"{BASE}-events",
    components.HASH_KEY: f"/clickstream/{BASE}/hash-key",
}


class Stores:
    """Tables, bucket, queue and topic of one pipeline, and the end of its stream."""

    def __init__(self, stale: Callable[[], bool] = lambda: False) -> None:
        self.usage = Usage()
        self.tables = Tables(KEYS, self.usage, stale)
        self.bucket = Bucket(self.usage)
        self.queue = Queue(self.usage)
        self.topic = Topic(self.usage)
        self.tail = Tail()

    def readback(self, clock: Callable[[], float]) -> PipelineReader:
        """Return a reader of everything; `clock` in epoch seconds."""
        return PipelineReader(
            dynamodb=self.tables,
            s3=self.bucket,
            page_metrics_table=PAGES,
            session_metrics_table=SESSIONS,
            counters_table=COUNTERS,
            bucket=ARCHIVE,
            clock=clock,
        )


def make_config(function: Function, spec: Spec, epoch: str) -> Any:
    """Return a function's config, made by the operator's code and read by the function's."""
    from shared.config import parse_config  # noqa: PLC0415 - lambdas/ is a path of its own

    return parse_config(
        as_text(
            document(
                function,
                spec=spec,
                base=BASE,
                physical=_PHYSICAL,
                stream_epoch=epoch,
                dead_letter_url=f"https://sqs.eu-west-1.amazonaws.com/123456789012/{BASE}",
                topic_arn=f"arn:aws:sns:eu-west-1:123456789012:{BASE}-alerts",
            )
        )
    )
