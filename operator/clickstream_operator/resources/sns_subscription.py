"""SNS subscription."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, Unpack

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, ignore_not_found
from clickstream_operator.aws.permissions import BASE, Grant, only
from clickstream_operator.engine.resource import (
    READY,
    Diff,
    Observed,
    Outputs,
    Phase,
    Properties,
    Readiness,
    Resource,
    ResourceArguments,
    ResourceBlocked,
)

GRANTS: Final = (
    # The ARN of a subscription has no name that a pattern could hold.
    only("sns:Unsubscribe"),
    Grant(
        "Subscribe",
        (f"arn:aws:sns:*:*:{BASE}-alerts",),
        ("sns:Subscribe",),
        {"StringEquals": {"sns:Protocol": "email"}},
        by_tag=True,
    ),
    Grant(
        "Alerts",
        (f"arn:aws:sns:*:*:{BASE}-alerts", f"arn:aws:sns:*:*:{BASE}-alerts:*"),
        by_tag=True,
    ),
)


CONFIRMED: Final = "Confirmed"
PENDING: Final = "PendingConfirmation"
NOT_CONFIRMED: Final = "NotConfirmed"


class SNSSubscription(Resource):
    """SNS subscription of one endpoint.

    `subscribed_before`: an earlier reconcile subscribed this endpoint, so a missing one (expired
    after two days without confirmation, or unsubscribed) is reported as ``NotConfirmed`` and never
    repeated. `recorded_arn`: ARN in the inventory, whose topic may be another one: then the
    endpoint is subscribed anew and leaves the other, and a removed one is searched for there.
    `may_use`: whether a topic is the pipeline's own, or one that the namespace may use; nothing is
    subscribed or unsubscribed on another. On a topic that is not its own (`own_topic` False), a
    subscription that was there before is adopted, and stays.
    `leaving`: it is being removed, and an unconfirmed one, which cannot be unsubscribed, counts as
    gone: SNS drops it by itself. Outputs: ``arn, status`` (Confirmed, PendingConfirmation,
    NotConfirmed).

    The endpoint is an e-mail address as a rule: it appears in no property, output, or message. To
    remove a subscription its `digest` (see `endpoint_hash`) is enough.
    """

    kind = "SNSSubscription"
    fast_is_complete = True
    taggable = False
    replace_only = frozenset({"protocol", "endpointHash"})

    def __init__(
        self,
        *,
        calls: Calls,
        topic_arn: str,
        endpoint: str = "",
        digest: str = "",
        protocol: str = "email",
        subscribed_before: bool = False,
        recorded_arn: str = "",
        leaving: bool = False,
        own_topic: bool = True,
        may_use: Callable[[str], bool] = lambda _topic: True,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        recorded_topic = recorded_arn.rpartition(":")[0]
        moves = bool(recorded_topic) and recorded_topic != topic_arn
        self._topic_arn = recorded_topic if moves and leaving else topic_arn
        self._endpoint = endpoint
        self._digest = digest or endpoint_hash(endpoint)
        self._protocol = protocol
        self._subscribed_before = subscribed_before and not moves
        is_confirmed = not recorded_arn.endswith((PENDING, NOT_CONFIRMED))
        known = moves and is_confirmed and may_use(recorded_topic)
        self._to_leave = recorded_arn if known else ""
        self._may_use = may_use(self._topic_arn)
        self.adopts_found = not own_topic
        self._leaving = leaving

    def desired(self, outputs: Outputs) -> Properties:
        """Topic, protocol, and a hash in place of the endpoint."""
        return {
            "topic": self._topic_arn,
            "protocol": self._protocol,
            "endpointHash": self._digest,
        }

    async def observe(self, *, full: bool) -> Observed | None:
        """ListSubscriptionsByTopic, one read for all subscriptions of the topic."""
        if not self._may_use:
            # The topic is somebody else's, whatever the record says: nothing there is ours.
            return None
        answer = await ignore_not_found(
            self._calls.read("sns", "list_subscriptions_by_topic", TopicArn=self._topic_arn)
        )
        if answer is None:
            return None
        for one in answer.get("Subscriptions", ()):
            same = endpoint_hash(one["Endpoint"]) == self._digest
            if same and one["Protocol"] == self._protocol and one["SubscriptionArn"] != "Deleted":
                return self._observed(one["SubscriptionArn"])
        if self._subscribed_before and not self._leaving:
            return self._observed(NOT_CONFIRMED)
        return None

    async def create(self, desired: Properties) -> Observed:
        """Subscribe, and leave a former topic; for e-mail SNS asks the address to confirm.

        Raises:
            AwsError: without the endpoint in its text.
        """
        if not self._may_use:
            raise ResourceBlocked(
                Reason.NOT_ALLOWED,
                f"{self._topic_arn} is not this pipeline's topic; list it in tenants[].topics for "
                "this namespace (the operator's administrator sets it)",
            )
        try:
            answer = await self._calls.write(
                "sns",
                "subscribe",
                TopicArn=self._topic_arn,
                Protocol=self._protocol,
                Endpoint=self._endpoint,
            )
        except AwsError as error:
            raise AwsError(
                service=error.service,
                operation=error.operation,
                code=error.code,
                text=error.text.replace(self._endpoint, "(endpoint)"),
                category=error.category,
                credentials_are_bad=error.credentials_are_bad,
                may_have_landed=error.may_have_landed,
                remedy=error.remedy,
            ) from None
        if self._to_leave:
            await ignore_not_found(
                self._calls.write("sns", "unsubscribe", SubscriptionArn=self._to_leave)
            )
        arn = answer.get("SubscriptionArn", "")
        made = self._observed(arn if arn.startswith("arn:") else PENDING)
        if made is None:  # pragma: no cover - nothing is created while leaving
            raise RuntimeError("subscribed while leaving")
        return made

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Nothing of it can change in place."""

    async def delete(self, observed: Observed) -> None:
        """Unsubscribe, where it is confirmed."""
        if observed.outputs["status"] == CONFIRMED:
            await ignore_not_found(
                self._calls.write("sns", "unsubscribe", SubscriptionArn=observed.arn)
            )

    def _observed(self, arn: str) -> Observed | None:
        confirmed = arn.startswith("arn:")
        if not confirmed and self._leaving:
            return None
        status = CONFIRMED if confirmed else NOT_CONFIRMED if arn == NOT_CONFIRMED else PENDING
        return Observed(
            arn=arn if confirmed else f"{self._topic_arn}:{status}",
            properties={
                "topic": self._topic_arn,
                "protocol": self._protocol,
                "endpointHash": self._digest,
            },
            readiness=_READINESS[status],
            outputs={"arn": arn if confirmed else "", "status": status},
        )


_READINESS: Final = {
    CONFIRMED: READY,
    # Somebody has to click on a link: nothing waits for that.
    PENDING: Readiness(
        Phase.READY, NOT_CONFIRMED, "waiting for the subscriber to confirm by the link in the mail"
    ),
    NOT_CONFIRMED: Readiness(
        Phase.READY,
        NOT_CONFIRMED,
        "the subscription expired or was cancelled; remove the address from spec.alerts.emails "
        "and add it again to send another mail",
    ),
}


def endpoint_hash(endpoint: str) -> str:
    """8 hex digits in place of an address; upper and lower case are one."""
    return hashlib.sha256(endpoint.casefold().encode()).hexdigest()[:8]
