"""SNS: e-mail subscriptions wait for somebody to click on a link."""

# The contract names arguments that not every rule needs.

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule
from sandbox.aws.strict.wire import Call

_BY_MAIL: Final = frozenset({"email", "email-json"})
_LISTS: Final = frozenset({"ListSubscriptions", "ListSubscriptionsByTopic"})
_SHOWN: Final = "PendingConfirmation"


class EmailConfirmations(Rule):
    """A subscription by e-mail is pending until it is confirmed, and cannot be unsubscribed.

    Subscribe: the endpoint's owner must confirm, its answer is "pending confirmation" until then,
    and the token lives two days (Amazon SNS API Reference, Subscribe); a pending subscription
    cannot be deleted, and goes by itself after 48 hours (Amazon SNS Developer Guide, Deleting an
    Amazon SNS topic and subscription). `seconds` are the 48 hours.
    """

    name = "sns-confirmations"
    services = frozenset({"sns"})
    default_seconds = 48 * 3600.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._since: dict[str, tuple[float, str]] = {}

    def confirm(self, endpoint: str) -> int:
        """Click on the link, in every mail to `endpoint`; return how many were pending."""
        arns = [arn for arn, (_, one) in self._since.items() if one == endpoint]
        for arn in arns:
            del self._since[arn]
        return len(arns)

    async def before(self, call: Call) -> Answer | None:
        """Refuse to unsubscribe what is pending."""
        arn = str(call.parameters.get("SubscriptionArn", ""))
        if call.operation == "Unsubscribe" and (arn == _SHOWN or arn in self._since):
            raise Refusal(
                "InvalidParameter",
                "Invalid parameter: SubscriptionArn Reason: This subscription is pending "
                "confirmation and cannot be unsubscribed",
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Hide the ARN of what is pending; forget what expired."""
        if call.operation == "Subscribe" and call.parameters.get("Protocol") in _BY_MAIL:
            arn = answer.data["SubscriptionArn"]
            endpoint = str(call.parameters.get("Endpoint", ""))
            known = self._since.get(arn)
            self._since[arn] = known or (self.clock.now(), endpoint)
            if call.parameters.get("ReturnSubscriptionArn") != "true":
                answer.edit()["SubscriptionArn"] = "pending confirmation"
        elif call.operation in _LISTS:
            shown = list(self._shown(answer.data.get("Subscriptions", [])))
            answer.edit()["Subscriptions"] = shown

    def _shown(self, subscriptions: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for one in subscriptions:
            since = self._since.get(one["SubscriptionArn"])
            if since is None:
                yield one
            elif self.clock.now() - since[0] < self.seconds:
                yield {**one, "SubscriptionArn": _SHOWN}
