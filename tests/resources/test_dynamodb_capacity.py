"""Capacity of a table that Application Auto Scaling sets between bounds."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.resources.dynamodb_capacity import Capacity, billing_request
from tests.resources.conftest import Cloud
from tests.resources.test_dynamodb_table import table

SHARED = Capacity(5, 5, max_read_units=None, max_write_units=50)


async def set_units(cloud: Cloud, name: str, read: int, write: int) -> None:
    """What something else does."""
    units = {"ReadCapacityUnits": read, "WriteCapacityUnits": write}
    await cloud.session.call(
        "dynamodb", "update_table", TableName=name, ProvisionedThroughput=units
    )


async def shown(cloud: Cloud, name: str) -> tuple[int, int]:
    """Read and write units in AWS."""
    answer = await cloud.session.call("dynamodb", "describe_table", TableName=name)
    units = answer["Table"]["ProvisionedThroughput"]
    return units["ReadCapacityUnits"], units["WriteCapacityUnits"]


def shared(cloud: Cloud, capacity: Capacity) -> Any:
    """A table with this capacity."""
    return table(cloud, hash_key="session_id", range_key=None, capacity=capacity)


@pytest.mark.parametrize(
    ("units", "paths", "after"),
    [
        ((5, 5), (), (5, 5)),
        ((5, 50), (), (5, 50)),
        ((5, 17), (), (5, 17)),
        ((5, 60), ("billing.writeUnits",), (5, 50)),
        ((5, 2), ("billing.writeUnits",), (5, 5)),
        ((9, 17), ("billing.readUnits",), (5, 17)),
        ((9, 60), ("billing.readUnits", "billing.writeUnits"), (5, 50)),
    ],
)
async def test_units_between_the_bounds_are_as_wanted(
    cloud: Cloud, units: tuple[int, int], paths: tuple[str, ...], after: tuple[int, int]
) -> None:
    """Outside they are brought to the nearer bound; a correction leaves the shared ones alone."""
    one = shared(cloud, SHARED)
    await cloud.converge(one)
    if units != (5, 5):
        await set_units(cloud, one.physical_name, *units)
    assert (await cloud.difference(one)).paths == paths
    assert await cloud.converge(one) == (["update_table"] if paths else [])
    assert await shown(cloud, one.physical_name) == after


async def test_without_an_upper_bound_nobody_else_sets_units(cloud: Cloud) -> None:
    """As it was before the bounds: any other number is drift."""
    one = shared(cloud, Capacity(5, 5))
    await cloud.converge(one)
    await set_units(cloud, one.physical_name, 5, 17)
    assert (await cloud.difference(one)).paths == ("billing.writeUnits",)


async def test_a_raised_lower_bound_raises_the_units(cloud: Cloud) -> None:
    """A change of the spec is applied; what is above it already stays."""
    await cloud.converge(shared(cloud, SHARED))
    higher = Capacity(5, 10, max_write_units=50)
    one = shared(cloud, higher)
    assert await cloud.converge(one) == ["update_table"]
    assert await shown(cloud, one.physical_name) == (5, 10)


def test_a_new_table_begins_at_the_lower_bounds() -> None:
    """And so does one that comes from on-demand billing, whose units are 0."""
    wanted = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    observed = {"billing.readUnits": 0, "billing.writeUnits": 0}
    assert billing_request(SHARED)["ProvisionedThroughput"] == wanted
    assert billing_request(SHARED, observed)["ProvisionedThroughput"] == wanted
