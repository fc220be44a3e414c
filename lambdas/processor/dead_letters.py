"""One message per bad object: at least once, and its key identifies it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.lanes import Lane


class DeadLetters:
    """Sends to the dead-letter queue of one pipeline."""

    def __init__(self, sqs: Any, *, queue_url: str, bucket: str, pipeline: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._bucket = bucket
        self._pipeline = pipeline

    def announce(self, lane: Lane, key: str, metadata: Mapping[str, str]) -> None:
        """Send the message of a bad object; `metadata` is the object's (S3 user metadata)."""
        message = {
            "kind": "bad_rows",
            "pipeline": self._pipeline,
            "bucket": self._bucket,
            "key": key,
            "shard": lane.shard,
            "lane": lane.code,
            "first": metadata["first"],
            "last": metadata["last"],
            "rows": int(metadata["rows"]),
            "reasons": json.loads(metadata["reasons"]),
        }
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message))
