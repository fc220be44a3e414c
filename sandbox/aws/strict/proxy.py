"""The proxy: one AWS call in, faults, rules, the emulator, rules, and the answer out."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import aiohttp

from sandbox.aws.emulator import ACCOUNT
from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.call_log import CallLog, is_read, resource_of
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.faults import Fault
from sandbox.aws.strict.rule import Rule
from sandbox.aws.strict.rules import FEATURES, chosen
from sandbox.aws.strict.sns import EmailConfirmations
from sandbox.aws.strict.upstream import Upstream
from sandbox.aws.strict.wire import WITNESS, Call, Request, parse

_DROPPED: Final = "dropped"
_UNREACHABLE: Final = "unreachable"


class Proxy:
    """State of the server: emulator, rules, faults, idempotent creates, clock."""

    def __init__(self, upstream: Upstream, wanted: Sequence[str], scale: float) -> None:
        self._upstream = upstream
        self._wanted = wanted
        self.clock = Clock(scale)
        self._accounts: dict[str, str] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.call_log = CallLog()
        self.faults: list[Fault] = []
        self.rules: list[Rule] = []
        self.reset()

    def reset(self, wanted: Sequence[str] | None = None) -> None:
        """Forget calls, faults and every state; the clock goes on.

        Raises:
            ValueError: there is no such rule.
        """
        if wanted is not None:
            self._wanted = wanted
        self.rules = chosen(self._wanted, self.clock, self._upstream.ask)
        self.call_log = CallLog()
        self.faults = []

    def confirm(self, endpoint: str) -> int:
        """Confirm the e-mail subscriptions of an address; return how many were pending."""
        return sum(
            one.confirm(endpoint) for one in self.rules if isinstance(one, EmailConfirmations)
        )

    async def handle(self, request: Request) -> Answer | None:
        """Answer one request; None: close the connection without an answer."""
        call = parse(request, self._accounts, ACCOUNT)
        if WITNESS in request.headers and is_read(call.operation):
            features = [rule for rule in self.rules if rule.name in FEATURES]
            return (await self._ruled(call, features))[0]
        resource = resource_of(call)
        fault = next((one for one in self.faults if one.strikes(call, resource)), None)
        action = fault.action if fault else ""
        if fault and action == "delay" and fault.when == "before":
            await asyncio.sleep(fault.seconds)
        if action == "drop_before":
            self.call_log.record(call, _DROPPED, fault=action, sent=False)
            return None
        refusal = fault.refusal(call) if fault else None
        if refusal is not None:
            answer = Answer.refused(call, refusal)
            self.call_log.record(call, answer.outcome, fault=action, sent=False)
            return answer
        try:
            answer, sent = await self._in_turn(call)
        except (aiohttp.ClientError, OSError):
            self.call_log.record(call, _UNREACHABLE, fault=action, sent=False)
            return None
        self.call_log.record(call, answer.outcome, fault=action, sent=sent)
        if fault and action == "delay" and fault.when == "after":
            await asyncio.sleep(fault.seconds)
        return None if action == "drop_after" else answer

    async def _in_turn(self, call: Call) -> tuple[Answer, bool]:
        # Two writes must not both pass a check that the first one's success would have failed.
        if is_read(call.operation):
            return await self._ruled(call, self.rules)
        async with self._turns[call.service]:
            return await self._ruled(call, self.rules)

    async def _ruled(self, call: Call, among: Sequence[Rule]) -> tuple[Answer, bool]:
        rules = [rule for rule in among if call.service in rule.services]
        try:
            for rule in rules:
                answer = await rule.before(call)
                if answer is not None:
                    sent = False
                    break
            else:
                answer, sent = await self._upstream.send(call), True
        except Refusal as refusal:
            return Answer.refused(call, refusal), False
        if answer.ok:
            for rule in rules:
                await rule.after(call, answer)
            self._learn_account(call, answer)
        return answer, sent

    def _learn_account(self, call: Call, answer: Answer) -> None:
        """Keys that STS hands out belong to the account of the role."""
        if call.service == "sts" and call.operation.startswith("AssumeRole"):
            arn = str(call.parameters.get("RoleArn", ""))
            key = answer.data.get("Credentials", {}).get("AccessKeyId")
            if key and arn.count(":") > 4:  # noqa: PLR2004 - the account is an ARN's fifth part
                self._accounts[key] = arn.split(":")[4]
