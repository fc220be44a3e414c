"""A rebuild counts events as they were counted, whatever the mapping is now."""

from __future__ import annotations

import gzip
import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from clickstream_layout.archive import ENVELOPE
from redrive.objects import UnreadableLineError
from tests.lambdas.pipelines import (
    COUNTERS,
    PAGES,
    SESSIONS,
    Pipeline,
    config_document,
    encode,
    event,
    invocation,
    make_config,
)
from tests.lambdas.redrives import QUIET, all_hours, run

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER_NAMES = {"type": "kind", "session": "visit", "page": "url"}


def mapped_otherwise(**events: Any) -> Any:
    """A config that reads other members, other types of page views, or pages by other rules."""
    document = config_document()
    fields = document["events"]["fields"] | events.pop("fields", {})
    document["events"] |= events | {"fields": fields}
    return make_config(events=document["events"], detection=QUIET)


def counted() -> Pipeline:
    """A pipeline with two views, a click, and items of all kinds."""
    pipeline = Pipeline(make_config(detection=QUIET))
    documents = [event(page_url="/a"), event(page_url="/b/"), event(event_type="click")]
    pipeline.processor().process(invocation(encode(documents)))
    return pipeline


def rebuild(pipeline: Pipeline) -> dict[str, Any]:
    """Rebuild all that there is."""
    (line,) = run(pipeline, "rebuild", *all_hours(pipeline), "--session=session-1")
    return line


def rewrite(pipeline: Pipeline, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the envelopes of all archived lines."""
    for key, (stored, metadata) in list(pipeline.s3.objects.items()):
        if not key.startswith("raw/"):
            continue
        lines = [json.loads(line) for line in gzip.decompress(stored).splitlines()]
        for line in lines:
            change(line[ENVELOPE])
        body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        pipeline.s3.objects[key] = gzip.compress(body, mtime=0), metadata


def as_before(envelope: dict[str, Any]) -> None:
    """The envelope of a version that did not keep what an event was counted as."""
    for name in ("type", "session", "page", "view"):
        envelope.pop(name, None)


@pytest.mark.parametrize(
    "events",
    [
        {"fields": OTHER_NAMES},
        {"pageViewTypes": ["click"]},
        {"pages": {"trailingSlash": "Keep", "case": "Lower"}},
        {"siteField": "user_agent"},
    ],
    ids=["other members", "other types of views", "other page keys", "a site before the page"],
)
def test_a_rebuild_under_another_mapping_changes_nothing(events: dict[str, Any]) -> None:
    """Lost items come back as they were."""
    pipeline = counted()
    live = deepcopy(pipeline.dynamodb.tables)
    pipeline.config = mapped_otherwise(**events)
    line = rebuild(pipeline)
    assert (line["replaced"], line["incomplete"]) == (0, [])
    for item in pipeline.dynamodb.items(PAGES):
        item["view_count"] = {"N": "0"}
    pipeline.dynamodb.tables[SESSIONS].clear()
    assert rebuild(pipeline)["replaced"] == 3
    assert pipeline.dynamodb.tables == live


def test_lines_of_an_earlier_version_are_read_by_the_present_mapping() -> None:
    """As that version did."""
    pipeline = counted()
    rewrite(pipeline, as_before)
    live = deepcopy(pipeline.dynamodb.tables)
    assert rebuild(pipeline)["equal"] == len(live[PAGES]) + 2 + 1
    hours = all_hours(pipeline)
    for key in [key for key in live[COUNTERS] if key[0].startswith("events_per_minute_")]:
        del pipeline.dynamodb.tables[COUNTERS][key]
    assert pipeline.dynamodb.tables != live
    run(pipeline, "rebuild", *hours)
    assert pipeline.dynamodb.tables == live


def test_lines_of_an_earlier_version_under_another_mapping_are_refused() -> None:
    """With what to do."""
    pipeline = counted()
    rewrite(pipeline, as_before)
    pipeline.config = mapped_otherwise(fields=OTHER_NAMES)
    with pytest.raises(UnreadableLineError, match=r"rebuild with the events\.fields that"):
        rebuild(pipeline)
