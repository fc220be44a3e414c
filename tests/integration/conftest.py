"""One sandbox for the whole session: starting it costs seconds, resetting it does not."""

from collections.abc import Iterator

import pytest

from sandbox import Sandbox, binaries, emulator


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fill the sandbox's cache before the first test.

    On a new machine that takes minutes: inside a fixture the timeout of one test would end it, and
    its progress would be captured.
    """
    wanted = any("sandbox" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        capture = session.config.pluginmanager.getplugin("capturemanager")
        assert capture is not None
        with capture.global_and_fixture_disabled():
            binaries.locate()
            emulator.locate()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Yield a running Kubernetes API and AWS emulator, shared by all tests."""
    with Sandbox.start() as started:
        yield started
