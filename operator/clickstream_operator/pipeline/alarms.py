"""Alarms of a pipeline: metric, threshold, and the reason for the threshold. Pure.

Missing data does not breach, because a stream without traffic is healthy. The exception is
``no-data``, which alarms about missing traffic.

Metrics: "Types of metrics for Lambda functions" (IteratorAge is in milliseconds), "Available
CloudWatch metrics for Amazon SQS", "Amazon S3 metrics and dimensions", "Monitoring the Amazon
Kinesis Data Streams Service with Amazon CloudWatch".
"""

from __future__ import annotations

from functools import partial
from typing import Final

from clickstream_operator.resources.cloudwatch_alarm import AlarmDefinition
from clickstream_operator.resources.s3_lifecycle import FAILED_FILTER_ID

MISSING_IS_BAD: Final = "breaching"

#: Share of the timeout.
_DURATION_SHARE: Final = 0.8
_DEAD_LETTER_PERIOD: Final = 300
_HOUR: Final = 3600
#: Where the commonest cause is told.
_WHY: Final = " If DynamoDB throttles it, its log says why: search it for DynamoDB throttled."
_ABOVE: Final = "GreaterThanThreshold"
_AT_LEAST: Final = "GreaterThanOrEqualToThreshold"
_BELOW: Final = "LessThanThreshold"


def alarm_set(
    *,
    processor: str,
    processor_timeout_seconds: int,
    dead_letter_queue: str,
    stream: str,
    iterator_age_seconds: int,
    detector: str | None = None,
    detector_timeout_seconds: int = 30,
    base: str = "",
    failed_objects_bucket: str | None = None,
    collector: str | None = None,
    collector_timeout_seconds: int = 10,
    no_data_minutes: int | None = None,
) -> tuple[AlarmDefinition, ...]:
    """All alarms of one pipeline, in a fixed order.

    Args:
        processor: physical name, as are `dead_letter_queue`, `stream`, `detector` and
            `failed_objects_bucket`.
        processor_timeout_seconds: of the function.
        dead_letter_queue: queue of the messages about bad rows.
        stream: stream of the events.
        iterator_age_seconds: threshold of both functions.
        detector: None if the pipeline has none.
        detector_timeout_seconds: of the function.
        base: of the pipeline's names, which its own metrics carry.
        failed_objects_bucket: None if the bucket does not count failed objects.
        collector: None if the pipeline has none.
        collector_timeout_seconds: of the function.
        no_data_minutes: None for no alarm about missing traffic; at most 1440, the longest
            evaluation of CloudWatch.
    """
    alarms = _function_alarms(
        "processor", processor, processor_timeout_seconds, iterator_age_seconds
    )
    if detector is not None:
        alarms += _function_alarms(
            "detector", detector, detector_timeout_seconds, iterator_age_seconds
        )
        alarms.append(_balance(base))
    if collector is not None:
        alarms += _invocation_alarms("collector", collector, collector_timeout_seconds)
        alarms.append(_unavailable(collector))
    alarms.append(_dead_letter_depth(dead_letter_queue))
    if failed_objects_bucket is not None:
        alarms.append(_failed_objects(failed_objects_bucket))
    if no_data_minutes is not None:
        alarms.append(_no_data(stream, no_data_minutes))
    return tuple(alarms)


def _function_alarms(
    component: str, function: str, timeout_seconds: int, iterator_age_seconds: int
) -> list[AlarmDefinition]:
    return [
        _of_function(function)(
            key=f"{component}-iterator-age",
            description=f"The {component} reads events more than {iterator_age_seconds} s old."
            + _WHY,
            metric="IteratorAge",
            statistic="Maximum",
            comparison=_ABOVE,
            threshold=iterator_age_seconds * 1000.0,
        ),
        *_invocation_alarms(component, function, timeout_seconds, why=_WHY),
    ]


