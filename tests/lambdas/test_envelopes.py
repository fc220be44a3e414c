"""Envelopes that hold events: each event is counted as if it had come alone."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from shared.budget import SMALLEST
from shared.config import parse_config
from shared.decode import Decoder
from shared.privacy import Scrubber
from shared.records import BadRow, Record
from tests.lambdas.pipelines import (
    KEY,
    Pipeline,
    config_document,
    event,
    invocation,
    make_privacy,
)

ONE, TWO = event(), event(page_url="/other", session_id="session-2")
TEXT, TEXT2 = json.dumps(ONE), json.dumps(TWO)


def process(
    unwrap: list[str], *records: bytes, fields: dict[str, str] | None = None, **privacy: Any
) -> Pipeline:
    """Return a pipeline that opens some envelopes, after it had some records."""
    document = config_document(privacy=make_privacy(**privacy))
    document["events"] |= {"unwrap": unwrap}
    document["events"]["fields"] |= fields or {}
    pipeline = Pipeline(parse_config(json.dumps(document)))
    batch = invocation(records)
    assert pipeline.processor().process(batch) == {"batchItemFailures": []}
    pipeline.detector().process(batch)
    return pipeline


def log_events(*messages: str) -> dict[str, Any]:
    """Return what a subscription of CloudWatch Logs delivers, before it is compressed."""
    return {
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "g", "logStream": "s",
        "subscriptionFilters": ["f"],
        "logEvents": [{"id": str(n), "timestamp": 1795435200000, "message": text}
                      for n, text in enumerate(messages)],
    }  # fmt: skip


ENVELOPES = [
    (["batch"], {"batch": [ONE, TWO], "sentAt": "2026-11-23T12:00:00Z"}, 2),
    (["events"], {"events": [TEXT, TEXT2]}, 2),
    (["data"], {"data": json.dumps([ONE, TWO]), "rid": "r"}, 2),
    (["data"], {"data": base64.b64encode(gzip.compress(TEXT.encode())).decode()}, 1),
    (["payload.events"], {"payload": {"events": [ONE]}}, 1),
    (["event"], {"event": ONE}, 1),
    (["Records[0].body"], {"Records": [{"body": TEXT}]}, 1),
    (["SNS"], {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:t", "Message": TEXT}, 1),
    (["SNS", "batch"], {"Type": "Notification", "TopicArn": "arn:t",
                        "Message": json.dumps({"batch": [ONE, TWO]})}, 2),
    (["FluentBit"], {"log": TEXT + "\n", "stream": "stdout", "container_name": "/shop"}, 1),
    (["FluentBit"], {"date": 1795435200.5, "log": f"{TEXT}\n{TEXT2}"}, 2),
    (["EventBridge"], {"version": "0", "id": "x", "detail-type": "page_view", "source": "shop",
                       "time": "2026-11-23T12:00:00Z", "detail": ONE}, 1),
    (["APIGateway"], {"httpMethod": "POST", "body": TEXT, "isBase64Encoded": False}, 1),
    (["APIGateway"], {"version": "2.0", "requestContext": {}, "isBase64Encoded": True,
                      "body": base64.b64encode(TEXT.encode()).decode()}, 1),
    (["APIGateway"], {"requestContext": {}, "isBase64Encoded": True,
                      "body": base64.b64encode(gzip.compress(TEXT.encode())).decode()}, 1),
    (["logEvents", "message"], log_events(TEXT, TEXT2), 2),
    (["CloudWatchLogs"], log_events(TEXT, TEXT2), 2),
    (["CloudWatchLogs", "SNS"], log_events(json.dumps(
        {"Type": "Notification", "TopicArn": "t", "Message": TEXT})), 1),
]  # fmt: skip


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("unwrap", "envelope", "events"), ENVELOPES)
def test_events_of_an_envelope_are_counted(
    unwrap: list[str], envelope: dict[str, Any], events: int, *, packed: bool
) -> None:
    """As if each had come alone, and nothing of it is a bad row."""
    data = json.dumps(envelope).encode()
    pipeline = process(unwrap, gzip.compress(data) if packed else data)
    assert not list(pipeline.readback().bad_rows())
    expected = [ONE, TWO][:events]
    assert {*pipeline.readback().all_page_views()} == {one["page_url"] for one in expected}
    assert {*pipeline.readback().all_sessions()} == {one["session_id"] for one in expected}


@pytest.mark.parametrize(("unwrap", "envelope", "_events"), ENVELOPES)
def test_envelope_that_nobody_named_is_one_bad_row_without_people(
    unwrap: list[str], envelope: dict[str, Any], _events: int
) -> None:
    """What it holds is hidden in it."""
    pipeline = process([], json.dumps(envelope).encode())
    assert unwrap
    assert len(list(pipeline.readback().bad_rows())) == 1
    assert "user-456" not in pipeline.everything_stored()
    assert "192.168.1.100" not in pipeline.everything_stored()


@pytest.mark.parametrize(
    "document",
    [
        event(batch=[]),
        event(batch="text"),
        event(batch=[1, 2]),
        event(batch=None, message="hello", log="no JSON"),
        event(batch={"note": 1}) | {"batch": "{not json"},
    ],
)
def test_event_that_holds_no_others_is_itself(document: dict[str, Any]) -> None:
    """A member of an envelope's name makes no envelope."""
    pipeline = process(["batch", "FluentBit"], json.dumps(document).encode())
    assert len(list(pipeline.readback().archived_events())) == 1
    assert not list(pipeline.readback().bad_rows())


