"""CloudWatch Logs group."""

from __future__ import annotations

from typing import Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class LogGroup(Resource):
    """CloudWatch Logs group.

    `shared_prefix`: prefix of the names of all log groups of the pipeline; they share one read.
    `kms_key_id`: ARN. Outputs: ``arn, name``.
    """

    kind = "LogGroup"
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        retention_days: int,
        shared_prefix: str,
        kms_key_id: str | None = None,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._retention_days = retention_days
        self._shared_prefix = shared_prefix
        self._kms_key_id = kms_key_id
