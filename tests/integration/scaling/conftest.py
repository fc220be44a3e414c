"""Answers of AWS chosen by a test, and an AWS that limits resizes and switches of mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.session import AwsSession
from sandbox.aws.strict import StrictAws
from tests.integration.pilot import Pilot


@pytest.fixture
def answer_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """AWS's answers to one operation: an error to raise, or a dictionary to return."""
    send = AwsSession.call
    answers: dict[str, Any] = {}

    async def call(self: AwsSession, service: str, operation: str, /, **given: Any) -> Any:
        if operation not in answers:
            return await send(self, service, operation, **given)
        if isinstance(answers[operation], AwsError):
            raise answers[operation]
        return answers[operation]

    monkeypatch.setattr(AwsSession, "call", call)

    def set_answer(operation: str, answer: Any = None) -> None:
        if answer is None:
            answers.pop(operation, None)
        else:
            answers[operation] = answer

    return set_answer


@pytest.fixture
def strict_kinesis(pilot: Pilot) -> StrictAws:
    """AWS with states and limits on resizes and switches of mode, without other rules."""
    strict = pilot.sandbox.strict_aws
    strict.reset(["kinesis-states=60", "kinesis-resizes", "kinesis-modes"])
    return strict
