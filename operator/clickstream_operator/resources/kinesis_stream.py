"""Kinesis data stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class KinesisStream(Resource):
    """Kinesis data stream.

    `shards`: open shards wanted; None leaves the count alone (and creates with 1). Ignored when
    `on_demand`. `kms_key_id`: alias, key id or ARN. Outputs: ``arn, name, epoch, createdAt, shards``.
    """

    kind = "KinesisStream"
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        shards: int | None,
        on_demand: bool,
        retention_hours: int,
        kms_key_id: str,
        shard_level_metrics: Sequence[str],
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._shards = shards
        self._on_demand = on_demand
        self._retention_hours = retention_hours
        self._kms_key_id = kms_key_id
        self._shard_level_metrics = shard_level_metrics
