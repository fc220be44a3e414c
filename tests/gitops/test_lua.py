"""The Lua that Argo CD runs: in Lua 5.1, without the libraries that Argo CD leaves out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime, lua_type

SETTINGS = Path(__file__).parents[2] / "examples" / "gitops" / "argocd" / "argocd-cm.yaml"
# Argo CD loads base, package and table; a safe part of os comes by `require` only.
ABSENT = ("string", "math", "io", "os", "debug", "coroutine")


def setting(kind: str) -> str:
    """One customization of the kind, as it stands in `argocd-cm`."""
    data = yaml.safe_load(SETTINGS.read_text())["data"]
    text = data[f"resource.customizations.{kind}.clickstream.dev_ClickstreamPipeline"]
    assert isinstance(text, str)
    return text


def run(script: str, body: dict[str, Any]) -> Any:
    """What a script returns for an object, as Python data."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    for library in ABSENT:
        lua.globals()[library] = None
    lua.globals()["obj"] = _to_lua(lua, body)
    return _to_python(lua.execute(script))


def _to_lua(lua: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({key: _to_lua(lua, one) for key, one in value.items()})
    if isinstance(value, list):
        return lua.table_from([_to_lua(lua, one) for one in value])
    return value


def _to_python(value: Any) -> Any:
    if lua_type(value) != "table":
        return value
    return {key: _to_python(one) for key, one in value.items()}


def pipeline(
    *conditions: tuple[str, str], observed: int = 2, spec: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A pipeline of generation 2 with conditions given as (type, status)."""
    return {
        "metadata": {"name": "web", "generation": 2},
        "spec": spec or {},
        "status": {
            "observedGeneration": observed,
            "conditions": [
                {"type": kind, "status": status, "reason": "R", "message": f"{kind} it is"}
                for kind, status in conditions
            ],
        },
    }


READY = ("Ready", "True")
NOT_READY = ("Ready", "False")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"metadata": {"generation": 1}}, "Progressing", "The operator has not observed it yet"),
        (
            {"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": -1}},
            "Progressing",
            "The operator has not observed it yet",
        ),
        (
            pipeline(READY, observed=1),
            "Progressing",
            "The operator has not observed the latest spec yet",
        ),
        (pipeline(NOT_READY, ("Reconciling", "True")), "Progressing", "Reconciling it is"),
        (pipeline(READY, ("Reconciling", "True")), "Progressing", "Reconciling it is"),
        (pipeline(NOT_READY), "Progressing", "Ready it is"),
        (pipeline(NOT_READY, ("Stalled", "True")), "Degraded", "Stalled it is"),
        (pipeline(READY, ("DriftDetected", "True")), "Healthy", "Ready it is"),
        (
            pipeline(READY, spec={"suspend": True}),
            "Suspended",
            "spec.suspend is true: the operator reads and does not write",
        ),
    ],
)
def test_health(body: dict[str, Any], status: str, message: str) -> None:
    """Health follows the conditions, and says what they say."""
    assert run(setting("health"), body) == {"status": status, "message": message}


def actions() -> dict[str, str]:
    """The actions' scripts by name."""
    definitions = yaml.safe_load(setting("actions"))["definitions"]
    return {one["name"]: one["action.lua"] for one in definitions}


def offered(body: dict[str, Any]) -> set[str]:
    """The actions that can be chosen for an object."""
    found = run(yaml.safe_load(setting("actions"))["discovery.lua"], body)
    assert set(found) == set(actions())
    return {name for name, state in found.items() if not state["disabled"]}


WITH_PLAN = {**pipeline(NOT_READY, spec={"approval": "Manual"})}
WITH_PLAN["status"] = {**WITH_PLAN["status"], "plan": {"hash": "abc"}}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (pipeline(READY), {"suspend", "reconcile"}),
        (pipeline(READY, spec={"suspend": True}), {"resume", "reconcile"}),
        ({"metadata": {"name": "new"}}, {"suspend", "reconcile"}),
        (WITH_PLAN, {"suspend", "reconcile", "approve-plan"}),
        (
            {
                **WITH_PLAN,
                "metadata": {"annotations": {"clickstream.dev/approved-plan": "abc"}},
            },
            {"suspend", "reconcile"},
        ),
    ],
)
def test_actions_are_offered_where_they_make_sense(body: dict[str, Any], names: set[str]) -> None:
    """Nobody is offered to suspend what is suspended, or to approve what is approved."""
    assert offered(body) == names


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("suspend", lambda body: body["spec"]["suspend"] is True),
        ("resume", lambda body: body["spec"]["suspend"] is False),
        (
            "reconcile",
            lambda body: (
                body["metadata"]["annotations"]["clickstream.dev/reconcile-requested-at"][-1] == "Z"
            ),
        ),
        (
            "approve-plan",
            lambda body: body["metadata"]["annotations"]["clickstream.dev/approved-plan"] == "abc",
        ),
    ],
)
@pytest.mark.parametrize(
    "body", [WITH_PLAN, {**WITH_PLAN, "metadata": {"annotations": {"a": "b"}}}]
)
def test_actions_change_one_thing(
    name: str, reads: Callable[[dict[str, Any]], bool], body: dict[str, Any]
) -> None:
    """An action sets its field and keeps the rest of the object."""
    after = run(actions()[name], body)
    assert reads(after)
    assert after["metadata"].get("annotations", {}).get("a") == body["metadata"].get(
        "annotations", {}
    ).get("a")
    assert after["status"]["observedGeneration"] == 2
