"""Traffic of a pipeline now, as CloudWatch and SQS show it: rate, lag, dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.kube.objects import PipelineObject

_WINDOW: Final = timedelta(minutes=5)
_PERIOD: Final = 60


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passes through a pipeline; None: AWS has no figure."""

    events_per_second: float | None = None
    """Mean of the last five minutes."""
    lag_seconds: float | None = None
    """Age of the oldest record that the processor read in them."""
    dead_letters: int | None = None
    """Messages in the queue."""
    errors: int | None = None
    """Runs of the processor that failed in the last five minutes."""

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "eventsPerSecond": self.events_per_second,
            "lagSeconds": self.lag_seconds,
            "deadLetters": self.dead_letters,
            "errors": self.errors,
        }

    def line(self) -> str:
        """The same in a line."""
        rate = "-" if self.events_per_second is None else f"{self.events_per_second:,.1f} events/s"
        lag = "-" if self.lag_seconds is None else f"{self.lag_seconds:,.1f} s"
        letters = "-" if self.dead_letters is None else f"{self.dead_letters:,}"
        return f"rate {rate}   lag {lag}   dead letters {letters}"


async def read(
    session: ReadOnlySession, effective: Effective, obj: PipelineObject, *, now: datetime
) -> Traffic:
    """The traffic of a pipeline at this time.

    Raises:
        AwsError: a request was refused.
    """
    names = effective.names
    metrics = await session.call(
        "cloudwatch",
        "get_metric_data",
        StartTime=now - _WINDOW,
        EndTime=now,
        MetricDataQueries=[
            _query("rate", "Kinesis", "IncomingRecords", "StreamName", names[components.STREAM]),
            _query("lag", "Lambda", "IteratorAge", "FunctionName", names[components.PROCESSOR]),
            _query("errors", "Lambda", "Errors", "FunctionName", names[components.PROCESSOR]),
        ],
    )
    values = {one["Id"]: one["Values"] for one in metrics.get("MetricDataResults", ())}
    letters = None
    queue_url = str(obj.status.outputs.get("dlqUrl", ""))
    if queue_url:
        queue = await session.call(
            "sqs",
            "get_queue_attributes",
            QueueUrl=queue_url,
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        letters = int(queue["Attributes"]["ApproximateNumberOfMessages"])
    rate, lag, errors = (values.get(name, []) for name in ("rate", "lag", "errors"))
    return Traffic(
        events_per_second=sum(rate) / _WINDOW.total_seconds() if rate else None,
        lag_seconds=max(lag) / 1000 if lag else None,
        dead_letters=letters,
        errors=round(sum(errors)) if errors else None,
    )


def _query(name: str, service: str, metric: str, dimension: str, of: str) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": f"AWS/{service}",
                "MetricName": metric,
                "Dimensions": [{"Name": dimension, "Value": of}],
            },
            "Period": _PERIOD,
            "Stat": "Maximum" if name == "lag" else "Sum",
        },
    }
