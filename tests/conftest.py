"""What every test shares, and one sandbox for the whole session of those that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.integration.pilot import Pilot

# Through the standard library's loggers, so that a failing test shows warnings, not audit lines.
structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())

# The sandbox and the pilot are imported where they are started: unit tests pay nothing for them.
# ruff: noqa: PLC0415


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the hard AWS: the states, limits and delays that an emulator lacks."""
    parser.addoption("--hard-aws", action="store_true", help="put AWS's states and limits in front")
    parser.addoption("--whole-sweeps", action="store_true", help="sweep all points, not a sample")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fill the sandbox's cache before the first test.

    On a new machine that takes minutes: inside a fixture the timeout of one test would end it, and
    its progress would be captured.
    """
    wanted = any("sandbox" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        from sandbox import binaries, emulator

        capture = session.config.pluginmanager.getplugin("capturemanager")
        assert capture is not None
        with capture.global_and_fixture_disabled():
            binaries.locate()
            emulator.locate()


@pytest.fixture(scope="session")
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Yield a running Kubernetes API and AWS emulator: starting costs seconds, a reset does not."""
    from sandbox import Sandbox

    with Sandbox.start(hard_aws=request.config.getoption("--hard-aws")) as started:
        if started.is_hard:
            started.hard_aws.run_clock(0)
        yield started


@pytest.fixture(scope="session")
def installed(sandbox: Sandbox) -> Sandbox:
    """The sandbox with the CRD and the operator's RBAC."""
    from sandbox.operator_process import MANIFESTS

    for manifest in MANIFESTS:
        sandbox.kubectl("apply", "--server-side", "-f", str(manifest))
    sandbox.kubectl(
        "wait", "--for=condition=Established", "crd/clickstreampipelines.clickstream.dev"
    )
    return sandbox


@pytest.fixture
def pilot(installed: Sandbox) -> Iterator[Pilot]:
    """A controller without a process, on an empty emulator."""
    from tests.integration.pilot import Pilot, empty_aws

    with empty_aws(installed):
        started = Pilot(installed)
        yield started
        started.close()
