"""Kinesis Data Streams: settings of a stream that the emulator does not keep."""

# The contract names arguments that not every rule needs.

from __future__ import annotations

from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule
from sandbox.aws.strict.wire import Call

_SIZE: Final = "MaxRecordSizeInKiB"
_STRATEGY: Final = "RecordDistributionStrategy"
#: Member, value of a stream that was never given another.
_DEFAULTS: Final = {_SIZE: 1024, _STRATEGY: "USER_PARTITION_KEY"}
_UPDATES: Final = {
    "UpdateMaxRecordSize": _SIZE,
    "UpdateStreamRecordDistributionStrategy": _STRATEGY,
}
_SIZES: Final = range(1024, 10241)


class StreamSettings(Rule):
    """Record size and record distribution of a stream.

    UpdateMaxRecordSize: "Specify a value between 1024 and 10240 KiB [...] sends back an
    ValidationException"; UpdateStreamRecordDistributionStrategy: "only supported for data streams
    that use the on-demand capacity mode. [...] Attempting to set AUTO on a provisioned stream
    results in an InvalidArgumentException"; StreamDescriptionSummary: the strategy "is only present
    for streams that use the on-demand capacity mode" (Kinesis Data Streams API Reference).
    """

    name = "kinesis-settings"
    services = frozenset({"kinesis"})
    default_seconds = 0.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._settings: dict[Any, dict[str, Any]] = {}
        self._on_demand: set[Any] = set()

    async def before(self, call: Call) -> Answer | None:
        """Keep a setting in the emulator's place."""
        member = _UPDATES.get(call.operation)
        if member is None:
            return None
        key = call.key(call.text("StreamName", "StreamARN"))
        if key not in self._settings:
            raise Refusal(
                "ResourceNotFoundException",
                f"Stream {key[2]} under account {call.account} not found.",
            )
        value = call.parameters[member]
        if member == _SIZE and value not in _SIZES:
            raise Refusal("ValidationException", f"{_SIZE} must be between 1024 and 10240.")
        if value == "AUTO" and key not in self._on_demand:
            raise Refusal(
                "InvalidArgumentException",
                f"Stream {key[2]} is not in the on-demand capacity mode.",
            )
        self._settings[key][member] = value
        return Answer.made(call, {})

    async def after(self, call: Call, answer: Answer) -> None:
        """Follow the stream and its mode; tell the settings in descriptions."""
        key = call.key(call.text("StreamName", "StreamARN"))
        if call.operation == "CreateStream":
            given = {one: call.parameters[one] for one in _DEFAULTS if one in call.parameters}
            self._settings[key] = {**_DEFAULTS, **given}
        if call.operation in ("CreateStream", "UpdateStreamMode"):
            mode = call.parameters.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED")
            (self._on_demand.add if mode == "ON_DEMAND" else self._on_demand.discard)(key)
        elif call.operation == "DeleteStream":
            self._settings.pop(key, None)
        elif call.operation == "DescribeStreamSummary" and key in self._settings:
            told = answer.edit()["StreamDescriptionSummary"]
            told.update(self._settings[key])
            if key not in self._on_demand:
                del told[_STRATEGY]
