"""Throttled DynamoDB requests in the log, with DynamoDB's reason, as botocore hands them over."""

from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from shared.logs import Log
from shared.throttles import Throttles

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "web-abcdefgh-counters"
REASON = "TableWriteProvisionedThroughputExceeded"


def refusal(code: str, *reasons: tuple[str, str]) -> bytes:
    """What DynamoDB answers (Amazon DynamoDB API reference, ThrottlingReason)."""
    body: dict[str, Any] = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "slow"}
    if reasons:
        arn = "arn:aws:dynamodb:us-east-1:123456789012:table/{}"
        body["ThrottlingReasons"] = [
            {"reason": reason, "resource": arn.format(table)} for reason, table in reasons
        ]
    return json.dumps(body).encode()


@pytest.fixture
def dynamodb() -> Iterator[tuple[Any, list[bytes]]]:
    """A client of a DynamoDB that refuses what it is told to, in turn, and then agrees."""
    refusals: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = refusals.pop(0) if refusals else b"{}"
            self.send_response(400 if b"__type" in body else 200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield (
            boto3.client(
                "dynamodb",
                endpoint_url=f"http://127.0.0.1:{server.server_port}",
                region_name="us-east-1",
                aws_access_key_id="x",
                aws_secret_access_key="x",
                config=Config(retries={"mode": "standard", "total_max_attempts": 4}, proxies={}),
            ),
            refusals,
        )
        server.shutdown()


def ask(client: Any) -> None:
    """One request, with its tries."""
    client.get_item(TableName=TABLE, Key={"k": {"S": "1"}})


def test_a_request_that_is_tried_again_says_why(dynamodb: tuple[Any, list[bytes]]) -> None:
    """The function sees no error; the reason and the table are in its log all the same."""
    client, refusals = dynamodb
    lines: list[str] = []
    Throttles(Log("INFO", lines.append), lambda: 0.0).watch(client)
    refusals.append(refusal("ProvisionedThroughputExceededException", (REASON, TABLE)))
    ask(client)
    assert [json.loads(line) for line in lines] == [
        {
            "level": "WARNING",
            "message": "DynamoDB throttled",
            "code": "ProvisionedThroughputExceededException",
            "reason": REASON,
            "table": TABLE,
            "times": 1,
        }
    ]


def test_other_answers_say_nothing(dynamodb: tuple[Any, list[bytes]]) -> None:
    """A refused condition is how the functions count; it is no throttle."""
    client, refusals = dynamodb
    lines: list[str] = []
    Throttles(Log("INFO", lines.append), lambda: 0.0).watch(client)
    refusals.append(refusal("ConditionalCheckFailedException"))
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        ask(client)
    ask(client)
    assert lines == []


def test_a_flood_is_a_line_a_minute_for_each_reason() -> None:
    """With how often it came meanwhile; a throttle without a reason is one, too."""
    lines: list[str] = []
    now = 0.0
    throttles = Throttles(Log("INFO", lines.append), lambda: now)
    reasons = ((REASON, TABLE), ("TableWriteKeyRangeThroughputExceeded", TABLE))
    flood = json.loads(refusal("RequestLimitExceeded", *reasons))
    answer = {**flood, "Error": {"Code": "RequestLimitExceeded"}}
    for _ in range(50):
        throttles.note(parsed_response=answer)
    assert len(lines) == 2
    now = 60.0
    throttles.note(parsed_response=answer)
    assert [json.loads(line)["times"] for line in lines] == [1, 1, 50, 50]
    throttles.note(parsed_response={"Error": {"Code": "ThrottlingException"}})
    assert json.loads(lines[-1])["reason"] == "not told"
