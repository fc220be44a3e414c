"""Token buckets: calls wait here instead of being throttled there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.aws.limits import RATES, Limits, TokenBucket


class Clock:
    """Seconds that pass only when a test says so, or when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """The time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.now += seconds


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
        sent.append(clock.now + bucket.reserve())
    assert sent == sorted(sent)
    burst = max(rate, 1.0)
    for first, start in enumerate(sent):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + rate * (sent[last] - start) + 1 + 1e-6


def test_burst_then_pace() -> None:
    """A saved-up second goes at once, then one after another."""
    bucket = TokenBucket(2.0, clock=Clock())
    assert [bucket.reserve() for _ in range(5)] == [0, 0, 0.5, 1.0, 1.5]


def test_idle_time_saves_at_most_one_second() -> None:
    """An hour of silence is no licence for a storm."""
    clock = Clock()
    bucket = TokenBucket(2.0, clock=clock)
    clock.now = 3600
    assert [bucket.reserve() for _ in range(3)] == [0, 0, 0.5]


def test_slow_rates_still_start() -> None:
    """Less than one call a second begins with one."""
    assert TokenBucket(0.5, clock=Clock()).reserve() == 0


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


async def test_accounts_do_not_share(limits: Limits, clock: Clock) -> None:
    """AWS counts by account, and so do the buckets."""
    for account in "123":
        await calls(limits, *[("ssm", "get_parameter")] * 2, account=account)
    assert clock.slept == []


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


def test_every_service_has_a_rate_for_the_rest() -> None:
    """An operation without its own class falls into its service's."""
    services = {service for service, _ in RATES}
    assert all((service, "*") in RATES for service in services)
