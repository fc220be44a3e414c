"""The operator's IAM policy, generated from the AWS calls in the code and the grants beside them.

A call is an operation's name (snake case) as a text in a module that names its service. Each action
that it needs is allowed by the first grant of that module that takes it.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import clickstream_operator
from clickstream_operator.aws.permissions import Grant
from docs.generator.iam_actions import action_of, operations, services

#: Packages whose modules call AWS for a pipeline.
_PACKAGES: Final = ("resources", "aws", "autoscaling")
#: Modules that name operations and call none: they classify or send the calls of others, or are
#: for people, whose rights are their own.
_EDGE: Final = frozenset(
    {
        "assume_role",
        "clients",
        "limits",
        "permissions",
        "read_only",
        "readings",
        "sdk_errors",
        "sending",
        "session",
    }
)

_SERVICE_AND_OPERATION: Final = 2
JOINED: Final = "OfPipelines"
"""Statement of what is allowed by name alone."""


class MissingGrantError(Exception):
    """A module makes a call that its grants do not allow, or has `BESIDES` of one it lacks."""


def operator_policy() -> str:
    """The policy as a JSON document.

    Raises:
        MissingGrantError: a module makes a call that none of its `GRANTS` allows, or has
            `BESIDES` of a call that it does not make.
    """
    statements: dict[str, dict[str, Any]] = {}
    for module, service, operation in calls():
        for action in sorted(_actions(module, service, operation)):
            first = _grant(module, action)
            for grant in (first, *first.also):
                _allow(statements, grant, action)
    document = {
        "Version": "2012-10-17",
        "Statement": [_statement(sid, one) for sid, one in joined(statements).items()],
    }
    return json.dumps(document, indent=2) + "\n"


def _allow(statements: dict[str, dict[str, Any]], grant: Grant, action: str) -> None:
    for sid, condition in grant.statements(action):
        one = statements.setdefault(
            sid, {"actions": set(), "resources": [], "condition": condition}
        )
        one["actions"].add(action)
        one["resources"] += [arn for arn in grant.resources if arn not in one["resources"]]
        if one["condition"] != condition:
            raise MissingGrantError(f"{sid} has two conditions; give one another sid")


def joined(statements: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Statements without a condition as one, where that allows nothing more.

    IAM counts the characters of a policy. Actions are of one service and mean nothing on resources
    of another, so two statements become one if no service has different resources in them.
    """
    found: dict[str, dict[str, Any]] = {}
    shared: dict[str, Any] = {"actions": set(), "resources": [], "condition": {}}
    places: dict[str, list[str]] = {}
    for sid, one in statements.items():
        mine = dict.fromkeys(map(_service, one["actions"]), one["resources"])
        fits = all(places.get(service, there) == there for service, there in mine.items())
        if one["condition"] or "*" in one["resources"] or len(mine) > 1 or not fits:
            found[sid] = dict(one)
            continue
        places |= mine
        found.setdefault(JOINED, shared)
        shared["actions"] |= one["actions"]
        shared["resources"] += [arn for arn in one["resources"] if arn not in shared["resources"]]
    return found


def _service(action: str) -> str:
    return action.partition(":")[0]


def calls() -> Iterator[tuple[ModuleType, str, str]]:
    """Module, service and operation (snake case) of each AWS call in the code."""
    for module in _modules():
        found = sorted(_calls_in(Path(str(module.__file__))))
        stale = getattr(module, "BESIDES", {}).keys() - {":".join(call) for call in found}
        if stale:
            names = ", ".join(sorted(stale))
            raise MissingGrantError(
                f"{module.__name__} has BESIDES of {names} and does not call it"
            )
        for service, operation in found:
            yield module, service, operation


def actions_of(service: str, operation: str) -> set[str]:
    """IAM actions that a call of the operator needs: its own, and those in any `BESIDES`."""
    return {one for module in _modules() for one in _actions(module, service, operation)}


def _actions(module: ModuleType, service: str, operation: str) -> set[str]:
    own = action_of(service, operation)
    besides: Mapping[str, Iterable[str]] = getattr(module, "BESIDES", {})
    return ({own} if own else set()) | set(besides.get(f"{service}:{operation}", ()))


def _calls_in(path: Path) -> set[tuple[str, str]]:
    """The calls of a module: written out, or as an operation that a method of it is handed."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts, found, handed = set(), set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
        if not isinstance(node, ast.Call) or len(node.args) < _SERVICE_AND_OPERATION:
            continue
        service, operation = node.args[:_SERVICE_AND_OPERATION]
        if not isinstance(service, ast.Constant) or service.value not in services():
            continue
        if isinstance(operation, ast.Constant):
            found.add((service.value, str(operation.value)))
        else:
            handed.add(service.value)
    return found | {(one, text) for one in handed for text in texts & operations(one).keys()}


def _grant(module: ModuleType, action: str) -> Grant:
    grants: tuple[Grant, ...] = getattr(module, "GRANTS", ())
    for grant in grants:
        if grant.takes(action):
            return grant
    raise MissingGrantError(
        f"{module.__name__} needs {action}, and none of its GRANTS allows it: declare one "
        "(clickstream_operator.aws.permissions)"
    )


def _statement(sid: str, one: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(one["actions"]),
        "Resource": sorted(one["resources"]),
    }
    return {**made, "Condition": one["condition"]} if one["condition"] else made


def _modules() -> Iterator[ModuleType]:
    for package in _PACKAGES:
        folder = Path(clickstream_operator.__path__[0]) / package
        for found in sorted(pkgutil.iter_modules([str(folder)]), key=lambda one: one.name):
            if found.name not in _EDGE:
                yield importlib.import_module(f"clickstream_operator.{package}.{found.name}")
