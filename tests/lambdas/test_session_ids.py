"""Sessions found by the producer's own id, in whichever form the functions store it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from tests.lambdas.pipelines import (
    KEY,
    SESSIONS,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
    make_privacy,
)
from tests.lambdas.redrives import all_hours, run, with_fields

if TYPE_CHECKING:
    from collections.abc import Callable

STORED: dict[str, tuple[str, dict[str, str], Callable[[], Pipeline]]] = {
    "as it is": ("session-1", {}, Pipeline),
    "with the user's id": ("user-456:2026-11-23", {}, Pipeline),
    "with an e-mail address": ("cart of jo@example.com", {}, Pipeline),
    "with an IP address": ("192.168.1.77-a", {}, Pipeline),
    "with the user's id, in base64": ("dXNlci00NTYtc2Vzc2lvbg==", {}, Pipeline),
    "with no user's id in any text": (
        "user-456:2026-11-23",
        {},
        lambda: Pipeline(make_config(privacy=make_privacy(userId="Drop"))),
    ),
    "as the user's own": (
        "user-456",
        {"user_id": "user-456"},
        lambda: Pipeline(with_fields(session="user_id")),
    ),
}


@pytest.mark.parametrize("case", STORED)
def test_session_is_found_by_the_id_that_the_producer_gave(case: str) -> None:
    """The reader that has the hash key, and the command, find it by that and by the stored id."""
    session, members, make = STORED[case]
    pipeline = make()
    pipeline.processor().process(invocation(encode([event(session_id=session, **members)] * 3)))
    ((stored, found),) = pipeline.readback().all_sessions().items()
    assert found.event_count == 3
    assert pipeline.readback().session(session) == found
    assert pipeline.readback().session(stored) == found
    assert pipeline.readback().session(session + "x") is None
    live = deepcopy(pipeline.dynamodb.tables[SESSIONS])
    for asked in (session, stored):
        pipeline.dynamodb.tables[SESSIONS].clear()
        (line,) = run(pipeline, "rebuild", *all_hours(pipeline), f"--session={asked}")
        assert (line["sessions"], line["replaced"]) == (1, 1)
        assert "unknown" not in line
        assert pipeline.dynamodb.tables[SESSIONS] == live


def test_reader_without_the_key_finds_stored_ids_only() -> None:
    """Nobody can tell without the key which session is whose."""
    pipeline = Pipeline()
    session = "user-456:2026-11-23"
    pipeline.processor().process(invocation(encode([event(session_id=session)])))
    (stored,) = pipeline.readback().all_sessions()
    reader = pipeline.readback(hash_key=None)
    assert reader.session(session) is None
    assert reader.session(stored) is not None
    assert pipeline.readback(hash_key=KEY + b"x").session(session) is None


def test_session_that_nobody_sent_is_named() -> None:
    """A mistyped id is no silent success."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation(encode([event()])))
    (line,) = run(pipeline, "rebuild", "--session=session-1", "--session=sesion-1")
    assert line["unknown"] == ["sesion-1"]
    assert (line["sessions"], line["equal"]) == (2, 1)
