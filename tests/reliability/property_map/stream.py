"""Rows of the stream and its autoscaling."""

from __future__ import annotations

from typing import Final

from tests.reliability.property_map.row import (
    KEY,
    Spec,
    aws_row,
    engine_row,
    function_row,
    key_rows,
)

_SCALES: Final = "tests/integration/scaling/test_autoscaling.py"
_ROOM: Final[Spec] = {"anomalyDetection": {"memoryMiB": 256}}
_WARM: Final[Spec] = {"stream": {"mode": "OnDemand", "warmThroughputMiBps": 50}}
_LONG_TTL: Final[Spec] = {"tables": {"ttl": {"sessionMetricsHours": 96, "countersHours": 96}}}

ROWS: Final = [
    aws_row("stream.mode", "stream.mode", "OnDemand",
            before="PROVISIONED", after="ON_DEMAND"),
    aws_row("stream.shards", "stream.shards", 4, before=2, after=4),
    engine_row("stream.autoscaling.minShards", "shards at least",
               f"{_SCALES}::test_quiet_hours_halve_the_shards_down_to_the_bound",
               f"{_SCALES}::test_count_outside_the_bounds_is_brought_back"),
    engine_row("stream.autoscaling.maxShards", "shards at most",
               f"{_SCALES}::test_count_outside_the_bounds_is_brought_back"),
    engine_row("stream.autoscaling.targetUtilizationPercent", "load at which shards are doubled",
               f"{_SCALES}::test_load_doubles_the_shards"),
    engine_row("stream.autoscaling.scaleDownAfterSeconds", "low use after which shards are halved",
               f"{_SCALES}::test_quiet_hours_halve_the_shards_down_to_the_bound"),
    aws_row("stream.maxRecordSizeKiB", "stream.maxRecordSizeKiB", 2048, before=1024, after=2048,
            given=_ROOM),
    function_row("stream.maxRecordSizeKiB", "largest_event", "KiB of the largest event", 2048,
                 before=1024, after=2048, given=_ROOM),
    aws_row("stream.warmThroughputMiBps", "stream.warmThroughputMiBps", 60, before=50, after=60,
            given=_WARM),
    aws_row("stream.retentionHours", "stream.retentionHours", 48,
            before=24, after=48, given=_LONG_TTL),
    function_row("stream.retentionHours", "lane_lifetime",
                 "hours that a lane's item outlives its last record", 48,
                 stores=["counters"], before=48, after=72, given=_LONG_TTL),
    aws_row("stream.kmsKeyId", "stream.encryption.keyId", KEY,
            before="alias/aws/kinesis", after=KEY),
    *key_rows("stream.kmsKeyId", "processor", "detector"),
    aws_row("stream.shardLevelMetrics", "stream.shardLevelMetrics",
            ["IncomingBytes", "IncomingRecords"],
            before=["IncomingRecords", "OutgoingRecords"],
            after=["IncomingBytes", "IncomingRecords"]),
]  # fmt: skip
