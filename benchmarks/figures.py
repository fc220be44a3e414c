"""One figure of a report, with its limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `limit` is what it may be at most, or with `at_least` at least; None: no limit.

    `found` None: not measured, and `note` says why; such a row never counts as met.
    """

    what: str
    found: float | None
    limit: float | None
    unit: str
    at_least: bool = False
    original: float | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether it was measured and the limit, if there is one, holds."""
        if self.found is None or self.limit is None:
            return self.found is not None
        return self.found >= self.limit if self.at_least else self.found <= self.limit
