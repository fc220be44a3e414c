"""Hook of the build backend: the script of web pages goes into sdist and wheel as built.

A wheel of an sdist takes what the sdist brings, so that it needs no Node.js. One of a checkout
without npm lacks the script, which the command line saves to folders and needs for nothing else.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES: Final = ("clickstream.js", "clickstream.mjs", "clickstream.d.ts")
_BROUGHT: Final = "web/built"
_IN_THE_WHEEL: Final = "clickstream_operator/cli/web"


class ScriptHook(BuildHookInterface[Any]):
    """Builds the script where it is not there, and adds it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; an editable installation reads them from the tree."""
        if version == "editable":
            return
        root = Path(self.root)
        folder = root / _BROUGHT
        if not all((folder / name).is_file() for name in FILES):
            folder = root / "build" / "web"
            builder = _builder(root / "web" / "build.py")
            try:
                builder.build(folder)
            except builder.NpmAbsentError as error:
                # Who installs the command line from a checkout need not have it.
                self.app.display_warning(f"without `clickstream snippet --save`: {error}")
                return
        inside = _BROUGHT if self.target_name == "sdist" else _IN_THE_WHEEL
        for name in FILES:
            build_data["force_include"][str(folder / name)] = f"{inside}/{name}"


def _builder(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("script_builder", path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{path} is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
