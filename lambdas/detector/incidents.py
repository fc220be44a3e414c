"""Incidents: one item each, exactly once; one message each, at least once.

Key: `metric_name` = `incident`, `time_window` = `YYYY-MM-DDTHH:MM#<incident id>` of the event's
minute. `sent` is 0 until the message is published, 1 then, 2 when no topic was configured. The
message itself stands in the item, so that a later tick can publish it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from detector.session_rules import MINUTE_MS, Finding
from shared.clock_text import instant_text, minute_text
from shared.conditional_write import Update, apply_update, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.logs import Log

INCIDENT = "incident"
SUBJECT = "Clickstream Anomaly Detected"
UNSENT, SENT, NO_TOPIC = 0, 1, 2
_UNDISTURBED_MS = 60_000
_HOUR_SECONDS = 3600


class Incidents:
    """Stores and publishes the incidents of one pipeline."""

    def __init__(
        self,
        *,
        dynamodb: Any,
        sns: Any,
        table: str,
        topic_arn: str,
        pipeline: str,
        ttl_hours: int,
        clock: Callable[[], float],
        log: Log,
    ) -> None:
        """Take low-level clients; an empty topic means that nothing is published."""
        self._log = log
        self._dynamodb = dynamodb
        self._sns = sns
        self._table = table
        self._topic_arn = topic_arn
        self._pipeline = pipeline
        self._ttl_seconds = ttl_hours * _HOUR_SECONDS
        self._clock = clock

    def record(self, finding: Finding) -> bool:
        """Put the incident and publish it if that is still to be done; True when it is new.

        A topic that cannot be reached does not hold the stream up: the incident stays unsent, and
        the ticks go on trying.
        """
        item = self._item(finding)
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(#m)",
                ExpressionAttributeNames={"#m": "metric_name"},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            known: dict[str, Any] = error.response.get("Item", item)
            self._try_publish(known)
            return False
        self._try_publish(item)
        return True

    def publish_left_behind(self) -> int:
        """Publish incidents whose message never went out; returns how many.

        Raises:
            ClientError: the topic cannot be reached; the function's Errors metric shows it.
        """
        if not self._topic_arn:
            return 0
        # Younger ones are being published by the invocation that put them.
        latest = round(self._clock() * 1000) - _UNDISTURBED_MS
        found = [item for item in self._unsent() if int(item["created"]["N"]) <= latest]
        for item in found:
            self._publish(item)
        return len(found)

    def _unsent(self) -> Iterator[dict[str, Any]]:
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#m = :m",
            "FilterExpression": "#sent = :unsent",
            "ExpressionAttributeNames": {"#m": "metric_name", "#sent": "sent"},
            "ExpressionAttributeValues": {
                ":m": {"S": INCIDENT},
                ":unsent": {"N": str(UNSENT)},
            },
        }
        while True:
            answer = self._dynamodb.query(**arguments)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _try_publish(self, item: dict[str, Any]) -> None:
        try:
            self._publish(item)
        except ClientError as error:
            self._log.write("ERROR", "alert not published", code=error_code(error))

    def _publish(self, item: dict[str, Any]) -> None:
        if not self._topic_arn or int(item["sent"]["N"]) != UNSENT:
            return
        self._sns.publish(TopicArn=self._topic_arn, Subject=SUBJECT, Message=item["message"]["S"])
        update = Update()
        update.set("sent", {"N": str(SENT)})
        # An item that expired meanwhile must not come back as a stub.
        update.require(f"attribute_exists({update.name('metric_name')})")
        key = {name: item[name] for name in ("metric_name", "time_window")}
        apply_update(self._dynamodb, update.request(self._table, key))

    def _item(self, finding: Finding) -> dict[str, Any]:
        identity = finding.identity
        message = {
            "timestamp": instant_text(finding.time_ms),
            "session_id": finding.session,
            "anomalies": [
                {"isAnomaly": True, "type": finding.rule, "details": finding.explanation}
            ],
            "event_details": finding.details,
            "incident_id": identity,
            "pipeline": self._pipeline,
        }
        return {
            "metric_name": {"S": INCIDENT},
            "time_window": {"S": f"{minute_text(finding.time_ms // MINUTE_MS)}#{identity}"},
            "incident_id": {"S": identity},
            "rule": {"S": finding.rule},
            "severity": {"S": finding.severity},
            "session_id": {"S": finding.session},
            "details": {"S": finding.explanation},
            "event_time": {"S": instant_text(finding.time_ms)},
            "message": {"S": json.dumps(message, indent=2, ensure_ascii=False)},
            "sent": {"N": str(UNSENT if self._topic_arn else NO_TOPIC)},
            "created": {"N": str(round(self._clock() * 1000))},
            "ttl": {"N": str(finding.arrival_ms // 1000 + self._ttl_seconds)},
        }
