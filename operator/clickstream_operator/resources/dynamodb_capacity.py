"""Billing of a DynamoDB table: on demand, or provisioned capacity that may be shared. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.engine.resource import Diff, Properties

_ON_DEMAND: Final = "PAY_PER_REQUEST"
_PROVISIONED: Final = "PROVISIONED"
_MODE: Final = "billing.mode"
_READ: Final = "billing.readUnits"
_WRITE: Final = "billing.writeUnits"
#: Fields of the spec by which something else may set the units.
SHARED_BY: Final = {
    _READ: "spec.tables.provisioned.maxReadUnits",
    _WRITE: "spec.tables.provisioned.maxWriteUnits",
}


@dataclass(frozen=True, slots=True)
class Capacity:
    """Provisioned capacity of a table.

    `max_read_units`, `max_write_units`: up to these, something else such as Application Auto
    Scaling sets the units, and any number from the lower bound on is as wanted. None: nobody else.
    """

    read_units: int
    write_units: int
    max_read_units: int | None = None
    max_write_units: int | None = None

    @property
    def bounds(self) -> Mapping[str, tuple[int, int]]:
        """Least and greatest units of each shared path."""
        both = {
            _READ: (self.read_units, self.max_read_units),
            _WRITE: (self.write_units, self.max_write_units),
        }
        return {path: (low, high) for path, (low, high) in both.items() if high is not None}


def billing_properties(capacity: Capacity | None) -> dict[str, Any]:
    """Desired properties; None: on demand. Upper bounds are not observed, so they are no drift."""
    if capacity is None:
        return {_MODE: _ON_DEMAND}
    bounds = {f"{path}.max": high for path, (_, high) in capacity.bounds.items()}
    return {
        _MODE: _PROVISIONED,
        _READ: capacity.read_units,
        _WRITE: capacity.write_units,
        **bounds,
    }


def observed_billing(table: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a description of a table."""
    throughput = table.get("ProvisionedThroughput", {})
    return {
        _MODE: table.get("BillingModeSummary", {}).get("BillingMode", _PROVISIONED),
        _READ: throughput.get("ReadCapacityUnits", 0),
        _WRITE: throughput.get("WriteCapacityUnits", 0),
    }


def with_shared_units(diff: Diff, capacity: Capacity | None, observed: Properties) -> Diff:
    """The difference, in which units between their bounds are as wanted."""
    fields = dict(diff.fields)
    for path, bounds in (capacity.bounds if capacity else {}).items():
        fields.pop(path, None)
        if path in observed and observed[path] != _within(observed[path], bounds):
            fields[path] = (observed[path], _within(observed[path], bounds))
    return Diff(fields, diff.replace & fields.keys())


def billing_request(
    capacity: Capacity | None, observed: Properties | None = None
) -> dict[str, Any]:
    """Arguments of CreateTable, or of UpdateTable for a table as `observed`."""
    if capacity is None:
        return {"BillingMode": _ON_DEMAND}
    units = {_READ: capacity.read_units, _WRITE: capacity.write_units}
    for path, bounds in capacity.bounds.items():
        units[path] = _within((observed or {}).get(path, 0), bounds)
    return {
        "BillingMode": _PROVISIONED,
        "ProvisionedThroughput": {
            "ReadCapacityUnits": units[_READ],
            "WriteCapacityUnits": units[_WRITE],
        },
    }


def _within(units: int, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(bounds[1], units))
