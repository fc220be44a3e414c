"""Programs that the sandbox builds or installs once per user, outside the tree.

An entry's name holds a digest of everything that it was made from, so an entry never goes stale and
two checkouts with different pins do not disturb each other. It appears complete or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.processes.progress import say

_DIGEST_LENGTH = 16


def root() -> Path:
    """Return the cache folder, `${XDG_CACHE_HOME:-~/.cache}/clickstream-operator`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "clickstream-operator"


def digest(parts: Iterable[bytes]) -> str:
    """Return a short digest of `parts`, in which the borders between parts count."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest()[:_DIGEST_LENGTH]


def entry(name: str, fill: Callable[[Path], None]) -> Path:
    """Return the folder of the entry `name`; if it is absent, let `fill` make it first.

    `fill` gets an empty folder that becomes the entry by a rename, so a crash leaves no half entry.
    Of two processes that want the same entry one fills it and the other waits.
    """
    target = root() / name
    if target.is_dir():
        return target
    with locked(root() / f"{name}.lock", waiting=f"Waiting for another process that makes {name}"):
        if target.is_dir():
            return target
        for rubbish in root().glob(f"{name}.part-*"):
            shutil.rmtree(rubbish, ignore_errors=True)
        # A new name each time: a compiler that outlived its killed builder may still write there.
        part = Path(tempfile.mkdtemp(prefix=f"{name}.part-", dir=root()))
        try:
            fill(part)
            part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target


@contextmanager
def locked(path: Path, *, waiting: str) -> Iterator[None]:
    """Hold the lock file `path`; print `waiting` if another process holds it now.

    The kernel releases the lock when its holder dies, so no lock is ever stale.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
