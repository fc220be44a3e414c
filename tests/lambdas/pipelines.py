"""A pipeline in memory: config, clients, functions and the batches that Lambda would hand them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

from clickstream_operator.query import PipelineReader
from detector.detector import Detector
from processor.processor import Processor
from shared.config import Config, parse_config
from tests.lambdas.memory_aws import (
    Faults,
    MemoryDynamoDB,
    MemoryS3,
    MemorySNS,
    MemorySQS,
    epoch,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOW = epoch("2026-11-23T12:00:30")
EPOCH, SHARD = "e1", "shardId-000000000000"
KEY = b"a key for tests"
PAGES, SESSIONS, COUNTERS = "p-page-metrics", "p-session-metrics", "p-counters"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:p-alerts"
KEYS: dict[str, tuple[str, ...]] = {
    PAGES: ("page_url", "timestamp_hour"),
    SESSIONS: ("session_id",),
    COUNTERS: ("metric_name", "time_window"),
}
FIRST_SEQUENCE = 49590338271490256608559692538361571095921575989136588898


def config_document(**changes: Any) -> dict[str, Any]:
    """Return a valid config as JSON data; `changes` replace top-level members."""
    document: dict[str, Any] = {
        "version": 1,
        "function": "processor",
        "pipeline": "shop-abcd2345",
        "streamEpoch": EPOCH,
        "tables": {"pageMetrics": PAGES, "sessionMetrics": SESSIONS, "counters": COUNTERS},
        "bucket": "p-archive",
        "archive": {"enabled": True, "compression": "Gzip"},
        "deadLetterQueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/p-dead-letter",
        "events": {
            "fields": {
                "type": "event_type",
                "session": "session_id",
                "user": "user_id",
                "time": "timestamp",
                "page": "page_url",
                "userAgent": "user_agent",
                "ip": "ip_address",
                "referrer": "referrer",
                "country": "country",
                "id": "event_id",
            },
            "maxPastSeconds": 79200,
            "maxFutureSeconds": 600,
        },
        "privacy": {
            "ipAddress": "Truncate",
            "userId": "Hash",
            "queryParameters": ["utm_*"],
            "dropFields": [],
            "hashKeyParameter": "/clickstream/shop-abcd2345/hash-key",
        },
        "metrics": [],
        "ttl": {
            "pageMetricsDays": 7,
            "sessionMetricsHours": 48,
            "countersHours": 48,
            "laneHours": 48,
        },
        "detection": make_detection(),
        "logLevel": "INFO",
    }
    return document | changes


def make_detection(**changes: Any) -> dict[str, Any]:
    """Return detection settings, changed."""
    return {
        "enabled": True,
        "stream": "p",
        "sensitivity": "Medium",
        "disabledRules": [],
        "rules": [],
        "alertsTopicArn": TOPIC,
    } | changes


def make_privacy(**changes: Any) -> dict[str, Any]:
    """Return privacy settings as the config holds them."""
    return {
        "ipAddress": "Truncate",
        "userId": "Hash",
        "queryParameters": ["utm_*"],
        "dropFields": [],
        "hashKeyParameter": "/k",
    } | changes


def make_config(**changes: Any) -> Config:
    """Return a valid config."""
    return parse_config(json.dumps(config_document(**changes)))


class Pipeline:
    """One pipeline's stores, with a new container of each function whenever a test asks."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or make_config()
        self.now = NOW
        self.faults = Faults()
        self.dynamodb = MemoryDynamoDB(KEYS, self.faults)
        self.s3 = MemoryS3(self.faults)
        self.sqs = MemorySQS(self.faults)
        self.sns = MemorySNS(self.faults)
        self.lines: list[str] = []

    def processor(self) -> Processor:
        """Return the processor of a fresh container."""
        return Processor(
            self.config,
            dynamodb=self.dynamodb,
            s3=self.s3,
            sqs=self.sqs,
            hash_key=KEY,
            clock=lambda: self.now,
            out=self.lines.append,
        )

    def detector(self) -> Detector:
        """Return the detector of a fresh container."""
        return Detector(
            self.config,
            dynamodb=self.dynamodb,
            sns=self.sns,
            hash_key=KEY,
            clock=lambda: self.now,
            out=self.lines.append,
        )

    def readback(self, hash_key: bytes | None = KEY) -> PipelineReader:
        """Return a reader of everything."""
        return PipelineReader(
            dynamodb=self.dynamodb,
            s3=self.s3,
            page_metrics_table=PAGES,
            session_metrics_table=SESSIONS,
            counters_table=COUNTERS,
            bucket="p-archive",
            clock=lambda: self.now,
            hash_key=hash_key,
        )

    def metric_lines(self, name: str) -> list[dict[str, Any]]:
        """Return the metric lines that carry a metric."""
        parsed = [json.loads(line) for line in self.lines]
        return [line for line in parsed if "_aws" in line and name in line]

    def everything_stored(self) -> str:
        """Return every object, item, message and line as one text."""
        parts = [*self.s3.objects, *self.lines, *self.sqs.messages]
        for body, metadata in self.s3.objects.values():
            parts.append(gzip.decompress(body).decode() if body else "")
            parts.append(json.dumps(metadata))
        for table in self.dynamodb.tables:
            parts += [repr(item) for item in self.dynamodb.items(table)]
        parts += [json.dumps(message, ensure_ascii=False) for message in self.sns.messages]
        parts += [message["Message"] for message in self.sns.messages]
        return "\n".join(parts)


def invocation(
    payloads: Sequence[bytes],
    *,
    start: int = 0,
    shard: str = SHARD,
    arrival: float = NOW,
    arrivals: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Return Lambda's event for the records of a shard, the first of which is its `start`-th."""
    return {
        "Records": [
            {
                "eventID": f"{shard}:{FIRST_SEQUENCE + start + index}",
                "eventSource": "aws:kinesis",
                "kinesis": {
                    "sequenceNumber": str(FIRST_SEQUENCE + start + index),
                    "partitionKey": "k",
                    "approximateArrivalTimestamp": arrivals[index] if arrivals else arrival,
                    "data": base64.b64encode(payload).decode(),
                },
            }
            for index, payload in enumerate(payloads)
        ]
    }


def event(**members: Any) -> dict[str, Any]:
    """Return an event as a producer sends it; None removes a member."""
    document = {
        "event_type": "page_view",
        "session_id": "session-1",
        "user_id": "user-456",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "page_url": "/products",
        "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
        "ip_address": "192.168.1.100",
    } | members
    return {name: value for name, value in document.items() if value is not None}


def encode(documents: Iterable[Any]) -> list[bytes]:
    """Return each document as the bytes of a record."""
    return [json.dumps(document).encode() for document in documents]
