"""States of the original's Terraform: the one that it made, and what others make of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "fixtures" / "terraform-default.tfstate"
State = dict[str, Any]


@cache
def _text() -> str:
    return FILE.read_text()


def state() -> State:
    """What Terraform 1.11 wrote after it had applied the recipe."""
    found: State = json.loads(_text())
    return found


def resource(of: State, kind: str, name: str) -> dict[str, Any]:
    """A resource with its instances."""
    return next(one for one in of["resources"] if (one["type"], one["name"]) == (kind, name))


def attributes(of: State, kind: str, name: str) -> dict[str, Any]:
    """Attributes of a resource's first instance."""
    found: dict[str, Any] = resource(of, kind, name)["instances"][0]["attributes"]
    return found


def without(of: State, keep: Callable[[dict[str, Any]], bool]) -> State:
    """The same with only the resources that are to be kept."""
    return {**of, "resources": [one for one in of["resources"] if keep(one)]}


def in_module(of: State, module: str) -> State:
    """Everything inside of a module."""
    found = copy.deepcopy(of)
    for one in found["resources"]:
        one["module"] = module
    return found


def renamed(of: State, old: str, new: str) -> State:
    """The same deployment with another prefix, in every name and ARN."""
    found: State = json.loads(json.dumps(of).replace(old, new))
    return found


def joined(first: State, second: State) -> State:
    """One state with the resources of two."""
    return {**first, "resources": [*first["resources"], *second["resources"]]}