def _of_function(function: str) -> partial[AlarmDefinition]:
    # Three of five minutes, so that one slow batch, a reshard or a retried error does not alarm.
    return partial(
        AlarmDefinition,
        namespace="AWS/Lambda",
        dimensions={"FunctionName": function},
        evaluation_periods=5,
        datapoints=3,
    )


def _invocation_alarms(
    component: str, function: str, timeout_seconds: int, why: str = ""
) -> list[AlarmDefinition]:
    alarm = _of_function(function)
    # At its timeout the function loses the work of the whole batch, so the alarm comes before.
    duration_ms = timeout_seconds * 1000 * _DURATION_SHARE
    return [
        alarm(
            key=f"{component}-errors",
            description=f"The {component} failed in three of the last five minutes.{why}",
            metric="Errors",
            statistic="Sum",
            comparison=_AT_LEAST,
            threshold=1.0,
        ),
        alarm(
            key=f"{component}-throttles",
            description=f"Lambda throttled the {component} in three of the last five minutes.",
            metric="Throttles",
            statistic="Sum",
            comparison=_AT_LEAST,
            threshold=1.0,
        ),
        alarm(
            key=f"{component}-duration",
            description=f"The {component} needs over 80 % of its timeout of {timeout_seconds} s.",
            metric="Duration",
            statistic="Maximum",
            comparison=_ABOVE,
            threshold=duration_ms,
        ),
    ]


def _unavailable(collector: str) -> AlarmDefinition:
    # Lambda developer guide, "Monitoring function URLs with CloudWatch metrics".
    return _of_function(collector)(
        key="collector-unavailable",
        description="The collector turned events away in three of the last five minutes: its log "
        "says whether the stream or a secret is the cause.",
        metric="Url5xxCount",
        statistic="Sum",
        comparison=_AT_LEAST,
        threshold=1.0,
    )


def _dead_letter_depth(queue: str) -> AlarmDefinition:
    # A message stays until somebody receives it, so one datapoint is enough.
    return AlarmDefinition(
        key="dead-letter-depth",
        description="Bad rows are waiting: messages are in the dead-letter queue.",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": queue},
        statistic="Maximum",
        comparison=_ABOVE,
        threshold=0.0,
        evaluation_periods=1,
        datapoints=1,
        period_seconds=_DEAD_LETTER_PERIOD,
    )


def _balance(base: str) -> AlarmDefinition:
    # One value an hour, some minutes after its end; one that differs is told for an hour.
    return AlarmDefinition(
        key="balance",
        description="An hour's numbers differ from what stands in tables and bucket.",
        namespace="Clickstream/Events",
        metric="BalanceDifference",
        dimensions={"Pipeline": base},
        statistic="Maximum",
        comparison=_ABOVE,
        threshold=0.0,
        evaluation_periods=1,
        datapoints=1,
        period_seconds=_HOUR,
    )


def _failed_objects(bucket: str) -> AlarmDefinition:
    # S3 has no datapoint for a minute without a failed batch.
    return AlarmDefinition(
        key="failed-objects",
        description="Lambda gave up on a batch and put it into the bucket.",
        namespace="AWS/S3",
        metric="PutRequests",
        dimensions={"BucketName": bucket, "FilterId": FAILED_FILTER_ID},
        statistic="Sum",
        comparison=_AT_LEAST,
        threshold=1.0,
        evaluation_periods=1,
        datapoints=1,
    )


def _no_data(stream: str, minutes: int) -> AlarmDefinition:
    # The metric of the stream, not of the processor, tells a silent producer from a broken reader.
    return AlarmDefinition(
        key="no-data",
        description=f"No record was put into the stream for {minutes} minutes.",
        namespace="AWS/Kinesis",
        metric="IncomingRecords",
        dimensions={"StreamName": stream},
        statistic="Sum",
        comparison=_BELOW,
        threshold=1.0,
        evaluation_periods=minutes,
        datapoints=minutes,
        missing_data=MISSING_IS_BAD,
    )
