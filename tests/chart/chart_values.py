"""The chart, and the values with which tests render it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHART = Path(__file__).parents[2] / "charts" / "clickstream-operator"
#: The only value that a user must give.
REGION = "aws.region=eu-west-1"

ROLE = "arn:aws:iam::123456789012:role/clickstream-operator"
OTHER_ROLE = "arn:aws:iam::123456789012:role/functions"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


def options(*pairs: str) -> list[str]:
    """`--set` for each."""
    return [word for pair in pairs for word in ("--set", pair)]


def one(objects: list[Any], kind: str) -> dict[str, Any]:
    """The only object of a kind."""
    found: list[dict[str, Any]] = [each for each in objects if each["kind"] == kind]
    assert len(found) == 1, (kind, len(found))
    return found[0]


def environment(objects: list[Any]) -> dict[str, str]:
    """The variables of the operator's container that have a value in the manifest."""
    container = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}
