"""List prices, from a data file with unit, source and date of each.

A region without prices is estimated with those of us-east-1, and the estimate says so. Most regions
are within a fifth of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

DEFAULT_REGION: Final = "us-east-1"
_FILE: Final = "prices.json"


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars for one unit of each item, by name, in `region`."""

    region: str
    dollars: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        """Dollars of one unit.

        Raises:
            KeyError: there is no price of this name.
        """
        return self.dollars[name]


def prices_of(region: str) -> Prices:
    """Prices of a region, or of us-east-1; `Prices.region` tells which."""
    regions = document()["regions"]
    found = region if region in regions else DEFAULT_REGION
    return Prices(found, {name: entry["dollars"] for name, entry in regions[found].items()})


@cache
def document() -> dict[str, Any]:
    """The data file: `regions` by name, and in each the prices with dollars, unit, source, date."""
    found: dict[str, Any] = json.loads(resources.files(__package__).joinpath(_FILE).read_text())
    return found
