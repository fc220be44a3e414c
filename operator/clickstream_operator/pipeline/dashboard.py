"""Body of a pipeline's dashboard, with the three widgets of the original first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from clickstream_operator.resources.cloudwatch_dashboard_widgets import KEPT_BY, OURS

PERIOD_SECONDS: Final = 300
EVENTS: Final = "Clickstream/Events"
_LAMBDA: Final = "AWS/Lambda"
_WIDTH: Final = 24
_HEIGHT: Final = 6

Metrics = list[list[Any]]


def dashboard_body(
    *,
    region: str,
    title: str,
    base: str,
    stream: str,
    processor: str,
    detector: str | None,
    tables: Sequence[str],
    dead_letter_queue: str,
) -> dict[str, Any]:
    """The body in CloudWatch's form ("Dashboard body structure and syntax").

    `base` is the Pipeline dimension of the functions' metrics; `title` heads the dashboard; the
    others are physical names.
    """
    functions = [name for name in (processor, detector) if name is not None]
    charts = [
        _chart("events", "Events Processed by Type", [[_by_event_type(base)]], stat="Sum"),
        _chart("performance", "Lambda Performance", _performance(functions), stat="Average"),
        _chart("throughput", "Kinesis Stream Throughput", _throughput(stream), stat="Sum"),
        _chart(
            "iterator_age",
            "Iterator Age",
            _function_metric(functions, "IteratorAge"),
            stat="Maximum",
        ),
        _chart(
            "errors",
            "Errors and Throttles",
            [
                *_function_metric(functions, "Errors"),
                *_function_metric(functions, "Throttles"),
            ],
            stat="Sum",
        ),
        _chart("bad_rows", "Bad Rows", [[EVENTS, "BadRows", "Pipeline", base]], stat="Sum"),
        _chart(
            "dead_letter",
            "Dead-Letter Depth",
            [
                [
                    "AWS/SQS",
                    "ApproximateNumberOfMessagesVisible",
                    "QueueName",
                    dead_letter_queue,
                ]
            ],
            stat="Maximum",
        ),
        _chart("writes", "DynamoDB Write Units", _table_metric(tables), stat="Sum"),
    ]
    if detector is not None:
        charts.append(
            _chart("anomalies", "Anomalies", [[EVENTS, "Anomalies", "Pipeline", base]], stat="Sum")
        )
    heading = {
        "type": "text",
        "x": 0,
        "y": 0,
        "width": _WIDTH,
        "height": 1,
        "properties": {"markdown": f"# {title}, {KEPT_BY}"},
    }
    placed = [_place(chart, number, region) for number, chart in enumerate(charts)]
    return {"widgets": [heading, *placed]}


def _chart(part: str, title: str, metrics: Metrics, *, stat: str) -> dict[str, Any]:
    # The id of its first metric marks a chart as the operator's.
    first, *others = metrics
    options = first[-1] if isinstance(first[-1], dict) else {}
    names = first[:-1] if options else first
    marked = [*names, {**options, "id": f"{OURS}{part}"}]
    return {
        "title": title,
        "metrics": [marked, *others],
        "stat": stat,
        "period": PERIOD_SECONDS,
    }


def _place(chart: dict[str, Any], number: int, region: str) -> dict[str, Any]:
    row, column = divmod(number, 2)
    return {
        "type": "metric",
        "x": column * _WIDTH // 2,
        "y": 1 + row * _HEIGHT,
        "width": _WIDTH // 2,
        "height": _HEIGHT,
        "properties": {"view": "timeSeries", "stacked": False, "region": region, **chart},
    }


def _by_event_type(base: str) -> dict[str, str]:
    # A search, because the producers choose the types.
    return {
        "expression": (
            f"SEARCH('{{{EVENTS},Pipeline,EventType}} "
            f'MetricName="EventsProcessed" Pipeline="{base}"\', \'Sum\', {PERIOD_SECONDS})'
        ),
    }


def _performance(functions: Sequence[str]) -> Metrics:
    # The average of invocations is always 1.
    return [
        [_LAMBDA, metric, "FunctionName", name, *options]
        for name in functions
        for metric, options in (
            ("Duration", []),
            ("Errors", [{"stat": "Sum"}]),
            ("Invocations", [{"stat": "Sum"}]),
        )
    ]


def _throughput(stream: str) -> Metrics:
    # GetRecords.Records is a metric of the stream, unlike OutgoingRecords.
    return [
        ["AWS/Kinesis", "IncomingRecords", "StreamName", stream],
        ["AWS/Kinesis", "GetRecords.Records", "StreamName", stream],
        ["AWS/Kinesis", "WriteProvisionedThroughputExceeded", "StreamName", stream],
    ]


def _function_metric(functions: Sequence[str], metric: str) -> Metrics:
    return [[_LAMBDA, metric, "FunctionName", name] for name in functions]


def _table_metric(tables: Sequence[str]) -> Metrics:
    return [["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", name] for name in tables]
