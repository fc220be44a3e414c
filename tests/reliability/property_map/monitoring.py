"""Rows of alerts, dashboard and alarms."""

from __future__ import annotations

from typing import Final

from tests.reliability.property_map.row import (
    ALERTS,
    KEY,
    TOPIC,
    Spec,
    aws_row,
    engine_row,
    function_row,
    key_rows,
)

_MAILS: Final[Spec] = {"alerts": {"enabled": True, "emails": ["a@example.com"]}}
_OTHER_MAILS: Final[Spec] = {"alerts": {**_MAILS["alerts"], "topicArn": "<other-topic>"}}

ROWS: Final = [
    aws_row("alerts.enabled", "alerts", True, before=None, after=True,
            alone=True),
    function_row("alerts.enabled", "topics_of_alerts", "topic that hears of an incident", True,
                 before=[], after=[TOPIC], target="detector", alone=True),
    aws_row("alerts.enabled", "alarms.actions.alarm", True, before=[], after=[TOPIC], alone=True),
    aws_row("alerts.emails", "subscriptions", ["a@example.com", "b@example.com"],
            part="Subscriptions[].Endpoint | sort(@)", given=_MAILS,
            before=["a@example.com"], after=["a@example.com", "b@example.com"]),
    aws_row("alerts.topicArn", "alerts", "<other-topic>", given=ALERTS,
            before=True, after=None, alone=True),
    function_row("alerts.topicArn", "topics_of_alerts", "topic that hears of an incident",
                 "<other-topic>", before=[TOPIC], after=["<other-topic>"], target="detector",
                 given=ALERTS, alone=True),
    aws_row("alerts.topicArn", "alarms.actions.alarm", "<other-topic>",
            before=[TOPIC], after=["<other-topic>"], given=ALERTS, alone=True),
    aws_row("alerts.topicArn", "detector-role.inlinePolicies", "<other-topic>",
            part="Statement[?Sid=='clickstreamAlert'].Resource[]",
            before=[TOPIC], after=["<other-topic>"], given=ALERTS, alone=True),
    aws_row("alerts.emails", "other-subscriptions", ["a@example.com", "b@example.com"],
            part="Subscriptions[].Endpoint | sort(@)", given=_OTHER_MAILS,
            before=["a@example.com"], after=["a@example.com", "b@example.com"]),
    aws_row("alerts.topicArn", "subscriptions", "<other-topic>", part="Subscriptions[].Endpoint",
            before=["a@example.com"], after=None, given=_MAILS, alone=True),
    aws_row("alerts.topicArn", "other-subscriptions", "<other-topic>",
            part="Subscriptions[].Endpoint", before=[], after=["a@example.com"], given=_MAILS,
            alone=True),
    aws_row("alerts.kmsKeyId", "alerts.encryption.keyId", KEY,
            before="", after=KEY, given=ALERTS),
    *key_rows("alerts.kmsKeyId", "detector"),
    aws_row("dashboard.enabled", "dashboard", False, before=True, after=None),
    aws_row("alarms.enabled", "alarms", False, before=True, after=None, alone=True),
    *(
        aws_row("alarms.actionArns", f"alarms.actions.{when}", ["<other-topic>"],
                before=[], after=["<other-topic>"])
        for when in ("alarm", "ok")
    ),
    aws_row("alarms.iteratorAgeSeconds", "iterator-age-alarms.threshold", 300,
            before=120000.0, after=300000.0),
    aws_row("alarms.warmUpMinutes", "alarms.warmUpMinutes", 60, before=None, after=60),
    aws_row("alarms.tagsInNotifications", "alarms.actions.withTags", True, before=None, after=True),
    engine_row("alarms.muteWhileResizing", "iterator-age alarms are mute while a resize runs",
               "tests/integration/scaling/test_alarm_mute.py::"
               "test_a_resize_mutes_the_lag_alarms_until_it_is_over"),
    aws_row("alarms.noDataMinutes", "alarm-no-data.evaluationPeriods", 30, before=None, after=30),
]  # fmt: skip
