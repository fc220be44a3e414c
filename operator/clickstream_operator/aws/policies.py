"""IAM policy documents: built from statements, compared by meaning."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

VERSION: Final = "2012-10-17"
_SETS: Final = frozenset({"Action", "NotAction", "Resource", "NotResource", "AWS", "Service"})

_EVERYBODY: Final = ({"AWS": "*"}, {"AWS": ["*"]})


def statement(
    sid: str,
    *,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One Allow statement of an identity policy."""
    result: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": sorted(resources),
    }
    if conditions:
        result["Condition"] = conditions
    return result


def document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": VERSION, "Statement": [dict(one) for one in statements]}


def statements(policy: str | Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of a document; AWS accepts a single one without a list."""
    parsed = json.loads(policy) if isinstance(policy, str) else policy
    found = parsed.get("Statement", [])
    return [dict(one) for one in found] if isinstance(found, list) else [dict(found)]


def without_resources(policy: Mapping[str, Any], arns: Collection[str]) -> dict[str, Any]:
    """The document without these ARNs and what lies under them; a statement left empty goes."""
    kept = []
    for one in statements(policy):
        resources = [each for each in one["Resource"] if not _is_under(each, arns)]
        if resources:
            kept.append({**one, "Resource": resources})
    return document(kept)


def _is_under(resource: str, arns: Collection[str]) -> bool:
    return any(resource == arn or resource.startswith((f"{arn}/", f"{arn}:")) for arn in arns)


def service_trust(service: str, conditions: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A trust policy that lets one AWS service assume the role."""
    trust: dict[str, Any] = {
        "Sid": "clickstreamTrust",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if conditions:
        trust["Condition"] = conditions
    return document([trust])


def as_text(policy: Mapping[str, Any]) -> str:
    """The document as compact JSON: one text for one policy."""
    return json.dumps(policy, separators=(",", ":"), sort_keys=True)


def canonical(policy: str | Mapping[str, Any]) -> Any:
    """A form in which two documents of equal meaning are equal.

    A string equals a list of one. The order of actions, resources, statements and values of a
    condition has no meaning, nor has the JSON type of such a value (IAM user guide, "IAM JSON
    policy elements reference"). The public principal is ``*`` or ``{"AWS": "*"}`` ("Principal").
    """
    parsed = json.loads(policy) if isinstance(policy, str) else policy
    return _canonical(parsed, key="")


def _canonical(value: Any, *, key: str) -> Any:
    if key == "Condition":
        return {
            operator: {
                name: sorted(map(_text, found if isinstance(found, list) else [found]))
                for name, found in sorted(keys.items())
            }
            for operator, keys in sorted(value.items())
        }
    if key == "Statement":
        items = value if isinstance(value, list) else [value]
        return sorted((_canonical(item, key="") for item in items), key=json.dumps)
    if key == "Principal" and value in _EVERYBODY:
        return "*"
    if isinstance(value, Mapping):
        return {name: _canonical(item, key=name) for name, item in sorted(value.items())}
    if key in _SETS:
        return sorted(value) if isinstance(value, list) else [value]
    if isinstance(value, list):
        return [_canonical(item, key="") for item in value]
    return value


def _text(value: Any) -> str:
    """A value of a condition: AWS takes ``false`` for ``"false"``."""
    return json.dumps(value) if isinstance(value, bool) else str(value)
