"""What producers get wrong: no batch fails, no metric grows, no wrong key is written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from shared.config import ConfigError, parse_config
from tests.lambdas.pipelines import (
    COUNTERS,
    PAGES,
    SESSIONS,
    Pipeline,
    config_document,
    encode,
    event,
    invocation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

GOOD = encode([event(session_id="good", event_id="good")])
MIB = 1024 * 1024
MOST_DIMENSION_VALUES = 51
"""Fifty event types, and `other`."""


def raw(text: str) -> bytes:
    """Return an event whose JSON text has one member written as it stands."""
    return json.dumps(event(extra="@")).replace('"@"', text).encode()


def one(**members: Any) -> bytes:
    """Return an event with these members."""
    return encode([event(**members)])[0]


#: Name, payload, and the reasons of the bad rows that it becomes; none: it is a valid event.
CASES: tuple[tuple[str, bytes, list[str]], ...] = (
    ("empty record", b"", ["not_json"]),
    ("half of a document", b'{"event_type": "page_view", "sess', ["not_json"]),
    ("no UTF-8", b"\xff\xfe\x00{", ["not_json"]),
    ("a number alone", b"17", ["not_an_object"]),
    ("an empty array", b"[]", []),
    ("null", b"null", ["not_an_object"]),
    ("NaN", raw("NaN"), ["not_json"]),
    ("infinity", raw("-Infinity"), ["not_json"]),
    ("a number beyond double precision", raw("1e999"), ["not_json"]),
    ("an integer of 5,000 digits", raw("9" * 5000), ["not_json"]),
    ("an integer of 4,000 digits", raw("9" * 4000), []),
    ("nested 100,000 deep", raw("[" * 100_000 + "]" * 100_000), ["too_large"]),
    ("nested 70 deep", raw("[" * 70 + "]" * 70), ["too_large"]),
    ("a type that is a list", one(event_type=["click"]), ["missing_field:event_type"]),
    ("a type that is a truth value", one(event_type=True), ["missing_field:event_type"]),
    ("a session that is an object", one(session_id={}), ["missing_field:session_id"]),
    ("a session that is a fraction", one(session_id=1.5), ["missing_field:session_id"]),
    ("a page that is a number", one(page_url=5), ["missing_field:page_url"]),
    ("a time that is a truth value", one(timestamp=True), ["bad_timestamp"]),
    ("a time without zone", one(timestamp="2026-11-23T12:00:00"), ["bad_timestamp"]),
    ("the 31st of February", one(timestamp="2026-02-31T12:00:00Z"), ["bad_timestamp"]),
    ("a huge time", one(timestamp=10**300), ["bad_timestamp"]),
    ("a clock two days behind", one(timestamp="2026-11-21T12:00:00Z"),
     ["timestamp_out_of_range"]),
    ("a clock an hour ahead", one(timestamp="2026-11-23T13:00:31Z"),
     ["timestamp_out_of_range"]),
    ("half a surrogate pair in a key", one(session_id="\ud800"), ["bad_key"]),
    ("half a surrogate pair elsewhere", one(note="\udfff"), []),
    ("a control character in a key", one(session_id="a\nb"), ["bad_key"]),
    ("a NUL in a page", one(page_url="/a\x00b"), ["bad_key"]),
    ("a path of 10 KB", one(page_url="/" + "a" * 10_000), ["bad_key"]),
    ("a query of 10 KB", one(page_url="/a?q=" + "a" * 10_000), []),
    ("a session of 3 KB", one(session_id="s" * 3000), ["bad_key"]),
    ("a type of 3 KB", one(event_type="t" * 3000), ["bad_key"]),
    ("a record of 1 MiB", one(pad="x" * (MIB - 400)), []),
    ("a record above 1 MiB", one(pad="x" * MIB), ["too_large"]),
    ("a record of 1 MiB that is no JSON", b"x" * MIB, ["not_json"]),
    ("an array of 20,000 events", json.dumps([event()] * 20_000).encode(), ["too_large"]),
    ("a member named like ours", one(_clickstream={"lane": "x"}), []),
    ("an id of 1 MB", one(event_id="i" * 1_000_000), []),
)  # fmt: skip


def check_keys(pipeline: Pipeline) -> None:
    """Fail if a key holds what it must not: the stores themselves refuse empty and long ones."""
    for table in (PAGES, SESSIONS, COUNTERS):
        for item in pipeline.dynamodb.items(table):
            for name in ("page_url", "timestamp_hour", "session_id", "metric_name", "time_window"):
                text = item.get(name, {"S": "-"})["S"]
                assert not re.search("[\x00-\x1f\x7f\ud800-\udfff]", text)
    for key in pipeline.s3.objects:
        assert re.fullmatch(
            r"(raw|bad)/dt=\d{4}-\d\d-\d\d/hr=\d\d/[\w-]+\.\d+\.\d+\.jsonl\.gz", key
        )


def take(pipeline: Pipeline, payloads: Sequence[bytes]) -> None:
    """Give the payloads to both functions as one batch, between two good events."""
    batch = invocation([*GOOD, *payloads, *GOOD])
    answer: dict[str, list[str]] = {"batchItemFailures": []}
    assert pipeline.processor().process(batch) == answer
    assert pipeline.detector().process(batch) == answer


@pytest.mark.parametrize(("name", "payload", "reasons"), CASES, ids=[case[0] for case in CASES])
def test_bad_record_harms_no_one(name: str, payload: bytes, reasons: list[str]) -> None:
    """Its neighbours count; it is kept under a reason from the list, or counts itself."""
    pipeline = Pipeline()
    take(pipeline, [payload])
    reader = pipeline.readback()
    assert [row.reason for row in reader.bad_rows()] == reasons
    good = 0 if reasons or payload == b"[]" else 1
    assert len(list(reader.archived_events())) == 2 + good
    session = reader.session("good")
    assert session is not None
    assert session.event_count == 2
    check_keys(pipeline)
    assert len(pipeline.sqs.messages) == bool(reasons)


def test_batch_of_nothing_but_bad_records_is_done() -> None:
    """Ten thousand of them: each is kept, one object and one message, and the batch succeeds."""
    payloads = [CASES[number % 10][1] or b"{" for number in range(10_000)]
    pipeline = Pipeline()
    batch = invocation(payloads)
    assert pipeline.processor().process(batch) == {"batchItemFailures": []}
    assert pipeline.detector().process(batch) == {"batchItemFailures": []}
    rows = list(pipeline.readback().bad_rows())
    assert len({(row.lane, row.sequence) for row in rows}) == 9000  # An empty array has no row.
    assert len(pipeline.s3.objects) == 1
    assert len(pipeline.sqs.messages) == 1
    (metric,) = pipeline.metric_lines("BadRows")
    assert metric["BadRows"] == len(rows)


def test_hundred_thousand_event_types_grow_no_metric() -> None:
    """The dimension holds fifty and `other`, whatever comes, and no event is left out."""
    pipeline = Pipeline()
    # A table that takes everything: what is counted here are the metrics.
    pipeline.dynamodb.update_item = lambda **_: {}  # type: ignore[method-assign]
    processor = pipeline.processor()
    kinds = 100_000
    size = 10_000
    for start in range(0, kinds, size):
        payloads = [
            b'{"event_type":"t%d","session_id":"s","timestamp":1795435200000}' % number
            for number in range(start, start + size)
        ]
        processor.process(invocation(payloads, start=start))
    values = {line["EventType"] for line in pipeline.metric_lines("EventType")}
    assert len(values) <= MOST_DIMENSION_VALUES
    assert "other" in values
    assert sum(line["EventsProcessed"] for line in pipeline.metric_lines("EventType")) == kinds


def test_custom_metrics_with_wild_dimensions_grow_no_further() -> None:
    """A dimension from events has at most `maxSeries` values, all printable and short."""
    metric = {
        "name": "Orders", "namespace": "Shop", "match": {"event_type": "page_view"},
        "dimensions": ["country"], "maxSeries": 5, "valueField": "value",
    }  # fmt: skip
    pipeline = Pipeline(parse_config(json.dumps(config_document(metrics=[metric]))))
    wild: list[Any] = [*range(100), None, [], {}, "\x00", "\ud800", "x" * 5000, True, 1e300]
    values = [1, "2", True, None, [], 1e308, -1e308, 10**400]
    payloads = encode(
        event(country=country, value=values[number % len(values)])
        for number, country in enumerate(wild)
    )
    take(pipeline, payloads)
    lines = pipeline.metric_lines("Orders")
    countries = {line["country"] for line in lines}
    assert 1 < len(countries) <= 6
    assert all(country.isprintable() and len(country) <= 250 for country in countries)


def test_batch_of_nothing_is_done() -> None:
    """No records at all: nothing is written."""
    pipeline = Pipeline()
    assert pipeline.processor().process({"Records": []}) == {"batchItemFailures": []}
    assert pipeline.detector().process({"Records": []}) == {"batchItemFailures": []}
    assert pipeline.faults.writes == 0


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"nonsense": 1}, {"bucket": 7}, {"archive": {}}, {"logLevel": "LOUD"}],
    ids=str,
)
def test_unknown_config_is_refused_before_the_first_record(change: dict[str, Any]) -> None:
    """With the member in the message."""
    with pytest.raises(ConfigError, match=next(iter(change))):
        parse_config(json.dumps(config_document(**change)))
