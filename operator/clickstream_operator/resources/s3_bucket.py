"""S3 archive bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class S3Bucket(Resource):
    """S3 archive bucket.

    `transitions`: (storage class, days), ascending; `expiration_days` 0 keeps for ever;
    `kms_key_id` None: SSE-S3. Outputs: ``arn, name``.
    """

    kind = "S3Bucket"

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        transitions: Sequence[tuple[str, int]],
        expiration_days: int,
        noncurrent_version_days: int,
        abort_multipart_days: int,
        kms_key_id: str | None = None,
        account_regional: bool = False,
        count_failed_objects: bool = False,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._transitions = transitions
        self._expiration_days = expiration_days
        self._noncurrent_version_days = noncurrent_version_days
        self._abort_multipart_days = abort_multipart_days
        self._kms_key_id = kms_key_id
        self._account_regional = account_regional
        self._count_failed_objects = count_failed_objects
