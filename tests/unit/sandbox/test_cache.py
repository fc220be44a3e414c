"""A cache entry is complete or absent, whoever makes it and however that ends."""

import threading
from pathlib import Path

import pytest

from sandbox.programs import cache


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "clickstream-operator"


def test_an_entry_is_filled_once(root: Path) -> None:
    """The second caller gets what the first one made."""
    filled: list[Path] = []

    def fill(folder: Path) -> None:
        filled.append(folder)
        (folder / "content").write_text("x")

    for _ in range(2):
        assert (cache.entry("thing", fill) / "content").read_text() == "x"
    assert len(filled) == 1
    assert cache.entry("thing", fill) == root / "thing"


def test_a_failed_fill_leaves_no_entry(root: Path) -> None:
    """The next call tries again, with an empty folder."""

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        cache.entry("thing", fail)
    assert not (root / "thing").exists()
    made = cache.entry("thing", lambda folder: (folder / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]


def test_what_a_killed_builder_left_is_removed(root: Path) -> None:
    """A part without a lock holder is rubbish."""
    (root / "thing.part-killed").mkdir(parents=True)
    (root / "thing.part-killed" / "rubbish").touch()
    made = cache.entry("thing", lambda folder: (folder / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]
    assert sorted(path.name for path in root.iterdir()) == ["thing", "thing.lock"]


def test_of_two_builders_one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both get the entry; it is filled once and the other is told that it waits."""
    inside, waits, go_on = threading.Event(), threading.Event(), threading.Event()
    fills: list[str] = []
    said: list[str] = []

    def say(message: str) -> None:
        said.append(message)
        waits.set()

    monkeypatch.setattr(cache, "say", say)

    def slow(folder: Path) -> None:
        fills.append("slow")
        inside.set()
        assert go_on.wait(10)
        (folder / "whole").touch()

    first = threading.Thread(target=cache.entry, args=("thing", slow))
    first.start()
    assert inside.wait(10)
    second = threading.Thread(target=cache.entry, args=("thing", lambda _: fills.append("second")))
    second.start()
    assert waits.wait(10)
    go_on.set()
    first.join(10)
    second.join(10)
    assert fills == ["slow"]
    assert said == ["Waiting for another process that makes thing"]


def test_digests_see_the_borders_between_parts() -> None:
    """Moving a byte from one input to the next is another digest."""
    assert cache.digest([b"ab", b"c"]) != cache.digest([b"a", b"bc"])


def test_the_cache_is_outside_the_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty XDG_CACHE_HOME means the default, as the XDG base directory specification says."""
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.root() == tmp_path / ".cache" / "clickstream-operator"
