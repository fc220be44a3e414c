"""What a service account did by the API server's audit log, and which rule allows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

#: API group, resource with subresource, verb; where and which one, "*" for any.
Use = tuple[str, str, str, str, str]

#: What every authenticated account may do: system:basic-user, system:discovery.
EVERYBODYS: Final = {("authorization.k8s.io", "selfsubjectaccessreviews", "create")}


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of an audit log, those that the API server has put aside first."""
    for part in sorted(path.parent.glob(f"{path.stem}*{path.suffix}"), reverse=True):
        with part.open() as lines:
            yield from map(json.loads, lines)


def uses(log: Iterable[Mapping[str, Any]], account: str) -> dict[str, set[Use]]:
    """What accounts did or tried, by name; `account` is a regular expression for whole names."""
    found: dict[str, set[Use]] = {}
    for entry in log:
        # A request that ends before the API server knows whose it is has no name.
        name, reference = entry["user"].get("username", ""), entry.get("objectRef")
        if reference is None or "resource" not in reference or not re.fullmatch(account, name):
            continue
        resource = reference["resource"]
        if "subresource" in reference:
            resource += f"/{reference['subresource']}"
        use = (
            reference.get("apiGroup", ""),
            resource,
            entry["verb"],
            reference.get("namespace", ""),
            reference.get("name", ""),
        )
        if use[:3] not in EVERYBODYS:
            found.setdefault(name, set()).add(use)
    return found


def rights(roles: Iterable[Mapping[str, Any]]) -> set[Use]:
    """Every rule of Roles and ClusterRoles, one right each."""
    found: set[Use] = set()
    for role in roles:
        where = role["metadata"].get("namespace", "*")
        for rule in role["rules"]:
            found |= {
                (group, resource, verb, where, name)
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
                for name in rule.get("resourceNames", ["*"])
            }
    return found


def covers(rule: Use, use: Use) -> bool:
    """Whether a rule allows a use."""
    # The API server takes the namespace of a namespace to be itself.
    same_place = rule[3] in ("*", use[3])
    return rule[:3] == use[:3] and same_place and rule[4] in ("*", use[4])
