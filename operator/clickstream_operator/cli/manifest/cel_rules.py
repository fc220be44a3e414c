"""CEL rules of a schema, evaluated as the API server does.

The interpreter lacks some functions of Kubernetes ("CEL in Kubernetes", "CEL options, language
features, and libraries"); those that the rules use are added here.

The interpreter is imported with the first rule: it brings a library for terminals with it, which
costs a command that only reads half a second.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import cel

# ruff: noqa: PLC0415 see above

_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def holds(rule: Mapping[str, Any], value: Any, old: Any) -> bool:
    """Whether a rule holds for a value; `old` None: there was none before.

    A rule about changes does not apply to a new value, unless it takes an optional old one.

    Raises:
        RuntimeError: the rule needs what this interpreter lacks.
    """
    text = rule["rule"]
    optional = rule.get("optionalOldSelf", False)
    if "oldSelf" in text and old is None and not optional:
        return True
    before = old
    if optional:
        import cel

        before = cel.OptionalValue.none() if old is None else cel.OptionalValue.of(old)
    return bool(_evaluate(text, value, before))


def message(rule: Mapping[str, Any], value: Any) -> str:
    """The message of a rule that does not hold for a value, with the numbers of this value."""
    computed = rule.get("messageExpression")
    return rule["message"] if computed is None else str(_evaluate(computed, value, None))


def _evaluate(text: str, value: Any, before: Any) -> Any:
    import cel

    context = cel.Context(variables={"self": value, "oldSelf": before})
    context.add_function("lowerAscii", lambda given: given.translate(_LOWER))
    context.add_function("split", lambda given, mark: given.split(mark))
    context.add_function("format", lambda given, numbers: given % tuple(numbers))
    return _compiled(text).execute(context)


@cache
def _compiled(text: str) -> cel.Program:
    import cel

    return cel.compile(text)
