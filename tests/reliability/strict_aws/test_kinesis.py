"""States, resizes and modes of streams in the strict AWS. Time passes only by `advance`."""

from typing import Any

import pytest

from sandbox.aws.strict import StrictAws
from tests.reliability.strict_aws.probes import ACCOUNT, Client, client, refused, summary


def test_a_new_stream_is_creating_for_a_while(strict: StrictAws, aws: Client) -> None:
    """CREATING: no change, no tag; then ACTIVE."""
    strict.reset(["kinesis-states=30"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    assert summary(kinesis)["StreamStatus"] == "CREATING"
    key = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
    code, message, status = refused(kinesis.start_stream_encryption, StreamName="clicks", **key)
    assert (code, status) == ("ResourceInUseException", 400)
    assert "not ACTIVE, instead in state CREATING" in message
    code, _, _ = refused(kinesis.add_tags_to_stream, StreamName="clicks", Tags={"a": "b"})
    assert code == "ResourceInUseException"
    strict.advance(29)
    assert summary(kinesis)["StreamStatus"] == "CREATING"
    strict.advance(1)
    assert summary(kinesis)["StreamStatus"] == "ACTIVE"
    kinesis.add_tags_to_stream(StreamName="clicks", Tags={"a": "b"})
    assert summary(kinesis)["StreamStatus"] == "ACTIVE"


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("start_stream_encryption", {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}),
    ("enable_enhanced_monitoring", {"ShardLevelMetrics": ["IncomingBytes"]}),
    ("disable_enhanced_monitoring", {"ShardLevelMetrics": ["IncomingBytes"]}),
    ("increase_stream_retention_period", {"RetentionPeriodHours": 48}),
    ("decrease_stream_retention_period", {"RetentionPeriodHours": 24}),
    ("update_shard_count", {"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}),
]


@pytest.mark.parametrize(("operation", "parameters"), CHANGES, ids=[one[0] for one in CHANGES])
def test_a_changed_stream_is_updating(
    strict: StrictAws, aws: Client, operation: str, parameters: dict[str, Any]
) -> None:
    """UPDATING after each kind of change, and no second change before it is over."""
    strict.reset(["kinesis-states=30"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    strict.advance(30)
    if operation.startswith("decrease"):
        kinesis.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
        strict.advance(30)
    change = getattr(kinesis, operation)
    change(StreamName="clicks", **parameters)
    assert summary(kinesis)["StreamStatus"] == "UPDATING"
    code, message, _ = refused(
        kinesis.enable_enhanced_monitoring, StreamName="clicks", ShardLevelMetrics=["OutgoingBytes"]
    )
    assert code == "ResourceInUseException"
    assert "instead in state UPDATING" in message
    assert refused(kinesis.delete_stream, StreamName="clicks")[0] == "ResourceInUseException"
    strict.advance(30)
    assert summary(kinesis)["StreamStatus"] == "ACTIVE"
    kinesis.enable_enhanced_monitoring(StreamName="clicks", ShardLevelMetrics=["OutgoingBytes"])


def test_a_deleted_stream_is_deleting_then_gone(strict: StrictAws, aws: Client) -> None:
    """DELETING: visible, its name in use; then not found."""
    strict.reset(["kinesis-states=30"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    strict.advance(30)
    kinesis.delete_stream(StreamName="clicks")
    assert summary(kinesis)["StreamStatus"] == "DELETING"
    description = kinesis.describe_stream(StreamName="clicks")["StreamDescription"]
    assert description["StreamStatus"] == "DELETING"
    code, message, _ = refused(kinesis.create_stream, StreamName="clicks", ShardCount=1)
    assert (code, "already exists" in message) == ("ResourceInUseException", True)
    strict.advance(30)
    code, _, _ = refused(kinesis.describe_stream_summary, StreamName="clicks")
    assert code == "ResourceNotFoundException"
    kinesis.create_stream(StreamName="clicks", ShardCount=1)


def test_five_streams_are_created_at_once(strict: StrictAws, aws: Client) -> None:
    """The sixth CREATING is a LimitExceededException."""
    strict.reset(["kinesis-states"])
    kinesis = aws("kinesis")
    for number in range(5):
        kinesis.create_stream(StreamName=f"clicks-{number}", ShardCount=1)
    code, _, _ = refused(kinesis.create_stream, StreamName="clicks", ShardCount=1)
    assert code == "LimitExceededException"
    strict.advance(30)
    kinesis.create_stream(StreamName="clicks", ShardCount=1)


def test_accounts_are_apart(strict: StrictAws, aws: Client) -> None:
    """A state belongs to the stream of one account."""
    strict.reset(["kinesis-states"])
    aws("kinesis").create_stream(StreamName="clicks", ShardCount=1)
    other = client("kinesis", strict.endpoint, account="999999999999")
    code, _, _ = refused(other.describe_stream_summary, StreamName="clicks")
    assert code == "ResourceNotFoundException"
    strict.advance(30)
    other.create_stream(StreamName="clicks", ShardCount=1)
    assert summary(aws("kinesis"))["StreamStatus"] == "ACTIVE"
    assert summary(other)["StreamStatus"] == "CREATING"


def test_shards_at_most_double_or_halve(strict: StrictAws, aws: Client) -> None:
    """4 shards: not 9, not 1; 8, and then 4, which shows when the stream is ACTIVE again."""
    strict.reset(["kinesis-resizes", "kinesis-states"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=4)
    strict.advance(30)

    def resize(count: int) -> Any:
        return kinesis.update_shard_count(
            StreamName="clicks", TargetShardCount=count, ScalingType="UNIFORM_SCALING"
        )

    for count in (9, 1):
        code, message, _ = refused(resize, count=count)
        assert code == "LimitExceededException"
        assert "at most double and at least half" in message
    for before, after in ((4, 8), (8, 4)):
        resize(after)
        assert summary(kinesis)["OpenShardCount"] == before
        strict.advance(30)
        assert summary(kinesis)["OpenShardCount"] == after


def test_ten_resizes_a_day(strict: StrictAws, aws: Client) -> None:
    """The eleventh is a LimitExceededException until a day after the first."""
    strict.reset(["kinesis-resizes"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)

    def resize(count: int) -> Any:
        return kinesis.update_shard_count(
            StreamName="clicks", TargetShardCount=count, ScalingType="UNIFORM_SCALING"
        )

    for number in range(10):
        resize(2 - number % 2)
        strict.advance(60)
    code, message, _ = refused(resize, count=2)
    assert (code, "ten times" in message) == ("LimitExceededException", True)
    strict.advance(24 * 3600 - 10 * 60)
    resize(2)


def test_two_mode_changes_a_day(strict: StrictAws, aws: Client) -> None:
    """On demand and back, done by the proxy; the third waits; an on-demand stream is not sized."""
    strict.reset(["kinesis-modes", "kinesis-states"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    strict.advance(30)
    arn = summary(kinesis)["StreamARN"]

    def change(mode: str) -> Any:
        return kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": mode})

    change("ON_DEMAND")
    assert summary(kinesis)["StreamStatus"] == "UPDATING"
    strict.advance(30)
    assert summary(kinesis)["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
    code, message, _ = refused(
        kinesis.update_shard_count,
        StreamName="clicks",
        TargetShardCount=4,
        ScalingType="UNIFORM_SCALING",
    )
    assert (code, "on-demand" in message) == ("ValidationException", True)
    change("PROVISIONED")
    strict.advance(30)
    assert summary(kinesis)["StreamModeDetails"]["StreamMode"] == "PROVISIONED"
    assert refused(change, mode="ON_DEMAND")[0] == "LimitExceededException"
    strict.advance(24 * 3600)
    change("ON_DEMAND")


def test_no_mode_of_a_stream_that_is_not_there(strict: StrictAws, aws: Client) -> None:
    """UpdateStreamMode of an unknown stream is a ResourceNotFoundException."""
    strict.reset(["kinesis-modes"])
    code, _, _ = refused(
        aws("kinesis").update_stream_mode,
        StreamARN=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/none",
        StreamModeDetails={"StreamMode": "ON_DEMAND"},
    )
    assert code == "ResourceNotFoundException"


@pytest.mark.parametrize("kind", ["queue", "channel"])
def test_queues_and_channels_hold_a_stream(strict: StrictAws, aws: Client, kind: str) -> None:
    """They are counted apart from consumers; no deletion and no switch of mode until they go."""
    strict.reset(["kinesis-readers", "kinesis-modes"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    arn = summary(kinesis)["StreamARN"]
    source: dict[str, Any] = {"StreamARN": arn}
    role = {"ServiceExecutionRoleARN": f"arn:aws:iam::{ACCOUNT}:role/lake"}
    if kind == "queue":
        kinesis.create_queue(QueueName="mine", StreamConfigurationList=[source])
        listed = kinesis.list_queues(StreamFilter=[{"StreamARN": arn}])["QueueSummaries"]
    else:
        source["RecordConfiguration"] = {"RecordFormatType": "JSON"}
        kinesis.create_channel(ChannelName="mine", StreamConfigurationList=[source], **role)
        listed = kinesis.list_channels(StreamFilter=[{"StreamARN": arn}])["ChannelSummaries"]
    name, count = f"{kind.title()}Name", f"{kind.title()}Count"
    assert [one[name] for one in listed] == ["mine"]
    assert (summary(kinesis)[count], summary(kinesis).get("ConsumerCount", 0)) == (1, 0)
    assert refused(kinesis.delete_stream, StreamName="clicks")[0] == "ResourceInUseException"
    mode = {"StreamARN": arn, "StreamModeDetails": {"StreamMode": "PROVISIONED"}}
    assert refused(kinesis.update_stream_mode, **mode)[0] == "ResourceInUseException"
    if kind == "queue":
        kinesis.delete_queue(QueueARN=listed[0]["QueueARN"])
    else:
        kinesis.delete_channel(ChannelARN=listed[0]["ChannelARN"])
    kinesis.update_stream_mode(**mode)
    kinesis.delete_stream(StreamName="clicks")


def test_settings_of_a_stream_are_kept(strict: StrictAws, aws: Client) -> None:
    """Record size within its bounds; records without regard to their key on demand only."""
    strict.reset(["kinesis-settings", "kinesis-modes"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1, MaxRecordSizeInKiB=2048)
    arn = summary(kinesis)["StreamARN"]
    assert summary(kinesis)["MaxRecordSizeInKiB"] == 2048
    assert "RecordDistributionStrategy" not in summary(kinesis)
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10240)
    assert summary(kinesis)["MaxRecordSizeInKiB"] == 10240
    auto = {"StreamARN": arn, "RecordDistributionStrategy": "AUTO"}
    code, _, _ = refused(kinesis.update_stream_record_distribution_strategy, **auto)
    assert code == "InvalidArgumentException"
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert summary(kinesis)["RecordDistributionStrategy"] == "USER_PARTITION_KEY"
    kinesis.update_stream_record_distribution_strategy(**auto)
    assert summary(kinesis)["RecordDistributionStrategy"] == "AUTO"


def test_warm_throughput_needs_the_commitment_of_the_account(
    strict: StrictAws, aws: Client
) -> None:
    """On-demand streams only, at most 10 GiB a second; the commitment lasts a day at least."""
    strict.reset(["kinesis-warm-throughput"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.create_stream(StreamName="fixed", ShardCount=1)
    warm = {"StreamARN": summary(kinesis)["StreamARN"], "WarmThroughputMiBps": 50}
    assert refused(kinesis.update_stream_warm_throughput, **warm)[0] == "ValidationException"
    assert "WarmThroughput" not in summary(kinesis)

    def commit(status: str) -> str:
        told = kinesis.update_account_settings(
            MinimumThroughputBillingCommitment={"Status": status}
        )
        return str(told["MinimumThroughputBillingCommitment"]["Status"])

    assert commit("ENABLED") == "ENABLED"
    fixed = {"StreamName": "fixed", "WarmThroughputMiBps": 50}
    assert refused(kinesis.update_stream_warm_throughput, **fixed)[0] == "ValidationException"
    larger = warm | {"WarmThroughputMiBps": 10241}
    code, _, _ = refused(kinesis.update_stream_warm_throughput, **larger)
    assert code == "LimitExceededException"
    kinesis.update_stream_warm_throughput(**warm)
    assert summary(kinesis)["WarmThroughput"] == {"TargetMiBps": 50, "CurrentMiBps": 50}
    assert commit("DISABLED") == "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    kinesis.update_stream_warm_throughput(**warm)
    strict.advance(24 * 3600)
    settings = kinesis.describe_account_settings()["MinimumThroughputBillingCommitment"]
    assert settings["Status"] == "DISABLED"
    assert refused(kinesis.update_stream_warm_throughput, **warm)[0] == "ValidationException"
