"""Calls a second that AWS takes from an account."""

# The contract names arguments that not every rule needs.

from __future__ import annotations

from typing import Final

from sandbox.aws.strict.answers import Answer
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.faults import throttled
from sandbox.aws.strict.rule import Ask, Rule
from sandbox.aws.strict.wire import Call

# Calls a second, by service and operation.
_QUOTAS: Final = {
    ("cloudwatch", "DeleteAlarms"): 3,
    ("cloudwatch", "DescribeAlarms"): 9,
    ("cloudwatch", "PutMetricAlarm"): 3,
    ("dynamodb", "TagResource"): 5,
    ("kinesis", "AddTagsToStream"): 5,
    ("kinesis", "CreateStream"): 5,
    ("kinesis", "DeleteStream"): 5,
    ("kinesis", "DescribeLimits"): 1,
    ("kinesis", "DescribeStream"): 10,
    ("kinesis", "DescribeStreamSummary"): 20,
    ("kinesis", "ListStreams"): 5,
    ("kinesis", "UpdateShardCount"): 10,
    ("lambda", "GetFunction"): 100,
    ("lambda", "GetPolicy"): 15,
}
# All other calls that manage Lambda share one quota.
_LAMBDA: Final = 15
_NOT_MANAGEMENT: Final = frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"})


class Quotas(Rule):
    """Token buckets of one second's worth; an empty one throttles.

    Transactions per second of each operation (Kinesis Data Streams Developer Guide, Quotas and
    limits); 15 calls a second to all of Lambda's control plane, 100 to GetFunction (AWS Lambda
    Developer Guide, Lambda quotas); PutMetricAlarm 3, DescribeAlarms 9, DeleteAlarms 3 (Amazon
    CloudWatch User Guide, CloudWatch service quotas); TagResource five times a second (Amazon
    DynamoDB API Reference, TagResource). `seconds` multiplies the size of a bucket.
    """

    name = "quotas"
    services = frozenset({"cloudwatch", "dynamodb", "kinesis", "lambda"})
    default_seconds = 1.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._buckets: dict[tuple[str, str, str, str], tuple[float, float]] = {}

    async def before(self, call: Call) -> Answer | None:
        """Take a token, or refuse."""
        operation, rate = call.operation, _QUOTAS.get((call.service, call.operation))
        if rate is None and call.service == "lambda" and operation not in _NOT_MANAGEMENT:
            operation, rate = "*", _LAMBDA
        if rate is None:
            return None
        key = (call.account, call.region, call.service, operation)
        size, now = max(1.0, rate * self.seconds), self.clock.now()
        tokens, then = self._buckets.get(key, (size, now))
        tokens = min(size, tokens + (now - then) * rate)
        self._buckets[key] = (tokens - 1 if tokens >= 1 else tokens, now)
        if tokens < 1:
            raise throttled(call)
        return None
