"""The AWS of the pilot, without rules until a test asks for them."""

from __future__ import annotations

import pytest

from sandbox.aws.strict import StrictAws
from tests.integration.pilot import Pilot


@pytest.fixture
def aws(pilot: Pilot) -> StrictAws:
    """Return the AWS that the pilot's operator calls, without rules until a test asks."""
    pilot.sandbox.strict_aws.reset(["none"])
    return pilot.sandbox.strict_aws
