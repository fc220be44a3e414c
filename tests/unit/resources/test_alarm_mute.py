"""The mute of a resize: its window, what a refusal of it does, and what is taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import StepMustWait
from clickstream_operator.resources.alarm_mute import LONGEST, AlarmMute, MuteRecord
from clickstream_operator.resources.kinesis_capacity import StreamCapacity
from clickstream_operator.resources.kinesis_history import StreamHistory

NOW = datetime(2026, 11, 1, 12, 0, 30, tzinfo=UTC)
PUT, GET, DELETE = "put_alarm_mute_rule", "get_alarm_mute_rule", "delete_alarm_mute_rule"


def refusal(category: Category = Category.ACCESS_DENIED, *, landed: bool = False) -> AwsError:
    """An error of CloudWatch."""
    return AwsError(
        service="cloudwatch",
        operation="o",
        code="Code",
        text="text",
        category=category,
        may_have_landed=landed,
    )


class Cloud:
    """CloudWatch and Kinesis: the calls, and errors by operation."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent: dict[str, dict[str, Any]] = {}
        self.errors: dict[str, AwsError] = {}

    async def write(self, _service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Note it and answer."""
        self.asked.append(operation)
        self.sent[operation] = parameters
        if operation in self.errors:
            raise self.errors[operation]
        return {}

    read = write

    def mute(self, record: MuteRecord, *, wanted: bool = True) -> AlarmMute:
        """The mute of a pipeline."""
        return AlarmMute(cast("Calls", self), "web-resize", ["web-lag"], record, wanted)


@pytest.fixture
def cloud() -> Cloud:
    """An AWS that takes everything."""
    return Cloud()


async def test_it_is_limited_in_time(cloud: Cloud) -> None:
    """From the next full minute on, for a quarter of an hour, and never again after that."""
    await cloud.mute(MuteRecord()).begin(NOW)
    sent = cloud.sent[PUT]
    schedule = {"Expression": "at(2026-11-01T12:01)", "Duration": "PT15M"}
    assert sent["Rule"] == {"Schedule": schedule}
    assert sent["ExpireDate"] == datetime(2026, 11, 1, 12, 1, tzinfo=UTC) + LONGEST
    assert sent["MuteTargets"] == {"AlarmNames": ["web-lag"]}
    assert timedelta(minutes=15) == LONGEST


async def test_it_comes_with_each_step_that_aws_takes(cloud: Cloud) -> None:
    """A switch of mode mutes nothing, and neither does a resize that is refused."""
    history = StreamHistory(now=lambda: NOW)
    capacity = StreamCapacity(cast("Calls", cloud), "web", history, cloud.mute(history.mute))
    await capacity.switch("arn", "ON_DEMAND")
    assert cloud.asked == ["update_stream_mode"]
    cloud.asked.clear()
    await capacity.resize(2, 4)
    assert cloud.asked == ["update_shard_count", PUT]


@pytest.mark.parametrize(
    ("category", "raised"),
    [(Category.LIMIT_EXCEEDED, StepMustWait), (Category.ACCESS_DENIED, AwsError)],
)
async def test_a_refused_resize_mutes_nothing(
    cloud: Cloud, category: Category, raised: type[Exception]
) -> None:
    """Or alarms would be mute as long as AWS refuses it."""
    history = StreamHistory(now=lambda: NOW)
    cloud.errors["update_shard_count"] = refusal(category)
    capacity = StreamCapacity(cast("Calls", cloud), "web", history, cloud.mute(history.mute))
    with pytest.raises(raised):
        await capacity.resize(2, 4)
    assert cloud.asked == ["update_shard_count"]


async def test_a_refused_mute_does_not_hold_up_the_resize(cloud: Cloud) -> None:
    """It is told once."""
    history = StreamHistory(now=lambda: NOW)
    cloud.errors[PUT] = refusal()
    capacity = StreamCapacity(cast("Calls", cloud), "web", history, cloud.mute(history.mute))
    assert await capacity.resize(2, 4) == 4
    assert history.mute.tell() is cloud.errors[PUT]
    assert history.mute.tell() is None


async def test_nothing_is_muted_that_the_spec_does_not_ask_for(cloud: Cloud) -> None:
    """A mute that is only there to be taken back begins none."""
    await cloud.mute(MuteRecord(), wanted=False).begin(NOW)
    assert cloud.asked == []


@pytest.mark.parametrize("landed", [True, False])
async def test_what_may_have_landed_is_taken_back(cloud: Cloud, *, landed: bool) -> None:
    """A lost answer may be a mute; a refusal is none."""
    record = MuteRecord(may_last=False)
    cloud.errors[PUT] = refusal(Category.TRANSIENT, landed=landed)
    await cloud.mute(record).begin(NOW)
    await cloud.mute(record).end()
    assert cloud.asked == ([PUT, DELETE] if landed else [PUT])


async def test_it_is_taken_back_once(cloud: Cloud) -> None:
    """Later ends cost no call."""
    record = MuteRecord()
    await cloud.mute(record).begin(NOW)
    for _ in range(3):
        await cloud.mute(record).end()
    assert cloud.asked == [PUT, DELETE]


@pytest.mark.parametrize("there", [True, False])
async def test_a_new_process_asks_once_what_the_last_one_left(cloud: Cloud, *, there: bool) -> None:
    """And takes it back where there is one."""
    if not there:
        cloud.errors[GET] = refusal(Category.NOT_FOUND)
    record = MuteRecord()
    for _ in range(2):
        await cloud.mute(record).end()
    assert cloud.asked == ([GET, DELETE] if there else [GET])


async def test_a_refused_end_is_tried_again_and_told(cloud: Cloud) -> None:
    """Until AWS takes it."""
    record = MuteRecord(may_last=True)
    cloud.errors[DELETE] = refusal()
    await cloud.mute(record).end()
    assert record.tell() is cloud.errors[DELETE]
    cloud.errors.clear()
    await cloud.mute(record).end()
    assert (cloud.asked, record.may_last) == ([DELETE, DELETE], False)
