"""Calls of an observation, and the tags that it sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from clickstream_operator.aws.tag_index import TagIndex
from tests.integration.pilot import Pilot, run

pytestmark = pytest.mark.plain_aws("calls are counted, and waiting for AWS would add to them")

ALERTS: dict[str, Any] = {"alerts": {"enabled": True, "emails": ["data-team@example.com"]}}
#: Calls of a full observation, of the one after it, and of any other (architecture rule 6).
CALLS = {"full": 38, "next": 12, "fast": 11}


def observe(pilot: Pilot) -> Counter[str]:
    """Calls of the next resync."""
    pilot.forget_calls()
    run(pilot.resync())
    assert pilot.writes() == {}
    return Counter(one.operation for one in pilot.calls)


def observations(pilot: Pilot) -> list[Counter[str]]:
    """Calls of a full observation and of the two that follow."""
    while True:
        first = observe(pilot)
        if "get_bucket_encryption" in first:
            return [first, observe(pilot), observe(pilot)]


@pytest.mark.parametrize(("spec", "more"), [({}, 0), (ALERTS, 2)], ids=["default", "alerts"])
def test_an_observation_costs_no_more_than_it_may(
    pilot: Pilot, spec: dict[str, Any], more: int
) -> None:
    """Tags included: 38 calls at most, 40 with alerts, and 21 on average."""
    pilot.apply(spec)
    run(pilot.converge())
    # The hourly balance is one call more each quarter of an hour, in whichever observation.
    besides = ("get_caller_identity", "get_metric_data")
    counts = [one.total() - sum(one[each] for each in besides) for one in observations(pilot)]
    assert counts == [CALLS["full"] + more, CALLS["next"] + more, CALLS["fast"] + more]
    assert sum(CALLS.values()) / len(CALLS) <= 21


def test_tags_that_the_index_shows_late_are_no_drift(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the index shows to differ is asked by its own call, which decides."""
    pilot.apply()
    run(pilot.converge())
    old = {"ManagedBy": "clickstream-operator"}

    async def late(_index: TagIndex, arns: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        return dict.fromkeys(arns, old)

    monkeypatch.setattr(TagIndex, "__call__", late)
    full, *_ = observations(pilot)
    assert full["list_tags_for_stream"] == 1
    assert pilot.condition("DriftDetected")["status"] == "False"


def test_without_an_index_every_kind_is_asked_by_itself(pilot: Pilot) -> None:
    """No permission for the index costs calls, in the observation after the full one, not tags."""
    pilot.apply()
    run(pilot.converge())
    pilot.sandbox.strict_aws.inject("access_denied", service="resourcegroupstaggingapi")
    observations(pilot)
    queue = pilot.client("sqs").get_queue_url(
        QueueName=pilot.resource("dead-letter")["physicalName"]
    )
    pilot.client("sqs").untag_queue(QueueUrl=queue["QueueUrl"], TagKeys=["Environment"])
    for _ in range(3):
        pilot.forget_calls()
        run(pilot.resync())
        if pilot.writes():
            break
    assert pilot.writes() == {"sqs:tag_queue": 1}


def test_a_queue_url_on_record_is_believed_only_of_our_queue(pilot: Pilot) -> None:
    """A status that names another queue leads nowhere: the queue itself says whose it is."""
    pilot.apply()
    run(pilot.converge())
    other = pilot.client("sqs").create_queue(QueueName="other")["QueueUrl"]
    own = pilot.status()["outputs"]["dlqUrl"]
    pilot.sandbox.kubectl(
        "patch", "csp", pilot.name, "--subresource=status", "--type=merge",
        f'-p={{"status":{{"outputs":{{"dlqUrl":"{other}"}}}}}}',
    )  # fmt: skip
    pilot.forget_calls()
    pilot.restart()
    run(pilot.resync())
    assert pilot.writes() == {}
    assert pilot.status()["outputs"]["dlqUrl"] == own
