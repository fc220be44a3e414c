"""Lambda event source mapping of a Kinesis stream."""

from __future__ import annotations

from datetime import datetime
from typing import Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class EventSourceMapping(Resource):
    """Lambda event source mapping of a Kinesis stream.

    `starting_position`: TRIM_HORIZON, LATEST or AT_TIMESTAMP (then with `starting_timestamp`).
    `on_failure_arn`: bucket ARN. Outputs: ``arn, uuid``. `physical_name`: the function's name.
    """

    kind = "EventSourceMapping"
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        function_name: str,
        stream_arn: str,
        batch_size: int,
        batching_window_seconds: int,
        maximum_retry_attempts: int,
        maximum_record_age_seconds: int,
        on_failure_arn: str | None,
        starting_position: str = "TRIM_HORIZON",
        starting_timestamp: datetime | None = None,
        enabled: bool = True,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._function_name = function_name
        self._stream_arn = stream_arn
        self._batch_size = batch_size
        self._batching_window_seconds = batching_window_seconds
        self._maximum_retry_attempts = maximum_retry_attempts
        self._maximum_record_age_seconds = maximum_record_age_seconds
        self._on_failure_arn = on_failure_arn
        self._starting_position = starting_position
        self._starting_timestamp = starting_timestamp
        self._enabled = enabled
