"""The simulator keeps AWS's rules: what is proven with it is proven against them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clickstream_operator.synthetic.generator import generate
from simulator.campaign import run_seeds
from simulator.containers import Function
from simulator.expressions import ExpressionError, Item, compile_condition, compile_update
from simulator.faults import Fault, FaultPlan
from simulator.mapping import (
    MOST_PAYLOAD_BYTES,
    EventSourceMapping,
    Likelihood,
    MappingSettings,
    UnexpectedError,
    left_over,
)
from simulator.replay import replay
from simulator.scheduler import Scheduler
from simulator.settings import TrialSettings
from simulator.stream import Stream, StreamRecord
from simulator.tables import Tables
from simulator.trial import START, run_trial
from simulator.weakened import CONTROLS
from simulator.weakened.control import Control

Handler = Callable[[list[int]], Any]
HARSH_RUNS = 120
KEYS: dict[str, tuple[str, ...]] = {"t": ("p", "s")}


class Course:
    """One shard of numbered records, a function without faults, and what it was handed."""

    def __init__(self, handler: Handler, records: int = 8, size: int = 1) -> None:
        self.batches: list[list[int]] = []
        self.times: list[float] = []
        self.failed: list[tuple[str, dict[str, Any]]] = []
        self._handler = handler
        source = random.Random(1)  # noqa: S311 - reproducible
        self.scheduler = Scheduler(source, START)
        self.stream = Stream(1, source, lambda: START)
        self.numbers: dict[str, int] = {}
        for number in range(records):
            _, sequence = self.stream.put("k", b"x" * size, START)
            self.numbers[str(sequence)] = number
        self._faults = FaultPlan(source, rate=0, budget=0)

    def run(self, **settings: Any) -> Course:
        """Read the stream to its end."""
        function = Function(self.scheduler, self._faults, lambda _connect, _pool: self._handle)
        self.mapping = EventSourceMapping(
            scheduler=self.scheduler,
            faults=self._faults,
            source=random.Random(1),  # noqa: S311 - reproducible
            stream=self.stream,
            function=function,
            settings=MappingSettings(**settings),
            on_failure=lambda key, body: self.failed.append((key, json.loads(body))),
            check_error=lambda _error: None,
            likelihood=Likelihood(other_limits=0.0),
        )
        self.mapping.start()
        self.stream.end()
        self.scheduler.run()
        return self

    def _handle(self, event: Mapping[str, Any]) -> Any:
        sequences = [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
        self.batches.append([self.numbers[sequence] for sequence in sequences])
        self.times.append(self.scheduler.now)
        answer = self._handler(self.batches[-1])
        if isinstance(answer, int):
            names = {number: name for name, number in self.numbers.items()}
            return {"batchItemFailures": [{"itemIdentifier": names[answer]}]}
        return answer


def fail_on(poison: int) -> Handler:
    """Return a handler that raises whenever a record is in its batch."""

    def handle(batch: list[int]) -> None:
        if poison in batch:
            raise RuntimeError(poison)

    return handle


def test_bisect_isolates_a_poison_record() -> None:
    """Halves are delivered in order and splitting is no retry; the record alone is given up."""
    course = Course(fail_on(5)).run(batch_size=8, retries=1)
    assert course.batches == [
        [*range(8)],
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [4, 5],
        [4],
        [5],
        [5],
        [6, 7],
    ]
    ((key, body),) = course.failed
    assert key.startswith("aws/lambda/177fc0f0")
    assert "/shardId-000000000000/2026/11/23/2026-11-23T12." in key
    assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    (record,) = json.loads(body["payload"])["Records"]
    assert course.numbers[record["kinesis"]["sequenceNumber"]] == 5
    assert body["KinesisBatchInfo"]["batchSize"] == 1


def test_without_bisect_the_neighbours_go_too() -> None:
    """The whole batch is retried, then given up, and the shard goes on."""
    course = Course(fail_on(1)).run(batch_size=4, retries=2, bisect=False)
    assert course.batches == [[0, 1, 2, 3]] * 3 + [[4, 5, 6, 7]]
    assert course.failed[0][1]["KinesisBatchInfo"]["batchSize"] == 4
    assert [number for _, number in course.mapping.discarded] == [
        int(name) for name, number in course.numbers.items() if number < 4
    ]


def test_records_that_are_too_old_are_given_up() -> None:
    """Retries without limit end when the oldest record of the batch passes the age."""
    course = Course(fail_on(0), records=2).run(
        batch_size=1, most_age_seconds=100, window_seconds=0.0
    )
    conditions = [body["requestContext"]["condition"] for _, body in course.failed]
    # The second record waited behind the first and is as old.
    assert conditions == ["MaximumRecordAgeExceeded"] * 2
    assert course.batches == [[0]] * len(course.batches)
    assert len(course.batches) > 4
    assert START + 50 < max(course.times) <= START + 100


def test_partial_result_is_a_checkpoint() -> None:
    """What is before the reported record is done; the rest comes again."""
    answers: list[Any] = [3, 6, None]
    course = Course(lambda _batch: answers.pop(0)).run(batch_size=8)
    assert course.batches == [[*range(8)], [3, 4, 5, 6, 7], [6, 7]]


def test_partial_results_are_ignored_when_not_asked_for() -> None:
    """Without ReportBatchItemFailures any answer is success."""
    assert Course(lambda _batch: 3).run(batch_size=8, item_failures=False).batches == [[*range(8)]]


def test_lowest_of_several_failures_counts_and_unknown_ones_fail_all() -> None:
    """An identifier that is empty or not of the batch means the whole batch."""
    batch = [StreamRecord(number, "k", START, b"") for number in range(4)]
    assert left_over(batch, []) == ()
    assert left_over(batch, ["3", "1"]) == batch[1:]
    assert left_over(batch, ["2", ""]) == batch
    assert left_over(batch, ["9"]) == batch


def test_batches_end_at_six_megabytes() -> None:
    """Base64 counts: seven records of 800 KB would be more."""
    course = Course(lambda _batch: None, size=800_000).run(batch_size=100)
    assert {number for batch in course.batches for number in batch} == set(range(8))
    assert max(map(len, course.batches)) == MOST_PAYLOAD_BYTES // 1_067_166 == 5


def test_children_are_read_after_their_parents() -> None:
    """A closed shard is read to its end, retries included, before either child is."""
    source = random.Random(3)  # noqa: S311 - reproducible
    course = Course(lambda _batch: None, records=0)
    course.stream = stream = Stream(2, source, lambda: START)
    for number in range(60):
        if number == 20:
            stream.split("shardId-000000000001")
        if number == 40:
            stream.merge("shardId-000000000000", "shardId-000000000002")
        shard, sequence = stream.put(f"key {number}", b"x", START)
        course.numbers[str(sequence)] = number
        assert shard == ("shardId-000000000004" if shard.endswith("4") else shard)
    course.run(batch_size=3)
    order = [number for batch in course.batches for number in batch]
    assert sorted(order) == [*range(60)]
    places = {name: order.index(number) for name, number in course.numbers.items()}
    for child in stream.shards.values():
        for parent in child.parents:
            last = max(places[str(r.sequence)] for r in stream.shards[parent].records)
            assert all(places[str(r.sequence)] > last for r in child.records)
    with pytest.raises(ValueError, match="not adjacent"):
        stream.merge("shardId-000000000003", "shardId-000000000000")


def test_handler_that_fails_of_itself_is_told() -> None:
    """An error that no fault explains ends the run: a blocked shard is never called exact."""
    course = Course(fail_on(0))
    course.run(retries=0)
    assert course.failed
    with pytest.raises(UnexpectedError, match="failed of itself"):
        replay_with_broken_processor()


def replay_with_broken_processor() -> None:
    """Run with a processor that cannot write its counters."""
    control = Control("broken", (), _break_counters)
    with control.applied():
        run_trial(1)


def _break_counters() -> list[Any]:
    from unittest import mock  # noqa: PLC0415 - only here

    import processor.counter_items  # noqa: PLC0415 - only here

    def plan(*_arguments: Any) -> Any:
        raise TypeError("broken")

    return [mock.patch.object(processor.counter_items, "plan_update", plan)]


@pytest.mark.parametrize("seed", range(12))
def test_given_up_batches_stand_whole_and_count_at_most_once(seed: int) -> None:
    """With retries used up: nothing twice, everything discarded is on the failure destination."""
    outcome = run_trial(
        seed,
        TrialSettings(
            records=30,
            session_keys=False,
            fault_rate=0.25,
            fault_budget=150,
            mapping=MappingSettings(batch_size=8, retries=0, bisect=seed % 2 == 0),
        ),
    )
    assert outcome.faults[Fault.DISCARDED]
    assert outcome.differences.none, outcome.differences.first


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_weakened_protocol_is_seen(control: Control) -> None:
    """Each protocol, with its condition weakened, goes wrong in one of a few harsh runs."""

    def is_wrong(seed: int) -> bool:
        differences = run_seeds(seed, 1, control.name).differences
        return any(differences.over[kind] or differences.lost[kind] for kind in control.kinds)

    assert any(is_wrong(seed) for seed in range(HARSH_RUNS)), f"{control.name} was not seen"


def test_demo_is_exact_and_the_original_is_not() -> None:
    """The generator's traffic through both designs: one equals the truth, one does not."""
    from simulator.__main__ import read_lines  # noqa: PLC0415 - a program

    traffic = generate(3, 300, START, broken=6, bots=1, duplicates=3, late=2, future=1)
    ours = replay(traffic, 3, rate=0.03, budget=100)
    assert [
        line.what for line in read_lines(traffic, ours.stores, original=False) if not line.good
    ] == []
    theirs = replay(traffic, 3, rate=0.03, budget=100, original=True)
    wrong = {line.what for line in read_lines(traffic, theirs.stores, original=True) if line.over}
    assert {"events by type and minute", "page views by page and hour"} <= wrong


