"""CEL rules for members of a detection rule that depend on one another."""

from __future__ import annotations

from typing import Final

from clickstream_operator.api.rule import Rule

# Items of a map list have no defaults in the CRD. A rule without scope is about sessions.
_OF_SITE: Final = "has(self.scope) && self.scope == 'Site'"
_COUNTING: Final = "['Rate', 'Ratio', 'Absent']"


def _unless(condition: str, wanted: str, message: str, path: str) -> Rule:
    return Rule(f"!({condition}) || ({wanted})", message, path)


def _operators(kind: str, *operators: str) -> Rule:
    allowed = ", ".join(f"'{operator}'" for operator in operators)
    return _unless(
        f"self.kind == '{kind}' && has(self.operator)",
        f"self.operator in [{allowed}]",
        f"operator must be {' or '.join(operators)} with kind {kind}; change it or the kind",
        ".operator",
    )


DETECTION: Final = (
    _unless(
        "self.kind in ['Rate', 'Threshold', 'Match', 'Ratio']",
        "has(self.value) && size(self.value) > 0",
        "value is required with kind Rate, Threshold, Match or Ratio; set what to compare with",
        ".value",
    ),
    _unless(
        "self.kind in ['Absent', 'Seasonal']",
        "!has(self.value)",
        "value has no meaning with kind Absent or Seasonal; remove it",
        ".value",
    ),
    _unless(
        "self.kind == 'Rate' && has(self.value)",
        "self.value.matches('^[0-9]{1,9}$')",
        'value must be a whole number of events with kind Rate, for example "50"',
        ".value",
    ),
    _unless(
        "self.kind == 'Threshold' && has(self.value)",
        "self.value.matches('^-?[0-9]{1,15}([.][0-9]{1,9})?$')",
        'value must be a number with kind Threshold, for example "99.5"',
        ".value",
    ),
    _unless(
        "self.kind == 'Ratio' && has(self.value)",
        "self.value.matches('^(0([.][0-9]{1,9})?|1([.]0{1,9})?)$')",
        'value must be a share from 0 to 1 with kind Ratio, for example "0.2"',
        ".value",
    ),
    _unless(
        "self.kind in ['Threshold', 'Match']",
        "has(self.field)",
        "field is required with kind Threshold or Match; name the member to compare",
        ".field",
    ),
    _unless(
        "self.kind == 'Ratio'",
        "has(self.field) || (has(self.match) && size(self.match) > 0)",
        "match or field is required with kind Ratio; say which events the share is of",
        ".match",
    ),
    _operators("Rate", "GreaterThan", "LessThan"),
    _operators("Threshold", "GreaterThan", "LessThan", "Equals"),
    _operators("Match", "Equals", "Contains", "Matches"),
    _operators("Ratio", "GreaterThan", "LessThan"),
    _operators("Seasonal", "GreaterThan", "LessThan"),
    _unless(
        "self.kind == 'Absent'",
        "!has(self.operator)",
        "operator has no meaning with kind Absent; remove it",
        ".operator",
    ),
    _unless(
        "self.kind in ['Absent', 'Seasonal']",
        _OF_SITE,
        "scope must be Site with kind Absent or Seasonal; set scope: Site, and match to narrow it",
        ".scope",
    ),
    _unless(
        "self.kind == 'Rate' && has(self.operator) && self.operator == 'LessThan'",
        _OF_SITE,
        "scope must be Site with kind Rate and operator LessThan, because who is absent is not "
        "seen; set scope: Site",
        ".scope",
    ),
    _unless(
        "self.kind in ['Absent', 'Seasonal']",
        "!has(self.perSeconds)",
        "perSeconds has no meaning with kind Absent or Seasonal; remove it",
        ".perSeconds",
    ),
    _unless(
        "has(self.scope) && self.scope != 'Session' && has(self.perSeconds)",
        "self.perSeconds % 60 == 0",
        "perSeconds must be a multiple of 60, for example 300, with scope Site, Page or IPPrefix, "
        "which are judged by the minute",
        ".perSeconds",
    ),
    _unless(
        "has(self.scope) && self.scope in ['Page', 'IPPrefix'] && has(self.perSeconds)",
        "self.perSeconds <= 3600",
        "perSeconds must be at most 3600 with scope Page or IPPrefix; lower it",
        ".perSeconds",
    ),
    _unless(
        "self.kind == 'Absent'",
        "has(self.forSeconds)",
        "forSeconds is required with kind Absent; set how long nothing may come",
        ".forSeconds",
    ),
    _unless(
        "has(self.forSeconds)",
        f"{_OF_SITE} && self.kind in {_COUNTING}",
        "forSeconds has a meaning only with scope Site and kind Rate, Ratio or Absent; remove it",
        ".forSeconds",
    ),
    _unless(
        "has(self.forSeconds)",
        "self.forSeconds % 60 == 0",
        "forSeconds must be a multiple of 60, for example 600, because the site is judged by the "
        "minute",
        ".forSeconds",
    ),
    _unless(
        "has(self.minVolume)",
        "!(self.kind in ['Rate', 'Absent'])",
        "minVolume has no meaning with kind Rate or Absent; remove it",
        ".minVolume",
    ),
)

#: Rules of the spec, because its privacy decides which members the detector has.
IP_PREFIX: Final = Rule(
    "self.privacy.ipAddress != 'Drop' || "
    "self.anomalyDetection.rules.all(r, !has(r.scope) || r.scope != 'IPPrefix')",
    "anomalyDetection.rules of scope IPPrefix need privacy.ipAddress: Truncate or Keep; change it, "
    "or choose another scope",
    ".anomalyDetection.rules",
)
DROPPED: Final = Rule(
    "self.anomalyDetection.rules.all(r, !has(r.field) || !(r.field in self.privacy.dropFields))",
    "anomalyDetection.rules must not read a field that privacy.dropFields removes; keep the "
    "member, or remove the rule",
    ".anomalyDetection.rules",
)
