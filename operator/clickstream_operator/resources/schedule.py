"""EventBridge Scheduler schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class Schedule(Resource):
    """EventBridge Scheduler schedule.

    `payload`: what the function receives. Outputs: ``arn, name``.
    """

    kind = "Schedule"
    create_first = True
    taggable = False

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        function_arn: str,
        role_arn: str,
        payload: Mapping[str, Any],
        expression: str = "rate(1 minute)",
        enabled: bool = True,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._function_arn = function_arn
        self._role_arn = role_arn
        self._payload = payload
        self._expression = expression
        self._enabled = enabled
