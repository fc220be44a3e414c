"""Forms in which producers send whole events: each is counted, within the budget."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from tests.lambdas.pipelines import event
from tests.lambdas.processed import process

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("record", "events"),
    [
        (lambda one: one + one, 2),
        (lambda one: one + b"\x00", 1),
        (lambda one: b"\xef\xbb\xbf" + one + b"\n\xef\xbb\xbf" + one, 2),
        (lambda one: json.dumps(one.decode()).encode(), 1),
        (lambda one: json.dumps(json.dumps(one.decode())).encode(), 1),
        (gzip.compress, 1),
        (lambda one: gzip.compress(one + b"\n" + one), 2),
        (lambda one: gzip.compress(one + b"\n") + gzip.compress(one) + bytes(8), 2),
        (lambda one: b"\x1e" + one + b"\n\x1e" + one, 2),
        (lambda one: one.replace(b'"session-1"', b"1.66236398e9"), 1),
    ],
    ids=["no line break", "NUL", "marks", "JSON text", "twice", "gzip", "gzip lines",
         "gzip of members", "RFC 7464",
         "number with an exponent"],
)  # fmt: skip
def test_event_is_counted_in_the_forms_that_producers_send(
    record: Callable[[bytes], bytes], events: int
) -> None:
    """What holds whole events is no bad row."""
    pipeline = process(record(json.dumps(event()).encode()))
    assert len(list(pipeline.readback().archived_events())) == events
    assert not list(pipeline.readback().bad_rows())


def test_small_gzip_of_much_is_not_unpacked_for_ever() -> None:
    """All that a record holds compressed is at most 1 MiB; the rest leaves digests."""
    bomb = gzip.compress(b" " * 900_000 + json.dumps(event()).encode())
    lines = process(*[bomb] * 2, gzip.compress(b" " * 2_000_000 + b"{}"))
    assert len(list(lines.readback().archived_events())) == 2
    (row,) = lines.readback().bad_rows()
    assert row.payload.keys() == {"bytes", "sha256"}
