"""Body of a pipeline's dashboard: first what its events say, then how its parts do. Pure.

Each chart has one unit on its axis, labels in place of physical names, and the threshold of its
alarm as a line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from clickstream_operator.pipeline.dashboard_charts import PERIOD_SECONDS, Metrics, chart, value
from clickstream_operator.resources.cloudwatch_dashboard_widgets import KEPT_BY
from clickstream_operator.resources.s3_lifecycle import FAILED_FILTER_ID

EVENTS: Final = "Clickstream/Events"
_DAY: Final = 86400
_DAYS: Final = "-P14D"
_MOST_TYPES: Final = 10
_LAMBDA: Final = "AWS/Lambda"
_WIDTH: Final = 24
_HEADING_HEIGHT: Final = 2
_VALUE_HEIGHT: Final = 3
_HEIGHT: Final = 6
_COLUMNS: Final = 3
#: As the console lists them over the whole width.
_ALARMS_A_LINE: Final = 4


@dataclass(frozen=True, slots=True)
class Subject:
    """The pipeline that a dashboard is about; names of AWS resources are physical."""

    name: str
    namespace: str
    environment: str
    region: str
    base: str
    """Dimension `Pipeline` of the functions' metrics."""
    stream: str
    processor: str
    detector: str | None
    """None if the pipeline has none."""
    tables: Mapping[str, str]
    """Physical name by label."""
    bucket: str
    dead_letter_queue: str
    page_view_types: Sequence[str] = ("page_view",)
    lag_seconds: int = 120
    """Threshold of the alarms about old events."""
    duration_limits: Mapping[str, float] = field(default_factory=dict)
    """Thresholds of the alarms about duration in milliseconds, by label of the function."""
    alarms: Sequence[str] = ()
    """ARNs of the alarms."""
    collector: str | None = None
    """None if the pipeline has none."""

    @property
    def functions(self) -> Mapping[str, str]:
        """Physical names of the functions, by label."""
        found = {"processor": self.processor}
        return {**found, "detector": self.detector} if self.detector else found


