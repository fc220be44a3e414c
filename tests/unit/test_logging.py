"""Logs: one JSON line an event, and nothing secret in a traceback."""

from __future__ import annotations

import json
import logging as standard
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from clickstream_operator import logging


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
    structlog.get_logger("audit").warning("loud")
    assert [line["message"] for line in lines(capsys)] == ["loud"]
