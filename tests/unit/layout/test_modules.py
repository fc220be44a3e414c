"""What keeps the code base findable: one place per idea, small modules, documented reasons."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import get_args

import grimp
import pytest

from clickstream_operator.api.reasons import MEANING, Reason
from clickstream_operator.api.status import ResourceState
from clickstream_operator.engine.inventory import State

OPERATOR = Path(__file__).parents[3] / "operator"
PACKAGE = OPERATOR / "clickstream_operator"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 350
MAIN_MODULES = (
    "__main__",
    "runtime.process",
    "reconcile.reconciler",
    "reconcile.apply",
    "reconcile.finalize",
    "pipeline.build",
    "engine.apply",
    "status.compose",
)
VAGUE = {"utils", "util", "helpers", "common", "manager", "base", "misc"}


def name_of(path: Path) -> str:
    """Path inside the package."""
    return path.relative_to(PACKAGE).as_posix()


def test_operator_is_a_folder() -> None:
    """A package of that name would shadow the standard library's `operator`."""
    assert not (OPERATOR / "__init__.py").exists()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_is_small_and_says_what_it_is(path: Path) -> None:
    """A docstring, a telling name, and a size that one can hold in mind."""
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), path
    assert path.stem not in VAGUE
    assert len(text.splitlines()) <= MOST_LINES


def test_docstrings_of_functions_name_their_thing() -> None:
    """By a noun: not `What an alert says`, nor `Of one tick`, also where it follows a value."""
    questions = re.compile(r"(?:What|Of|How|Where|When|Which|Why) ")
    folder = OPERATOR.parent / "lambdas"
    modules = sorted(folder.rglob("*.py"))
    assert len(modules) > 20
    found = [
        f"{path.relative_to(folder)}: {text.splitlines()[0]}"
        for path in modules
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(text := node.value.value, str) and questions.match(text)
    ]
    assert not found


@pytest.mark.parametrize("name", MAIN_MODULES)
def test_a_main_module_says_what_calls_it_and_what_it_calls(name: str) -> None:
    """In its docstring, and each module named there does import it, or is imported by it."""
    full = f"clickstream_operator.{name}"
    graph = grimp.build_graph("clickstream_operator", cache_dir=None)
    text = " ".join((importlib.import_module(full).__doc__ or "").split())
    found = re.search(r"(?:Called|Started) by (.*?); calls (.*?)\.(?: |$)", text)
    assert found, text
    package = full.rpartition(".")[0]
    importers = graph.find_modules_that_directly_import
    sides = (
        # A module is called through the face of its package, too.
        (found[1], importers(full) | importers(package)),
        (found[2], graph.find_modules_directly_imported_by(full)),
    )
    for words, modules in sides:
        for said in re.findall(r"`([a-z_.]+)`", words):
            # A module of the same package, a package, or a function in either.
            paths = {f"{package}.{said}", f"clickstream_operator.{said}"}
            paths |= {path.rpartition(".")[0] for path in paths if "." in said}
            assert any(f"{each}.".startswith(f"{path}.") for each in modules for path in paths), (
                said
            )


def test_every_reason_has_a_meaning() -> None:
    """The reference page is made from these: a sentence each, none for nothing."""
    assert set(MEANING) == set(Reason)
    for reason, meaning in MEANING.items():
        assert re.fullmatch(r"[A-Z][A-Za-z]+", reason.value)
        assert meaning.endswith(".")


def test_every_reason_is_given_somewhere() -> None:
    """A documented reason that nothing ever says sends people looking for what can't happen."""
    said: set[str] = set()
    for path in MODULES:
        if path.stem == "reasons":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "Reason":
                said.add(str(Reason[node.attr]))
            elif isinstance(node, ast.Constant) and node.value in set(Reason):
                said.add(node.value)
    assert set(Reason) - said == set()


def test_reasons_of_refusals_are_documented() -> None:
    """A resource that refuses a step uses a reason that the status can show."""
    used: set[str] = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ResourceBlocked":
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    used.add(str(first.value))
    assert "DeletionBlocked" in used
    assert used <= {reason.value for reason in Reason}


def test_states_of_inventory_and_api_are_the_same() -> None:
    """What the engine may say, the status may hold."""
    assert {state.value for state in State} == set(get_args(ResourceState))
