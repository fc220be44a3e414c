"""CloudWatch metric alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments
from clickstream_operator.resources.alarm_set import AlarmDefinition


class Alarm(Resource):
    """CloudWatch metric alarm.

    `alarm_prefix`: prefix of the names of all alarms of the pipeline; they share one read.
    Outputs: ``arn, name``.
    """

    kind = "Alarm"

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        definition: AlarmDefinition,
        alarm_prefix: str,
        action_arns: Sequence[str],
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._definition = definition
        self._alarm_prefix = alarm_prefix
        self._action_arns = action_arns
