"""Fields for alerts, dashboard and alarms."""

from __future__ import annotations

from pydantic import Field

from clickstream_operator.api.model import Model
from clickstream_operator.api.spec.fields import ActionArn, Email, KmsKey, TopicArn, set_list


class Alerts(Model):
    """The SNS topic and who hears of it."""

    enabled: bool = False
    """Whether alerts are published. Default false, free to change. Example: true."""
    emails: list[Email] = set_list(max_items=20)
    """Addresses to subscribe; each must confirm. Default none, free to change. Example: [data-team@example.com]."""
    topic_arn: TopicArn | None = None
    """Existing topic instead of a new one. Unset by default, free to change. Example: arn:aws:sns:eu-west-1:123456789012:alerts."""
    kms_key_id: KmsKey | None = None
    """KMS key of the topic. Unset by default, because CloudWatch alarms can't publish through alias/aws/sns; free to change. Example: alias/alerts."""


class Dashboard(Model):
    """The CloudWatch dashboard."""

    enabled: bool = True
    """Whether it exists. Default true, free to change. Example: false."""


class Alarms(Model):
    """The CloudWatch alarms."""

    enabled: bool = True
    """Whether they exist. Default true, free to change. Example: false."""
    action_arns: list[ActionArn] = set_list(max_items=5)
    """What an alarm notifies; the alerts topic when empty and alerts are on. AWS allows 5. Default none, free to change. Example: [arn:aws:sns:eu-west-1:123456789012:pager]."""
    iterator_age_seconds: int = Field(default=120, ge=60, le=86400)
    """Lag in seconds that raises the iterator-age alarms; at least twice the batching window plus 30. Default 120, free to change. Example: 300."""
    no_data_minutes: int | None = Field(default=None, ge=5, le=1440)
    """Minutes without any record that raise an alarm. Unset (off) by default, free to change. Example: 30."""
    warm_up_minutes: int | None = Field(default=None, ge=1, le=2880)
    """Minutes that a new alarm waits at most for its metric, and tells nobody meanwhile; with the first data it begins. Unset (none) by default, free to change. Example: 60."""
    tags_in_notifications: bool = False
    """Whether notifications and state-change events carry the alarm's tags, those of spec.tags among them. Default false, free to change. Example: true."""
    mute_while_resizing: bool = False
    """Whether the iterator-age alarms tell nobody while a change of the shards runs, for 15 minutes a step at most, which AWS ends itself; what is wrong afterwards is told then. Default false, free to change. Example: true."""
