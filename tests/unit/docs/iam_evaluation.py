"""What a policy allows, as IAM decides: actions, resources and the conditions that ours have.

IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

Statement = Mapping[str, Any]
Keys = Mapping[str, str | list[str]]


def allowing(
    statements: Iterable[Statement], action: str, arn: str, keys: Keys
) -> Iterator[Statement]:
    """The statements that allow an action on a resource in a request with these context keys."""
    for one in statements:
        if any(fnmatchcase(action, pattern) for pattern in one["Action"]) and any(
            fnmatchcase(arn, pattern) for pattern in one["Resource"]
        ):
            conditions = one.get("Condition", {})
            if all(
                _holds(operator, keys.get(key), value)
                for operator, asked in conditions.items()
                for key, value in asked.items()
            ):
                yield one


def _holds(operator: str, found: str | list[str] | None, asked: Any) -> bool:
    wanted = asked if isinstance(asked, list) else [asked]
    values = [found] if isinstance(found, str) else found
    if operator == "Null":
        return (values is None) == (wanted == ["true"])
    quantifier, _, comparison = operator.rpartition(":")
    if values is None:
        return quantifier == "ForAllValues"
    every = all if quantifier == "ForAllValues" else any
    return every(any(_matches(comparison, one, each) for each in wanted) for one in values)


def _matches(comparison: str, value: str, pattern: str) -> bool:
    if comparison == "StringEquals":
        return value == pattern
    if comparison in {"StringLike", "ArnLike"}:
        return fnmatchcase(value, pattern)
    raise NotImplementedError(comparison)
