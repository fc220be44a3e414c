"""The session of commands that only look: no request that changes AWS leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.read_only import ReadOnlySession, WriteRefused
from clickstream_operator.aws.sending import SendingSession

SERVICES = (
    "athena", "cloudwatch", "dynamodb", "iam", "kinesis", "kms", "lambda", "logs", "s3",
    "scheduler", "sns", "sqs", "ssm", "sts",
)  # fmt: skip
READING = ("Get", "List", "Describe", "Head", "BatchGet")
#: By the Service Authorization Reference they only read as well.
ALSO = {
    ("athena", "StopQueryExecution"), ("dynamodb", "Query"), ("dynamodb", "Scan"),
    ("iam", "SimulatePrincipalPolicy"), ("logs", "FilterLogEvents"),
}  # fmt: skip


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadOnlySession]:
    """A session with a credential, whose requests are noted and not sent."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "1" * 12)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with ThreadPoolExecutor(2) as executor:
        yield ReadOnlySession(region="us-east-1", executor=executor)


@pytest.mark.parametrize("service", SERVICES)
def test_no_operation_that_changes_something_is_sent(
    session: ReadOnlySession, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By AWS's own list of the service's operations; those that read are sent."""
    sent: list[str] = []

    def send(_self: Any, _service: str, operation: str, _parameters: Any) -> dict[str, Any]:
        sent.append(operation)
        return {}

    monkeypatch.setattr(ReadOnlySession, "_send", send)
    operations = botocore.session.get_session().get_service_model(service).operation_names
    refused = []

    async def try_all() -> None:
        for name in operations:
            try:
                await session.call(service, xform_name(name))
            except WriteRefused:
                refused.append(name)

    asyncio.run(try_all())
    assert refused == [
        name for name in operations if not name.startswith(READING) and (service, name) not in ALSO
    ]
    assert len(sent) == len(operations) - len(refused) > 0


def test_the_clients_refuse_a_write_as_well(session: ReadOnlySession) -> None:
    """Right before its bytes go out, should a command ever come by a client."""
    with pytest.raises(AwsError) as refused:
        session._send("sqs", "delete_queue", {"QueueUrl": "http://127.0.0.1:1/1/q"})
    assert refused.value.code == "NotSent"
    assert "only looks" in refused.value.text


@pytest.mark.parametrize("given", [{}, {"DryRun": False}])
@pytest.mark.parametrize("operation", ["put_record", "put_records"])
def test_a_record_is_sent_only_as_a_dry_run(
    session: ReadOnlySession, operation: str, given: dict[str, Any]
) -> None:
    """Neither by a call nor by a client."""
    record = {"Data": b"x", "PartitionKey": "k"}
    body = {"Records": [record]} if operation == "put_records" else record
    with pytest.raises(WriteRefused):
        asyncio.run(session.call("kinesis", operation, StreamName="s", **body, **given))
    with pytest.raises(AwsError, match="only looks"):
        session._send("kinesis", operation, {"StreamName": "s", **body, **given})


def test_a_dry_run_leaves(session: ReadOnlySession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly DryRun=true makes it harmless; at this address nobody answers."""
    monkeypatch.setattr("botocore.retries.standard.time.sleep", lambda _seconds: None)
    record = {"StreamName": "s", "Data": b"x", "PartitionKey": "k", "DryRun": True}
    with pytest.raises(AwsError, match="does not answer"):
        asyncio.run(session.call("kinesis", "put_record", **record))


@pytest.mark.parametrize("text", ["drop table x", "insert into x with y", " with x", "WITH x", ""])
def test_athena_is_asked_nothing_but_queries(session: ReadOnlySession, text: str) -> None:
    """A text that begins with the WITH of our views; neither by a call nor by a client."""
    with pytest.raises(WriteRefused):
        asyncio.run(session.call("athena", "start_query_execution", QueryString=text or "x"))
    with pytest.raises(AwsError, match="only looks"):
        session._send("athena", "start_query_execution", {"QueryString": text or "x"})


def test_a_query_leaves(session: ReadOnlySession, monkeypatch: pytest.MonkeyPatch) -> None:
    """At this address nobody answers."""
    monkeypatch.setattr("botocore.retries.standard.time.sleep", lambda _seconds: None)
    with pytest.raises(AwsError, match="does not answer"):
        asyncio.run(session.call("athena", "start_query_execution", QueryString="with a as (x) y"))


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its name."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with ThreadPoolExecutor(1) as executor, pytest.raises(AwsError, match="nobody"):
        ReadOnlySession(region="us-east-1", executor=executor, profile="nobody")


def test_a_session_that_sends_puts_records_and_changes_nothing_else(
    session: ReadOnlySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all operations of the services, one more than a session that only looks."""
    monkeypatch.setattr(ReadOnlySession, "_send", lambda *_: {})
    with ThreadPoolExecutor(2) as executor:
        sending = SendingSession(region="us-east-1", executor=executor)

        async def may(made: ReadOnlySession, service: str, name: str) -> bool:
            try:
                await made.call(service, xform_name(name))
            except WriteRefused:
                return False
            return True

        async def more() -> list[tuple[str, str]]:
            return [
                (service, name)
                for service in SERVICES
                for name in botocore.session.get_session()
                .get_service_model(service)
                .operation_names
                if await may(sending, service, name) and not await may(session, service, name)
            ]

        assert asyncio.run(more()) == [("kinesis", "PutRecords")]
