"""Zstd for the code under test: the functions' Python 3.14 has it, the tests' may be older."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest


def provide_zstd(patch: pytest.MonkeyPatch) -> None:
    """Let `compression.zstd` be imported: before Python 3.14 its backport, the same API."""
    if sys.version_info < (3, 14):
        from backports import zstd  # noqa: PLC0415 - not needed from Python 3.14 on

        package = ModuleType("compression")
        package.zstd = zstd  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "compression", package)
        patch.setitem(sys.modules, "compression.zstd", zstd)
