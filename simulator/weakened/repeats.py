"""Repeats that are told from too little, or from too much.

The balance does not see them: what is wrongly told from a repeat, or for one, is counted as such
everywhere.
"""

from __future__ import annotations

from typing import Any, Final
from unittest import mock

from processor.archive import Archive
from processor.repeats import Ancestors, Repeats
from processor.sightings import merge
from simulator import checks
from simulator.weakened.control import Control


def _not_kept() -> list[Any]:
    """Containers know what they have seen themselves."""

    def keep(*_arguments: Any) -> None:
        return

    return [mock.patch.object(Repeats, "keep", keep)]


def _from_any_end() -> list[Any]:
    """A container tells repeats by what it knew when it slept."""
    real = Archive.store

    def store(self: Any, *arguments: Any, **named: Any) -> Any:
        return real(self, *arguments, **named | {"marked_from": None})

    return [mock.patch.object(Archive, "store", store)]


def _without_parents() -> list[Any]:
    """A shard begins with nothing seen."""

    def none(_self: Any, _lane: Any) -> list[Any]:
        return []

    return [mock.patch.object(Ancestors, "__call__", none)]


def _sees_itself() -> list[Any]:
    """What an attempt left behind counts for the next one at the same records."""

    def merge_all(found: Any, _until: int) -> Any:
        return merge(found, 1 << 200)

    return [mock.patch("processor.repeats.merge", merge_all)]


CONTROLS: Final = tuple(
    Control(f"repeats: {name}", (checks.ATTRIBUTES,), patches, repeats=True)
    for name, patches in (
        ("not kept", _not_kept),
        ("told from any end", _from_any_end),
        ("without parents", _without_parents),
        ("of an attempt's own", _sees_itself),
    )
)
