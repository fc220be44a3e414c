"""actionlint, built from the module in `sandbox/actionlint/`, whose go.sum pins every source."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sandbox.programs import cache, gomodule

_MODULE: Final = "github.com/rhysd/actionlint"
_SOURCE: Final = Path(__file__).parent / "actionlint"
_LINK_FLAGS: Final = "-s -w"


def locate() -> Path:
    """Return the program; the first call on a machine builds it.

    Raises:
        SandboxError: there is no Go, or the build failed.
    """
    sources = [(_SOURCE / name).read_bytes() for name in ("go.mod", "go.sum")]
    key = cache.digest([*sources, _LINK_FLAGS.encode()])
    return cache.entry(f"actionlint-{key}", _fill) / "actionlint"


def _fill(folder: Path) -> None:
    gomodule.build(
        _SOURCE,
        folder / "actionlint",
        link_flags=_LINK_FLAGS,
        what=f"actionlint {gomodule.required(_SOURCE, _MODULE)}",
        minutes=1,
        package=f"{_MODULE}/cmd/actionlint",
    )
