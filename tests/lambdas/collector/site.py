"""A site whose pages and servers send to the real handler, with AWS in memory."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from collector import handler
from shared.runtime import Clients
from tests.lambdas.memory_aws import refuse
from tests.lambdas.pipelines import KEY, NOW, config_document

ORIGIN = "https://shop.example.com"
SESSION = "Zk3x9TqLw0aB7cD2eF4gHi"
ADDRESS = "203.0.113.77"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
TOKENS_ARN = "arn:aws:ssm:eu-west-1:123456789012:parameter/clickstream/tokens"
EDGE_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:edge-AbCdEf"
TOKEN = "a-token-of-the-servers"
OLD_TOKEN = "the-token-before-that-one"
EDGE_SECRET = "what-only-the-edge-knows"
SCRIPTS = {".js": "classic();\n" * 50, ".mjs": "export const module = 1;\n" * 50}
SENT = 1_000_000_000_000
"""The page's clock, which is wrong by years."""


@dataclass
class MemoryStream:
    """Takes records, and refuses as it is told to: a code or None for each record of each call."""

    records: list[tuple[str, bytes]] = field(default_factory=list)
    refusals: list[Sequence[str | None] | str] = field(default_factory=list)
    calls: int = 0

    def put_records(
        self,
        *,
        StreamName: str,  # noqa: N803 - as boto3's
        Records: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        """Answer in PutRecords's form; a text refuses the call as a whole."""
        assert StreamName == "p"
        assert 0 < len(Records) <= 500
        self.calls += 1
        told = self.refusals.pop(0) if self.refusals else []
        if told == "no answer":
            raise ReadTimeoutError(endpoint_url="https://kinesis")
        if isinstance(told, str):
            raise refuse(told, "PutRecords")
        codes = [*told] + [None] * len(Records)
        answers: list[dict[str, Any]] = []
        for record, code in zip(Records, codes, strict=False):
            assert 0 < len(record["PartitionKey"]) <= 256
            assert len(record["Data"]) + len(record["PartitionKey"]) <= 1024 * 1024
            if code is None:
                self.records.append((record["PartitionKey"], record["Data"]))
                answers.append({"SequenceNumber": "1", "ShardId": "shardId-0"})
            else:
                answers.append({"ErrorCode": code, "ErrorMessage": "told to"})
        return {"Records": answers, "FailedRecordCount": sum("ErrorCode" in one for one in answers)}

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of all records."""
        return [event for _, data in self.records for event in json.loads(data)]


@dataclass
class Secrets:
    """SSM and Secrets Manager."""

    tokens: str = f"{TOKEN}\n{OLD_TOKEN}\nshort\n"
    edge: str = EDGE_SECRET
    fail: str = ""
    reads: int = 0

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N803
        """Answer the tokens, or the hash key."""
        self._count("GetParameter")
        assert WithDecryption
        value = self.tokens if Name == TOKENS_ARN else KEY.decode()
        return {"Parameter": {"Value": value}}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        """Answer the edge's secret."""
        self._count("GetSecretValue")
        assert SecretId == EDGE_ARN
        return {"SecretString": self.edge}

    def _count(self, operation: str) -> None:
        self.reads += 1
        if self.fail:
            raise refuse(self.fail, operation)


@dataclass
class Context:
    """Lambda's context: the time that is left goes with the site's clock."""

    site: Site
    until: float

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return round((self.until - self.site.now) * 1000)


class Site:
    """One pipeline's collector in one container, and those who send to it."""

    def __init__(self, patch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.now = NOW
        self.stream = MemoryStream()
        self.secrets = Secrets()
        self.lines: list[str] = []
        self.scripts: dict[str, str] = changes.pop("scripts", SCRIPTS)
        settings = {
            "allowedOrigins": [ORIGIN, "https://*.example.org"],
            "path": "/clickstream.js",
            "visitor": "Session",
            "respectGlobalPrivacyControl": True,
        } | changes.pop("collector", {})
        self.document = config_document(function="collector", collector=settings, **changes)
        patch.setenv("CLICKSTREAM_CONFIG", json.dumps(self.document))
        made = {"kinesis": self.stream, "ssm": self.secrets, "secretsmanager": self.secrets}
        patch.setattr(Clients, "make", lambda _self, service, **_settings: made[service])
        patch.setattr("time.time", lambda: self.now)
        patch.setattr("time.monotonic", lambda: self.now)
        patch.setattr("time.sleep", self.pass_time)
        patch.setattr("random.random", lambda: 0.5)
        patch.setattr(handler, "write_line", self.lines.append)
        patch.setattr(handler, "read", lambda _folder: self.scripts)
        handler._collector.cache_clear()

    def pass_time(self, seconds: float) -> None:
        """Let time go on."""
        self.now += seconds

    def ask(self, request: dict[str, Any], *, seconds: float = 10) -> dict[str, Any]:
        """Hand a request to the handler, as Lambda does."""
        return handler.handle(request, Context(self, self.now + seconds))

    def view(self, **members: Any) -> dict[str, Any]:
        """Send one page view, with members of the request changed; returns the answer."""
        return self.ask(page_request(page_body(**members)))

    def send(self, *events: dict[str, Any], token: str = TOKEN, **options: Any) -> dict[str, Any]:
        """Send events as a server does."""
        headers = {"authorization": f"Bearer {token}"}
        return self.ask(request(body=json.dumps(events), headers=headers), **options)

    def metrics(self) -> dict[str, int]:
        """The values of all metric lines, added up."""
        found: dict[str, int] = {}
        for line in map(json.loads, self.lines):
            for name in line if "_aws" in line else ():
                if name.startswith("Collector"):
                    found[name] = found.get(name, 0) + line[name]
        return found


def request(
    method: str = "POST",
    path: str = "/clickstream.js",
    *,
    body: str | bytes = "",
    headers: dict[str, str] | None = None,
    query: str = "",
    source: str = ADDRESS,
) -> dict[str, Any]:
    """Return a request in the form of function URLs; bytes as a body are sent in Base64."""
    is_bytes = isinstance(body, bytes)
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers or {},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": source}},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": is_bytes,
    }


def page_request(body: Any, **headers: str) -> dict[str, Any]:
    """Return a page's request; an empty header is left out."""
    usual = {"origin": ORIGIN, "user-agent": AGENT, "content-type": "text/plain;charset=UTF-8"}
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    sent = {name: text for name, text in (usual | named).items() if text}
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return request(body=text, headers=sent)


def page_body(**members: Any) -> dict[str, Any]:
    """Return what the script sends for a page view; None removes a member."""
    body = {"session": SESSION, "sent": SENT, "events": [page_view()]} | members
    return {name: value for name, value in body.items() if value is not None}


def page_view(**members: Any) -> dict[str, Any]:
    """Return a page view as the script describes it; None removes a member."""
    event = {
        "id": "1",
        "type": "page_view",
        "time": SENT - 1500,
        "url": f"{ORIGIN}/pricing?utm_source=mail",
        "referrer": "https://search.example.net/",
    } | members
    return {name: value for name, value in event.items() if value is not None}


def own_event(**data: Any) -> dict[str, Any]:
    """Return an event of the page's own with data."""
    return page_view(type="sign_up", data=data)


def said(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the content of an answer."""
    content = json.loads(answer["body"])
    assert isinstance(content, dict)
    return content
