"""SQS queue."""

from __future__ import annotations

from typing import Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class SQSQueue(Resource):
    """SQS queue.

    `kms_key_id` None: SSE-SQS. Outputs: ``arn, name, url``.
    """

    kind = "SQSQueue"

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        retention_days: int,
        kms_key_id: str | None = None,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._retention_days = retention_days
        self._kms_key_id = kms_key_id
