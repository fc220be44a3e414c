"""Trino's jars are the pinned ones, and it runs on a Java that is new enough."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.programs import trino


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of jars, and a list that pins them."""
    folder = tmp_path / "source"
    (folder / "lib").mkdir(parents=True)
    for name in ("one.jar", "two.jar"):
        (folder / "lib" / name).write_bytes(name.encode())
    lines = [
        f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in ("one.jar", "two.jar")
    ]
    (folder / "jars.sha256").write_text("".join(lines))
    monkeypatch.setattr(trino, "_SOURCE", folder)
    return folder


def test_the_pinned_jars_are_taken(source: Path) -> None:
    """Each by its content."""
    trino._verify(source)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lib: (lib / "one.jar").write_bytes(b"other"), "one.jar is not the jar"),
        (lambda lib: (lib / "three.jar").write_bytes(b""), "three.jar"),
        (lambda lib: (lib / "two.jar").unlink(), "two.jar"),
    ],
)
def test_another_jar_one_more_and_one_less_are_refused(
    source: Path, change: object, said: str
) -> None:
    """None of them is ever run."""
    assert callable(change)
    change(source / "lib")
    with pytest.raises(SandboxError, match=said):
        trino._verify(source)


def test_a_machine_without_a_new_java_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the version that is needed."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(trino, "_JVMS", tmp_path / "none")
    with pytest.raises(SandboxError, match="needs a JDK 25 or newer"):
        trino.java()
