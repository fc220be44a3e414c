"""Quotas that a plan would miss: by what AWS says is free."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.api.status import Plan, PlanChange
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli.quotas import Quotas, missed

ANSWERS: dict[str, dict[str, Any]] = {
    "kinesis": {
        "ShardLimit": 10,
        "OpenShardCount": 7,
        "OnDemandStreamCount": 50,
        "OnDemandStreamCountLimit": 50,
    },
    "lambda": {"AccountLimit": {"UnreservedConcurrentExecutions": 150}},
    "dynamodb": {"TableMaxReadCapacityUnits": 100, "TableMaxWriteCapacityUnits": 100},
    "iam": {"SummaryMap": {"Roles": 998, "RolesQuota": 1000}},
}
CREATED = Plan(
    changes=[
        PlanChange(action="create", resource=name)
        for name in ("stream", "processor-role", "detector-role")
    ]
)
CHANGED = Plan(changes=[PlanChange(action="update", resource="stream", field="shards")])


def found(
    after: dict[str, Any], before: dict[str, Any] | None = None, plan: Plan = CREATED
) -> list[str]:
    """Missed quotas of a change of the spec."""
    old = None if before is None else Spec.model_validate(before)
    return list(missed(plan, old, Spec.model_validate(after), Quotas(ANSWERS, ())))


def shards(number: int) -> dict[str, Any]:
    """A spec with so many shards."""
    return {"stream": {"shards": number}}


@pytest.mark.parametrize(
    ("after", "before", "said"),
    [
        (shards(3), None, ""),
        (shards(4), None, "4 more shards are needed and 3 are free"),
        (shards(5), shards(2), ""),
        (shards(6), shards(2), "4 more shards are needed and 3 are free"),
        (shards(1), shards(2), ""),
        ({"stream": {"mode": "OnDemand"}}, shards(2), "1 more on-demand streams are needed and 0"),
        ({"stream": {"mode": "OnDemand"}}, {"stream": {"mode": "OnDemand"}}, ""),
        ({"processor": {"reservedConcurrency": 50}}, None, ""),
        ({"processor": {"reservedConcurrency": 51}}, None, "51 more reserved concurrent"),
        (
            {
                "processor": {"reservedConcurrency": 40},
                "anomalyDetection": {"reservedConcurrency": 40},
            },
            {"processor": {"reservedConcurrency": 20}},
            "60 more reserved concurrent executions are needed and 50 are free",
        ),
        ({"collector": {"enabled": True, "reservedConcurrency": 51}}, None, "51 more reserved"),
        ({"collector": {"reservedConcurrency": 51}}, None, ""),
        (
            {
                "tables": {
                    "billingMode": "Provisioned",
                    "provisioned": {"readUnits": 5, "writeUnits": 101},
                }
            },
            None,
            "101 more write units of a table are needed and 100 are free",
        ),
    ],
)
def test_a_missed_quota_is_told_with_its_numbers(
    after: dict[str, Any], before: dict[str, Any] | None, said: str
) -> None:
    """Only what is new counts; at the limit all is well."""
    told = found(after, before, CREATED if before is None else CHANGED)
    assert [said in one for one in told] == ([True] if said else [])


def test_roles_of_the_account() -> None:
    """Three are needed where two are free."""
    three = Plan(changes=[*CREATED.changes, PlanChange(action="create", resource="scheduler-role")])
    assert ["3 more IAM roles" in one for one in found({}, plan=three)] == [True]


def test_an_adopted_stream_brings_its_shards() -> None:
    """They count already."""
    adopted = Plan(changes=[PlanChange(action="update", resource="stream", field="tags")])
    assert found(shards(9), plan=adopted) == []


def test_what_aws_did_not_say_misses_nothing() -> None:
    """A refusal is told elsewhere, as a note."""
    assert list(missed(CREATED, None, Spec.model_validate(shards(99)), Quotas({}, ()))) == []
