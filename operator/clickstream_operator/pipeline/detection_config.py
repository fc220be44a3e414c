"""Detection rules of a user in the form of the detector's configuration, with defaults. Pure."""

from __future__ import annotations

from typing import Any, Final

from clickstream_operator.api.spec import DetectionRule

#: Default of minVolume: in fewer events a ratio means little.
_RATIO_VOLUME: Final = 30
_SECONDS: Final = 60


class RuleError(ValueError):
    """A rule that the detector can't evaluate; the message names the field and the remedy."""


def compile_rule(rule: DetectionRule) -> dict[str, Any]:
    """One rule of the detector's configuration.

    Raises:
        RuleError: the rule is one that an older CRD accepted and this one refuses.
    """
    path = f"spec.anomalyDetection.rules[{rule.name}]"
    compiled: dict[str, Any] = {
        "name": rule.name,
        "kind": rule.kind,
        "scope": rule.scope,
        "cooldownSeconds": rule.cooldown_seconds,
        "severity": rule.severity,
        "perSeconds": rule.per_seconds or _SECONDS,
        "forSeconds": rule.for_seconds or 0,
        "minVolume": rule.min_volume or 0,
    }
    if rule.kind == "Ratio" and rule.min_volume is None:
        compiled["minVolume"] = _RATIO_VOLUME
    if rule.match:
        compiled["match"] = dict(rule.match)
    if rule.field is not None:
        compiled["field"] = rule.field
    elif rule.kind in {"Threshold", "Match"}:
        raise RuleError(f"{path}.field is required with kind {rule.kind}; name the member")
    if rule.operator is not None:
        compiled["operator"] = rule.operator
    if rule.kind == "Match":
        if not rule.value:
            raise RuleError(f"{path}.value is required with kind Match; set what to compare with")
        compiled["text"] = rule.value
    elif rule.kind in {"Rate", "Threshold", "Ratio"}:
        compiled["limit"] = _number(path, rule)
    elif rule.scope != "Site":
        raise RuleError(f"{path}.scope must be Site with kind {rule.kind}; set scope: Site")
    return compiled


def _number(path: str, rule: DetectionRule) -> float:
    try:
        number = float(rule.value or "")
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise RuleError(f'{path}.value must be a number with kind {rule.kind}, for example "50"')
    return int(number) if number.is_integer() else number
