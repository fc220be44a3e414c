"""The event source mapping: how Lambda reads a stream and what it does when an invocation fails.

Rules, from the AWS Lambda Developer Guide:

- "Using AWS Lambda with Amazon Kinesis" / "Polling and batching streams": one reader for each
  shard, in order; a batch ends when it holds `batch_size` records, when its payload reaches 6 MB,
  or when the window is over. A closed shard is read to its end before its children are.
- "Retain discarded batch records" / "Configuring error handling": a failed batch is delivered again
  until it succeeds, `retries` are used up or its records are older than `most_age`; then it goes to
  the on-failure destination. A bisected batch's halves are delivered one after the other, and the
  split does not count as a retry.
- "Reporting batch item failures": the lowest sequence number returned is the checkpoint; an
  identifier that is empty or not in the batch fails all of it; with bisect on, the batch is split
  at the checkpoint and only the rest is delivered again.
- "Destinations": the object on S3 holds the whole invocation record.

Delivery is at least once ("... your function code must be idempotent"): an invocation whose outcome
the mapping did not learn goes on while its batch is delivered again, a batch may come again much
later, and a reader may be replaced by one that goes back and cuts other batches. Those are the
faults here.
"""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError, ReadTimeoutError

from simulator.containers import Function
from simulator.faults import Fault, FaultPlan
from simulator.scheduler import DiedError, Scheduler, Task
from simulator.stream import Shard, Stream, StreamRecord

