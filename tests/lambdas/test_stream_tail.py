"""The look at the unread end of a shard, against moto with the clients that the function makes."""

from __future__ import annotations

import time
from typing import Any

import botocore.config
import botocore.session
import pytest
from moto import mock_aws

from detector.stream_tail import SKEW_MS, StreamTail
from shared.lanes import NOTHING

SETTINGS = botocore.config.Config(parameter_validation=False)


@pytest.fixture
def kinesis(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Yield a low-level client of a stream `p` with two shards."""
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        session = botocore.session.get_session()
        client = session.create_client("kinesis", region_name="eu-west-1", config=SETTINGS)
        client.create_stream(StreamName="p", ShardCount=2)
        yield client


def test_first_unread_record_says_how_far_a_shard_is_read(kinesis: Any) -> None:
    """Before a record is read its arrival counts, after it the present does."""
    tail = StreamTail(kinesis, "p", time.time)
    begun = round(time.time() * 1000)
    shards = [lane.shard for lane in tail.lanes("e1")]
    assert len(shards) == 2
    put = kinesis.put_record(StreamName="p", Data=b"{}", PartitionKey="k")
    shard, sequence = put["ShardId"], int(put["SequenceNumber"])
    (idle,) = {*shards} - {shard}
    unread = tail.reach(shard, watermark=NOTHING, since_ms=begun - 60_000)
    assert unread is not None
    assert abs(unread.through_ms - begun) < 60_000
    read = tail.reach(shard, watermark=sequence, since_ms=0)
    silent = tail.reach(idle, watermark=NOTHING, since_ms=begun)
    assert read is not None
    assert silent is not None
    assert read.through_ms >= begun - SKEW_MS
    assert silent.through_ms >= begun - SKEW_MS
    assert not (unread.ended)
    assert not (read.ended)
    assert not (silent.ended)


def test_shard_that_is_gone_has_ended(kinesis: Any) -> None:
    """A shard that the stream does not have brings nothing any more."""
    tail = StreamTail(kinesis, "p", time.time)
    gone = tail.reach("shardId-000000000099", watermark=NOTHING, since_ms=0)
    assert gone is not None
    assert gone.ended
