"""List prices: one data file, each price with its unit, source and date.

A region that the file does not have is priced as us-east-1, and the estimate says so; most regions
are within a fifth of it, but none of that is promised.
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
    """Dollars for one unit of each thing, by name. `region` is the one that they hold for."""

    region: str
    dollars: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        """Dollars of one unit.

        Raises:
            KeyError: no such price; a name is code, not input.
        """
        return self.dollars[name]


def prices_of(region: str) -> Prices:
    """The prices of a region, or those of us-east-1; `Prices.region` tells which."""
    regions = document()["regions"]
    found = region if region in regions else DEFAULT_REGION
    return Prices(found, {name: entry["dollars"] for name, entry in regions[found].items()})


@cache
def document() -> dict[str, Any]:
    """The data file: `regions` by name, in each the prices with `dollars, unit, source, date`."""
    found: dict[str, Any] = json.loads(resources.files(__package__).joinpath(_FILE).read_text())
    return found
