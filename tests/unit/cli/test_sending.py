"""`send`: records into a stream, with retries of what it did not accept, and packed records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.cli import events_sent, proof
from clickstream_operator.cli.aggregation import MOST_BYTES, Packed, aggregated, alone
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.sending import Sender, Sent, until
from clickstream_operator.cli.stages import probe
from shared.kpl import split
from tests.clock import Clock
from tests.lambdas.pipelines import NOW, Pipeline, config_document, invocation, make_config

LOST = AwsError(
    service="kinesis",
    operation="put_records",
    code="ReadTimeout",
    text="no answer",
    category=Category.TRANSIENT,
    may_pass_at_once=True,
)
REFUSED = AwsError(
    service="kinesis",
    operation="put_records",
    code="AccessDeniedException",
    text="not allowed",
    category=Category.ACCESS_DENIED,
)


class Time(Clock):
    """A clock as `Sender` takes it."""

    def time(self) -> float:
        """The time."""
        return self.now


class Stream:
    """A stream that refuses each record as often as a test says, and keeps what it takes."""

    def __init__(self, refusals: Callable[[str], int] = lambda _key: 0) -> None:
        self._left: dict[str, int] = {}
        self._refusals = refusals
        self.taken: list[str] = []
        self.batches: list[int] = []
        self.errors: list[AwsError] = []

    async def call(self, _service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Answer PutRecords."""
        assert operation == "put_records"
        if self.errors:
            raise self.errors.pop(0)
        self.batches.append(len(parameters["Records"]))
        answers = []
        for record in parameters["Records"]:
            key = record["PartitionKey"]
            left = self._left.setdefault(key, self._refusals(key))
            if left:
                self._left[key] -= 1
                code = "ProvisionedThroughputExceededException"
                answers.append({"ErrorCode": code, "ErrorMessage": "slow down"})
                continue
            self.taken.append(key)
            answers.append({"SequenceNumber": str(len(self.taken)), "ShardId": "shard-0"})
        return {"Records": answers}


def sent(stream: Stream, records: list[Packed], *, rate: float = 0.0, clock: Any = None) -> Sent:
    """What sending them came to."""
    sender = Sender(stream, "s", clock=clock or Time(), chance=lambda: 1.0)
    return asyncio.run(sender.send(records, rate=rate))


def records(count: int, size: int = 10) -> list[Packed]:
    """So many records."""
    return [Packed(f"k{number}", b"x" * size, 1) for number in range(count)]


def test_what_was_refused_is_sent_again_and_nothing_else() -> None:
    """Each record is taken once, however often it was refused; the others are not repeated."""
    stream = Stream(lambda key: int(key[1:]) % 3)
    found = sent(stream, records(10))
    assert sorted(stream.taken) == sorted(f"k{number}" for number in range(10))
    assert (found.events, found.refused, found.given_up) == (10, 3 + 6, 0)
    assert stream.batches == [10, 6, 3]


def test_what_is_never_accepted_is_given_up_and_told() -> None:
    """With AWS's words; pauses grow in between."""
    clock = Time()
    found = sent(Stream(lambda key: 99 if key == "k1" else 0), records(3), clock=clock)
    assert (found.events, found.given_up) == (2, 1)
    assert found.reason == "ProvisionedThroughputExceededException: slow down"
    assert clock.slept == sorted(clock.slept)
    assert max(clock.slept) <= 5.0


def test_a_lost_answer_is_sent_again_and_a_refusal_is_not() -> None:
    """As producers do: a record may then be there twice, which is not hidden."""
    stream = Stream()
    stream.errors = [LOST]
    assert sent(stream, records(2)).events == 2
    stream.errors = [REFUSED]
    with pytest.raises(AwsError, match="not allowed"):
        sent(stream, records(2))


@pytest.mark.parametrize(
    ("count", "size", "batches"), [(1201, 10, [500, 500, 201]), (10, 900_000, [4, 4, 2])]
)
def test_batches_keep_to_what_a_request_takes(count: int, size: int, batches: list[int]) -> None:
    """500 records, and 4 MB."""
    stream = Stream()
    assert sent(stream, records(count, size)).records == count
    assert stream.batches == batches


def test_a_rate_is_kept_on_average() -> None:
    """Requests are spread: 100 events at 20 a second take about five seconds."""
    clock, stream = Time(), Stream()
    sent(stream, records(100), rate=20, clock=clock)
    assert stream.batches == [4] * 25
    assert clock.now == pytest.approx(96 / 20)


def test_packed_records_come_out_as_the_functions_unpack_them() -> None:
    """Every event once; those of one session in their order, in one key of the stream."""
    given = [(f"session-{number % 7}", f"event {number} ".encode() * 40) for number in range(500)]
    packed = list(aggregated(given))
    assert sum(one.events for one in packed) == 500
    assert all(len(one.data) <= MOST_BYTES + 20 for one in packed)
    assert len(packed) < 60
    unpacked = [(one.partition_key, data) for one in packed for data in split(one.data, 1000) or ()]
    assert sorted(data for _, data in unpacked) == sorted(data for _, data in given)
    for number in range(7):
        own = [data for key, data in given if key == f"session-{number}"]
        found = [(lane, data) for lane, data in unpacked if data in set(own)]
        assert [data for _, data in found] == own
        assert len({lane for lane, _ in found}) == 1