def dashboard_body(subject: Subject) -> dict[str, Any]:
    """The body in CloudWatch's form ("Dashboard body structure and syntax")."""
    values = _values(subject)
    rows = [
        _Row(_HEADING_HEIGHT, 1, [_heading(subject)]),
        _Row(_VALUE_HEIGHT, len(values), values),
        _Row(_HEIGHT, 2, _events(subject)),
    ]
    if subject.alarms:
        lines = -(-len(subject.alarms) // _ALARMS_A_LINE)
        rows.append(_Row(1 + lines, 1, [_alarms(subject)]))
    charts = [*_functions(subject), *_stores(subject)]
    if subject.collector is not None:
        charts += _collector(subject.base, subject.collector)
    rows += [
        _Row(_HEIGHT, _COLUMNS, charts[first : first + _COLUMNS])
        for first in range(0, len(charts), _COLUMNS)
    ]
    widgets: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        widgets += _placed(row, y, subject.region)
        y += row.height
    return {"widgets": widgets}


@dataclass(frozen=True, slots=True)
class _Row:
    height: int
    columns: int
    widgets: Sequence[Mapping[str, Any]]


def _placed(row: _Row, y: int, region: str) -> list[dict[str, Any]]:
    """Widgets side by side; the last column takes what does not divide."""
    each = _WIDTH // row.columns
    placed = []
    for number, widget in enumerate(row.widgets):
        last = number == row.columns - 1
        properties = dict(widget["properties"])
        if widget["type"] == "metric":
            properties["region"] = region
        placed.append(
            {
                "type": widget["type"],
                "x": number * each,
                "y": y,
                "width": _WIDTH - number * each if last else each,
                "height": row.height,
                "properties": properties,
            }
        )
    return placed


def _heading(subject: Subject) -> dict[str, Any]:
    text = (
        f"# {subject.namespace}/{subject.name} ({subject.environment})\n"
        f"Visitors, sessions and top pages: `kubectl clickstream report {subject.name} "
        f"-n {subject.namespace}`. {subject.base}, {KEPT_BY}."
    )
    return {"type": "text", "properties": {"markdown": text}}


def _alarms(subject: Subject) -> dict[str, Any]:
    properties = {"title": f"Alarms, {KEPT_BY}", "alarms": list(subject.alarms)}
    return {"type": "alarm", "properties": properties}


def _values(subject: Subject) -> list[dict[str, Any]]:
    """Single values, over the time that the dashboard shows; lag and letters are the present."""
    base = subject.base
    views: Metrics = [
        [EVENTS, "EventsProcessed", "Pipeline", base, "EventType", kind,
         {"id": f"v{number}", "visible": False}]
        for number, kind in enumerate(subject.page_view_types)
    ]  # fmt: skip
    total = " + ".join(f"FILL(v{number}, 0)" for number in range(len(views)))
    found = [
        value("events_sum", "Events", [[EVENTS, "EventsProcessed", "Pipeline", base]]),
        *(
            [value("views_sum", "Page views", [[{"expression": total, "label": "views"}], *views])]
            if views
            else []
        ),
        value("bad_sum", "Bad rows", [[EVENTS, "BadRows", "Pipeline", base]]),
        value(
            "lag_now",
            "Lag",
            [
                [{"expression": "lag / 1000", "label": "seconds"}],
                [EVENTS, "Lag", "Pipeline", base, {"id": "lag", "visible": False}],
            ],
            stat="Maximum",
            whole=False,
        ),
        value(
            "letters_now",
            "Dead letters",
            [_letters(subject)],
            stat="Maximum",
            whole=False,
        ),
    ]
    if subject.detector is not None:
        anomalies: Metrics = [[EVENTS, "Anomalies", "Pipeline", base]]
        found.insert(-2, value("anomalies_sum", "Incidents", anomalies))
    return found


def _events(subject: Subject) -> list[dict[str, Any]]:
    now = chart("events", "Events by type", [[_by_type(subject.base)]], stat="Sum", stacked=True)
    days = chart(
        "days",
        "Events by type and day, 14 days",
        [[_by_type(subject.base, period=_DAY)]],
        stat="Sum",
        stacked=True,
    )
    days["properties"] |= {"period": _DAY, "start": _DAYS, "end": "P0D"}
    return [now, days]


def _functions(subject: Subject) -> list[dict[str, Any]]:
    functions = subject.functions
    lag: Metrics = [
        *(
            [{"expression": f"{label} / 1000", "label": label, "id": f"{label}_s"}]
            for label in functions
        ),
        *(
            [_LAMBDA, "IteratorAge", "FunctionName", name, {"id": label, "visible": False}]
            for label, name in functions.items()
        ),
    ]
    duration: Metrics = [
        [_LAMBDA, "Duration", "FunctionName", name, {"label": label}]
        for label, name in functions.items()
    ]
    limits = {
        f"alarm of the {label}": limit
        for label, limit in subject.duration_limits.items()
        if label in functions
    }
    failures: Metrics = [
        [_LAMBDA, metric, "FunctionName", name, {"label": f"{label} {metric.lower()}"}]
        for metric in ("Errors", "Throttles")
        for label, name in functions.items()
    ]
    runs: Metrics = [
        [_LAMBDA, "Invocations", "FunctionName", name, {"label": label}]
        for label, name in functions.items()
    ]
    return [
        chart(
            "lag", "Age of the events read, s", lag, stat="Maximum",
            limits={"alarm": subject.lag_seconds},
        ),
        chart("duration", "Duration, ms", duration, stat="Maximum", limits=limits),
        chart("failures", "Errors and throttles", failures, stat="Sum", limits={"alarm": 1}),
        chart("runs", "Runs", runs, stat="Sum"),
    ]  # fmt: skip


def _stores(subject: Subject) -> list[dict[str, Any]]:
    stream = subject.stream
    # GetRecords.Records is a metric of the stream, unlike OutgoingRecords.
    records: Metrics = [
        ["AWS/Kinesis", "IncomingRecords", "StreamName", stream, {"label": "in"}],
        ["AWS/Kinesis", "GetRecords.Records", "StreamName", stream, {"label": "read"}],
    ]
    refused: Metrics = [
        [
            "AWS/Kinesis",
            "WriteProvisionedThroughputExceeded",
            "StreamName",
            stream,
            {"label": "refused"},
        ]
    ]
    writes: Metrics = [
        ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", name, {"label": label}]
        for label, name in subject.tables.items()
    ]
    bad: Metrics = [
        [EVENTS, "BadRows", "Pipeline", subject.base, {"label": "bad rows"}],
        [*_letters(subject), {"label": "dead letters waiting", "stat": "Maximum"}],
        [
            "AWS/S3",
            "PutRequests",
            "BucketName",
            subject.bucket,
            "FilterId",
            FAILED_FILTER_ID,
            {"label": "batches given up"},
        ],
    ]
    charts = [
        chart("throughput", "Records of the stream", records, stat="Sum"),
        chart("refused", "Records refused by the stream", refused, stat="Sum"),
        chart("bad_rows", "Bad rows, dead letters, lost batches", bad, stat="Sum"),
        chart("writes", "Write units of the tables", writes, stat="Sum"),
    ]
    if subject.detector is not None:
        charts.append(
            chart("anomalies", "Incidents by rule", [[_by_rule(subject.base)]], stat="Sum")
        )
    return charts


def _collector(base: str, collector: str) -> list[dict[str, Any]]:
    events: Metrics = [
        [EVENTS, f"Collector{what}", "Pipeline", base, {"label": what.lower()}]
        for what in ("Events", "Unwanted", "Refused", "Unavailable")
    ]
    # Lambda developer guide, "Monitoring function URLs with CloudWatch metrics".
    requests: Metrics = [
        [_LAMBDA, metric, "FunctionName", collector, {"label": label}]
        for metric, label in (
            ("UrlRequestCount", "requests"),
            ("Url4xxCount", "wrong (4xx)"),
            ("Url5xxCount", "not served (5xx)"),
        )
    ]
    return [
        chart("collected", "Events of the collector", events, stat="Sum"),
        chart("collector_requests", "Requests of the collector", requests, stat="Sum"),
    ]


def _letters(subject: Subject) -> list[Any]:
    return [
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        "QueueName",
        subject.dead_letter_queue,
    ]


def _by_type(base: str, *, period: int = PERIOD_SECONDS) -> dict[str, str]:
    # A search, because the producers choose the types.
    search = (
        f"SEARCH('{{{EVENTS},Pipeline,EventType}} "
        f'MetricName="EventsProcessed" Pipeline="{base}"\', \'Sum\', {period})'
    )
    return {
        "expression": f"SORT({search}, SUM, DESC, {_MOST_TYPES})",
        "label": "${PROP('Dim.EventType')}",
    }


def _by_rule(base: str) -> dict[str, str]:
    search = (
        f"SEARCH('{{{EVENTS},Pipeline,Rule}} "
        f'MetricName="Anomalies" Pipeline="{base}"\', \'Sum\', {PERIOD_SECONDS})'
    )
    return {"expression": search, "label": "${PROP('Dim.Rule')}"}
