"""Incidents: one item each, exactly once; a message when it begins and one when it is over.

Key: `metric_name` = `incident`, `time_window` = `YYYY-MM-DDTHH:MM#<incident id>` of the event's
minute. `sent` is 0 until the message is published, 1 then, 2 when no topic was configured; with
`over`, the time, comes `over_sent` of the same meaning. The message itself stands in the item, so
that a later tick can publish it. Messages go out at least once, with the incident id.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from clickstream_layout.tables import COUNTER_KEY, INCIDENT, counter_key
from detector.findings import incident_key
from shared.conditional_write import Update, apply_update, error_code
from shared.timestamps import instant_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from detector.findings import Ending, Finding
    from shared.logs import Log

SUBJECT = "Clickstream Anomaly Detected"
OVER_SUBJECT = "Clickstream Anomaly Over"
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
                ExpressionAttributeNames={"#m": COUNTER_KEY[0]},
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

    def end(self, ending: Ending) -> bool:
        """Note that an incident is over and publish that; True when it was not noted before.

        An incident that has expired, or was given up, stays so.
        """
        key = _key(incident_key(ending.rule, ending.mark, ending.minute))
        update = Update()
        update.set("over", {"S": instant_text(ending.time_ms)})
        update.set("over_sent", {"N": str(UNSENT if self._topic_arn else NO_TOPIC)})
        update.set("ended", {"N": str(round(self._clock() * 1000))})
        update.require(f"attribute_exists({update.name(COUNTER_KEY[0])})")
        update.require(f"attribute_not_exists({update.name('over')})")
        refused = apply_update(self._dynamodb, update.request(self._table, key))
        item = refused
        if refused is None:
            answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
            item = answer.get("Item")
        if item:
            self._try_publish(item)
        return refused is None

    def publish_left_behind(self) -> int:
        """Publish incidents whose message never went out; returns how many.

        Raises:
            ClientError: the topic cannot be reached; the function's Errors metric shows it.
        """
        if not self._topic_arn:
            return 0
        # Younger ones are being published by the invocation that put them.
        latest = round(self._clock() * 1000) - _UNDISTURBED_MS
        found = [
            item
            for item in self._unsent()
            if int(item.get("ended", item["created"])["N"]) <= latest
        ]
        for item in found:
            self._publish(item)
        return len(found)

    def _unsent(self) -> Iterator[dict[str, Any]]:
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#m = :m",
            "FilterExpression": "#sent = :unsent OR #over = :unsent",
            "ExpressionAttributeNames": {
                "#m": COUNTER_KEY[0],
                "#sent": "sent",
                "#over": "over_sent",
            },
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
        """Publish what the item says is due: that it began, then that it is over."""
        if not self._topic_arn:
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
            self._send(OVER_SUBJECT, _text(message))
            self._mark(item, "over_sent")

    def _send(self, subject: str, message: str) -> None:
        self._sns.publish(TopicArn=self._topic_arn, Subject=subject, Message=message)

    def _mark(self, item: dict[str, Any], attribute: str) -> None:
        update = Update()
        update.set(attribute, {"N": str(SENT)})
        # An item that expired meanwhile must not come back as a stub.
        update.require(f"attribute_exists({update.name(COUNTER_KEY[0])})")
        key = {name: item[name] for name in COUNTER_KEY}
        apply_update(self._dynamodb, update.request(self._table, key))

    def _item(self, finding: Finding) -> dict[str, Any]:
        identity = finding.identity
        session = finding.subject if finding.scope == "Session" else None
        message = {
            "timestamp": instant_text(finding.time_ms),
            "session_id": session,
            "anomalies": [
                {"isAnomaly": True, "type": finding.rule, "details": finding.explanation}
            ],
            "event_details": finding.details,
            "incident_id": identity,
            "severity": finding.severity,
            "scope": finding.scope,
            "subject": finding.subject,
            "pipeline": self._pipeline,
        }
        return {
            **_key(incident_key(finding.rule, finding.mark, finding.minute)),
            "incident_id": {"S": identity},
            "rule": {"S": finding.rule},
            "severity": {"S": finding.severity},
            "scope": {"S": finding.scope},
            "subject": {"S": finding.subject},
            "session_id": {"S": session or ""},
            "details": {"S": finding.explanation},
            "event_time": {"S": instant_text(finding.time_ms)},
            "message": {"S": _text(message)},
            "sent": {"N": str(UNSENT if self._topic_arn else NO_TOPIC)},
            "created": {"N": str(round(self._clock() * 1000))},
            "ttl": {"N": str(finding.arrival_ms // 1000 + self._ttl_seconds)},
        }


def _key(time_window: str) -> dict[str, Any]:
    return counter_key(INCIDENT, time_window)


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, indent=2, ensure_ascii=False)
