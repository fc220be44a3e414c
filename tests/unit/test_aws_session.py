"""The way to AWS: turns, and what an error means."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import NoRegionError

from clickstream_operator.aws.errors import AwsError, Category, category_of
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession

CREDENTIALS = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "test"}


class Turns(Limits):
    """Gives every call its turn at once, and notes which clients there were."""

    def __init__(self) -> None:
        super().__init__(enabled=False)
        self.session: AwsSession | None = None
        self.seen: list[tuple[str, bool]] = []

    async def wait(self, *, account: str, region: str, service: str, operation: str) -> None:
        """Note whether the call could be sent now."""
        assert self.session is not None
        self.seen.append((service, service in self.session._clients))


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
    made = session._client("cloudwatch")
    with session._lock:
        assert executor.submit(session._client, "cloudwatch").result(timeout=5) is made


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

    monkeypatch.setattr(session, "_client", fail)
    with pytest.raises(AwsError, match="NoRegion"):
        await session.call("cloudwatch", "describe_alarms")


def test_backups_that_are_not_there_yet_are_waited_for() -> None:
    """UpdateContinuousBackups of a new table is no mistake in the spec."""
    message = "Backups are being enabled for the table: events. Please retry later"
    code = "ContinuousBackupsUnavailableException"
    assert category_of(code, message, 400) is Category.CONFLICT
