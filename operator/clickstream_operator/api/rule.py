"""Form of a CEL rule in the schema: condition, message and the field that it names. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of ``x-kubernetes-validations``; `path` is relative to its schema."""

    rule: str
    message: str
    path: str | None = None
    optional_old_self: bool = False
    message_expression: str | None = None

    def as_schema(self) -> dict[str, Any]:
        """The entry in the CRD."""
        entry: dict[str, Any] = {"rule": self.rule, "message": self.message}
        if self.path is not None:
            entry["fieldPath"] = self.path
        if self.optional_old_self:
            entry["optionalOldSelf"] = True
        if self.message_expression is not None:
            entry["messageExpression"] = self.message_expression
        return entry


def with_number(rule: str, message: str, number: str, path: str) -> Rule:
    """A rule whose remedy is a number.

    Args:
        rule: the condition in CEL.
        message: text with `{number}` after the verb, such as "raise it{number}, or ...".
        number: the number in CEL.
        path: of the field, relative to the schema.
    """
    computed = message.format(number=" to %d")
    return Rule(
        rule,
        message.format(number=""),
        path,
        message_expression=f'"{computed}".format([{number}])',
    )


@dataclass(frozen=True, slots=True)
class Form:
    """Form of a string: `pattern` in the syntax that RE2 and Python share, and `words` for people.

    It is a CEL rule, because for a ``pattern`` the API server shows only the regular expression.
    """

    pattern: str
    words: str

    def as_rule(self) -> Rule:
        """The rule for a string."""
        return Rule(f"self.matches(r'^{self.pattern}$')", f"must be {self.words}")
