"""DynamoDB's condition and update expressions, compiled once and evaluated exactly.

The grammar is that of the DynamoDB Developer Guide, "Condition and filter expressions, operators,
and functions" and "Using update expressions in DynamoDB", as far as the pipeline uses it: top-level
attributes by `#alias`, values by `:placeholder`. Whatever is not known here is an error, never a
guess. DynamoDB's own limits on aliases (unused or undefined ones are refused) hold as well.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any, Final, NamedTuple

Value = dict[str, Any]
Item = dict[str, Value]
Names = Mapping[str, str]
Values = Mapping[str, Value]
Condition = Callable[[Item, Names, Values], bool]
Operand = Callable[[Item, Names, Values], "Value | None"]
Action = Callable[[Item, Item, Names, Values], None]

_TOKEN: Final = re.compile(r"\s*(<=|>=|<>|[<>=(),+-]|[#:]\w+|[A-Za-z_]\w*)")
_ALIAS: Final = re.compile(r"[#:]\w+")
_SIGNS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_ORDERED: Final = ("S", "N", "B")
_DIGITS: Final = 38


class ExpressionError(Exception):
    """An expression that DynamoDB would refuse, or that this evaluator does not know."""


class Update(NamedTuple):
    """A compiled update expression: its actions, and the aliases of the attributes it changes."""

    actions: tuple[Action, ...]
    targets: tuple[str, ...]


def check_aliases(expressions: str, names: Names, values: Values) -> None:
    """Refuse aliases that are unused or undefined, as DynamoDB does; raises ExpressionError."""
    used = _aliases(expressions)
    given = {*names, *values}
    if used != given:
        raise ExpressionError(f"aliases unused or undefined: {sorted(used ^ given)}")


@lru_cache(maxsize=4096)
def _aliases(expressions: str) -> frozenset[str]:
    return frozenset(_ALIAS.findall(expressions))


@lru_cache(maxsize=4096)
def compile_condition(text: str) -> Condition:
    """Return the condition that a text stands for; raises ExpressionError."""
    parser = _Parser(text)
    condition = parser.any_of()
    parser.end()
    return condition


@lru_cache(maxsize=4096)
def compile_update(text: str) -> Update:
    """Return the update that a text stands for; raises ExpressionError."""
    parser = _Parser(text)
    actions: list[Action] = []
    targets: list[str] = []
    clauses: set[str] = set()
    while parser.ahead:
        clause = parser.take()
        if clause in clauses or clause not in ("SET", "REMOVE", "ADD"):
            raise ExpressionError(f"clause {clause!r} is unknown or stands twice in {text!r}")
        clauses.add(clause)
        while True:
            target = parser.name()
            if target in targets:
                raise ExpressionError(f"two actions on {target} in {text!r}")
            targets.append(target)
            actions.append(parser.action(clause, target))
            if parser.ahead != ",":
                break
            parser.take(",")
    if not actions:
        raise ExpressionError("an empty update expression")
    return Update(tuple(actions), tuple(targets))


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        position, length = 0, len(text.rstrip())
        while position < length:
            match = _TOKEN.match(text, position)
            if match is None:
                raise ExpressionError(f"unknown syntax at {text[position:]!r}")
            self._tokens.append(match[1])
            position = match.end()
        self._position = 0

    @property
    def ahead(self) -> str:
        """The next token, empty at the end."""
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.ahead
        if not token or (expected and token != expected):
            raise ExpressionError(f"{expected or 'more'} expected, not {token!r}: {self._text!r}")
        self._position += 1
        return token

    def end(self) -> None:
        if self.ahead:
            raise ExpressionError(f"{self.ahead!r} is too much in {self._text!r}")

    def name(self) -> str:
        token = self.take()
        if not token.startswith("#"):
            raise ExpressionError(f"{token!r} is no #alias in {self._text!r}")
        return token

    def any_of(self) -> Condition:
        parts = [self._all_of()]
        while self.ahead == "OR":
            self.take()
            parts.append(self._all_of())
        if len(parts) == 1:
            return parts[0]
        return lambda item, names, values: any(part(item, names, values) for part in parts)

    def _all_of(self) -> Condition:
        parts = [self._one()]
        while self.ahead == "AND":
            self.take()
            parts.append(self._one())
        if len(parts) == 1:
            return parts[0]
        return lambda item, names, values: all(part(item, names, values) for part in parts)

    def _one(self) -> Condition:
        if self.ahead == "NOT":
            self.take()
            inner = self._one()
            return lambda item, names, values: not inner(item, names, values)
        if self.ahead == "(":
            self.take()
            condition = self.any_of()
            self.take(")")
            return condition
        if self.ahead in ("attribute_exists", "attribute_not_exists"):
            wanted = self.take() == "attribute_exists"
            self.take("(")
            name = self.name()
            self.take(")")
            return lambda item, names, _values: (names[name] in item) is wanted
        if self.ahead == "begins_with":
            return self._begins_with()
        return self._comparison()

    def _begins_with(self) -> Condition:
        self.take()
        self.take("(")
        left = self._operand()
        self.take(",")
        right = self._operand()
        self.take(")")

        def begins(item: Item, names: Names, values: Values) -> bool:
            text, prefix = left(item, names, values), right(item, names, values)
            kind = _common_kind(text, prefix)
            return kind in ("S", "B") and bool(text[kind].startswith(prefix[kind]))  # type: ignore[index]

        return begins

    def _comparison(self) -> Condition:
        left, sign = self._operand(), self.take()
        if sign == "BETWEEN":
            low = self._operand()
            self.take("AND")
            high = self._operand()
            return lambda item, names, values: (
                _compare(left(item, names, values), ">=", low(item, names, values))
                and _compare(left(item, names, values), "<=", high(item, names, values))
            )
        if sign not in _SIGNS:
            raise ExpressionError(f"unknown comparison {sign!r} in {self._text!r}")
        right = self._operand()
        return lambda item, names, values: _compare(
            left(item, names, values), sign, right(item, names, values)
        )

    def _operand(self) -> Operand:
        token = self.take()
        if token.startswith(":"):
            return lambda _item, _names, values: values[token]
        if token.startswith("#"):
            return lambda item, names, _values: item.get(names[token])
        if token == "if_not_exists":  # noqa: S105 - a word of the grammar
            self.take("(")
            name = self.name()
            self.take(",")
            default = self._operand()
            self.take(")")

            def first(item: Item, names: Names, values: Values) -> Value | None:
                found = item.get(names[name])
                return default(item, names, values) if found is None else found

            return first
        raise ExpressionError(f"unknown operand {token!r} in {self._text!r}")

    def action(self, clause: str, target: str) -> Action:
        """Return one action; it reads the old item and changes the new one."""
        if clause == "REMOVE":

            def remove(_old: Item, new: Item, names: Names, _values: Values) -> None:
                new.pop(names[target], None)

            return remove
        if clause == "ADD":
            amount = self._operand()

            def add(old: Item, new: Item, names: Names, values: Values) -> None:
                found = old.get(names[target], {"N": "0"})
                new[names[target]] = _sum(found, amount(old, names, values), 1)

            return add
        self.take("=")
        source = self._operand()
        if self.ahead in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            left, right = source, self._operand()

            def source(item: Item, names: Names, values: Values) -> Value | None:
                return _sum(left(item, names, values), right(item, names, values), sign)

        def assign(old: Item, new: Item, names: Names, values: Values) -> None:
            value = source(old, names, values)
            if value is None:
                raise ExpressionError(f"{target} is set to an attribute that does not exist")
            new[names[target]] = value

        return assign


def _common_kind(left: Value | None, right: Value | None) -> str | None:
    """Return the type of two values; None when one is absent or they differ in type."""
    if left is None or right is None:
        return None
    kind = next(iter(left))
    return kind if kind in right else None


def _compare(left: Value | None, sign: str, right: Value | None) -> bool:
    """Compare as DynamoDB does: an absent attribute or another type compares false."""
    kind = _common_kind(left, right)
    if kind is None:
        return sign == "<>" and left is not None and right is not None
    if kind not in _ORDERED and sign not in ("=", "<>"):
        raise ExpressionError(f"{sign} on type {kind}")
    a, b = left[kind], right[kind]  # type: ignore[index]
    if kind == "N":
        a, b = Decimal(a), Decimal(b)
    elif kind == "S" and sign not in ("=", "<>"):
        a, b = a.encode(), b.encode()  # By UTF-8 bytes, which is not Python's order for all text.
    return _SIGNS[sign](a, b)


def _sum(left: Value | None, right: Value | None, sign: int) -> Value:
    if left is None or right is None or "N" not in left or "N" not in right:
        raise ExpressionError("an operand of + - or ADD is absent or not a number")
    with localcontext() as context:
        context.prec = 2 * _DIGITS
        total = Decimal(left["N"]) + sign * Decimal(right["N"])
    if len(total.normalize().as_tuple().digits) > _DIGITS:
        raise ExpressionError(f"a number of more than {_DIGITS} digits")
    return {"N": format(total, "f")}
