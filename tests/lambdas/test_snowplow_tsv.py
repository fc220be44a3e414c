"""Snowplow's enriched stream: columns by place, JSON in them, and lines that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clickstream_operator.api.presets import resolve
from shared.snowplow_tsv import COLUMNS, read
from tests.lambdas.pipelines import Pipeline, config_document, invocation, make_config

CONTEXT = "iglu:com.acme-shop.web/userTier/jsonschema/2-1-0"
FULL = {
    "app_id": "shop",
    "event_name": "page_view",
    "event_id": "e-1",
    "domain_sessionid": "s-1",
    "derived_tstamp": "2026-11-23 11:59:00.292",
    "page_url": "https://shop.example/pricing",
    "page_urlport": "443",
    "geo_latitude": "52.37",
    "br_cookies": "1",
    "dvce_ismobile": "0",
    "se_value": "12",
}


def line(**cells: Any) -> str:
    """A line of all columns; a column that is not given is empty."""
    return "\t".join(str({**FULL, **cells}.get(name, "")) for name in COLUMNS)


def event(**cells: Any) -> dict[str, Any]:
    """The event of a line."""
    (found,) = read(line(**cells), 10, json.loads) or [None]
    assert isinstance(found, dict)
    return found


def test_columns_are_those_of_the_documentation() -> None:
    """By place: the format has no header."""
    assert len(COLUMNS) == len(set(COLUMNS)) == 131
    places = {0: "app_id", 6: "event_id", 52: "contexts", 58: "unstruct_event", 77: "useragent"}
    places |= {122: "derived_contexts", 126: "event_name", 130: "true_tstamp"}
    assert {place: COLUMNS[place] for place in places} == places


def test_values_have_their_types_and_empty_columns_are_absent() -> None:
    """Times have a zone; what a column is not for stays text."""
    found = event(page_urlport="https", doc_width="9" * 30)
    assert found["derived_tstamp"] == "2026-11-23T11:59:00.292Z"
    assert (found["geo_latitude"], found["br_cookies"], found["dvce_ismobile"]) == (
        52.37,
        True,
        False,
    )
    assert (found["page_urlport"], found["doc_width"], found["se_value"]) == (
        "https",
        "9" * 30,
        "12",
    )
    assert event()["page_urlport"] == 443
    assert "user_id" not in found


def test_described_data_stands_under_its_schema() -> None:
    """Entities as a list for each, of both columns; the event alone."""
    entity = {"schema": CONTEXT, "data": {"tier": "gold"}}
    entities = json.dumps({"schema": "iglu:any", "data": [entity, entity]})
    change = {"schema": "iglu:com.acme/LinkClick/jsonschema/1-0-0", "data": {"to": "/a"}}
    own = json.dumps({"schema": "iglu:any", "data": change})
    found = event(contexts=entities, derived_contexts=entities, unstruct_event=own)
    assert found["contexts_com_acme_shop_web_user_tier_2"] == [{"tier": "gold"}] * 2
    assert found["unstruct_event_com_acme_link_click_1"] == {"to": "/a"}
    assert "contexts" not in found


@pytest.mark.parametrize(
    "cell",
    ["{", "[]", "7", "null", '{"data":7}', '{"data":[7]}', '{"data":[{"schema":"x","data":1}]}'],
)
def test_what_is_not_described_stays_text(cell: str) -> None:
    """The event counts all the same."""
    found = event(contexts=cell, unstruct_event=cell)
    assert (found["contexts"], found["unstruct_event"]) == (cell, cell)
    assert found["event_name"] == "page_view"


def processed(*records: str, preset: str = "SnowplowTSV") -> Pipeline:
    """A pipeline with a preset, after some records."""
    form = resolve({"preset": preset, "maxPastSeconds": 79200, "maxFutureSeconds": 600})
    form.pop("preset", None)
    pipeline = Pipeline(make_config(events={**config_document()["events"], **form}))
    pipeline.processor().process(invocation([record.encode() for record in records]))
    return pipeline


def test_a_line_of_other_columns_is_a_bad_row_among_events() -> None:
    """Nothing of it is kept but size and hash; lines around it count."""
    pipeline = processed(f"{line()}\r\n{line()[:-3]}\n{line()}\n", "shop\tweb\talice-7788")
    assert pipeline.readback().all_page_views()["/pricing"]["2026-11-23T11"].views == 2
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["not_json", "not_json"]
    assert "alice-7788" not in pipeline.everything_stored()


def test_json_in_the_same_stream_is_read() -> None:
    """As from a pipeline that is changing over."""
    pipeline = processed(line(), json.dumps(event(event_id="e-2")), json.dumps([event()]))
    assert pipeline.readback().all_page_views()["/pricing"]["2026-11-23T11"].views == 3


def test_text_is_read_only_where_it_is_asked_for() -> None:
    """The other preset takes JSON alone."""
    pipeline = processed(line(), preset="SnowplowJSON")
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["not_json"]


def test_json_that_nests_too_deeply_is_a_bad_row() -> None:
    """As in any other event."""
    pipeline = processed(line(contexts="[" * 100_000))
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["too_large"]
