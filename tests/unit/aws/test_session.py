"""The way to AWS: turns, and what an error means."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    NoRegionError,
    ReadTimeoutError,
)

from clickstream_operator.aws import call_context
from clickstream_operator.aws.error_codes import category_of
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession, CallRecord
from clickstream_operator.settings import Settings

CREDENTIALS = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "test"}


class Turns(Limits):
    """Gives every call its turn at once, and notes which clients there were."""

    def __init__(self) -> None:
        super().__init__(enabled=False)
        self.session: AwsSession | None = None
        self.seen: list[tuple[str, bool]] = []
        self.slowed: list[tuple[str, str, str]] = []

    async def wait(self, *, account: str, region: str, service: str, operation: str) -> None:
        """Note whether the call could be sent now."""
        assert self.session is not None
        self.seen.append((service, service in self.session._clients))

    def slow_down(self, *, account: str, region: str, service: str, operation: str) -> None:
        """Note what AWS throttled."""
        self.slowed.append((region, service, operation))


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """Threads that end with the test."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


async def test_a_call_that_has_its_turn_is_sent_at_once(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that wait for a client after their turn would reach AWS as one burst."""
    turns = Turns()
    session = AwsSession(
        region="us-east-1", executor=executor, limits=turns, credentials=CREDENTIALS
    )
    turns.session = session
    sent: list[str] = []

    def send(service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        sent.append(operation)
        return {}

    monkeypatch.setattr(session, "_send", send)
    await session.call("cloudwatch", "describe_alarms")
    await session.call("cloudwatch", "put_metric_alarm")
    assert turns.seen == [("cloudwatch", True), ("cloudwatch", True)]
    assert sent == ["describe_alarms", "put_metric_alarm"]


async def test_a_call_does_not_wait_for_another_client(executor: ThreadPoolExecutor) -> None:
    """The client that is there is used while another one is being made."""
    session = AwsSession(
        region="us-east-1", executor=executor, limits=Limits(), credentials=CREDENTIALS
    )
    made = session._clients.of("cloudwatch")
    with session._clients._lock:
        assert executor.submit(session._clients.of, "cloudwatch").result(timeout=5) is made


async def test_a_client_that_cannot_be_made_is_an_aws_error(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a region the call ends as any other failure does."""
    session = AwsSession(
        region="us-east-1",
        executor=executor,
        limits=Limits(enabled=False),
        credentials=CREDENTIALS,
    )

    def fail(service: str) -> Any:
        raise NoRegionError

    monkeypatch.setattr(session._clients, "of", fail)
    with pytest.raises(AwsError, match="NoRegion"):
        await session.call("cloudwatch", "describe_alarms")


class Answers(AwsSession):
    """A session whose calls end as told, one after another; the last way goes on."""

    def __init__(self, executor: ThreadPoolExecutor, *ends: Exception | None) -> None:
        self.turns = Turns()
        self.records: list[CallRecord] = []
        super().__init__(
            region="us-east-1",
            executor=executor,
            limits=self.turns,
            credentials=CREDENTIALS,
            on_call=self.records.append,
        )
        self.turns.session = self
        self.ends = list(ends)

    def _send(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if end is not None:
            raise end
        return {}


def refused(code: str, status: int) -> ClientError:
    """An error answer."""
    answer: Any = {
        "Error": {"Code": code, "Message": "said AWS"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "GetQueueUrl")


BROKEN = ConnectionClosedError(endpoint_url="http://aws")
TIMED_OUT = ReadTimeoutError(endpoint_url="http://aws")


@pytest.mark.parametrize(
    "passing", [refused("Throttling", 400), refused("InternalError", 500), BROKEN]
)
async def test_a_quick_retry_takes_its_turn(
    executor: ThreadPoolExecutor, passing: Exception
) -> None:
    """A call that failed with a transient error is sent once more, in turn, and counted."""
    session = Answers(executor, passing, None)
    assert await session.call("sqs", "get_queue_url") == {}
    assert [service for service, _ in session.turns.seen] == ["sqs", "sqs"]
    assert [record.code == "OK" for record in session.records] == [False, True]


async def test_there_is_one_quick_retry(executor: ThreadPoolExecutor) -> None:
    """The second failure is the answer: the reconcile ends and the pipeline backs off."""
    session = Answers(executor, refused("InternalError", 500))
    with pytest.raises(AwsError, match="InternalError"):
        await session.call("sqs", "get_queue_url")
    assert len(session.records) == 2


@pytest.mark.parametrize("lasting", [refused("AccessDenied", 403), TIMED_OUT])
async def test_a_lasting_error_is_not_sent_again(
    executor: ThreadPoolExecutor, lasting: Exception
) -> None:
    """A refusal stays one, and a worker does not wait for a second timeout."""
    session = Answers(executor, lasting)
    with pytest.raises(AwsError):
        await session.call("sqs", "get_queue_url")
    assert len(session.records) == 1


async def test_a_throttle_slows_the_others_down(executor: ThreadPoolExecutor) -> None:
    """What was saved up for calls of its class is thrown away, by account and region."""
    session = Answers(executor, refused("Throttling", 400), None)
    await session.call("sqs", "get_queue_url")
    assert session.turns.slowed == [("us-east-1", "sqs", "get_queue_url")]


async def test_a_silent_service_is_waited_for_once_in_a_reconcile(
    executor: ThreadPoolExecutor,
) -> None:
    """The other calls to it fail with the first timeout; other services are asked."""
    session = Answers(executor, TIMED_OUT, None)
    one = call_context.CallContext("shop/web", is_edit=False)
    with call_context.running(one):
        for _ in range(3):
            with pytest.raises(AwsError, match="ReadTimeoutError"):
                await session.call("sqs", "get_queue_url")
        assert await session.call("sns", "list_topics") == {}
    assert len(session.records) == 2
    with call_context.running(call_context.CallContext("shop/web", is_edit=False)):
        assert await session.call("sqs", "get_queue_url") == {}


async def test_a_reconcile_that_hangs_leaves_threads_to_the_others(
    executor: ThreadPoolExecutor,
) -> None:
    """However many calls it has, a reconcile takes its share of the threads and not more."""
    hang, sent = threading.Event(), []

    class Hanging(Answers):
        def _send(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
            sent.append(service)
            if service == "kinesis":
                hang.wait(10)
            return {}

    session = Hanging(executor, None)
    for service in ("kinesis", "sqs"):
        session._clients.of(service)
    stuck = []
    try:
        for name in ("a", "b"):
            with call_context.running(call_context.CallContext(name, is_edit=True, at_once=1)):
                stuck += [
                    asyncio.create_task(session.call("kinesis", "list_shards")) for _ in range(20)
                ]
        await asyncio.sleep(0)
        with call_context.running(call_context.CallContext("c", is_edit=False, at_once=1)):
            assert await asyncio.wait_for(session.call("sqs", "get_queue_url"), 5) == {}
        assert sorted(sent) == ["kinesis", "kinesis", "sqs"]
    finally:
        hang.set()
        await asyncio.gather(*stuck)


def test_all_workers_together_take_no_more_slots_than_there_are_threads() -> None:
    """By default, and with the settings that a user may give."""
    settings = Settings()
    assert settings.calls_at_once() == call_context.CALLS_AT_ONCE
    assert call_context.CALLS_AT_ONCE * settings.workers <= settings.aws_threads
    few = Settings(workers=10, aws_threads=35)
    assert few.calls_at_once() == 3
    assert Settings(workers=10, aws_threads=5).calls_at_once() == 1
    context = call_context.CallContext("shop/web", is_edit=True)
    assert context.concurrency._value == call_context.CALLS_AT_ONCE


def test_backups_that_are_not_there_yet_are_waited_for() -> None:
    """UpdateContinuousBackups of a new table is no mistake in the spec."""
    message = "Backups are being enabled for the table: events. Please retry later"
    code = "ContinuousBackupsUnavailableException"
    assert category_of(code, message, 400) is Category.CONFLICT


async def test_a_cancelled_call_stays_until_its_request_has_landed(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread can't be stopped: the next reconcile must not observe before it is done."""
    creating, go_on, landed = threading.Event(), threading.Event(), threading.Event()
    session = AwsSession(region="us-east-1", executor=executor, limits=Limits(enabled=False))

    def send(*_: object) -> dict[str, object]:
        creating.set()
        assert go_on.wait(10)
        landed.set()
        return {}

    monkeypatch.setattr(session, "_send", send)
    call = asyncio.create_task(session._attempt("sqs", "create_queue", {}))
    await asyncio.to_thread(creating.wait, 10)
    call.cancel()
    await asyncio.sleep(0)
    assert not call.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert landed.is_set()
