"""The CRDs of Flux, out of the sources that `sandbox/flux/go.sum` pins."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from sandbox.programs import cache, gomodule

MODULES: Final = ("helm-controller", "kustomize-controller", "source-controller")

_SOURCE: Final = Path(__file__).parent / "flux"


def crds() -> list[Path]:
    """Return one folder of CRDs for each controller; the first call downloads them.

    Raises:
        SandboxError: a source could not be had, or is not the pinned one.
    """
    folder = cache.entry(f"flux-{cache.digest([(_SOURCE / 'go.sum').read_bytes()])}", _fill)
    return [folder / module for module in MODULES]


def _fill(folder: Path) -> None:
    for module in MODULES:
        source = gomodule.folder_of(_SOURCE, f"github.com/fluxcd/{module}")
        shutil.copytree(
            source / "config" / "crd" / "bases", folder / module, copy_function=shutil.copyfile
        )
        (folder / module).chmod(0o755)