def test_unknown_syntax_is_an_error() -> None:
    """What the evaluator does not know is refused, never guessed."""
    for text in ("#a = :v OR", "plain = :v", "contains(#a, :v)", "#a[0] = :v", "#a ! :v", "#a :v"):
        with pytest.raises(ExpressionError):
            compile_condition(text)
    for text in ("", "DELETE #a :v", "SET #a :v", "SET #a = :v SET #b = :v", "SET #a = :v, #a = :v",
                 "SET #a = list_append(#a, :v)", "ADD a :v"):  # fmt: skip
        with pytest.raises(ExpressionError):
            compile_update(text)


@pytest.mark.parametrize(
    ("text", "item", "holds"),
    [
        ("attribute_not_exists(#a) OR #a < :v", {}, True),
        ("#a < :v", {}, False),
        ("#a <> :v", {}, False),
        ("#a < :v", {"a": {"N": "9"}}, False),
        ("#a < :v", {"a": {"S": "10"}}, True),
        ("#a < :v", {"a": {"S": "9"}}, True),
        ("NOT #a = :v AND (attribute_exists(#a) OR #a = :v)", {"a": {"S": "b"}}, True),
        ("#a BETWEEN :v AND :v", {"a": {"S": "9a"}}, True),
        ("begins_with(#a, :v)", {"a": {"S": "9ab"}}, True),
    ],
)
def test_conditions_hold_as_in_dynamodb(text: str, item: Any, holds: bool) -> None:  # noqa: FBT001
    """An absent attribute or another type compares false; text compares by its bytes."""
    assert compile_condition(text)(item, {"#a": "a"}, {":v": {"S": "9a"}}) is holds


