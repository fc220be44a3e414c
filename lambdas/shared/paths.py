"""Paths to members of an event: `context.page.url`, `items[0].id`, `event_params.page_location`.

At each level a member with the rest of the path as its name comes first, so that a name with a dot
in it is found. In a list `[0]` picks an element, and a name the element that is labelled with it,
as in `[{"key": "page_location", "value": {"string_value": "/"}}]`.

`a | b` is the first of several that holds anything, `a + b` the text of both, joined by `:`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from shared.user_ids import identifier

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

OR, AND = " | ", " + "
JOINT: Final = ":"
LABELS: Final = ("key", "name", "Key", "Name", "k", "field")
"""Members that say what the value beside them is, as in `{"key": "user_id", "value": 7}`."""
_VALUES: Final = ("value", "Value", "v")
_TYPED: Final = (
    "string_value", "int_value", "double_value", "float_value",
    "stringValue", "intValue", "doubleValue", "boolValue",
)  # fmt: skip
STEPS: Final = (*LABELS, *_VALUES, *_TYPED)
"""Members that a path leads through without a name of its own for them."""
_INDEX: Final = re.compile(r"\[([0-9]{1,6})\]\.?")


def find(document: dict[str, Any], path: str) -> Any:
    """Return the value that a path leads to in an event; None where it leads nowhere."""
    value = document.get(path)
    if value is None:
        for parts in options_of(path):
            value = _joined(document, parts)
            if value is not None and value != "":
                return value
    return value


@lru_cache(maxsize=1024)
def options_of(path: str) -> tuple[tuple[str, ...], ...]:
    """Return the alternatives of a path, each of parts to join; none for the name of a member."""
    options = tuple(tuple(option.split(AND)) for option in path.split(OR))
    return () if options == ((path,),) and not is_nested(path) else options


def parts_of(path: str) -> tuple[str, ...]:
    """Return the simple paths that a path is made from."""
    return tuple(part for option in options_of(path) for part in option) or (path,)


def is_nested(part: str) -> bool:
    """Return whether a simple path may lead below the top level."""
    return "." in part or "[" in part


def is_dropped(path: str, dropped: Collection[str]) -> bool:
    """Return whether members that are dropped at any depth leave nothing that a path leads to."""
    return bool(dropped) and all(
        any(_leads_through(part, name) for part in parts for name in dropped)
        for parts in options_of(path) or ((path,),)
    )


def _leads_through(part: str, name: str) -> bool:
    return f".{name}." in f".{part}.".replace("[", ".[")


def first_names(part: str) -> tuple[str, ...]:
    """Return the names of a member with which a simple path may begin."""
    return (part, *(name for name, _ in _splits(part)))


def places(value: Any, part: str) -> Iterator[tuple[Any, Any]]:
    """Yield each container and key in it where a simple path leads, the preferred one first."""
    if isinstance(value, dict):
        if part in value:
            yield value, part
        for name, rest in _splits(part):
            if name in value:
                yield from places(value[name], rest)
    elif isinstance(value, list):
        yield from _places_in_list(value, part)


def _places_in_list(values: list[Any], part: str) -> Iterator[tuple[Any, Any]]:
    index = _INDEX.match(part)
    if index is not None:
        number, rest = int(index[1]), part[index.end() :]
        if number < len(values):
            if rest:
                yield from places(values[number], rest)
            else:
                yield values, number
        return
    for element in values:
        if isinstance(element, dict):
            for name, rest in ((part, ""), *_splits(part)):
                if any(element.get(label) == name for label in LABELS):
                    yield from _places_of_value(element, rest)


def _places_of_value(element: dict[str, Any], rest: str) -> Iterator[tuple[Any, Any]]:
    """Yield the places of a labelled element's value, which may say its type."""
    for name in _VALUES:
        if name in element:
            value = element[name]
            if rest:
                yield from places(value, rest)
            elif isinstance(value, dict) and not value.keys().isdisjoint(_TYPED):
                yield from ((value, kind) for kind in _TYPED if value.get(kind) is not None)
            else:
                yield element, name


def _joined(document: dict[str, Any], parts: tuple[str, ...]) -> Any:
    if len(parts) == 1:
        return _first(document, parts[0])
    texts = [identifier(_first(document, part)) for part in parts]
    return None if None in texts else JOINT.join(text for text in texts if text)


def _first(document: dict[str, Any], part: str) -> Any:
    for container, key in places(document, part):
        if container[key] is not None:
            return container[key]
    return None


@lru_cache(maxsize=4096)
def _splits(part: str) -> tuple[tuple[str, str], ...]:
    """Return each name that a simple path may begin with, and the rest behind it."""
    return tuple(
        (part[:at], part[at + (part[at] == ".") :])
        for at in range(1, len(part) - 1)
        if part[at] in ".["
    )
