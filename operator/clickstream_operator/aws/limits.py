"""Client-side rate limits: one token bucket for each (account, region, service, operation class).

The rates are below AWS's quotas, so that many pipelines at once wait here and are not throttled
there. Pipelines take turns, and edits go before resyncs.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from clickstream_operator.aws import call_context

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
#: Waiting calls by pipeline; the first pipeline in the dict is served next.
_Lines: TypeAlias = "dict[str, deque[asyncio.Future[None]]]"

# Calls per second, by service and operation; "*" stands for the other operations of the service.
# Lambda: "Lambda quotas", rate of each of the control plane API requests, 15 a second in all.
# Kinesis: "Kinesis Data Streams quotas and limits", API limits.
# CloudWatch: "CloudWatch service quotas". DynamoDB: tagging 5 a second.
RATES: Final[dict[tuple[str, str], float]] = {
    ("lambda", "*"): 14.0,
    ("kinesis", "create_stream"): 4.5,
    ("kinesis", "delete_stream"): 4.5,
    ("kinesis", "add_tags_to_stream"): 4.5,
    ("kinesis", "describe_stream_summary"): 18.0,
    ("kinesis", "update_shard_count"): 9.0,
    ("kinesis", "*"): 9.0,
    ("cloudwatch", "put_metric_alarm"): 2.8,
    ("cloudwatch", "describe_alarms"): 8.0,
    ("cloudwatch", "delete_alarms"): 2.8,
    ("cloudwatch", "*"): 8.0,
    ("dynamodb", "tag_resource"): 4.5,
    ("dynamodb", "*"): 9.0,
    ("logs", "*"): 4.5,
    ("iam", "*"): 10.0,
    ("scheduler", "*"): 40.0,
    ("ssm", "*"): 2.8,
    ("sns", "*"): 9.0,
    ("sqs", "*"): 50.0,
    ("s3", "*"): 50.0,
    ("sts", "*"): 50.0,
    ("resourcegroupstaggingapi", "*"): 4.5,
}
_DEFAULT_RATE: Final = 10.0
_ROUNDING: Final = 1e-9


#: Turns in a row that edits may take while resyncs wait.
_EDITS_IN_A_ROW: Final = 7


class TokenBucket:
    """Token bucket: `rate` tokens a second, of which at most `rate`, and at least one, are kept."""

    def __init__(self, rate: float, *, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._capacity = max(rate, 1.0)
        self._clock = clock
        self._tokens = self._capacity
        self._filled_at = clock()

    def take(self) -> float:
        """Take a token and return 0; without one, return the seconds until there is one."""
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        # A token that lacks only a rounding error is taken.
        if self._tokens > 1 - _ROUNDING:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate

    def drain(self) -> None:
        """Drop the tokens that were kept: AWS throttled a call."""
        self._tokens = min(self._tokens, 0.0)


class FairBucket:
    """Token bucket that serves pipelines in turn, and edits before resyncs.

    A pipeline with a hundred calls and one with a single call are served alternately. Resyncs get
    one turn in eight, however many edits wait.
    """

    def __init__(self, rate: float, *, clock: Clock, sleep: Sleep) -> None:
        self._bucket = TokenBucket(rate, clock=clock)
        self._sleep = sleep
        self._edits: _Lines = {}
        self._resyncs: _Lines = {}
        self._edits_in_a_row = 0
        self._serving: asyncio.Task[None] | None = None

    async def wait(self, pipeline: str, *, is_edit: bool) -> None:
        """Wait for the pipeline's turn."""
        if not (self._edits or self._resyncs) and not self._bucket.take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lines = self._edits if is_edit else self._resyncs
        lines.setdefault(pipeline, deque()).append(turn)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await turn

    def slow_down(self) -> None:
        """React to a throttled call of this class."""
        self._bucket.drain()

    async def _serve(self) -> None:
        while self._has_waiting():
            delay = self._bucket.take()
            if delay:
                await self._sleep(delay)
            else:
                self._next().set_result(None)

    def _has_waiting(self) -> bool:
        self._drop_cancelled()
        return bool(self._edits or self._resyncs)

    def _drop_cancelled(self) -> None:
        """Forget cancelled calls, which must not use up a token."""
        for lines in (self._edits, self._resyncs):
            for pipeline in list(lines):
                left = deque(turn for turn in lines[pipeline] if not turn.done())
                if left:
                    lines[pipeline] = left
                else:
                    del lines[pipeline]

    def _next(self) -> asyncio.Future[None]:
        """The next call to serve; its pipeline goes to the end of its line."""
        resyncs_turn = self._edits_in_a_row >= _EDITS_IN_A_ROW and self._resyncs
        if self._edits and not resyncs_turn:
            lines = self._edits
            self._edits_in_a_row += 1
        else:
            lines = self._resyncs
            self._edits_in_a_row = 0
        pipeline = next(iter(lines))
        line = lines.pop(pipeline)
        turn = line.popleft()
        if line:
            lines[pipeline] = line
        return turn


class Limits:
    """Buckets of the process; `enabled=False` switches them off, for tests and benchmarks."""

    def __init__(
        self,
        *,
        enabled: bool = True,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        on_wait: Callable[[str, float], None] = lambda _service, _seconds: None,
        on_throttle: Callable[[str, str], None] = lambda _service, _operation: None,
    ) -> None:
        self._on_wait = on_wait
        self._on_throttle = on_throttle
        self._enabled = enabled
        self._clock = clock
        self._sleep = sleep
        self._buckets: dict[tuple[str, str, str, str], FairBucket] = {}

    async def wait(self, *, account: str, region: str, service: str, operation: str) -> None:
        """Wait until this call of the current reconcile may be sent."""
        if not self._enabled:
            return
        context = call_context.current()
        since = self._clock()
        await self._bucket(account, region, service, operation).wait(
            context.pipeline if context else "", is_edit=context is None or context.is_edit
        )
        self._on_wait(service, self._clock() - since)

    def slow_down(self, *, account: str, region: str, service: str, operation: str) -> None:
        """React to a throttled call: its bucket starts empty again."""
        self._on_throttle(service, operation)
        self._bucket(account, region, service, operation).slow_down()

    def _bucket(self, account: str, region: str, service: str, operation: str) -> FairBucket:
        rate_class = operation if (service, operation) in RATES else "*"
        key = (account, region, service, rate_class)
        bucket = self._buckets.get(key)
        if bucket is None:
            rate = RATES.get((service, rate_class), _DEFAULT_RATE)
            bucket = FairBucket(rate, clock=self._clock, sleep=self._sleep)
            self._buckets[key] = bucket
        return bucket
