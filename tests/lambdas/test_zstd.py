"""An archive in Zstd: written, read back, replayed and rebuilt from."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.lambdas.pipelines import PAGES, Pipeline, encode, event, invocation, make_config
from tests.lambdas.redrives import bad_keys, run
from tests.zstd import provide_zstd

ZSTD = {"enabled": True, "compression": "Zstd"}
FRAME = b"\x28\xb5\x2f\xfd"
"""What a frame begins with (RFC 8878, "Zstandard Frames")."""


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline with Zstd that took events and bad rows."""
    provide_zstd(monkeypatch)
    pipeline = Pipeline(make_config(archive=ZSTD))
    payloads = encode(event(page_url=f"/{page}") for page in range(40))
    pipeline.processor().process(invocation([*payloads, b"{", *encode([{"event_type": "click"}])]))
    return pipeline


def test_objects_are_frames_and_read_back(pipeline: Pipeline) -> None:
    """Every object is Zstd, says so, and gives back each event and bad row."""
    assert {key.split("/")[0] for key in pipeline.s3.objects} == {"raw", "bad"}
    for key, (body, _) in pipeline.s3.objects.items():
        assert key.endswith(".jsonl.zst")
        assert body.startswith(FRAME)
    reader = pipeline.readback()
    assert {each.event["page_url"] for each in reader.archived_events()} == {
        f"/{page}" for page in range(40)
    }
    assert {each.reason for each in reader.bad_rows()} == {"not_json", "missing_field:session_id"}


def test_hours_are_rebuilt_and_bad_rows_replayed(pipeline: Pipeline) -> None:
    """A page item that was lost comes back equal; rows that are bad still go to a new object."""
    live = deepcopy(pipeline.dynamodb.tables[PAGES])
    del pipeline.dynamodb.tables[PAGES]["/7", next(hour for page, hour in live if page == "/7")]
    (line,) = run(pipeline, "rebuild", "2026-11-23T12")
    assert line["replaced"] == 1
    assert pipeline.dynamodb.tables[PAGES] == live
    (key,) = bad_keys(pipeline)
    lines = run(pipeline, "bad", key)
    assert sum(each["still_bad"] for each in lines) == 2
    assert len(list(pipeline.readback().bad_rows())) == 4


def test_objects_of_both_kinds_are_read_together(pipeline: Pipeline) -> None:
    """After a change of the setting the archive holds both."""
    pipeline.config = make_config()
    pipeline.processor().process(invocation(encode([event(page_url="/later")]), start=100))
    assert {key.rpartition(".")[2] for key in pipeline.s3.objects} == {"zst", "gz"}
    assert len(list(pipeline.readback().archived_events())) == 41
