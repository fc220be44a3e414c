"""One sandbox for the whole session: starting it costs seconds, resetting it does not."""

from collections.abc import Iterator

import pytest

from sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Yield a running Kubernetes API and AWS emulator, shared by all tests."""
    with Sandbox.start() as started:
        yield started
