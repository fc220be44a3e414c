"""Commands that run in the process of the tests leave its logging as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command that asks AWS silences the engine's log, which later tests read."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
