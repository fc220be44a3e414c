"""Kinesis Data Streams: On-demand Advantage of an account, and warm throughput of its streams."""

# The contract names arguments that not every rule needs.

from __future__ import annotations

from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import DAY, Ask, Rule
from sandbox.aws.strict.wire import Call

_COMMITMENT: Final = "MinimumThroughputBillingCommitment"
_WARM: Final = "WarmThroughputMiBps"
_MOST: Final = 10 * 1024
_UNTIL: Final = "ENABLED_UNTIL_EARLIEST_ALLOWED_END"


class WarmThroughput(Rule):
    """Warm throughput, for on-demand streams of accounts with the billing commitment only.

    UpdateStreamWarmThroughput: "This operation is only supported for data streams with the
    on-demand capacity mode in accounts that have MinimumThroughputBillingCommitment enabled. [...]
    you cannot [...] Scale to more than 10 GiBps for an on-demand stream"; WarmThroughputObject:
    "only present for On-Demand Kinesis Data Streams in accounts that have
    MinimumThroughputBillingCommitment enabled"; MinimumThroughputBillingCommitmentInput:
    "Commitments have a minimum duration of 24 hours [...] If you attempt to disable a commitment
    before the minimum commitment period ends, the commitment will be scheduled for automatic
    disable" (Kinesis Data Streams API Reference).
    """

    name = "kinesis-warm-throughput"
    services = frozenset({"kinesis"})
    default_seconds = DAY

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._enabled_at: dict[Any, float] = {}
        self._ends_at: dict[Any, float] = {}
        self._warm: dict[Any, int] = {}
        self._on_demand: set[Any] = set()

    async def before(self, call: Call) -> Answer | None:
        """Keep the account's setting and the streams' throughput in the emulator's place."""
        if call.operation == "DescribeAccountSettings":
            return Answer.made(call, {_COMMITMENT: self._shown(call)})
        if call.operation == "UpdateAccountSettings":
            self._commit(call, call.parameters[_COMMITMENT]["Status"])
            return Answer.made(call, {_COMMITMENT: self._shown(call)})
        key = call.key(call.text("StreamName", "StreamARN"))
        if call.operation in ("CreateStream", "UpdateStreamMode") and call.parameters.get(_WARM):
            mode = call.parameters.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED")
            self._check(call, on_demand=mode == "ON_DEMAND")
        if call.operation != "UpdateStreamWarmThroughput":
            return None
        self._check(call, on_demand=key in self._on_demand)
        self._warm[key] = call.parameters[_WARM]
        return Answer.made(call, {"WarmThroughput": self._of(key)})

    async def after(self, call: Call, answer: Answer) -> None:
        """Follow the stream and its mode; tell the throughput in descriptions."""
        key = call.key(call.text("StreamName", "StreamARN"))
        if call.operation in ("CreateStream", "UpdateStreamMode"):
            mode = call.parameters.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED")
            self._warm.pop(key, None)
            (self._on_demand.add if mode == "ON_DEMAND" else self._on_demand.discard)(key)
            if call.parameters.get(_WARM):
                self._warm[key] = call.parameters[_WARM]
        elif call.operation == "DeleteStream":
            self._warm.pop(key, None)
            self._on_demand.discard(key)
        elif call.operation == "DescribeStreamSummary" and key in self._on_demand:
            told = answer.edit()["StreamDescriptionSummary"]
            told.pop("WarmThroughput", None)
            if self._is_enabled(call):
                told["WarmThroughput"] = self._of(key)

    def _of(self, key: Any) -> dict[str, int]:
        warm = self._warm.get(key, 0)
        return {"TargetMiBps": warm, "CurrentMiBps": warm}

    def _check(self, call: Call, *, on_demand: bool) -> None:
        if not on_demand:
            raise Refusal(
                "ValidationException",
                "Warm throughput is only supported for data streams with the on-demand capacity "
                "mode.",
            )
        if not self._is_enabled(call):
            raise Refusal(
                "ValidationException",
                f"Warm throughput needs {_COMMITMENT} enabled for the account.",
            )
        if call.parameters[_WARM] > _MOST:
            raise Refusal("LimitExceededException", "The limit of 10 GiBps is exceeded.")

    def _is_enabled(self, call: Call) -> bool:
        self._end(call)
        return call.key("") in self._enabled_at

    def _commit(self, call: Call, status: str) -> None:
        self._end(call)
        account, now = call.key(""), self.clock.now()
        if status == "ENABLED":
            self._enabled_at.setdefault(account, now)
            self._ends_at.pop(account, None)
        elif account in self._enabled_at:
            self._ends_at[account] = max(now, self._enabled_at[account] + self.seconds)
            self._end(call)

    def _end(self, call: Call) -> None:
        account = call.key("")
        if self._ends_at.get(account, float("inf")) <= self.clock.now():
            del self._enabled_at[account], self._ends_at[account]

    def _shown(self, call: Call) -> dict[str, str]:
        if not self._is_enabled(call):
            return {"Status": "DISABLED"}
        return {"Status": _UNTIL if call.key("") in self._ends_at else "ENABLED"}
