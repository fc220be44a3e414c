"""Thresholds of a rule on two numbers: the events it takes, and all events beside them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.config import Rule


def holds(rule: Rule, count: int, total: int) -> bool:
    """Return whether a rule of kind Rate, Threshold, Match or Ratio holds in a window so far."""
    if rule.kind in {"Threshold", "Match"}:
        return count >= max(1, rule.min_volume)
    if rule.kind == "Ratio":
        if total < max(1, rule.min_volume):
            return False
        share = count / total
        return share < rule.limit if rule.operator == "LessThan" else share > rule.limit
    return count < rule.limit if rule.operator == "LessThan" else count > rule.limit


def explain(rule: Rule) -> str:
    """Return what holds, in words; only the rule's own texts, nothing that an event says."""
    window = f"in {rule.per_seconds} s"
    side = "Fewer than" if rule.operator == "LessThan" else "More than"
    if rule.kind in {"Threshold", "Match"}:
        wanted = rule.text if rule.kind == "Match" else f"{rule.limit:g}"
        times = f", {rule.min_volume} times {window}" if rule.min_volume > 1 else ""
        return f"{rule.field} {_WORDS[rule.operator or 'GreaterThan']} {wanted}{times}"
    if rule.kind == "Ratio":
        return f"{side} {rule.limit:.4g} of the events {window}"
    if rule.kind == "Absent":
        return f"No event for {rule.for_seconds} s"
    return f"{side} {rule.limit:g} events {window}"


_WORDS = {
    "GreaterThan": "is above",
    "LessThan": "is below",
    "Equals": "is",
    "Contains": "contains",
    "Matches": "matches",
}
