"""Function packages that the operator uploads, from a folder of the image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clickstream_operator.api import components
from clickstream_operator.resources.lambda_function import FunctionPackage


def load(folder: Path) -> Mapping[str, FunctionPackage]:
    """Package of each function by name.

    Raises:
        OSError: a package is not readable.
    """
    return {
        name: FunctionPackage.at(folder / f"{name}.zip")
        for name in (components.PROCESSOR, components.DETECTOR, components.COLLECTOR)
    }
