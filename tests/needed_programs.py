"""Programs that the collected tests need, built before the first test runs.

On a new machine that takes minutes: inside a fixture the timeout of one test would end the build,
and its progress would be captured. A run that only collects builds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import pytest

# The programs are imported where they are located: unit tests pay nothing for them.
# ruff: noqa: PLC0415

_CLUSTERS: Final = frozenset({"sandbox", "strict", "emulated", "cluster"})
"""Fixtures that start an API server or an emulator."""
_HELM: Final = frozenset({"helm_major"})
_TRINO: Final = frozenset({"lake"})


def locators(fixtures: set[str]) -> Iterator[Callable[[], object]]:
    """Yield the functions that find, or else build, the programs behind these fixtures."""
    if fixtures & _CLUSTERS:
        from sandbox.aws import emulator
        from sandbox.programs import binaries

        yield binaries.locate
        yield emulator.locate
    if fixtures & _HELM:
        from sandbox.programs import helm

        for major in helm.MAJORS:
            yield partial(helm.locate, major)
    if fixtures & _TRINO:
        from sandbox.aws import emulator
        from sandbox.programs import trino

        yield emulator.locate
        yield trino.locate


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build, with its progress shown, what the collected tests need and the cache lacks."""
    if session.config.option.collectonly:
        return
    fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if session.config.getoption("--trino"):
        fixtures |= _TRINO
    capture = session.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        for locate in locators(fixtures):
            locate()