def test_what_is_no_event_in_an_envelope_is_a_bad_row() -> None:
    """Beside the others, which are counted."""
    envelope = {"batch": [ONE, "text", 7, {"event_type": "x"}]}
    pipeline = process(["batch"], json.dumps(envelope).encode())
    assert len(list(pipeline.readback().archived_events())) == 1
    reasons = [row.reason for row in pipeline.readback().bad_rows()]
    assert reasons == ["not_json", "not_an_object", "missing_field:session_id"]


def test_control_message_is_no_row() -> None:
    """CloudWatch Logs tries the stream by it."""
    control = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "message": "CWL"}]}
    pipeline = process(["CloudWatchLogs"], gzip.compress(json.dumps(control).encode()))
    assert not list(pipeline.readback().bad_rows())
    assert not list(pipeline.readback().archived_events())


def test_event_has_from_its_envelope_what_it_lacks() -> None:
    """The time of sending, the address and the user agent; never a type or an id."""
    fields = {
        "sentAt": "sentAt", "ip": "requestContext.identity.sourceIp", "id": "id", "type": "type",
        "userAgent": "requestContext.identity.userAgent",
    }  # fmt: skip
    inner = event(event_type=None, type="page_view", timestamp="2026-11-23T13:00:00Z")
    body = json.dumps({"batch": [inner, {**inner, "type": None}], "sentAt": "2026-11-23T13:00:30Z"})
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
    envelope = {
        "id": "e", "type": "request", "body": body,
        "requestContext": {"identity": {"sourceIp": "192.0.2.43", "userAgent": agent}},
    }  # fmt: skip
    pipeline = process(["APIGateway", "batch"], json.dumps(envelope).encode(), fields=fields)
    (archived,) = pipeline.readback().archived_events()
    assert archived.event_id is None
    assert archived.event[fields["ip"]] == "192.0.2.0"
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 1}}
    (session,) = pipeline.readback().all_sessions().values()
    assert session.user_agent == agent
    (bad,) = pipeline.readback().bad_rows()
    assert bad.reason == "missing_field:type"
    assert "192.0.2.43" not in pipeline.everything_stored()


def test_opened_events_count_against_the_budget() -> None:
    """A record of more events than its budget has is one bad row, however they are wrapped."""
    document = config_document()
    document["events"] |= {"unwrap": ["batch"]}
    config = parse_config(json.dumps(document))
    decoder = Decoder(config, Scrubber(config.privacy, config.fields, KEY))
    inner = json.dumps({"batch": [{"a": 1}] * (SMALLEST.rows // 2 + 1)})
    envelope = json.dumps({"batch": [inner, inner]}).encode()
    (row,) = decoder.decode(Record(1, 0, envelope), SMALLEST)
    assert isinstance(row, BadRow)
    assert row.reason == "too_large"


def test_envelopes_can_not_multiply_themselves() -> None:
    """Neither by nesting nor by what their events have from them."""
    nested: Any = ONE
    for _ in range(60):
        nested = {"batch": [nested]}
    pipeline = process(["batch"], json.dumps(nested).encode())
    assert len(list(pipeline.readback().bad_rows())) == 1
    wide = {"batch": [{"a": 1}] * 9_000, "country": "x" * 500}
    (row,) = process(["batch"], json.dumps(wide).encode()).readback().bad_rows()
    assert (row.reason, {*row.payload}) == ("too_large", {"bytes", "sha256"})
