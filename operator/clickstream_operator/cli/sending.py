"""Sending of records to a stream at a rate: in batches, with retries of refused records."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from clickstream_operator.aws.errors import AwsError
from clickstream_operator.cli.aggregation import Packed

_MOST_RECORDS: Final = 500
_MOST_BYTES: Final = 4_000_000
"""PutRecords takes 500 records and 10 MiB (Kinesis API Reference, "PutRecords"); less, because
what a shard refuses of a large request has to be sent again."""
_ATTEMPTS: Final = 8
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


class Session(Protocol):
    """The part of a session that sending takes."""

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Call a boto3 operation."""


class Clock(Protocol):
    """Time that passes, in seconds."""

    def time(self) -> float:
        """Seconds since some moment."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""


class MonotonicClock:
    """The time of this machine."""

    def time(self) -> float:
        """Seconds since some moment."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)


@dataclass(slots=True)
class Sent:
    """Progress of sending, right at any moment, also when it is interrupted.

    `seconds`: of each request until its answer.
    """

    events: int = 0
    """In records that the stream has accepted."""
    records: int = 0
    refused: int = 0
    """Records that were not accepted at first, and sent again."""
    given_up: int = 0
    """Records that were never accepted."""
    reason: str = ""
    """Why, in AWS's words."""
    seconds: list[float] = field(default_factory=list)
    first_sequence: str = ""
    first_shard: str = ""


class Sender:
    """Sends records to one stream. `chance` is between 0 and 1, for pauses that differ."""

    def __init__(
        self,
        session: Session,
        stream: str,
        *,
        clock: Clock,
        chance: Callable[[], float],
        on_progress: Callable[[Sent], None] = lambda _sent: None,
    ) -> None:
        self._session = session
        self._stream = stream
        self._clock = clock
        self._chance = chance
        self._on_progress = on_progress
        self.sent = Sent()

    async def send(self, records: Sequence[Packed], *, rate: float = 0.0) -> Sent:
        """Send records in their order, so many events a second; 0 is as fast as it goes.

        Raises:
            AwsError: AWS refuses every record, or does not answer.
        """
        started, due = self._clock.time(), 0
        for batch in _batches(records, rate):
            if rate:
                wait = started + due / rate - self._clock.time()
                if wait > 0:
                    await self._clock.sleep(wait)
            due += sum(one.events for one in batch)
            await self._put(batch)
        return self.sent

    async def _put(self, batch: Sequence[Packed]) -> None:
        left = list(batch)
        for attempt in range(_ATTEMPTS):
            if attempt:
                pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
                await self._clock.sleep(pause * (0.5 + self._chance() / 2))
            left = await self._attempt(left)
            self._on_progress(self.sent)
            if not left:
                return
            self.sent.refused += len(left)
        self.sent.given_up += len(left)

    async def _attempt(self, batch: Sequence[Packed]) -> list[Packed]:
        """Send once; returns the refused records."""
        began = self._clock.time()
        try:
            answer = await self._session.call(
                "kinesis",
                "put_records",
                StreamName=self._stream,
                Records=[{"PartitionKey": one.partition_key, "Data": one.data} for one in batch],
            )
        except AwsError as error:
            if not error.may_pass_at_once:
                raise
            # Some may be in the stream: a record without answer is sent again, as producers do.
            self.sent.reason = str(error)
            return list(batch)
        self.sent.seconds.append(self._clock.time() - began)
        refused = []
        for one, result in zip(batch, answer["Records"], strict=True):
            if result.get("ErrorCode"):
                refused.append(one)
                self.sent.reason = f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"
                continue
            self.sent.events += one.events
            self.sent.records += 1
            self.sent.first_sequence = self.sent.first_sequence or result["SequenceNumber"]
            self.sent.first_shard = self.sent.first_shard or result["ShardId"]
        return refused


def _batches(records: Sequence[Packed], rate: float) -> Iterator[list[Packed]]:
    """Batches that PutRecords takes; at a rate those of a fifth of a second."""
    most_events = max(1.0, rate / 5) if rate else float("inf")
    batch: list[Packed] = []
    size = events = 0
    for one in records:
        length = len(one.data) + len(one.partition_key)
        if batch and (
            len(batch) == _MOST_RECORDS
            or size + length > _MOST_BYTES
            or events + one.events > most_events
        ):
            yield batch
            batch, size, events = [], 0, 0
        batch.append(one)
        size += length
        events += one.events
    if batch:
        yield batch


async def until(
    condition: Callable[[], Awaitable[bool]], *, clock: Clock, seconds: float, every: float = 1.0
) -> bool:
    """Whether something came true within so many seconds; it is asked at least once."""
    end = clock.time() + seconds
    while not await condition():
        if clock.time() >= end:
            return False
        await clock.sleep(every)
    return True