MOST_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
_ENVELOPE_BYTES: Final = 500
_POLL_SECONDS: Final = 0.5
_BACKOFF_SECONDS: Final = 0.5
_LONGEST_BACKOFF: Final = 30.0
_FOR_EVER: Final = -1
_FARTHEST_BACK: Final = 12
#: No record of any run needs so many; one that gets them would get them without end.
_MOST_ATTEMPTS: Final = 100
_MAPPING_ID: Final = "177fc0f0-f42f-4f88-bd88-2d1d1d1c1b1a"


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """The mapping's fields; -1 means without limit, as in the API (CreateEventSourceMapping)."""

    batch_size: int = 100
    window_seconds: float = 5.0
    retries: int = _FOR_EVER
    most_age_seconds: float = _FOR_EVER
    bisect: bool = True
    item_failures: bool = True


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Probability of each fault of delivery, at each batch or at each failed one."""

    given_up: float = 0.1
    duplicate: float = 0.1
    item_failures: float = 0.08
    re_read: float = 0.1
    other_limits: float = 0.5


class _ReaderLostError(Exception):
    """The reader of a shard stops amid a failed batch; another begins at the checkpoint."""


class UnexpectedError(Exception):
    """A handler failed although nothing had gone wrong: it would block its shard without end."""


class EventSourceMapping:
    """Reads every shard of a stream and invokes one function; `start` begins, `done` tells."""

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        faults: FaultPlan,
        source: random.Random,
        stream: Stream,
        function: Function,
        settings: MappingSettings,
        on_failure: Callable[[str, bytes], None],
        likelihood: Likelihood | None = None,
        check_error: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Args beside the obvious: `check_error` raises for errors that end the run."""
        self._scheduler = scheduler
        self._faults = faults
        self._source = source
        self._stream = stream
        self._function = function
        self._settings = settings
        self._on_failure = on_failure
        self._likelihood = likelihood or Likelihood()
        self._check_error = check_error or check_expected
        self._drained: set[str] = set()
        self._started: set[str] = set()
        self._failures = 0
        self.discarded: list[tuple[str, int]] = []
        """Shard and sequence number of each record that went to the on-failure destination."""
        self.stuck: list[tuple[str, int]] = []
        """Shard and sequence number of each batch that would hold its shard without end."""
        self._running: list[Task] = []
        self.invocations = 0
        self.biggest_batch = 0

    @property
    def done(self) -> bool:
        """Whether every shard of an ended stream has been read to its end."""
        return self._stream.ended and self._drained.issuperset(self._stream.shards)

    @property
    def idle(self) -> bool:
        """Whether no invocation is under way or to come: a deleted mapping ends like this."""
        self._running = [task for task in self._running if not task.done]
        return not self._running

    def start(self) -> None:
        """Begin to read from TRIM_HORIZON."""
        self._scheduler.spawn(self._follow)

    def _follow(self) -> None:
        """Start a reader for each shard whose parents have been read to their end."""
        while not self.done:
            for shard in list(self._stream.shards.values()):
                if shard.name not in self._started and self._drained.issuperset(shard.parents):
                    self._started.add(shard.name)
                    self._scheduler.spawn(lambda shard=shard: self._read(shard))  # type: ignore[misc]
            self._scheduler.sleep(_POLL_SECONDS)

    def _read(self, shard: Shard) -> None:
        position = 0
        while True:
            batch = self._gather(shard, position)
            if not batch:
                break
            try:
                self._deliver(shard, batch)
            except _ReaderLostError:
                continue
            position += len(batch)
            if self._faults.chance(Fault.RE_READ, self._likelihood.re_read):
                position -= self._source.randint(1, min(position, _FARTHEST_BACK))
        self._drained.add(shard.name)

    def _gather(self, shard: Shard, position: int) -> list[StreamRecord]:
        """Wait for a batch; empty at the end of the shard."""
        most = self._settings.batch_size
        if self._source.random() < self._likelihood.other_limits:
            most = self._source.randint(1, most)
        opened: float | None = None
        while True:
            now = self._scheduler.now
            batch: list[StreamRecord] = []
            size, full = 0, False
            for record in shard.records[position : position + most]:
                if record.arrival > now:
                    break
                size += len(record.data) * 4 // 3 + _ENVELOPE_BYTES
                if batch and size > MOST_PAYLOAD_BYTES:
                    full = True
                    break
                batch.append(record)
            at_end = position + len(batch) == len(shard.records)
            over = at_end and (shard.closed or self._stream.ended)
            if batch and opened is None:
                opened = now
            if full or len(batch) == most or over:
                return batch
            if opened is not None and now >= opened + self._settings.window_seconds:
                return batch
            self._scheduler.sleep(_POLL_SECONDS)

    def _deliver(self, shard: Shard, batch: Sequence[StreamRecord], attempts: int = 0) -> None:
        """Deliver until it succeeds, is split, or is given up."""
        settings = self._settings
        backoff = _BACKOFF_SECONDS
        while batch:
            if self._too_old(batch):
                self._discard(shard, batch, attempts, "MaximumRecordAgeExceeded")
                return
            rest = self._attempt(shard, batch)
            if not rest:
                return
            if self._faults.chance(Fault.RE_READ, self._likelihood.re_read):
                raise _ReaderLostError
            if len(rest) < len(batch):
                batch, attempts = rest, 0
                continue
            if settings.bisect and len(batch) > 1:
                self._faults.note(Fault.BISECTED)
                middle = len(batch) // 2
                self._deliver(shard, batch[:middle], attempts)
                self._deliver(shard, batch[middle:], attempts)
                return
            if attempts == settings.retries:
                self._discard(shard, batch, attempts, "RetryAttemptsExhausted")
                return
            attempts += 1
            if attempts == _MOST_ATTEMPTS:
                self.stuck.append((shard.name, batch[0].sequence))
                return
            self._scheduler.sleep(backoff)
            backoff = min(_LONGEST_BACKOFF, 2 * backoff)

    def _attempt(self, shard: Shard, batch: Sequence[StreamRecord]) -> Sequence[StreamRecord]:
        """Invoke the function once; returns what must be delivered again."""
        event = invocation(shard.name, batch)
        self.invocations += 1
        self.biggest_batch = max(self.biggest_batch, len(batch))
        task = self._function.invoke(event)
        self._running.append(task)
        if self._faults.chance(Fault.DUPLICATE, self._likelihood.duplicate):
            self._running.append(self._function.invoke(event, delay=self._faults.delay()))
        if self._faults.chance(Fault.GIVEN_UP, self._likelihood.given_up):
            until = self._scheduler.now + self._faults.delay()
            if not self._scheduler.wait(lambda: task.done, until=until):
                return batch  # It goes on: nobody tells it.
        self._scheduler.join(task)
        return self._outcome(task, batch)

    def _outcome(self, task: Task, batch: Sequence[StreamRecord]) -> Sequence[StreamRecord]:
        if task.error is not None:
            self._check_error(task.error)
            return batch
        if not self._settings.item_failures:
            return ()
        failures = failed_items(task.result)
        if not failures and self._faults.chance(
            Fault.ITEM_FAILURES, self._likelihood.item_failures
        ):
            chosen = self._source.choice(batch)
            failures = [self._source.choice((str(chosen.sequence), str(chosen.sequence), ""))]
        return left_over(batch, failures)

    def _too_old(self, batch: Sequence[StreamRecord]) -> bool:
        limit = self._settings.most_age_seconds
        return limit != _FOR_EVER and self._scheduler.now - batch[0].arrival > limit

    def _discard(
        self, shard: Shard, batch: Sequence[StreamRecord], attempts: int, condition: str
    ) -> None:
        self._faults.note(Fault.DISCARDED)
        self._failures += 1
        self.discarded += [(shard.name, record.sequence) for record in batch]
        moment = time.gmtime(self._scheduler.now)
        stamp = time.strftime("%Y-%m-%dT%H.%M.%S", moment)
        day = time.strftime("%Y/%m/%d", moment)
        key = f"aws/lambda/{_MAPPING_ID}/{shard.name}/{day}/{stamp}-{self._failures:032x}"
        record = {
            "requestContext": {
                "condition": condition,
                "approximateInvokeCount": attempts + 1,
            },
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", moment),
            "KinesisBatchInfo": {
                "shardId": shard.name,
                "startSequenceNumber": str(batch[0].sequence),
                "endSequenceNumber": str(batch[-1].sequence),
                "batchSize": len(batch),
            },
            "payload": json.dumps(invocation(shard.name, batch)),
        }
        self._on_failure(key, json.dumps(record).encode())


