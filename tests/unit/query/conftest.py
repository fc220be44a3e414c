"""Trino for the tests of this folder, where `--trino` asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def second_engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a Trino answer every query as well."""
    if not request.config.getoption("--trino"):
        yield
        return
    from tests.unit.query import archives  # noqa: PLC0415 - the other tests need none of it

    archives.SECOND = request.getfixturevalue("lake")
    yield
    archives.SECOND = None
