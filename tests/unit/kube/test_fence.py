"""The fence that ends the writes of a leader: its clock, its deadline, and requests behind it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession, CallRecord
from clickstream_operator.kube.fence import Fenced, WriteFence, seconds_since_boot


@pytest.mark.parametrize(
    ("now", "is_open"),
    [(5.0, True), (8.0, True), (14.9, True), (15.0, False), (15.1, False), (75.0, False)],
)
def test_the_fence_is_open_for_its_deadline_after_the_request(now: float, *, is_open: bool) -> None:
    """Not a moment longer, whenever the renewal is noted."""
    time = [8.0]
    fence = WriteFence(10.0, clock=lambda: time[0])
    fence.renewed(5.0)
    time[0] = now
    assert fence.remaining() == pytest.approx(15.0 - now)
    assert passes(fence) is is_open
    fence.close()
    assert not passes(fence)


def passes(fence: WriteFence) -> bool:
    """Whether a write would be sent."""
    try:
        fence.check()
    except Fenced:
        return False
    return True


def test_the_clock_of_the_fence_goes_on_while_the_machine_sleeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A laptop or a paused virtual machine that wakes must not take the time for standing still."""
    clocks = {time.CLOCK_BOOTTIME: 5000.0, time.CLOCK_MONOTONIC: 60.0}
    monkeypatch.setattr("clickstream_operator.kube.fence.time.clock_gettime", clocks.__getitem__)
    assert seconds_since_boot() == 5000.0
    fence = WriteFence(10.0)
    fence.renewed(4991.0)
    assert fence.remaining() == 1.0


def test_the_fence_is_closed_before_the_first_renewal() -> None:
    """Who was never elected writes nothing."""
    fence = WriteFence(10.0, clock=lambda: 0.0)
    with pytest.raises(Fenced):
        fence.check()


async def test_a_fenced_write_never_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check comes last before the bytes go out: reads pass, writes and their retries do not."""
    sent: list[str] = []
    fence = WriteFence(10.0, clock=lambda: 0.0)
    records: list[CallRecord] = []

    class Answer:
        status_code = 500
        headers: dict[str, str] = {}  # noqa: RUF012 - read only
        content = b'{"__type": "InternalFailure"}'

    def send(_self: object, request: Any) -> Answer:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        sent.append(operation)
        fence.close()
        return Answer()

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", send)
    with ThreadPoolExecutor(1) as threads:
        session = AwsSession(
            region="us-east-1",
            executor=threads,
            limits=Limits(enabled=False),
            on_call=records.append,
            ensure_leader=fence.check,
            credentials={"aws_access_key_id": "1" * 12, "aws_secret_access_key": "x"},
        )
        with pytest.raises(AwsError, match="NotSent"):
            await session.call("kinesis", "create_stream", StreamName="s")
        assert sent == []
        fence.renewed(0.0)
        with pytest.raises(AwsError, match="NotSent"):
            await session.call("kinesis", "create_stream", StreamName="s")
        assert sent == ["CreateStream"]
        with pytest.raises(AwsError, match="InternalFailure"):
            await session.call("kinesis", "describe_stream_summary", StreamName="s")
    assert sent == ["CreateStream", "DescribeStreamSummary", "DescribeStreamSummary"]
    failed = "InternalFailure"
    assert [one.code for one in records] == ["NotSent", failed, "NotSent", failed, failed]
