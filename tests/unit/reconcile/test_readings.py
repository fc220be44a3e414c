"""Reading of the functions' metrics: one call, and what becomes of its answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from clickstream_operator.api.spec import Spec
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import Category
from clickstream_operator.reconcile.readings import read_metrics
from tests.unit.engine.fake_resource import aws_error

NOW = datetime(2026, 11, 23, 18, 20, tzinfo=UTC)
HOUR = NOW.replace(minute=0)


class CloudWatch:
    """Answers with one value of each metric that it has, and remembers the questions."""

    def __init__(self, values: dict[str, float], *, status: str = "Complete") -> None:
        self.values, self.status = values, status
        self.asked: list[dict[str, Any]] = []

    async def read(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """One GetMetricData."""
        assert (service, operation) == ("cloudwatch", "get_metric_data")
        self.asked.append(parameters)
        results = []
        for query in parameters["MetricDataQueries"]:
            value = self.values.get(query["MetricStat"]["Metric"]["MetricName"])
            points = [] if value is None else [value]
            results.append(
                {
                    "Id": query["Id"],
                    "StatusCode": self.status,
                    "Timestamps": [HOUR] * len(points),
                    "Values": points,
                }
            )
        return {"MetricDataResults": results}


def reading(aws: CloudWatch, **spec: Any) -> dict[str, tuple[str, str]]:
    """Truth and reason of each reading that there is."""
    calls = cast("Calls", aws)
    found = asyncio.run(read_metrics(calls, "shop-abcd2345", Spec.model_validate(spec), NOW))
    told = {"balance": found.balance, "mapping": found.mapping}
    return {name: (one.truth, one.reason) for name, one in told.items() if one is not None}


def test_one_call_tells_balance_and_mapping() -> None:
    """Of the pipeline's own metrics, in the last day."""
    aws = CloudWatch({"BalanceDifference": 0, "EventsProcessed": 90, "BadRows": 1, "PageViews": 0})
    assert reading(aws) == {
        "balance": ("True", "NumbersAgree"),
        "mapping": ("False", "NoPageViews"),
    }
    (asked,) = aws.asked
    metrics = [one["MetricStat"]["Metric"] for one in asked["MetricDataQueries"]]
    assert [one["MetricName"] for one in metrics] == [
        "BalanceDifference",
        "EventsProcessed",
        "BadRows",
        "PageViews",
    ]
    assert {one["Dimensions"][0]["Value"] for one in metrics} == {"shop-abcd2345"}


def test_without_a_detector_its_metric_is_not_paid_for() -> None:
    """The mapping is told all the same."""
    aws = CloudWatch({"EventsProcessed": 90, "BadRows": 0, "PageViews": 80})
    found = reading(aws, anomalyDetection={"enabled": False})
    assert found == {"balance": ("Unknown", "DetectorOff"), "mapping": ("True", "MappingFits")}
    assert len(aws.asked[0]["MetricDataQueries"]) == 3


def test_page_views_are_those_of_the_preset_or_of_nobody() -> None:
    """`pageViewTypes: []` wins over a preset."""
    aws = CloudWatch({"EventsProcessed": 90, "BadRows": 0, "PageViews": 0})
    assert reading(aws, events={"preset": "Segment"})["mapping"] == ("False", "NoPageViews")
    none = {"preset": "Segment", "pageViewTypes": []}
    assert reading(aws, events=none)["mapping"] == ("True", "MappingFits")


@pytest.mark.parametrize("status", ["InternalError", "Forbidden"])
def test_an_answer_without_data_says_nothing(status: str) -> None:
    """What was said before stays."""
    assert reading(CloudWatch({"EventsProcessed": 90}, status=status)) == {}


def test_a_failure_of_aws_says_nothing() -> None:
    """But that the detector is off, for which nothing is asked."""

    class Failing(CloudWatch):
        async def read(self, *_names: str, **_parameters: Any) -> dict[str, Any]:
            """Fail."""
            raise aws_error(Category.TRANSIENT)

    assert reading(Failing({})) == {}
    off = reading(Failing({}), anomalyDetection={"enabled": False})
    assert off == {"balance": ("Unknown", "DetectorOff")}
