"""promtool, built from the module in `sandbox/promtool/`, whose go.sum pins every source."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sandbox.programs import cache, gomodule

_MODULE: Final = "github.com/prometheus/prometheus"
_SOURCE: Final = Path(__file__).parent / "promtool"
_LINK_FLAGS: Final = "-s -w"
# It reads files here and discovers nothing: without the clients of the clouds it builds faster.
_TAGS: Final = "remove_all_sd"


def locate() -> Path:
    """Return the program; the first call on a machine builds it.

    Raises:
        SandboxError: there is no Go, or the build failed.
    """
    sources = [(_SOURCE / name).read_bytes() for name in ("go.mod", "go.sum")]
    key = cache.digest([*sources, f"{_LINK_FLAGS} {_TAGS}".encode()])
    return cache.entry(f"promtool-{key}", _fill) / "promtool"


def _fill(folder: Path) -> None:
    gomodule.build(
        _SOURCE,
        folder / "promtool",
        link_flags=_LINK_FLAGS,
        what=f"promtool {gomodule.required(_SOURCE, _MODULE)}",
        minutes=2,
        package=f"{_MODULE}/cmd/promtool",
        tags=_TAGS,
    )
