"""A mapping that does not fit is told, by names and never by values."""

from __future__ import annotations

import json
from typing import Any

from tests.lambdas.pipelines import Pipeline, encode, event, invocation


def told(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return the log lines about the mapping."""
    lines = [json.loads(line) for line in pipeline.lines]
    return [line for line in lines if "events.preset" in line.get("message", "")]


def segment(number: int) -> dict[str, Any]:
    """Return a call of another producer, mapped as far as its names allow."""
    return event(
        event_type="page",
        page_url=None,
        context={"page": {"url": "/secret"}},
        session_id=f"{number}",
    )


def test_events_without_a_page_view_are_told() -> None:
    """Once in a while, with types and members."""
    pipeline = Pipeline()
    processor = pipeline.processor()
    processor.process(invocation(encode(segment(n) for n in range(30))))
    (line,) = told(pipeline)
    assert line["level"] == "WARNING"
    assert (line["types"], line["page_views"]) == ("page", 0)
    assert "context.page" in line["members"].split(", ")
    assert "/secret" not in json.dumps(line)
    processor.process(invocation(encode(segment(n) for n in range(30)), start=50))
    assert len(told(pipeline)) == 1
    pipeline.now += 301
    processor.process(invocation(encode(segment(n) for n in range(30)), start=100))
    assert len(told(pipeline)) == 2


def test_types_that_are_values_of_visitors_are_not_named() -> None:
    """So many types are what a wrong member holds."""
    pipeline = Pipeline()
    rows = [event(event_type=f"Search for {n}", page_url=None) for n in range(30)]
    pipeline.processor().process(invocation(encode(rows)))
    (line,) = told(pipeline)
    assert line["types"] == "more than 20"
    assert "Search" not in json.dumps(line)


def test_rows_that_are_bad_for_one_reason_are_told() -> None:
    """When they are more than half."""
    pipeline = Pipeline()
    rows = [{"kind": "page", "who": "user-456", "at": {"ms": 1}}] * 15 + [event()] * 10
    pipeline.processor().process(invocation(encode(rows)))
    (line,) = told(pipeline)
    assert line["reason"] == "missing_field:event_type"
    assert line["members"] == "kind, who, at, at.ms"
    assert "user-456" not in json.dumps(line)


def test_a_mapping_that_fits_is_not_told() -> None:
    """Page views among the events; few rows say nothing."""
    pipeline = Pipeline()
    rows = [event()] + [event(event_type="click")] * 30 + [{"bad": 1}] * 10
    pipeline.processor().process(invocation(encode(rows)))
    pipeline.processor().process(invocation(encode([segment(1)]), start=100))
    assert told(pipeline) == []
