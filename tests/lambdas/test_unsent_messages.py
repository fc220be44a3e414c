"""Messages that were left behind: each is sent by a later tick, which reads no other incident."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clickstream_layout.tables import INCIDENT, UNSENT_KEYS
from detector.messages import OVER_SUBJECT
from detector.unsent import LONGEST_INVOCATION_SECONDS, MOST_MESSAGES
from tests.lambdas.memory_aws import CrashError, refuse
from tests.lambdas.pipelines import COUNTERS, Pipeline, encode, event, invocation
from tests.lambdas.site_minutes import TICK

ROBOT = "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"


class Broken:
    """A topic that refuses everything until it is mended."""

    def __init__(self, pipeline: Pipeline, code: str = "AuthorizationError") -> None:
        self.pipeline, self.real, self.calls = pipeline, pipeline.sns.publish, 0

        def refused(**_: Any) -> Any:
            self.calls += 1
            raise refuse(code, "Publish")

        pipeline.sns.publish = refused  # type: ignore[method-assign]

    def mend(self) -> None:
        """Let messages through."""
        self.pipeline.sns.publish = self.real  # type: ignore[method-assign]


def robot(number: int, *, at: float) -> dict[str, Any]:
    """A batch of one robot, in a minute of its own so that no ceiling is met."""
    agent = event(session_id=f"s{number}", user_agent=ROBOT, timestamp=round(at))
    return invocation(encode([agent]), start=number, arrival=at)


def left_behind(count: int) -> tuple[Pipeline, Broken]:
    """A pipeline that has ticked, and whose topic refused the messages of so many incidents."""
    pipeline = Pipeline()
    pipeline.detector().process(TICK)
    topic = Broken(pipeline)
    detector = pipeline.detector()
    for number in range(count):
        detector.process(robot(number, at=pipeline.now))
        pipeline.now += 61
    return pipeline, topic


def without_entries(pipeline: Pipeline) -> None:
    """Make incidents and state those of a version that left no entries."""
    table = pipeline.dynamodb.tables[COUNTERS]
    site = table["detector-site", "state"]
    site["g"] = {"N": str(int(site["g"]["N"]) + 1)}
    for key in [key for key in table if key[0] == UNSENT_KEYS]:
        del table[key]


def count_reads(pipeline: Pipeline) -> Counter[str]:
    """Count the items that queries return from now on, by partition."""
    read: Counter[str] = Counter()
    real = pipeline.dynamodb.query

    def query(**arguments: Any) -> Any:
        answer = real(**arguments)
        name = arguments["ExpressionAttributeValues"][":m"]["S"]
        read[name] += len(answer["Items"])
        read[f"{name} queries"] += 1
        return answer

    pipeline.dynamodb.query = query  # type: ignore[method-assign]
    return read


def sent(pipeline: Pipeline) -> Counter[str]:
    """How often each incident was announced."""
    return Counter(
        json.loads(each["Message"])["incident_id"]
        for each in pipeline.sns.messages
        if each["Subject"] != OVER_SUBJECT
    )


def test_an_outage_of_the_topic_is_made_up_for_in_turns() -> None:
    """A tick tries once while it lasts; then each sends a portion, until every message went out."""
    count = MOST_MESSAGES + 40
    pipeline, topic = left_behind(count)
    topic.calls = 0
    with pytest.raises(ClientError):
        pipeline.detector().process(TICK)
    assert topic.calls == 1
    topic.mend()
    pipeline.detector().process(TICK)
    assert len(sent(pipeline)) == MOST_MESSAGES
    pipeline.detector().process(TICK)
    assert len(sent(pipeline)) == count
    assert set(sent(pipeline).values()) == {1}
    assert {incident.sent for incident in pipeline.readback().incidents()} == {1}


def test_a_refused_message_does_not_hold_others_up() -> None:
    """What the topic refuses for its content is tried again; what comes after it is sent."""
    pipeline = Pipeline()
    real = pipeline.sns.publish

    def publish(**arguments: Any) -> Any:
        if "s1" in arguments["Message"]:
            raise refuse("InvalidParameter", "Publish")
        return real(**arguments)

    pipeline.sns.publish = publish  # type: ignore[method-assign]
    detector = pipeline.detector()
    for number in range(3):
        detector.process(robot(number, at=pipeline.now + number))
    assert len(sent(pipeline)) == 2
    pipeline.now += 61
    detector.process(TICK)
    assert len(sent(pipeline)) == 2
    pipeline.sns.publish = real  # type: ignore[method-assign]
    detector.process(TICK)
    assert set(sent(pipeline).values()) == {1}
    assert len(sent(pipeline)) == 3


def test_entries_are_read_once_they_are_past_only_while_something_is_due() -> None:
    """A quiet tick reads neither incidents nor entries, however many there were."""
    pipeline, topic = left_behind(30)
    topic.mend()
    detector = pipeline.detector()
    detector.process(TICK)
    pipeline.now += LONGEST_INVOCATION_SECONDS + 1
    detector.process(TICK)
    assert len(sent(pipeline)) == 30
    read = count_reads(pipeline)
    detector.process(TICK)
    assert read[UNSENT_KEYS] == 0
    assert read[f"{UNSENT_KEYS} queries"] == 1
    assert read[f"{INCIDENT} queries"] == 0


@pytest.mark.parametrize("count", [3, MOST_MESSAGES + 5])
def test_messages_of_a_version_without_entries_are_found(count: int) -> None:
    """All incidents are searched once, in portions; after that none is read again."""
    pipeline, topic = left_behind(count)
    without_entries(pipeline)
    topic.mend()
    detector = pipeline.detector()
    for _ in range(3):
        detector.process(TICK)
    assert len(sent(pipeline)) == count
    assert set(sent(pipeline).values()) == {1}
    read = count_reads(pipeline)
    detector.process(TICK)
    assert read[f"{INCIDENT} queries"] == 0


def test_incidents_are_searched_again_after_an_earlier_version_ran() -> None:
    """A rollback and an upgrade: that version's tick has written the state in between."""
    pipeline, topic = left_behind(1)
    topic.mend()
    detector = pipeline.detector()
    detector.process(TICK)
    assert len(sent(pipeline)) == 1
    topic = Broken(pipeline)
    detector.process(robot(5, at=pipeline.now))
    without_entries(pipeline)
    pipeline.now += 120
    topic.mend()
    detector.process(TICK)
    assert len(sent(pipeline)) == 2


def test_an_incident_that_never_came_is_given_up() -> None:
    """The function died between entry and item, and its batch was judged otherwise meanwhile."""
    pipeline = Pipeline()
    detector = pipeline.detector()
    detector.process(TICK)
    pipeline.faults.crash_after = pipeline.faults.writes + 2
    with pytest.raises(CrashError):
        detector.process(robot(0, at=pipeline.now))
    read = count_reads(pipeline)
    for _ in range(3):
        pipeline.now += LONGEST_INVOCATION_SECONDS + 1
        detector.process(TICK)
    assert read[UNSENT_KEYS] == 1
    assert not sent(pipeline)
