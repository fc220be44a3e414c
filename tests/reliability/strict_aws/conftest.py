"""Clients of the strict AWS for the tests of its rules."""

import pytest

from sandbox.aws.strict import StrictAws
from tests.reliability.strict_aws.probes import Client, client


@pytest.fixture
def aws(strict: StrictAws) -> Client:
    """Return a maker of clients that reach the strict AWS and never retry."""
    return lambda service: client(service, strict.endpoint)
