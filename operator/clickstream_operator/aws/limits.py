"""Client-side rate limits: one token bucket for each (account, region, service, operation class).

The rates lie below AWS's own quotas, so that a start with many pipelines waits here, in order,
instead of being throttled there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

# Calls per second, by service and operation; "*" is the rest of the service.
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


class TokenBucket:
    """`rate` tokens a second, at most `rate` (but at least one) saved up."""

    def __init__(self, rate: float, *, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._capacity = max(rate, 1.0)
        self._clock = clock
        self._tokens = self._capacity
        self._filled_at = clock()

    def reserve(self) -> float:
        """Take one token and return the seconds to wait before using it (0 when one was there)."""
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)


class Limits:
    """All buckets of this process. `enabled=False` switches them off (tests, benchmarks)."""

    def __init__(
        self,
        *,
        enabled: bool = True,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._enabled = enabled
        self._clock = clock
        self._sleep = sleep
        self._buckets: dict[tuple[str, str, str, str], TokenBucket] = {}

    async def wait(self, *, account: str, region: str, service: str, operation: str) -> None:
        """Wait for this call's turn."""
        if not self._enabled:
            return
        rate_class = operation if (service, operation) in RATES else "*"
        key = (account, region, service, rate_class)
        bucket = self._buckets.get(key)
        if bucket is None:
            rate = RATES.get((service, rate_class), _DEFAULT_RATE)
            bucket = self._buckets[key] = TokenBucket(rate, clock=self._clock)
        delay = bucket.reserve()
        if delay > 0:
            await self._sleep(delay)