def test_one_large_event_is_packed_alone() -> None:
    """It is not lost for its size."""
    (one,) = aggregated([("k", b"y" * 100_000)])
    assert split(one.data, 10) == [b"y" * 100_000]
    assert [each.data for each in alone([("k", b"z")])] == [b"z"]


def made(kind: str = "shop", spec: dict[str, Any] | None = None, events: int = 300) -> Any:
    """Made traffic."""
    wish = events_sent.Wish(kind, events, 1, "run-1")
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    return events_sent.make(wish, Spec.model_validate(spec or {}), now=now)


def test_events_have_the_members_that_the_spec_reads() -> None:
    """Renamed, and nothing else changed."""
    fields = {"session": "sid", "type": "kind", "page": "context.page.url | url"}
    events = {"fields": fields, "pageViewTypes": ["screen"]}
    plain, moved = made(), made(spec={"events": events})
    first, other = (json.loads(one.records[0].data) for one in (plain, moved))
    assert other["sid"] == first["session_id"]
    assert (other["kind"], other[fields["page"]]) == ("screen", first["page_url"])
    assert other.keys() & {"session_id", "event_type", "page_url"} == set()
    assert moved.truth == plain.truth


@pytest.mark.parametrize(
    ("kind", "events", "said"),
    [
        ("bots", 100, "too few for bots; send more than"),
        ("shop", 2_000_000, "can't be sent at once"),
    ],
)
def test_too_few_or_too_many_events_are_refused(kind: str, events: int, said: str) -> None:
    """With what to do."""
    with pytest.raises(CliError, match=said):
        made(kind, events=events)


@pytest.mark.parametrize("kind", events_sent.KINDS)
def test_every_kind_of_traffic_can_be_made(kind: str) -> None:
    """As many events as asked for, and broken records besides."""
    traffic = made(kind)
    broken = sum(traffic.truth.bad_rows.values())
    assert len(traffic.records) == 300 + broken
    assert (broken > 0) == (kind == "messy")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no event in the file"),
        ("\n\n", "no event"),
        ("{}\n{", "line 2 is no JSON"),
        ("[1]", "object"),
    ],
)
def test_a_file_that_is_no_list_of_events_is_refused(text: str, said: str) -> None:
    """With the line."""
    with pytest.raises(CliError, match=said):
        events_sent.read_file(text, "session_id")


def test_what_is_made_for_a_spec_is_counted_by_it() -> None:
    """By the functions' own code, with paths, alternatives and other types of page views."""
    events: dict[str, Any] = {
        "fields": {"session": "user.session", "page": "page.url | url + hash", "time": "at[0]"},
        "pageViewTypes": ["screen"],
    }
    spec = Spec.model_validate({"events": events})
    now = datetime.fromtimestamp(NOW, UTC)
    traffic = events_sent.make(events_sent.Wish("messy", 200, 3, "run-7"), spec, now=now)
    plain = config_document()["events"]
    read = {**plain, **events, "fields": {**plain["fields"], **events["fields"]}}
    pipeline = Pipeline(make_config(events=read))
    pipeline.processor().process(invocation([one.data for one in traffic.records]))
    run = proof.Run.of(traffic, "run-7", spec, sent_at=now)
    rows = proof.compare(run, pipeline.readback())
    assert [(one.what, one.sent, one.found) for one in rows if not one.equal] == []
    one = probe("s-1", "/probe", spec, now=now)
    pipeline.processor().process(invocation([one.data], start=1_000))
    assert list(pipeline.readback().page_views("/probe")) == [now.strftime("%Y-%m-%dT%H")]


@pytest.mark.parametrize("user_id", ["Keep", "Hash", "Drop"])
def test_a_probe_is_found_whatever_becomes_of_user_ids(user_id: str) -> None:
    """By a reader without the pipeline's key: neither session nor page holds the user's id."""
    config = make_config(privacy={**config_document()["privacy"], "userId": user_id})
    pipeline = Pipeline(config)
    spec = Spec.model_validate({"privacy": {"userId": user_id}})
    label = "trace-0123456789ab"
    one = probe(label, f"/{label}", spec, now=datetime.fromtimestamp(NOW, UTC))
    pipeline.processor().process(invocation([one.data]))
    read = pipeline.readback(hash_key=None)
    assert read.session(label) is not None
    assert list(read.page_views(f"/{label}"))


def test_events_of_a_file_go_by_their_session() -> None:
    """One without a session by its line."""
    text = '{"sid": "a", "n": 1}\n\n{"n": 2}\n'
    assert events_sent.read_file(text, "sid") == [
        ("a", b'{"sid": "a", "n": 1}'),
        ("line-3", b'{"n": 2}'),
    ]
    nested = '{"user": {"sid": "b"}}'
    assert events_sent.read_file(nested, "user.sid") == [("b", nested.encode())]


def test_waiting_ends_when_it_is_true_or_over() -> None:
    """It asks at least once."""
    answers = iter([False, False, True])

    async def later() -> bool:
        return next(answers)

    async def never() -> bool:
        return False

    clock = Time()
    assert asyncio.run(until(later, clock=clock, seconds=10))
    assert clock.slept == [1.0, 1.0]
    assert not asyncio.run(until(never, clock=clock, seconds=0))
