"""What a deletion says of itself, and when it is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.reconcile.finalize import is_over, listed


def entry(name: str, state: State, reason: str = "") -> Entry:
    """One line of the inventory, without an ARN."""
    return Entry(name, "Fake", f"base-{name}", state=state, reason=reason)


WAITING = entry("stream", State.DELETING, Reason.WAITING_FOR_DEPENDENCY)
KEPT = entry("archive", State.RETAINED, Reason.RESOURCE_RETAINED)
UNSEEN = entry("alarms", State.FAILED, Reason.THROTTLED)


def test_a_deletion_lists_what_is_on_record_or_found() -> None:
    """What merely could have been made explains nothing to a reader."""
    on_record, never_was = entry("stream", State.DELETING), entry("alarms", State.DELETING)
    found = replace(entry("queue", State.DELETING), arn="arn:aws:sqs:x")
    seen = listed([on_record, never_was, found], {"stream": on_record})
    assert [one.name for one in seen] == ["stream", "queue"]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], True),
        ([None, KEPT], True),
        ([None, WAITING], False),
        ([KEPT, UNSEEN], False),
    ],
)
def test_a_deletion_is_over_when_all_is_gone_or_kept(
    entries: list[Entry | None], *, expected: bool
) -> None:
    """A failed observation is neither."""
    assert is_over(Outcome("any", one) for one in entries) is expected
