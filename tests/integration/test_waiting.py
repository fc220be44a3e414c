"""Calls that waiting for AWS costs, with its states and delays."""

from __future__ import annotations

from collections import Counter

from clickstream_operator.aws.session import is_read
from tests.integration.pilot import Pilot, run

#: Observations during a creation, while AWS works: one stream, three tables, two functions, one
#: list of both mappings. The stream has three waits of two, and one right after CreateStream.
OBSERVATIONS = {
    "describe_stream_summary": 1 + 3 * 2,
    "describe_table": 3 * 2,
    "describe_time_to_live": 0,
    "describe_continuous_backups": 0,
    "get_function": 2 * 3,
    "list_event_source_mappings": 1,
}
#: One of each resource's own tags among them: AWS's index of tags lags, and a deletion is final.
DELETION = 80
#: Alarms are read and deleted together as far as they are due together, which is chance.
TOGETHER = {"describe_alarms", "delete_alarms"}


def test_a_creation_observes_each_resource_a_few_times(pilot: Pilot) -> None:
    """When its kind may be ready, and not because another resource was due."""
    pilot.apply()
    run(pilot.converge())
    reads = Counter(one.operation for one in pilot.calls if is_read(one.operation))
    assert {name: reads[name] for name in OBSERVATIONS} == OBSERVATIONS


def test_a_deletion_costs_no_more_calls_than_it_may(pilot: Pilot) -> None:
    """However long AWS takes for the stream, the mappings and the queue."""
    pilot.apply()
    run(pilot.converge())
    pilot.forget_calls()
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    counted = Counter(one.operation for one in pilot.calls if one.operation not in TOGETHER)
    assert counted.total() <= DELETION, counted
