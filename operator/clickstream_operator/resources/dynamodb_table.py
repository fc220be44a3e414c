"""DynamoDB table."""

from __future__ import annotations

from typing import Unpack

from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class DynamoDBTable(Resource):
    """DynamoDB table.

    `read_units` and `write_units`: both, or neither for on-demand billing. `kms_key_id` None: the
    AWS managed key. Outputs: ``arn, name, createdAt``.
    """

    kind = "DynamoDBTable"
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        hash_key: str,
        range_key: str | None,
        point_in_time_recovery: bool,
        deletion_protection: bool,
        read_units: int | None = None,
        write_units: int | None = None,
        kms_key_id: str | None = None,
        ttl_attribute: str = "ttl",
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._hash_key = hash_key
        self._range_key = range_key
        self._point_in_time_recovery = point_in_time_recovery
        self._deletion_protection = deletion_protection
        self._read_units = read_units
        self._write_units = write_units
        self._kms_key_id = kms_key_id
        self._ttl_attribute = ttl_attribute
