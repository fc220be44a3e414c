"""Paths at which two documents differ, for the reviewer of a plan. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

#: Paths that are named; the rest is counted.
_NAMED: Final = 3
#: Characters of a path: its end may be a key of any length.
_PATH_LENGTH: Final = 60


def differing_paths(old: Any, new: Any) -> str:
    """The paths at which `new` is another than `old`, as text; empty for no two documents.

    Members are joined by dots, items of lists stand in brackets: ``Statement[0].Action``. Text that
    is JSON counts as the document that it holds.
    """
    old, new = _parsed(old), _parsed(new)
    if not (_is_document(old) and _is_document(new)):
        return ""
    found = [path[:_PATH_LENGTH] for path in _paths(old, new, "")]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _paths(old: Any, new: Any, here: str) -> Iterator[str]:
    old, new = _parsed(old), _parsed(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            below = f"{here}.{key}" if here else str(key)
            if key in old and key in new:
                yield from _paths(old[key], new[key], below)
            else:
                yield below
    elif _is_list(old) and _is_list(new) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _paths(before, after, f"{here}[{index}]")
    elif old != new:
        yield here or "all"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_document(value: Any) -> bool:
    return isinstance(value, Mapping) or _is_list(value)


def _parsed(value: Any) -> Any:
    if not (isinstance(value, str) and value[:1] in {"{", "["}):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
