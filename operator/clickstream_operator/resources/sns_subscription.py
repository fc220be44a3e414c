"""SNS subscription."""

from __future__ import annotations

from typing import Unpack

from clickstream_operator.aws.session import Calls
from clickstream_operator.engine.resource import Resource, ResourceArguments


class SNSSubscription(Resource):
    """SNS subscription.

    `subscribed_before`: an earlier pass subscribed this endpoint, so a missing one is reported as
    ``NotConfirmed`` and never repeated. `leaving`: it is being removed, and an unconfirmed one, which
    cannot be unsubscribed, counts as gone. Outputs: ``arn, status`` (Confirmed, PendingConfirmation,
    NotConfirmed).
    """

    kind = "SNSSubscription"
    taggable = False

    def __init__(
        self,
        *,
        calls: Calls,
        topic_arn: str,
        endpoint: str,
        protocol: str = "email",
        subscribed_before: bool = False,
        leaving: bool = False,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._topic_arn = topic_arn
        self._endpoint = endpoint
        self._protocol = protocol
        self._subscribed_before = subscribed_before
        self._leaving = leaving
