"""All rules by name, and how a command line or a test chooses among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sandbox.aws.strict import (
    cloudwatch,
    dynamodb,
    iam,
    kinesis,
    kinesis_readers,
    kinesis_settings,
    kinesis_warm_throughput,
    lambda_,
    logs,
    quotas,
    read_lag,
    s3,
    scheduler,
    sns,
    sqs,
    sqs_sns_creates,
)
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule

_ALL: Final[tuple[type[Rule], ...]] = (
    quotas.Quotas,
    read_lag.RoleReadsLag,
    read_lag.TableReadsLag,
    read_lag.QueueReadsLag,
    kinesis.StreamStates,
    kinesis.StreamResizes,
    kinesis_readers.StreamReaders,
    kinesis_settings.StreamSettings,
    kinesis_warm_throughput.WarmThroughput,
    kinesis.StreamModes,
    dynamodb.DeletionProtection,
    dynamodb.TableStates,
    dynamodb.NewTableBackups,
    dynamodb.TimeToLiveOnceAnHour,
    dynamodb.TagReadsLag,
    iam.NewRoles,
    iam.NewPolicies,
    lambda_.FunctionStates,
    lambda_.MappingStates,
    sqs.QueueDeletions,
    sqs.QueueAttributesLag,
    sqs_sns_creates.TwinTags,
    s3.BucketDeletions,
    s3.BlockedEncryption,
    s3.MetricsConfigurations,
    sns.EmailConfirmations,
    cloudwatch.AlarmSettings,
    cloudwatch.AlarmMuteRules,
    logs.LogGroupSettings,
    scheduler.ScheduleConflicts,
    read_lag.TaggingDelay,
)

RULES: Final = {rule.name: rule for rule in _ALL}
"""Every rule by its name, in the order in which they see a call."""

#: Rules that do what the emulator lacks, and set no pace and no limit.
FEATURES: Final = (
    cloudwatch.AlarmSettings.name,
    cloudwatch.AlarmMuteRules.name,
    logs.LogGroupSettings.name,
    kinesis_readers.StreamReaders.name,
    kinesis_settings.StreamSettings.name,
    kinesis_warm_throughput.WarmThroughput.name,
    s3.BlockedEncryption.name,
    s3.MetricsConfigurations.name,
)


def chosen(wanted: Sequence[str], clock: Clock, ask: Ask) -> list[Rule]:
    """Rules for `all`, `none`, or names; ``name=20`` sets the seconds of one.

    ``all`` with further entries changes those: ``all,quotas=10``.

    Raises:
        ValueError: there is no such rule.
    """
    seconds: dict[str, float | None] = {}
    for entry in wanted:
        name, _, number = entry.strip().partition("=")
        if name == "all":
            seconds = dict.fromkeys(RULES) | seconds
        elif name in RULES:
            seconds[name] = float(number) if number else None
        elif name != "none":
            raise ValueError(f"There is no rule {name!r}; there are: {', '.join(RULES)}")
    return [rule(clock, ask, seconds[name]) for name, rule in RULES.items() if name in seconds]
