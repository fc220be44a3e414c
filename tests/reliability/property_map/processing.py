"""Rows of the processor and its mapping."""

from __future__ import annotations

from typing import Final

from tests.reliability.property_map.row import OWN_ROLE, ROLE, Spec, aws_row, function_row

_NO_DETECTOR: Final[Spec] = {"anomalyDetection": {"enabled": False}}
_WITH_DETECTOR: Final[Spec] = {"anomalyDetection": {"enabled": True}}

ROWS: Final = [
    aws_row("processor.memoryMiB", "processor.memoryMiB", 512,
            before=256, after=512),
    aws_row("processor.timeoutSeconds", "processor.timeoutSeconds", 120,
            before=60, after=120),
    aws_row("processor.timeoutSeconds", "alarm-processor-duration.threshold", 120,
            before=48000.0, after=96000.0),
    aws_row("processor.batchSize", "mappings.batchSize", 500, before=1000, after=500),
    aws_row("processor.batchingWindowSeconds", "mappings.batchingWindowSeconds", 40, before=5,
            after=40),
    aws_row("processor.maximumRetryAttempts", "mappings.maximumRetryAttempts", 50,
            before=-1, after=50),
    aws_row("processor.maximumRecordAgeSeconds", "mappings.maximumRecordAgeSeconds", 43200,
            before=79200, after=43200),
    aws_row("processor.startingPosition.type", "new mapping", "Latest",
            part="EventSourceMappings[0].StartingPosition", before=None, after="LATEST",
            given=_NO_DETECTOR, also=_WITH_DETECTOR,
            effect="in a new mapping"),
    aws_row("processor.startingPosition.timestamp", "new mapping", "2026-11-01T00:00:00Z",
            part="EventSourceMappings[0].StartingPositionTimestamp",
            before=None, after="2026-11-01T00:00:00+00:00", given=_NO_DETECTOR,
            also={**_WITH_DETECTOR, "processor": {"startingPosition": {"type": "AtTimestamp"}}},
            effect="in a new mapping"),
    aws_row("processor.reservedConcurrency", "processor.reservedConcurrency", 10, before=None,
            after=10),
    aws_row("processor.architecture", "processor.architecture", "x86_64",
            before=["arm64"], after=["x86_64"]),
    aws_row("processor.architecture", "detector.architecture", "x86_64",
            before=["arm64"], after=["x86_64"]),
    aws_row("processor.logLevel", "processor.logging.level",
            "ERROR", before="INFO", after="ERROR"),
    aws_row("processor.logLevel", "detector.logging.level",
            "ERROR", before="INFO", after="ERROR"),
    function_row("processor.logLevel", "log_levels", "levels of the lines of a batch", "ERROR",
                 stores=["lines"], before=["INFO"], after=[]),
    function_row("processor.logLevel", "log_levels_of_incidents",
                 "levels of the lines of an incident", "ERROR", stores=["lines", "incidents"],
                 before=["WARNING"], after=[], target="detector"),
    aws_row("processor.roleArn", "processor.roleArn", ROLE,
            before=f"{OWN_ROLE}<processor-role>", after=ROLE, alone=True),
    aws_row("processor.roleArn", "processor-role", ROLE, before=True, after=None, alone=True),
]  # fmt: skip
