"""Token buckets: calls wait here, in a fair order, instead of being throttled there."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.aws import call_context
from clickstream_operator.aws.limits import RATES, FairBucket, Limits, TokenBucket
from tests.clock import Clock


@given(
    st.floats(0.5, 50),
    st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_rate_is_kept_over_any_span(rate: float, pauses: list[float]) -> None:
    """Between any two calls there are no more than the burst and the rate allow."""
    clock = Clock()
    bucket = TokenBucket(rate, clock=clock)
    sent = []
    for pause in pauses:
        clock.now += pause
        while delay := bucket.take():
            clock.now += delay
        sent.append(clock.now)
    assert sent == sorted(sent)
    burst = max(rate, 1.0)
    for first, start in enumerate(sent):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + rate * (sent[last] - start) + 1 + 1e-6


def test_burst_then_pace() -> None:
    """A saved-up second goes at once, then one after another."""
    clock = Clock()
    bucket = TokenBucket(2.0, clock=clock)
    assert [bucket.take() for _ in range(4)] == [0, 0, 0.5, 0.5]
    clock.now = 0.5
    assert [bucket.take() for _ in range(2)] == [0, 0.5]


def test_idle_time_saves_at_most_one_second() -> None:
    """An hour of silence is no licence for a storm."""
    clock = Clock()
    bucket = TokenBucket(2.0, clock=clock)
    clock.now = 3600
    assert [bucket.take() for _ in range(3)] == [0, 0, 0.5]


def test_slow_rates_still_start() -> None:
    """Less than one call a second begins with one."""
    assert TokenBucket(0.5, clock=Clock()).take() == 0


def test_a_throttle_ends_the_burst() -> None:
    """AWS counts calls of others too: when it says stop, nothing saved up is used."""
    bucket = TokenBucket(2.0, clock=Clock())
    bucket.drain()
    assert bucket.take() == 0.5


class Queue:
    """A bucket of one call a second, and the order in which calls got their turns."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.served: list[str] = []
        self.bucket = FairBucket(1.0, clock=self.clock, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.clock.now += seconds

    def ask(self, pipeline: str, count: int, *, is_edit: bool = False) -> list[asyncio.Task[None]]:
        """Calls of a pipeline, all at once."""
        return [asyncio.create_task(self._call(pipeline, is_edit=is_edit)) for _ in range(count)]

    async def _call(self, pipeline: str, *, is_edit: bool) -> None:
        await self.bucket.wait(pipeline, is_edit=is_edit)
        self.served.append(pipeline)


async def test_pipelines_are_served_one_after_another() -> None:
    """One call does not wait for the hundred of another pipeline that came first."""
    queue = Queue()
    many = queue.ask("many", 100)
    await asyncio.sleep(0)
    one = queue.ask("one", 1)
    two = queue.ask("two", 2)
    await asyncio.gather(*many, *one, *two)
    assert queue.served[1:7] == ["many", "one", "two", "many", "two", "many"]
    assert queue.clock.now == pytest.approx(102)


async def test_edits_go_before_resyncs_and_do_not_starve_them() -> None:
    """A resync gets one turn in eight while edits wait, and all of them afterwards."""
    queue = Queue()
    resyncs = queue.ask("resync", 20)
    await asyncio.sleep(0)
    edits = queue.ask("edit-1", 20, is_edit=True) + queue.ask("edit-2", 20, is_edit=True)
    await asyncio.gather(*resyncs, *edits)
    # The first resync found the bucket full.
    assert Counter(queue.served[1:8]) == {"edit-1": 4, "edit-2": 3}
    assert [at for at, name in enumerate(queue.served[:41]) if name == "resync"] == [
        0, 8, 16, 24, 32, 40,
    ]  # fmt: skip


async def test_who_gives_up_uses_no_token() -> None:
    """A reconcile that ends while it waits leaves its turn to the next."""
    queue = Queue()
    first = queue.ask("first", 1)
    gone = queue.ask("gone", 50)
    last = queue.ask("last", 1)
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*first, *last)
    assert queue.served == ["first", "last"]
    assert queue.clock.now == pytest.approx(1)


