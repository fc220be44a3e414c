"""IAM role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class IAMRole(Resource):
    """IAM role.

    `trust` and the values of `inline_policies` are policy documents. Outputs: ``arn, name``.
    """

    kind = "IAMRole"
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        trust: Mapping[str, Any],
        inline_policies: Mapping[str, Mapping[str, Any]],
        description: str,
        permissions_boundary: str | None = None,
        path: str = "/clickstream/",
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._trust = trust
        self._inline_policies = inline_policies
        self._description = description
        self._permissions_boundary = permissions_boundary
        self._path = path
