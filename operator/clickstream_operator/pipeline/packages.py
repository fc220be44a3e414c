"""Function packages that the operator uploads, from a folder of the image."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from clickstream_operator.api import components
from clickstream_operator.pipeline.page_script import PageScript
from clickstream_operator.resources.lambda_function import FunctionPackage

FUNCTIONS: Final = (components.PROCESSOR, components.DETECTOR, components.COLLECTOR)
"""Functions that have a package each."""
_SCRIPT: Final = "collector/clickstream.js"


def load(folder: Path) -> Mapping[str, FunctionPackage]:
    """Package of each function by name.

    Raises:
        OSError: a package is not readable.
    """
    return {name: FunctionPackage.at(folder / f"{name}.zip") for name in FUNCTIONS}


def page_script(package: FunctionPackage) -> PageScript:
    """The script that the collector's package serves to pages."""
    with zipfile.ZipFile(io.BytesIO(package.load())) as archive:
        return PageScript.of(archive.read(_SCRIPT))
