"""SNS topic."""

from __future__ import annotations

from typing import Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class SNSTopic(Resource):
    """SNS topic.

    `kms_key_id` None: no encryption at rest. Outputs: ``arn, name``.
    """

    kind = "SNSTopic"

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        kms_key_id: str | None = None,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._kms_key_id = kms_key_id
