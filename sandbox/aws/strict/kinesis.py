"""Kinesis Data Streams: states, one change at a time, and the limits of resizing."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import DAY, Ask, Rule, Windows
from sandbox.aws.strict.wire import Call

_CREATING_AT_ONCE: Final = 5
_RESIZES_A_DAY: Final = 10
_MODES_A_DAY: Final = 2
_PROVISIONED: Final = "PROVISIONED"

# Each puts the stream into UPDATING.
_CHANGES: Final = frozenset(
    {
        "DecreaseStreamRetentionPeriod",
        "DisableEnhancedMonitoring",
        "EnableEnhancedMonitoring",
        "IncreaseStreamRetentionPeriod",
        "MergeShards",
        "SplitShard",
        "StartStreamEncryption",
        "StopStreamEncryption",
        "UpdateMaxRecordSize",
        "UpdateShardCount",
        "UpdateStreamMode",
        "UpdateStreamWarmThroughput",
    }
)
# Each needs an ACTIVE stream.
_NEED_ACTIVE: Final = _CHANGES | {
    "AddTagsToStream",
    "DeleteStream",
    "RegisterStreamConsumer",
    "RemoveTagsFromStream",
    "TagResource",
    "UntagResource",
}
_DESCRIPTIONS: Final = {
    "DescribeStream": "StreamDescription",
    "DescribeStreamSummary": "StreamDescriptionSummary",
}


def _name(call: Call) -> str:
    return call.text("StreamName", "StreamARN", "ResourceARN")


class StreamStates(Rule):
    """CREATING, UPDATING and DELETING, in which a stream takes no other change.

    CreateStream: "You receive a LimitExceededException when you have more than five streams in the
    CREATING state at any point in time"; UpdateShardCount: "Kinesis Data Streams sets the status of
    the stream to UPDATING. [...] After the update is complete, the status returns to ACTIVE";
    DeleteStream: "in the DELETING state until Kinesis Data Streams completes the deletion";
    ResourceInUseException: "For successful operation, the resource must be in the ACTIVE state"
    (Kinesis Data Streams API Reference, each operation's page).
    """

    name = "kinesis-states"
    services = frozenset({"kinesis"})
    default_seconds = 30.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)
        # Summaries from just before a deletion or resize that the emulator is doing.
        self._summaries: dict[Any, dict[str, Any]] = {}

    async def before(self, call: Call) -> Answer | None:
        """Refuse what needs an ACTIVE stream; answer for one that is DELETING."""
        if call.operation == "CreateStream":
            if len(self._windows.within("CREATING")) >= _CREATING_AT_ONCE:
                raise Refusal(
                    "LimitExceededException",
                    "Rate exceeded: more than 5 streams are in the CREATING state.",
                )
            if self._windows.state(call.key(_name(call))):
                raise Refusal(
                    "ResourceInUseException",
                    f"Stream {_name(call)} under account {call.account} already exists.",
                )
            return None
        key = call.key(_name(call))
        state = self._windows.state(key)
        if state and call.operation in _NEED_ACTIVE:
            raise Refusal(
                "ResourceInUseException",
                f"Stream {_name(call)} under account {call.account} not ACTIVE, "
                f"instead in state {state}",
            )
        if state == "DELETING":
            return self._of_the_deleted(call, self._windows.memory(key))
        if call.operation in ("DeleteStream", "UpdateShardCount"):
            await self._remember(call)
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Open windows, and show them in descriptions."""
        key = call.key(_name(call))
        if call.operation == "CreateStream":
            self._windows.open(key, "CREATING", self.seconds)
        elif call.operation == "DeleteStream":
            self._windows.open(key, "DELETING", self.seconds, self._summaries.pop(key, None))
        elif call.operation in _CHANGES:
            before = self._summaries.pop(key, None) or {}
            self._windows.open(key, "UPDATING", self.seconds, before.get("OpenShardCount"))
        elif call.operation in _DESCRIPTIONS and (state := self._windows.state(key)):
            description = answer.edit()[_DESCRIPTIONS[call.operation]]
            description["StreamStatus"] = state
            shards = self._windows.memory(key)
            # Resharding goes on while the stream is UPDATING.
            if isinstance(shards, int) and "OpenShardCount" in description:
                description["OpenShardCount"] = shards
        elif call.operation == "ListStreams":
            for one in answer.data.get("StreamSummaries", ()):
                if state := self._windows.state(call.key(one["StreamName"])):
                    one["StreamStatus"] = state
                    answer.edit()

    async def _remember(self, call: Call) -> None:
        found = await self.ask(
            call, "kinesis", "DescribeStreamSummary", {"StreamName": _name(call)}
        )
        if found is not None:
            self._summaries[call.key(_name(call))] = found["StreamDescriptionSummary"]

    def _of_the_deleted(self, call: Call, summary: dict[str, Any] | None) -> Answer | None:
        if summary is None or call.operation not in _DESCRIPTIONS:
            return None
        told = {**summary, "StreamStatus": "DELETING"}
        if call.operation == "DescribeStream":
            told |= {"Shards": [], "HasMoreShards": False}
        return Answer.made(call, {_DESCRIPTIONS[call.operation]: told})


class StreamModes(Rule):
    """Changes between provisioned and on-demand, which the emulator lacks: twice a day.

    A stream can switch between the modes twice within 24 hours (Kinesis Data Streams Developer
    Guide, Choose the right mode; Quotas and limits). UpdateShardCount, ValidationException: "only
    supported for data streams with the provisioned capacity mode" (API Reference). The rule keeps
    the mode itself; its `seconds` are the day.
    """

    name = "kinesis-modes"
    services = frozenset({"kinesis"})
    default_seconds = DAY

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._modes: dict[Any, str] = {}
        self._changes: defaultdict[Any, list[float]] = defaultdict(list)

    async def before(self, call: Call) -> Answer | None:
        """Do UpdateStreamMode in the emulator's place; refuse to resize an on-demand stream."""
        key = call.key(_name(call))
        if call.operation == "UpdateShardCount" and self._modes.get(key, _PROVISIONED) != (
            _PROVISIONED
        ):
            raise Refusal(
                "ValidationException",
                f"UpdateShardCount is not supported for stream {_name(call)} under account "
                f"{call.account}, because it is in the on-demand capacity mode.",
            )
        if call.operation != "UpdateStreamMode":
            return None
        if (
            await self.ask(call, "kinesis", "DescribeStreamSummary", {"StreamName": _name(call)})
            is None
        ):
            raise Refusal(
                "ResourceNotFoundException",
                f"Stream {_name(call)} under account {call.account} not found.",
            )
        now = self.clock.now()
        recent = [time for time in self._changes[key] if now - time < self.seconds]
        if len(recent) >= _MODES_A_DAY:
            raise Refusal(
                "LimitExceededException",
                f"Stream {_name(call)} under account {call.account} changed its capacity mode "
                "twice within 24 hours.",
            )
        self._changes[key] = [*recent, now]
        self._modes[key] = call.parameters["StreamModeDetails"]["StreamMode"]
        return Answer.made(call, {})

    async def after(self, call: Call, answer: Answer) -> None:
        """Show the mode in descriptions."""
        key = call.key(_name(call))
        if call.operation in ("CreateStream", "DeleteStream"):
            self._changes.pop(key, None)
            self._modes.pop(key, None)
            if call.operation == "CreateStream":
                details = call.parameters.get("StreamModeDetails", {})
                self._modes[key] = details.get("StreamMode", _PROVISIONED)
        elif call.operation in _DESCRIPTIONS and key in self._modes:
            description = answer.edit()[_DESCRIPTIONS[call.operation]]
            description["StreamModeDetails"] = {"StreamMode": self._modes[key]}


class StreamResizes(Rule):
    """At most double, at least half, ten times a day.

    UpdateShardCount: "This operation has the following default limits. By default, you cannot do
    the following: Scale more than ten times per rolling 24-hour period per stream; Scale up to more
    than double your current shard count for a stream; Scale down below half your current shard
    count for a stream" (Kinesis Data Streams API Reference, UpdateShardCount). The page names both
    LimitExceededException and InvalidArgumentException and does not say which one a target out of
    reach gets. `seconds` are the 24 hours.
    """

    name = "kinesis-resizes"
    services = frozenset({"kinesis"})
    default_seconds = DAY

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._resizes: defaultdict[Any, list[float]] = defaultdict(list)

    async def before(self, call: Call) -> Answer | None:
        """Refuse a target out of reach, and the eleventh."""
        if call.operation != "UpdateShardCount":
            return None
        key, now = call.key(_name(call)), self.clock.now()
        self._resizes[key] = [time for time in self._resizes[key] if now - time < self.seconds]
        found = await self.ask(
            call, "kinesis", "DescribeStreamSummary", {"StreamName": _name(call)}
        )
        if found is None:
            return None
        current = found["StreamDescriptionSummary"]["OpenShardCount"]
        target = int(call.parameters["TargetShardCount"])
        if target > current * 2 or target < math.ceil(current / 2):
            raise Refusal(
                "LimitExceededException",
                f"UpdateShardCount cannot change stream {_name(call)} from {current} to {target} "
                "shards: at most double and at least half of the current count.",
            )
        if len(self._resizes[key]) >= _RESIZES_A_DAY:
            raise Refusal(
                "LimitExceededException",
                f"Stream {_name(call)} under account {call.account} was scaled ten times within "
                "24 hours.",
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Count resizes; a new stream starts at none."""
        if call.operation == "UpdateShardCount":
            self._resizes[call.key(_name(call))].append(self.clock.now())
        elif call.operation == "CreateStream":
            self._resizes.pop(call.key(_name(call)), None)