def test_numbers_compare_and_add_as_numbers() -> None:
    """Values are read before the first is set, and ADD begins at 0."""
    tables = Tables(KEYS)
    key = {"p": {"S": "x"}, "s": {"S": "y"}}
    for expected in ("7", "14"):
        tables.update_item(
            TableName="t",
            Key=key,
            UpdateExpression="SET #b = if_not_exists(#n, :zero) ADD #n :seven",
            ConditionExpression="attribute_not_exists(#n) OR #n < :ten",
            ExpressionAttributeNames={"#n": "n", "#b": "b"},
            ExpressionAttributeValues={
                ":seven": {"N": "7"}, ":zero": {"N": "0"}, ":ten": {"N": "10"},
            },
        )  # fmt: skip
        (item,) = tables.items("t")
        assert item["n"] == {"N": expected}
        assert item["b"] == {"N": str(int(expected) - 7)}


def test_requests_that_dynamodb_refuses_are_refused() -> None:
    """Unused names, wrong keys, changed keys, long keys, long numbers, big items."""
    tables = Tables(KEYS)
    key = {"p": {"S": "x"}, "s": {"S": "y"}}
    refused: list[Callable[[], Any]] = [
        lambda: tables.put_item(TableName="t", Item=key, ExpressionAttributeNames={"#a": "a"}),
        lambda: tables.get_item(TableName="t", Key={"p": {"S": "x"}}),
        lambda: tables.get_item(TableName="t", Key={**key, "p": {"S": ""}}),
        lambda: tables.get_item(TableName="t", Key={**key, "s": {"S": "y" * 1025}}),
        lambda: tables.put_item(TableName="t", Item={**key, "a": {"N": "1" * 39}}),
        lambda: tables.put_item(TableName="t", Item={**key, "a": {"B": b"1" * 409_600}}),
        lambda: tables.update_item(
            TableName="t",
            Key=key,
            UpdateExpression="REMOVE #p",
            ExpressionAttributeNames={"#p": "p"},
        ),
    ]
    for request in refused:
        with pytest.raises(ClientError, match=": "):
            request()
    assert not tables.items("t")


def test_units_are_counted_as_they_are_billed() -> None:
    """Writes by the larger of before and after, refused ones too; reads by 4 KB."""
    tables = Tables(KEYS)
    key = {"p": {"S": "x"}, "s": {"S": "y"}}
    big: Item = {**key, "a": {"B": b"1" * 1500}}
    tables.put_item(TableName="t", Item=big)
    assert tables.usage.write_units["t"] == 2
    tables.put_item(TableName="t", Item=key)
    assert tables.usage.write_units["t"] == 4
    tables.put_item(TableName="t", Item={**key, "a": {"B": b"1" * 5000}})
    assert tables.usage.write_units["t"] == 9
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        tables.put_item(
            TableName="t",
            Item=key,
            ConditionExpression="attribute_not_exists(#p)",
            ExpressionAttributeNames={"#p": "p"},
        )
    assert tables.usage.write_units["t"] == 14
    tables.get_item(TableName="t", Key=key)
    assert tables.usage.read_units["t"] == 1.0
    tables.get_item(TableName="t", Key=key, ConsistentRead=True)
    assert tables.usage.read_units["t"] == 3.0
    assert tables.usage.requests == {"put_item": 4, "get_item": 2}
