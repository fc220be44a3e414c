"""All rules by name, and how a command line or a test chooses among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sandbox.hard_aws import (
    buckets,
    dynamodb,
    functions,
    kinesis,
    lags,
    queues,
    quotas,
    roles,
    schedules,
    subscriptions,
    twins,
)
from sandbox.hard_aws.clock import Clock
from sandbox.hard_aws.rule import Ask, Rule

_ALL: Final[tuple[type[Rule], ...]] = (
    quotas.Quotas,
    lags.RoleReadsLag,
    lags.TableReadsLag,
    lags.QueueReadsLag,
    kinesis.StreamStates,
    kinesis.StreamResizes,
    kinesis.StreamModes,
    dynamodb.DeletionProtection,
    dynamodb.TableStates,
    dynamodb.NewTableBackups,
    dynamodb.TimeToLiveOnceAnHour,
    dynamodb.TagReadsLag,
    roles.NewRoles,
    roles.NewPolicies,
    functions.FunctionStates,
    functions.MappingStates,
    queues.QueueDeletions,
    queues.QueueAttributesLag,
    twins.TwinTags,
    buckets.BucketDeletions,
    subscriptions.EmailConfirmations,
    schedules.ScheduleConflicts,
    lags.TaggingDelay,
)

RULES: Final = {rule.name: rule for rule in _ALL}
"""Every rule by its name, in the order in which they see a call."""


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
