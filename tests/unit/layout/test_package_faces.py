"""The faces of the packages: one sentence each, and names that stand for what is inside."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

OPERATOR: Final = Path(__file__).parents[3] / "operator" / "clickstream_operator"
ROOMS: Final = sorted(path.parent.name for path in OPERATOR.glob("*/__init__.py"))
SDKS: Final = ("boto3", "botocore", "kubernetes", "kopf")
PURE: Final = (
    "api", "autoscaling", "cost", "engine", "pipeline", "query", "resources", "settings", "status",
    "telemetry", "aws", "kube",
)  # fmt: skip


def face(room: str) -> ModuleType:
    """The package."""
    return importlib.import_module(f"clickstream_operator.{room}")


@pytest.mark.parametrize("room", ROOMS)
def test_a_package_says_in_a_sentence_what_it_is_for(room: str) -> None:
    """The docstring is one line that a reader of the folder takes in."""
    text = face(room).__doc__
    assert text
    assert "\n" not in text
    assert text.endswith(".")


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "resources"])
def test_a_face_hands_on_what_its_package_defines(room: str) -> None:
    """Each name is there and comes from inside; a lazy name is loaded when it is asked for."""
    package = face(room)
    assert package.__all__
    for name in package.__all__:
        value = getattr(package, name)
        home = value if inspect.ismodule(value) else inspect.getmodule(value)
        # A constant has no module of its own.
        assert home is None or home.__name__.startswith(f"{package.__name__}."), name
    with pytest.raises(AttributeError, match="nothing"):
        _ = package.nothing


def test_nothing_pure_loads_an_sdk() -> None:
    """Neither do the faces of the edges, of which most modules want only the values."""
    imports = "; ".join(f"import clickstream_operator.{room}" for room in PURE)
    code = f"import sys; {imports}; print([name for name in {SDKS!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
