"""The Prometheus Operator's CRDs of monitors and alerts.

They come out of the sources that `sandbox/prometheus_operator/go.sum` pins.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from sandbox.programs import cache, gomodule

KINDS: Final = ("podmonitors", "prometheusrules", "servicemonitors")

_MODULE: Final = "github.com/prometheus-operator/prometheus-operator"
_SOURCE: Final = Path(__file__).parent / "prometheus_operator"


def crds() -> Path:
    """Return the folder of the CRDs of `KINDS`; the first call on a machine downloads them.

    Raises:
        SandboxError: the source could not be had, or is not the pinned one.
    """
    sources = [(_SOURCE / "go.sum").read_bytes(), repr(KINDS).encode()]
    return cache.entry(f"prometheus-operator-{cache.digest(sources)}", _fill)


def _fill(folder: Path) -> None:
    source = gomodule.folder_of(_SOURCE, _MODULE) / "example" / "prometheus-operator-crd"
    for kind in KINDS:
        name = f"monitoring.coreos.com_{kind}.yaml"
        shutil.copyfile(source / name, folder / name)
