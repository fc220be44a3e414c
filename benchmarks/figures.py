"""One figure of a report, with its limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row."""

    what: str
    found: float | None
    """None: not measured, and `note` says why; such a row never counts as met."""
    limit: float | None
    """The most that it may be; None: no limit."""
    unit: str
    at_least: bool = False
    """Whether the limit is the least that it may be."""
    original: float | None = None
    """The same of the design that this one replaces."""
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether it was measured and the limit, if there is one, holds."""
        if self.found is None or self.limit is None:
            return self.found is not None
        return self.found >= self.limit if self.at_least else self.found <= self.limit
