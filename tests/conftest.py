"""What every test shares, and one sandbox for the whole session of those that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.needed_programs import pytest_collection_finish
from tests.whole_run import (
    new_audit_log,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
    watch_processes,
)

__all__ = [
    "pytest_collection_finish",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]

if TYPE_CHECKING:
    from sandbox import Sandbox
    from sandbox.lake import Lake
    from tests.integration.pilot import Pilot

# Through the standard library's loggers, so that a failing test shows warnings, not audit lines.
structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())
_LOGGING = structlog.get_config()

# The sandbox and the pilot are imported where they are started: unit tests pay nothing for them.
# ruff: noqa: PLC0415


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to leave out what an emulator lacks of AWS, to see what it costs or who is wrong."""
    parser.addoption("--plain-aws", action="store_true", help="no states, limits, delays of AWS")
    parser.addoption("--whole-sweeps", action="store_true", help="sweep all points, not a sample")
    parser.addoption("--trino", action="store_true", help="run SQL on a real Trino as well")
    parser.addoption(
        "--prove-rights", action="store_true", help="the whole suite uses what is granted, no more"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker with which a test says that it needs a plain emulator, and why."""
    config.addinivalue_line("markers", "plain_aws(reason): without states, limits, delays of AWS")
    watch_processes(config)


def is_plain(request: pytest.FixtureRequest) -> bool:
    """Whether a test, or its module, or the command line asks for a plain emulator."""
    marker = request.node.get_closest_marker("plain_aws")
    if marker is not None and not marker.args:
        raise ValueError("plain_aws needs a reason")
    return marker is not None or bool(request.config.getoption("--plain-aws"))


@pytest.fixture(autouse=True)
def logging_as_before() -> None:
    """Undo what tests, fixtures, or commands that they run did to the log of the whole process."""
    structlog.configure(**_LOGGING)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Yield a running Kubernetes API and AWS emulator: starting costs seconds, a reset does not.

    The strict AWS stands before the emulator, without rules: `pilot` asks for them.
    """
    from sandbox import Sandbox

    audit_log = new_audit_log(tmp_path_factory)
    with Sandbox.start(strict_aws=["none"], audit_log=audit_log) as started:
        started.strict_aws.run_clock(0)
        yield started


@pytest.fixture(scope="session")
def lake() -> Iterator[Lake]:
    """Yield a running Trino over an emulator of its own."""
    from sandbox.lake import Lake

    with Lake.started() as started:
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
def pilot(installed: Sandbox, request: pytest.FixtureRequest) -> Iterator[Pilot]:
    """A controller without a process, on an empty emulator with AWS's states, limits and delays."""
    from tests.integration.pilot import Pilot, empty_aws

    with empty_aws(installed, plain=is_plain(request)):
        started = Pilot(installed)
        yield started
        started.close()