async def test_a_call_waits_as_the_reconcile_that_makes_it() -> None:
    """A call waits as its reconcile: that of an edit goes before those of resyncs."""
    clock, order = Clock(), []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)
        clock.now += seconds

    limits = Limits(clock=clock, sleep=sleep)

    async def call(pipeline: str, *, is_edit: bool) -> None:
        with call_context.running(call_context.CallContext(pipeline, is_edit=is_edit)):
            await calls(limits, ("scheduler", "get_schedule"))
        order.append(pipeline)

    for _ in range(40):
        await calls(limits, ("scheduler", "get_schedule"))
    waiting = [asyncio.create_task(call("resync", is_edit=False)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.gather(*waiting, call("edit", is_edit=True))
    assert order.index("edit") < 2


async def calls(limits: Limits, *operations: tuple[str, str], account: str = "1") -> None:
    """Wait for the turn of each."""
    for service, operation in operations:
        await limits.wait(account=account, region="r", service=service, operation=operation)


@pytest.fixture
def clock() -> Clock:
    """A clock at zero."""
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    """Limits on that clock."""
    return Limits(clock=clock, sleep=clock.sleep)


async def test_operations_of_one_class_share_a_bucket(limits: Limits, clock: Clock) -> None:
    """The rest of a service is one class."""
    await calls(limits, *[("ssm", "get_parameter"), ("ssm", "put_parameter")] * 2)
    assert clock.slept


async def test_named_operation_has_its_own_bucket(limits: Limits, clock: Clock) -> None:
    """Slow alarm writes do not slow reads of alarms down."""
    await calls(limits, *[("cloudwatch", "put_metric_alarm")] * 3)
    slept = len(clock.slept)
    assert slept
    await calls(limits, ("cloudwatch", "describe_alarms"))
    assert len(clock.slept) == slept


@pytest.mark.parametrize("by", ["account", "region"])
async def test_accounts_and_regions_do_not_share(limits: Limits, clock: Clock, by: str) -> None:
    """AWS counts by account and region, and so do the buckets."""
    place = {"account": "1", "region": "r"}
    for number in "123":
        for _ in range(2):
            await limits.wait(**{**place, by: number}, service="ssm", operation="get_parameter")
    assert clock.slept == []


async def test_services_do_not_share(limits: Limits, clock: Clock) -> None:
    """Operations of one name in two services, and of the rest of each service."""
    for service in ("ssm", "logs", "resourcegroupstaggingapi"):
        await calls(limits, (service, "tag_resource"), (service, "list_tags_for_resource"))
    assert clock.slept == []


async def test_a_throttle_slows_only_its_own_class_down(clock: Clock) -> None:
    """That of the same account, region and service, of which AWS spoke; each wait is told."""
    waits: list[tuple[str, float]] = []
    throttles: list[tuple[str, str]] = []
    limits = Limits(
        clock=clock,
        sleep=clock.sleep,
        on_wait=lambda service, seconds: waits.append((service, seconds)),
        on_throttle=lambda service, operation: throttles.append((service, operation)),
    )
    limits.slow_down(account="1", region="r", service="logs", operation="create_log_group")
    await limits.wait(account="1", region="other", service="logs", operation="x")
    await limits.wait(account="2", region="r", service="logs", operation="x")
    await calls(limits, ("iam", "get_role"))
    assert clock.slept == []
    await calls(limits, ("logs", "describe_log_groups"))
    assert clock.slept == [pytest.approx(1 / RATES["logs", "*"])]
    assert throttles == [("logs", "create_log_group")]
    assert [service for service, _ in waits] == ["logs", "logs", "iam", "logs"]
    assert [seconds for _, seconds in waits] == [0, 0, 0, clock.now]


async def test_switched_off_limits_never_wait(clock: Clock) -> None:
    """Tests and emulators need none."""
    limits = Limits(enabled=False, clock=clock, sleep=clock.sleep)
    await calls(limits, *[("ssm", "get_parameter")] * 100)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("service", "operation", "quota"),
    [
        ("lambda", "*", 15),
        ("kinesis", "create_stream", 5),
        ("kinesis", "describe_stream_summary", 20),
        ("cloudwatch", "put_metric_alarm", 3),
        ("dynamodb", "tag_resource", 5),
    ],
)
def test_rates_lie_below_the_quotas_of_aws(service: str, operation: str, quota: float) -> None:
    """Close below, so that nothing is throttled and nothing is slow."""
    assert 0.75 * quota <= RATES[service, operation] < quota


def test_no_operation_is_faster_than_its_quota_or_the_rest_of_its_service() -> None:
    """One with a class of its own is slower than the rest, or AWS gives it a higher quota."""
    faster = {
        (service, operation)
        for (service, operation), rate in RATES.items()
        if rate > RATES[service, "*"]
    }
    assert faster == {("kinesis", "describe_stream_summary")}
    assert max(RATES.values()) <= 50


def test_every_service_has_a_rate_for_the_rest() -> None:
    """An operation without its own class falls into its service's."""
    services = {service for service, _ in RATES}
    assert all((service, "*") in RATES for service in services)
