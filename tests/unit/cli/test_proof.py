"""`send --verify`: numbers of labelled traffic beside the truth, from what the processor wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli import proof
from clickstream_operator.synthetic import Row, Traffic, generate
from tests.lambdas.pipelines import NOW, Pipeline, encode, event, invocation

WHEN = datetime.fromtimestamp(NOW, UTC)


def processed(traffic: Traffic, *, other: bool = True) -> Pipeline:
    """A pipeline that has counted the traffic, and traffic of somebody else with it."""
    pipeline = Pipeline()
    payloads = [one.data for one in traffic.records]
    if other:
        payloads += encode([event(), event(session_id="somebody")])
    pipeline.processor().process(invocation(payloads))
    return pipeline


def compared(traffic: Traffic, pipeline: Pipeline, *, archive: bool = True) -> list[Row]:
    """The rows."""
    spec = Spec.model_validate({"archive": {"enabled": archive}})
    run = proof.Run.of(traffic, "run-7", spec, sent_at=WHEN)
    return proof.compare(run, pipeline.readback())


@pytest.mark.parametrize("archive", [True, False])
def test_what_was_counted_is_equal_whatever_else_is_in_the_pipeline(archive: bool) -> None:  # noqa: FBT001
    """Events, sessions, views, visitors, and the archive where there is one."""
    traffic = generate(1, 400, NOW, label="run-7", broken=6, bots=1)
    rows = compared(traffic, processed(traffic), archive=archive)
    assert [(one.what, one.sent, one.found) for one in rows if not one.equal] == []
    assert len(rows) == (6 if archive else 4)
    assert rows[0].found == 400


def without_first_view(traffic: Traffic) -> Traffic:
    """The same traffic with a page view less."""
    first = next(
        one for one in traffic.records if json.loads(one.data)["event_type"] == "page_view"
    )
    return Traffic([one for one in traffic.records if one is not first], traffic.truth)


def twice(traffic: Traffic) -> Traffic:
    """The same traffic with its first page view twice."""
    first = next(
        one for one in traffic.records if json.loads(one.data)["event_type"] == "page_view"
    )
    return Traffic([first, *traffic.records], traffic.truth)


@pytest.mark.parametrize("fault", [without_first_view, twice])
def test_an_event_less_or_more_differs(fault: Any) -> None:
    """In every number that counts it."""
    traffic = generate(1, 200, NOW, label="run-7", broken=0, bots=0)
    rows = {one.what: one.equal for one in compared(traffic, processed(fault(traffic)))}
    assert not rows["events"]
    assert not rows["page views, by page and hour"]
    assert not rows["archived events"]
