"""Logs: one JSON line an event, and nothing secret in a traceback."""

from __future__ import annotations

import json
import logging as standard
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
import structlog
from botocore.exceptions import ClientError

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession
from clickstream_operator.telemetry import logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Both logging systems as they were."""
    root = standard.getLogger()
    handlers, level, config = root.handlers, root.level, structlog.get_config()
    names = ("clickstream_operator", "audit")
    levels = {name: standard.getLogger(name).level for name in names}
    yield
    root.handlers = handlers
    root.setLevel(level)
    for name, was in levels.items():
        standard.getLogger(name).setLevel(was)
    structlog.configure(**config)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What stands on stderr, each line parsed; stdout stays clean."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_event_is_one_line_with_its_context(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, logger, message, the pipeline of the context, and the fields."""
    logging.configure("INFO")
    log = structlog.get_logger("clickstream_operator.test")
    with structlog.contextvars.bound_contextvars(pipeline="shop/web"):
        log.info("pipeline deleted\nreally", retained=["a"])
    (line,) = lines(capsys)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "clickstream_operator.test",
        "message": "pipeline deleted\nreally",
        "pipeline": "shop/web",
        "retained": ["a"],
    }


def test_traceback_is_data_without_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """A local variable may hold an event, a credential or a whole request."""
    logging.configure("INFO")

    def fail() -> None:
        password = "hunter2"
        raise ValueError(len(password))

    try:
        fail()
    except ValueError:
        structlog.get_logger("clickstream_operator.test").exception("oh")
    (line,) = lines(capsys)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert "hunter2" not in json.dumps(line)


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("Request attempt #1/9 failed; will retry: GET /apis -> 429", "warning"),
        ("Request attempt #9/9 failed; escalating: GET /apis -> 429", "error"),
    ],
)
def test_a_repeated_request_of_kopf_is_a_warning(
    capsys: pytest.CaptureFixture[str], said: str, level: str
) -> None:
    """A first start meets a CRD that the API server does not serve yet; that is no error."""
    logging.configure("INFO")
    standard.getLogger("kopf._cogs.clients.watching").error(said)
    (line,) = lines(capsys)
    assert (line["level"], line["message"]) == (level, said)


@pytest.mark.parametrize("name", ["kopf", "botocore", "urllib3"])
def test_libraries_are_quiet_and_json_too(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """They log whole bodies and requests below WARNING."""
    logging.configure("DEBUG")
    standard.getLogger(name).info("a whole body")
    standard.getLogger(name).warning("careful with %s", "x")
    (line,) = lines(capsys)
    assert (line["logger"], line["level"], line["message"]) == (name, "warning", "careful with x")


def test_level_is_the_chosen_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The operator's own loggers follow the setting."""
    logging.configure("WARNING")
    structlog.get_logger("clickstream_operator.test").info("quiet")
    structlog.get_logger("clickstream_operator.test").warning("loud")
    assert [line["message"] for line in lines(capsys)] == ["loud"]


def test_writes_to_aws_are_on_record_at_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    """Who asks for less noise does not ask for less evidence."""
    logging.configure("ERROR")
    structlog.get_logger("audit").info("aws write")
    assert [line["logger"] for line in lines(capsys)] == ["audit"]


@pytest.mark.parametrize(
    ("refused", "result", "request_id"),
    [
        (None, "OK", "r-1"),
        (
            ClientError(
                {
                    "Error": {"Code": "AccessDenied", "Message": "no"},
                    "ResponseMetadata": {"RequestId": "r-2"},
                },
                "PutParameter",
            ),
            "AccessDenied",
            "r-2",
        ),
        (
            AwsError(
                service="ssm",
                operation="put_parameter",
                code="NotSent",
                text="another one leads",
                category=Category.TRANSIENT,
            ),
            "NotSent",
            "",
        ),
    ],
    ids=["done", "refused", "withheld"],
)
async def test_a_write_is_on_record_without_its_values(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    refused: Exception | None,
    result: str,
    request_id: str,
) -> None:
    """One line whatever came of it: what was asked, and no value; none for a read."""
    logging.configure("INFO")

    def send(service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if refused is not None and operation == "put_parameter":
            raise refused
        return {"ResponseMetadata": {"RequestId": "r-1"}}

    with ThreadPoolExecutor(1) as executor:
        credentials = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "test"}
        session = AwsSession(
            region="us-east-1",
            executor=executor,
            limits=Limits(enabled=False),
            credentials=credentials,
        )
        monkeypatch.setattr(session, "_send", send)
        values = {"Name": "/key", "Value": "secret", "Type": "SecureString"}
        with structlog.contextvars.bound_contextvars(pipeline="shop/web", resource="hash-key"):
            await session.call("ssm", "describe_parameters", MaxResults=1)
            with nullcontext() if refused is None else pytest.raises(AwsError):
                await session.call("ssm", "put_parameter", **values)
    (line,) = lines(capsys)
    assert line.pop("time")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "level": "info",
        "logger": "audit",
        "message": "aws write",
        "pipeline": "shop/web",
        "resource": "hash-key",
        "service": "ssm",
        "action": "put_parameter",
        "fields": ["Name", "Type", "Value"],
        "result": result,
        "aws_request_id": request_id,
    }
