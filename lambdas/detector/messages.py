"""Messages of incidents: published to the topic at least once, with the incident id.

A topic that cannot be reached holds nothing up: the message stays unsent, and the ticks go on
trying. After one failure to reach it, an invocation does not try again.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from clickstream_layout.tables import COUNTER_KEY
from shared.conditional_write import Update, apply_update, error_code

if TYPE_CHECKING:
    from shared.logs import Log

SUBJECT = "Clickstream Anomaly Detected"
OVER_SUBJECT = "Clickstream Anomaly Over"
UNSENT, SENT, NO_TOPIC = 0, 1, 2
_INVISIBLE = re.compile(
    "[\\x7f-\\x9f\\xad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]"
)
_OF_ONE_MESSAGE = frozenset({"InvalidParameter", "InvalidParameterValue", "ValidationError"})
"""Codes by which SNS refuses a message for what it holds (Amazon SNS API Reference, "Publish")."""


class Messages:
    """Publishes what incident items say is due."""

    def __init__(self, *, dynamodb: Any, sns: Any, table: str, topic_arn: str, log: Log) -> None:
        """Take low-level clients; an empty topic means that nothing is published."""
        self._dynamodb = dynamodb
        self._sns = sns
        self._table = table
        self.topic_arn = topic_arn
        self._log = log
        self.failure: Exception | None = None
        """Reason for which the topic could not be reached in this invocation."""

    def begin(self) -> None:
        """Start an invocation: the topic is tried anew."""
        self.failure = None

    def try_publish(self, item: dict[str, Any]) -> bool:
        """Publish what is due of an incident; return whether nothing is due any more."""
        if self.failure is not None:
            return False
        try:
            self._publish(item)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            code = error_code(error) if isinstance(error, ClientError) else type(error).__name__
            self._log.write("ERROR", "alert not published", code=code)
            if code not in _OF_ONE_MESSAGE:
                self.failure = error
            return False
        return True

    def _publish(self, item: dict[str, Any]) -> None:
        """Publish that an incident began, then that it is over, whichever is due."""
        if not self.topic_arn:
            return
        if int(item["sent"]["N"]) == UNSENT:
            self._send(SUBJECT, item["message"]["S"])
            self._mark(item, "sent")
        # Nobody waits for the end of what was never announced.
        announced = int(item["sent"]["N"]) != NO_TOPIC
        if announced and int(item.get("over_sent", {"N": "1"})["N"]) == UNSENT:
            message = json.loads(item["message"]["S"])
            message["over"] = item["over"]["S"]
            for anomaly in message["anomalies"]:
                anomaly["isAnomaly"] = False
            self._send(OVER_SUBJECT, message_text(message))
            self._mark(item, "over_sent")

    def _send(self, subject: str, message: str) -> None:
        self._sns.publish(TopicArn=self.topic_arn, Subject=subject, Message=message)

    def _mark(self, item: dict[str, Any], attribute: str) -> None:
        update = Update()
        update.set(attribute, {"N": str(SENT)})
        # An item that expired meanwhile must not come back as a stub.
        update.require(f"attribute_exists({update.name(COUNTER_KEY[0])})")
        key = {name: item[name] for name in COUNTER_KEY}
        apply_update(self._dynamodb, update.request(self._table, key))


def message_text(message: dict[str, Any]) -> str:
    """Return a message as it is sent: indented for people, JSON for programs.

    Characters that show nothing and change how others show, such as U+202E, are escaped.
    """
    text = json.dumps(message, indent=2, ensure_ascii=False)
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
