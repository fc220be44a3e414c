"""Every kind of bad input is a bad row with its reason: no batch fails, no wrong key is written."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import kpl
from shared.decode import Decoder
from shared.lambda_records import read_records
from shared.privacy import Scrubber
from shared.records import BadRow, Event, Record
from tests.lambdas.pipelines import (
    KEY,
    KEYS,
    NOW,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
    make_privacy,
)

CONFIG = make_config()
DECODER = Decoder(CONFIG, Scrubber(CONFIG.privacy, CONFIG.fields, KEY))


def decode(data: bytes) -> list[Event | BadRow]:
    """Return the rows of one record that arrived at NOW."""
    return list(DECODER.decode(Record(7, round(NOW * 1000), data)))


def reasons(data: bytes) -> list[str]:
    """Return each row's reason, `ok` for an event."""
    return ["ok" if isinstance(row, Event) else row.reason for row in decode(data)]


def deep(levels: int) -> bytes:
    """Return an event that nests."""
    return json.dumps(event()).encode()[:-1] + b',"x":' + b"[" * levels + b"]" * levels + b"}"


BAD_INPUTS: dict[str, tuple[bytes, str]] = {
    "cut JSON": (b'{"event_type":"page_vi', "not_json"),
    "empty record": (b"", "not_json"),
    "not UTF-8": (b'{"event_type":"\xe9"}', "not_json"),
    "binary": (bytes(range(256)) * 4, "not_json"),
    "NaN": (b'{"event_type": NaN}', "not_json"),
    "Infinity": (b'{"event_type": -Infinity}', "not_json"),
    "float beyond double": (b'{"event_type": 1e999}', "not_json"),
    "integer of 5000 digits": (b'{"event_type": ' + b"9" * 5000 + b"}", "not_json"),
    "number": (b"42", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "text": (b'"page_view"', "not_an_object"),
    "no type": (json.dumps(event(event_type=None)).encode(), "missing_field:event_type"),
    "empty type": (json.dumps(event(event_type="")).encode(), "missing_field:event_type"),
    "type is a list": (json.dumps(event(event_type=["a"])).encode(), "missing_field:event_type"),
    "session is a flag": (json.dumps(event(session_id=True)).encode(), "missing_field:session_id"),
    "session is an object": (
        json.dumps(event(session_id={"a": 1})).encode(),
        "missing_field:session_id",
    ),
    "no time": (json.dumps(event(timestamp=None)).encode(), "missing_field:timestamp"),
    "empty time": (json.dumps(event(timestamp="")).encode(), "missing_field:timestamp"),
    "flag as time": (json.dumps(event(timestamp=True)).encode(), "bad_timestamp"),
    "list as time": (json.dumps(event(timestamp=[])).encode(), "bad_timestamp"),
    "words as time": (json.dumps(event(timestamp="yesterday")).encode(), "bad_timestamp"),
    "time without zone": (
        json.dumps(event(timestamp="2026-11-23T12:00:00")).encode(),
        "bad_timestamp",
    ),
    "no such day": (json.dumps(event(timestamp="2026-02-30T12:00:00Z")).encode(), "bad_timestamp"),
    "Arabic digits": (
        json.dumps(event(timestamp="٢٠٢٦-11-23T12:00:00Z")).encode(),
        "bad_timestamp",
    ),
    "huge time": (json.dumps(event(timestamp=10**400)).encode(), "bad_timestamp"),
    "negative time": (json.dumps(event(timestamp=-1)).encode(), "bad_timestamp"),
    "time of 23 hours ago": (
        json.dumps(event(timestamp=NOW - 82_800)).encode(),
        "timestamp_out_of_range",
    ),
    "time in 11 minutes": (
        json.dumps(event(timestamp=NOW + 660)).encode(),
        "timestamp_out_of_range",
    ),
    "page view without page": (json.dumps(event(page_url=None)).encode(), "missing_field:page_url"),
    "page is a number": (json.dumps(event(page_url=5)).encode(), "missing_field:page_url"),
    "control character in session": (json.dumps(event(session_id="a\x00b")).encode(), "bad_key"),
    "line break in page": (json.dumps(event(page_url="/a\nb")).encode(), "bad_key"),
    "lone surrogate in session": (json.dumps(event(session_id="a\ud800")).encode(), "bad_key"),
    "lone surrogate in type": (json.dumps(event(event_type="\udfff")).encode(), "bad_key"),
    "session of 2049 bytes": (json.dumps(event(session_id="é" * 1025)).encode(), "bad_key"),
    "type of 2040 bytes": (json.dumps(event(event_type="t" * 2040)).encode(), "bad_key"),
    "page of 10 KB": (json.dumps(event(page_url="/" + "a" * 10_240)).encode(), "bad_key"),
    "100 levels": (deep(100), "too_large"),
    "100,000 levels": (deep(100_000), "too_large"),
    "more than 1 MiB": (json.dumps(event(x="a" * 1_048_576)).encode(), "too_large"),
    "a million elements": (b"[" + b"0," * 500_000 + b"0]", "too_large"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_has_its_reason(name: str) -> None:
    """Each input is one bad row of the documented reason."""
    data, reason = BAD_INPUTS[name]
    assert reasons(data) == [reason]


def test_bad_inputs_do_not_disturb_a_batch() -> None:
    """All of them around good events: the good are counted, the bad stored, nothing else."""
    pipeline = Pipeline()
    good = encode(event(timestamp=f"2026-11-23T12:00:0{second}Z") for second in range(3))
    bad = [data for data, _ in BAD_INPUTS.values()]
    payloads = [good[0], *bad[:20], good[1], *bad[20:], good[2]]
    assert pipeline.processor().process(invocation(payloads)) == {"batchItemFailures": []}
    reader = pipeline.readback()
    assert reader.all_counts() == {"page_view": {"2026-11-23T12:00": 3}}
    assert {page: h["2026-11-23T12"].views for page, h in reader.all_page_views().items()} == {
        "/products": 3
    }
    assert reader.all_sessions().keys() == {"session-1"}
    found = [row.reason for row in reader.bad_rows()]
    assert found == [reason for _, reason in BAD_INPUTS.values()]
    (message,) = map(json.loads, pipeline.sqs.messages)
    assert message["rows"] == len(bad)
    assert sum(message["reasons"].values()) == len(bad)
    assert message["key"] in pipeline.s3.objects
    (line,) = pipeline.metric_lines("BadRows")
    assert (line["BadRows"], line["EventsProcessed"]) == (len(bad), 3)


GOOD_INPUTS: dict[str, dict[str, Any]] = {
    "the original's test event": event(timestamp="2026-11-23T12:00:00.123Z"),
    "epoch seconds": event(timestamp=NOW - 5),
    "epoch milliseconds": event(timestamp=round(NOW * 1000) - 5),
    "zone with minutes": event(timestamp="2026-11-23T17:30:00+05:30"),
    "zone without colon": event(timestamp="2026-11-23T07:00:00-0500"),
    "nanoseconds": event(timestamp="2026-11-23T12:00:00.123456789Z"),
    "no seconds": event(timestamp="2026-11-23T12:00Z"),
    "session is a number": event(session_id=123),
    "no optional member": event(user_id=None, user_agent=None, ip_address=None),
    "wrong types where none matter": event(user_id=[1], user_agent=7, ip_address={"a": 1}),
    "click without page": event(event_type="click", page_url=None),
    "query of 10 KB": event(page_url="/products?" + "a" * 10_240),
    "lone surrogate in a value": event(note="\ud800"),
    "60 levels": json.loads(deep(60)),
    "22 hours ago": event(timestamp=NOW - 79_200),
    "in ten minutes": event(timestamp=NOW + 600),
    "1 MiB": event(x="a" * 1_048_000),
}


@pytest.mark.parametrize("name", GOOD_INPUTS)
def test_good_input_is_an_event(name: str) -> None:
    """What the contract allows is accepted and can be archived and counted."""
    data = json.dumps(GOOD_INPUTS[name]).encode()
    assert reasons(data) == ["ok"]
    pipeline = Pipeline()
    pipeline.processor().process(invocation([data]))
    assert len(list(pipeline.readback().archived_events())) == 1


def test_duplicate_members_last_one_wins() -> None:
    """A member given twice is one member, in the counts and in the archive."""
    data = json.dumps(event()).encode()[:-1] + b', "session_id": "second", "user_id": "other"}'
    (row,) = decode(data)
    assert isinstance(row, Event)
    assert row.session == "second"
    assert "user-456" not in json.dumps(row.document)


def test_window_is_measured_from_arrival() -> None:
    """A retry hours later decides as the first attempt did."""
    pipeline = Pipeline()
    pipeline.now = NOW + 20 * 3600
    pipeline.processor().process(invocation(encode([event(timestamp=NOW - 79_000)])))
    assert len(list(pipeline.readback().archived_events())) == 1


def test_arrays_lines_and_aggregates_share_a_sequence_number() -> None:
    """One record may hold many events, numbered within it; their bad neighbours stay bad rows."""
    one, two = encode([event(session_id="a"), event(session_id="b")])
    lines = one + b"\n\n" + b"{cut\n" + two + b"\r\n"
    assert reasons(lines) == ["ok", "not_json", "ok"]
    assert reasons(b"[" + one + b",7," + two + b"]") == ["ok", "not_an_object", "ok"]
    assert reasons(aggregate([one, b"{cut", lines])) == ["ok", "not_json", "ok", "not_json", "ok"]
    rows = decode(aggregate([one, two]))
    assert [(row.sequence, row.sub) for row in rows] == [(7, 0), (7, 1)]


def test_broken_aggregates_are_bad_rows() -> None:
    """A wrong digest makes plain data of it, a message that cannot be read too."""
    whole = aggregate([b"{}"])
    assert reasons(whole[:-1] + b"\x00") == ["not_json"]
    message = b"\x1a\xff\xff"
    digest = hashlib.md5(message, usedforsecurity=False).digest()
    assert reasons(kpl.MAGIC + message + digest) == ["not_json"]


def aggregate(payloads: list[bytes]) -> bytes:
    """Return user records as the Kinesis Producer Library packs them."""

    def varint(number: int) -> bytes:
        out = b""
        while number > 127:
            out += bytes([number & 127 | 128])
            number >>= 7
        return out + bytes([number])

    def part(field: int, body: bytes) -> bytes:
        return varint(field << 3 | 2) + varint(len(body)) + body

    message = part(1, b"key")
    for payload in payloads:
        message += part(3, varint(1 << 3) + varint(0) + part(3, payload))
    return kpl.MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


def test_binary_payload_keeps_size_and_digest_only() -> None:
    """What cannot be searched for personal data is not stored while privacy hides any."""
    data = b"\x1f\x8b" + bytes(range(256))
    (row,) = decode(data)
    assert isinstance(row, BadRow)
    assert row.payload == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    keep = make_config(privacy=make_privacy(ipAddress="Keep", userId="Keep"))
    decoder = Decoder(keep, Scrubber(keep.privacy, keep.fields, KEY))
    (kept,) = decoder.decode(Record(7, round(NOW * 1000), data))
    assert isinstance(kept, BadRow)
    assert base64.b64decode(kept.payload["base64"]) == data


def test_empty_batch_is_nothing() -> None:
    """An invocation without records writes nothing."""
    pipeline = Pipeline()
    assert pipeline.processor().process({"Records": []}) == {"batchItemFailures": []}
    assert pipeline.faults.writes == 0


def test_ten_thousand_bad_records_finish() -> None:
    """A batch of nothing but bad records ends in one object and one message."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation([b"{"] * 10_000))
    assert len(pipeline.s3.objects) == 1
    assert len(pipeline.sqs.messages) == 1
    assert sum(1 for _ in pipeline.readback().bad_rows()) == 10_000


def test_event_types_do_not_grow_metric_cardinality() -> None:
    """Any number of types makes at most 50 dimension values and `other`."""
    pipeline = Pipeline()
    processor = pipeline.processor()
    for start in range(0, 3000, 1000):
        documents = [
            event(event_type=f"type-{start + index}", page_url=None) for index in range(1000)
        ]
        processor.process(invocation(encode(documents), start=start))
    lines = [line for line in pipeline.metric_lines("EventsProcessed") if "EventType" in line]
    assert len({line["EventType"] for line in lines}) == 51
    assert sum(line["EventsProcessed"] for line in lines) == 3000
    assert len(pipeline.readback().all_counts()) == 3000


def test_records_are_grouped_by_lane_and_sorted() -> None:
    """An invocation over several shards is handled lane by lane."""
    mixed = invocation([b"1", b"2"])["Records"] + invocation([b"3"], shard="shardId-1")["Records"]
    lanes = read_records({"Records": list(reversed(mixed))}, "e1")
    assert {lane.shard: [r.data for r in rows] for lane, rows in lanes.items()} == {
        "shardId-1": [b"3"],
        "shardId-000000000000": [b"1", b"2"],
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
members = st.sampled_from(["event_type", "session_id", "timestamp", "page_url", "user_id", "x"])


@given(st.binary(max_size=300) | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise(data: bytes) -> None:
    """Decoding never raises for a record's content."""
    for row in decode(data):
        assert isinstance(row, Event | BadRow)


@given(st.dictionaries(members, json_values, max_size=6))
@settings(max_examples=200, deadline=None)
def test_no_object_fails_the_processor(changes: dict[str, Any]) -> None:
    """Whatever stands in an event's members, the batch is processed and its keys are valid."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation([json.dumps(event() | changes).encode()]))
    rows = [*pipeline.readback().archived_events(), *pipeline.readback().bad_rows()]
    assert len(rows) == 1
    keys = [key for table in KEYS for place in pipeline.dynamodb.tables[table] for key in place]
    assert not [key for key in keys if re.search("[\x00-\x1f\x7f\ud800-\udfff]", key)]


@pytest.mark.parametrize(("length", "kept"), [(1, True), (65, True), (256, True), (257, False)])
def test_event_id_is_kept_up_to_its_limit(length: int, *, kept: bool) -> None:
    """By it a reader drops what was sent twice, so no length that producers use may lose it."""
    (row,) = decode(json.dumps(event(event_id="i" * length)).encode())
    assert isinstance(row, Event)
    assert row.id == ("i" * length if kept else None)


def test_every_row_of_an_aggregate_has_its_own_place() -> None:
    """Bad user records count as well: of two rows in one place readers would see one."""
    good = json.dumps(event()).encode()
    parts = [b"{", good, b"[" + good + b"," + good + b"]", b"\xff", good, b"null", good]
    rows = decode(aggregate(parts))
    assert [row.sub for row in rows] == list(range(8))
    events = [row.sub for row in rows if isinstance(row, Event)]
    assert events == [1, 2, 3, 5, 7]


@pytest.mark.parametrize("form", [b"%s", b"[%s]", b"%s\n%s"])
def test_byte_order_mark_in_front_is_no_part_of_the_event(form: bytes) -> None:
    """Some producers write one; the events behind it count."""
    good = json.dumps(event()).encode()
    rows = decode(b"\xef\xbb\xbf" + form.replace(b"%s", good))
    assert rows
    assert all(isinstance(row, Event) for row in rows)


def test_oversized_text_that_is_not_utf_8_leaves_a_digest() -> None:
    """However few foreign bytes it has: nobody has searched it."""
    data = b"user_id=alice-7788 " * 60_000 + b"\xff"
    (row,) = decode(data)
    assert isinstance(row, BadRow)
    assert row.reason == "too_large"
    assert row.payload == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
