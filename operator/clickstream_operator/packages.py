"""The function packages that the operator uploads, read from the folder that the image carries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from clickstream_operator import names
from clickstream_operator.resources.lambda_function import FunctionPackage


def load(folder: Path) -> Mapping[str, FunctionPackage]:
    """Package of each function by name. Contents are read again when they are uploaded.

    Raises:
        OSError: a package is not readable.
    """
    return {
        name: FunctionPackage(
            sha256=hashlib.sha256((folder / f"{name}.zip").read_bytes()).hexdigest(),
            load=(folder / f"{name}.zip").read_bytes,
        )
        for name in (names.PROCESSOR, names.DETECTOR)
    }
