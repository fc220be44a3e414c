"""Incidents: one item each, exactly once.

Key: `metric_name` = `incident`, `time_window` = `YYYY-MM-DDTHH:MM#<incident id>` of the event's
minute. `sent` is 0 until the message is published, 1 then, 2 when no topic was configured; with
`over`, the time, comes `over_sent` of the same meaning. The message itself stands in the item, so
that a later tick can publish it. `folded` stands in a summary: the number of its subjects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from clickstream_layout.tables import COUNTER_KEY, INCIDENT, counter_key
from detector.findings import Ending, Finding, incident_key
from detector.messages import NO_TOPIC, SENT, UNSENT, message_text
from shared.conditional_write import REFUSED_ITEM, Update, apply_update, error_code
from shared.timestamps import instant_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detector.messages import Messages
    from detector.unsent import UnsentMessages
    from shared.logs import Log
    from shared.thread_pool import Workers

_HOUR_SECONDS = 3600


@dataclass(slots=True)
class Recorded:
    """Outcome of recording findings, which several threads add to.

    `begun` has a rule for each new incident and the number of its subjects, `ended` the
    rules of incidents that are over now, `refused` those of items that DynamoDB refuses.
    """

    begun: list[tuple[str, int]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def begun_by_rule(self) -> dict[str, int]:
        """Return how many subjects new incidents have, by rule."""
        counts: dict[str, int] = {}
        for rule, subjects in self.begun:
            counts[rule] = counts.get(rule, 0) + subjects
        return counts


class Incidents:
    """Stores and publishes the incidents of one pipeline."""

    def __init__(
        self,
        *,
        dynamodb: Any,
        table: str,
        pipeline: str,
        ttl_hours: int,
        messages: Messages,
        unsent: UnsentMessages,
        workers: Workers,
        clock: Callable[[], float],
        log: Log,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._pipeline = pipeline
        self._ttl_seconds = ttl_hours * _HOUR_SECONDS
        self._messages = messages
        self._unsent = unsent
        self._workers = workers
        self._clock = clock
        self._log = log
        self._first_sent = UNSENT if messages.topic_arn else NO_TOPIC

    def record(self, found: Sequence[Finding | Ending], place: str) -> Recorded:
        """Put what began, note what is over, and publish both; `place` names the judge.

        What is to be published is noted first, so that a later tick finds it whenever this dies.
        Incidents go several at a time, the findings of each in their order.
        """
        outcome = Recorded()
        if not found:
            return outcome
        by_key: dict[str, list[Finding | Ending]] = {}
        for each in found:
            by_key.setdefault(incident_key(each.rule, each.mark, each.minute), []).append(each)
        entry = self._unsent.announce([*by_key], place)
        stored: dict[str, dict[str, Any]] = {}
        self._workers.run(
            [partial(self._store, key, steps, outcome, stored) for key, steps in by_key.items()]
        )
        sent: list[str] = []
        self._workers.run(
            [partial(self._send, key, stored.get(key), sent) for key in by_key if entry is not None]
        )
        self._unsent.settle(entry, [key for key in by_key if key not in set(sent)])
        return outcome

    def _send(self, key: str, item: dict[str, Any] | None, sent: list[str]) -> None:
        if item is None or self._messages.try_publish(item):
            sent.append(key)

    def _store(
        self,
        key: str,
        steps: Sequence[Finding | Ending],
        outcome: Recorded,
        stored: dict[str, dict[str, Any]],
    ) -> None:
        """Write what was found of one incident; `stored` gets its item, unless there is none."""
        for step in steps:
            try:
                known = (
                    self._end(step, outcome)
                    if isinstance(step, Ending)
                    else self._begin(step, outcome)
                )
            except ClientError as error:
                if error_code(error) not in REFUSED_ITEM:
                    raise
                # By itself, for what it holds: no retry would mend it, and others must go on.
                self._log.write("ERROR", "incident refused", rule=step.rule, key=key)
                outcome.refused.append(key)
                return
            if known:
                stored[key] = known

    def _begin(self, finding: Finding, outcome: Recorded) -> dict[str, Any]:
        """Put an incident; returns the item that stands now, which another may have put."""
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
            return known
        outcome.begun.append((finding.rule, max(1, finding.folded)))
        return item

    def _end(self, ending: Ending, outcome: Recorded) -> dict[str, Any] | None:
        """Note that an incident is over; returns the item that stands now, if any.

        An incident that has expired, or was given up, stays so.
        """
        key = counter_key(INCIDENT, incident_key(ending.rule, ending.mark, ending.minute))
        update = Update()
        update.set("over", {"S": instant_text(ending.time_ms)})
        update.set("over_sent", {"N": str(self._first_sent)})
        update.set("ended", {"N": str(round(self._clock() * 1000))})
        update.require(f"attribute_exists({update.name(COUNTER_KEY[0])})")
        update.require(f"attribute_not_exists({update.name('over')})")
        refused = apply_update(self._dynamodb, update.request(self._table, key))
        if refused is not None:
            return refused
        outcome.ended.append(ending.rule)
        answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def _item(self, finding: Finding) -> dict[str, Any]:
        identity = finding.identity
        told = finding.told or finding.subject
        is_session = finding.scope == "Session"
        message: dict[str, Any] = {
            "timestamp": instant_text(finding.time_ms),
            "session_id": told or None if is_session else None,
            "anomalies": [
                {"isAnomaly": True, "type": finding.rule, "details": finding.explanation}
            ],
            "event_details": finding.details,
            "incident_id": identity,
            "severity": finding.severity,
            "scope": finding.scope,
            "subject": told,
            "pipeline": self._pipeline,
        }
        item = {
            **counter_key(INCIDENT, incident_key(finding.rule, finding.mark, finding.minute)),
            "incident_id": {"S": identity},
            "rule": {"S": finding.rule},
            "severity": {"S": finding.severity},
            "scope": {"S": finding.scope},
            "subject": {"S": finding.subject},
            "session_id": {"S": finding.subject if is_session else ""},
            "details": {"S": finding.explanation},
            "event_time": {"S": instant_text(finding.time_ms)},
            "sent": {"N": str(self._first_sent)},
            "created": {"N": str(round(self._clock() * 1000))},
            "ttl": {"N": str(finding.arrival_ms // 1000 + self._ttl_seconds)},
        }
        if finding.folded:
            # Of minutes that have ended: its one message says both that it began and is over.
            over = message["over"] = instant_text(finding.time_ms)
            message["folded"] = finding.folded
            item["folded"] = {"N": str(finding.folded)}
            item["over"] = {"S": over}
            item["over_sent"] = {"N": str(SENT if self._messages.topic_arn else NO_TOPIC)}
        item["message"] = {"S": message_text(message)}
        return item
