"""SSM parameter that holds the key of the privacy hash."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class HashKeyParameter(Resource):
    """SSM parameter that holds the key of the privacy hash.

    `physical_name`: ``/clickstream/<base>/hash-key``. `random_bytes`: count -> that many random
    bytes. Outputs: ``arn, name``.
    """

    kind = "HashKeyParameter"
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        kms_key_id: str | None = None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._kms_key_id = kms_key_id
        self._random_bytes = random_bytes