def invocation(shard: str, batch: Sequence[StreamRecord]) -> dict[str, Any]:
    """Return the event that Lambda hands to the function."""
    return {
        "Records": [
            {
                "eventID": f"{shard}:{record.sequence}",
                "eventSource": "aws:kinesis",
                "eventName": "aws:kinesis:record",
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "sequenceNumber": str(record.sequence),
                    "partitionKey": record.partition_key,
                    "approximateArrivalTimestamp": record.arrival,
                    "data": base64.b64encode(record.data).decode(),
                },
            }
            for record in batch
        ]
    }


def failed_items(result: Any) -> list[str]:
    """Return the identifiers of a handler's answer; none when it reports no failures."""
    if not isinstance(result, Mapping):
        return []
    return [str(each.get("itemIdentifier", "")) for each in result.get("batchItemFailures") or ()]


def left_over(batch: Sequence[StreamRecord], failures: Sequence[str]) -> Sequence[StreamRecord]:
    """Return the records to deliver again, given the identifiers that the function returned."""
    if not failures:
        return ()
    places = {str(record.sequence): index for index, record in enumerate(batch)}
    if any(failure not in places for failure in failures):
        return batch
    return batch[min(places[failure] for failure in failures) :]


def check_expected(error: BaseException) -> None:
    """Let pass what faults cause; raises UnexpectedError for any other."""
    if isinstance(error, DiedError | ReadTimeoutError):
        return
    if isinstance(error, ClientError) and (
        error.response["Error"]["Code"] == "ThrottlingException"
    ):
        return
    raise UnexpectedError(f"a handler failed of itself: {error!r}") from error
