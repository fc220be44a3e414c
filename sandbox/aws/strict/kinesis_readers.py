"""Kinesis Data Streams: queues and channels, which hold a stream as it is."""

# The contract names arguments that not every rule needs.

from __future__ import annotations

from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule
from sandbox.aws.strict.wire import Call, name_in

_KINDS: Final = ("Queue", "Channel")


class StreamReaders(Rule):
    """Queues and channels, which the emulator lacks: made, listed, counted, deleted.

    DeleteStream: "Before you can delete a data stream that has queues, you must delete every
    queue"; DeleteChannel: "A stream cannot be deleted while it has active channels";
    UpdateStreamMode: "You can't switch a data stream from on-demand to provisioned capacity mode
    while the stream has one or more queues"; CreateChannel: "only supported for data streams with
    the on-demand capacity mode", so that it holds the mode too; DescribeStreamSummary:
    "ConsumerCount: Queues are not included in this count" (Kinesis Data Streams API Reference,
    each operation's page). They are there, and gone, at once.
    """

    name = "kinesis-readers"
    services = frozenset({"kinesis"})
    default_seconds = 0.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        # By kind, then account, region and name of the reader: name of its stream.
        self._readers: dict[str, dict[Any, str]] = {kind: {} for kind in _KINDS}

    async def before(self, call: Call) -> Answer | None:
        """Do what concerns queues and channels; refuse what they stand against."""
        for kind in _KINDS:
            if call.operation in (f"Create{kind}", f"Delete{kind}", f"List{kind}s"):
                return self._answer(call, kind)
        to_provisioned = (
            call.operation == "UpdateStreamMode"
            and call.parameters["StreamModeDetails"]["StreamMode"] == "PROVISIONED"
        )
        if call.operation == "DeleteStream" or to_provisioned:
            stream = call.text("StreamName", "StreamARN")
            held = [kind.lower() for kind in _KINDS if self._of(call, kind, stream)]
            if held:
                raise Refusal(
                    "ResourceInUseException",
                    f"Stream {stream} under account {call.account} has one or more "
                    f"{' and '.join(f'{kind}s' for kind in held)}.",
                )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Tell their number in descriptions."""
        if call.operation == "DescribeStreamSummary":
            described = answer.edit()["StreamDescriptionSummary"]
            for kind in _KINDS:
                described[f"{kind}Count"] = len(self._of(call, kind, described["StreamName"]))

    def _answer(self, call: Call, kind: str) -> Answer:
        name = call.text(f"{kind}Name", f"{kind}ARN")
        if call.operation.startswith("Create"):
            (stream,) = call.parameters["StreamConfigurationList"]
            self._readers[kind][call.key(name)] = name_in(stream["StreamARN"])
            described = {f"{kind}Name": name, f"{kind}ARN": self._arn(call, kind, name)}
            return Answer.made(call, {f"{kind}Description": described})
        if call.operation.startswith("Delete"):
            self._readers[kind].pop(call.key(name), None)
            return Answer.made(call, {})
        streams = call.parameters.get("StreamFilter") or [{}]
        names = self._of(call, kind, name_in(streams[0].get("StreamARN", "")))
        told = [
            {f"{kind}Name": one, f"{kind}ARN": self._arn(call, kind, one)} for one in sorted(names)
        ]
        return Answer.made(call, {f"{kind}Summaries": told})

    def _of(self, call: Call, kind: str, stream: str) -> list[str]:
        """Names of the readers of a stream; an empty name: of all."""
        return [
            name
            for (account, region, name), of in self._readers[kind].items()
            if (account, region) == (call.account, call.region) and stream in ("", of)
        ]

    def _arn(self, call: Call, kind: str, name: str) -> str:
        return f"arn:aws:kinesis:{call.region}:{call.account}:{kind.lower()}/{name}"
