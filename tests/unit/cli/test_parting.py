"""`delete`: what goes, what stays and what that costs, by the deletion policy."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.cli.parting import Sizes, dollars_a_month, lost, parts
from clickstream_operator.cost.prices import prices_of
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse

GB = 1024**3


def pipeline(spec: dict[str, Any], **origins: str) -> PipelineObject:
    """A pipeline with four resources on record."""
    names = ("stream", "archive", "page-metrics-table", "processor")
    resources = [
        {
            "name": name, "kind": "X", "arn": f"arn:{name}", "physicalName": name,
            "origin": origins.get(name.replace("-", "_"), "Created"),
        }
        for name in names
    ]  # fmt: skip
    effective = {
        "account": "1" * 12, "region": "eu-west-1", "cluster": "c", "partition": "aws", "base": "b",
    }  # fmt: skip
    metadata = {
        "name": "shop", "namespace": "a", "uid": "u", "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    status = {"resources": resources, "effective": effective}
    body = {"metadata": metadata, "spec": spec, "status": status}
    return parse(ObjectKey("a", "shop"), body)


def names(obj: PipelineObject, *, keep: bool = False) -> tuple[set[str], set[str]]:
    """Names of what stays, and of what is lost."""
    found = parts(obj, keep_data=keep)
    return {one.name for one in found if one.stays}, {one.name for one in lost(found)}


EMPTIED = {
    "deletionPolicy": {"archive": "Empty", "tables": "Delete"},
    "tables": {"deletionProtection": False},
}


@pytest.mark.parametrize(
    ("spec", "keep", "stays", "gone"),
    [
        ({}, False, {"archive", "page-metrics-table"}, set()),
        (EMPTIED, False, set(), {"archive", "page-metrics-table"}),
        (EMPTIED, True, {"archive", "page-metrics-table"}, set()),
        (
            {"deletionPolicy": {"stream": "Retain"}},
            False,
            {"archive", "page-metrics-table", "stream"},
            set(),
        ),
    ],
)
def test_the_policy_decides(
    spec: dict[str, Any],
    keep: bool,  # noqa: FBT001 - a parameter of the table
    stays: set[str],
    gone: set[str],
) -> None:
    """Or --keep-data does."""
    assert names(pipeline(spec), keep=keep) == (stays, gone)


def test_what_was_adopted_stays_unless_the_spec_says_otherwise() -> None:
    """Whatever its part's policy is."""
    stays, gone = names(pipeline(EMPTIED, archive="Adopted"))
    assert stays == {"archive"}
    assert gone == {"page-metrics-table"}


def test_what_stays_costs_its_storage() -> None:
    """Tables, their backups and provisioned units, and the bucket by storage class."""
    prices = prices_of("us-east-1")
    sizes = Sizes(
        table_bytes=2 * GB,
        backed_up_bytes=GB,
        read_units=10,
        bucket_bytes={"STANDARD": 100.0 * GB, "GLACIER": 1000.0 * GB},
    )
    by_hand = 2 * 0.25 + 0.2 + 10 * 730 * 0.00013 + 100 * 0.023 + 1000 * 0.0036
    assert dollars_a_month(sizes, prices) == pytest.approx(by_hand)
    assert dollars_a_month(Sizes(), prices) == 0
