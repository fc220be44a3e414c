"""Label selectors in the notation of ``kubectl -l`` (Kubernetes, "Labels and Selectors"). Pure.

The API server applies the selector to the watch. The operator applies it again to the live object
before a reconcile, because its labels may have changed since.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

_NAME: Final = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY: Final = rf"([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}"
_VALUE: Final = rf"({_NAME})?"
_SET: Final = re.compile(rf"(?P<key>{_KEY})\s+(?P<sign>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUAL: Final = re.compile(rf"(?P<key>{_KEY})\s*(?P<sign>==|=|!=)\s*(?P<value>{_VALUE})")
_EXISTS: Final = re.compile(rf"(?P<sign>!?)\s*(?P<key>{_KEY})")
#: A comma between requirements; those in parentheses separate values.
_COMMA: Final = re.compile(r",(?![^(]*\))")

Labels = Mapping[str, str]
Requirement = Callable[[Labels], bool]


class SelectorError(ValueError):
    """The text is no selector; the message quotes the invalid part."""


def parse(text: str) -> Requirement:
    """Predicate of labels; an empty text selects everything.

    Raises:
        SelectorError: a part is no requirement.
    """
    if not text.strip():
        return lambda _labels: True
    requirements = [_requirement(part.strip()) for part in _COMMA.split(text)]
    return lambda labels: all(holds(labels) for holds in requirements)


def _requirement(part: str) -> Requirement:
    if found := _SET.fullmatch(part):
        values = frozenset(value.strip() for value in found["values"].split(","))
        if all(re.fullmatch(_VALUE, value) for value in values):
            return _in(found["key"], values, wanted=found["sign"] == "in")
    elif found := _EQUAL.fullmatch(part):
        return _in(found["key"], frozenset({found["value"]}), wanted=found["sign"] != "!=")
    elif found := _EXISTS.fullmatch(part):
        key, wanted = found["key"], not found["sign"]
        return lambda labels: (key in labels) is wanted
    raise SelectorError(
        f"{part!r} is no requirement; write it as for kubectl -l, "
        "for example team=shop,tier in (web, app),!legacy"
    )


def _in(key: str, values: frozenset[str], *, wanted: bool) -> Requirement:
    def holds(labels: Labels) -> bool:
        # An absent label differs from every value.
        return (key in labels and labels[key] in values) is wanted

    return holds
