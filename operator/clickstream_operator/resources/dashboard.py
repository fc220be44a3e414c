"""CloudWatch dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class Dashboard(Resource):
    """CloudWatch dashboard.

    `body`: the dashboard as data. Outputs: ``arn, name``.
    """

    kind = "Dashboard"
    taggable = False

    def __init__(
        self,
        *,
        calls: Calls,
        place: Place,
        body: Mapping[str, Any],
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._body = body
