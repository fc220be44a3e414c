"""What a deletion says of itself, and when it is over."""

from __future__ import annotations

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.reconcile.finalize import is_over, listed


def entry(name: str, state: State, reason: str = "") -> Entry:
    """One line of the inventory, without an ARN."""
    return Entry(name, "Fake", f"base-{name}", state=state, reason=reason)


GOING = entry("stream", State.DELETING, Reason.WAITING_FOR_AWS)
WAITING = entry("stream", State.DELETING, Reason.WAITING_FOR_DEPENDENCY)
KEPT = entry("archive", State.RETAINED, Reason.RESOURCE_RETAINED)
UNSEEN = entry("alarms", State.FAILED, Reason.THROTTLED)
BEHIND_IT = entry("queue", State.DELETING, Reason.WAITING_FOR_DEPENDENCY)


@pytest.mark.parametrize(
    ("on_record", "never_was", "expected"),
    [
        ([GOING], [UNSEEN, BEHIND_IT], ["stream"]),
        ([WAITING], [UNSEEN, BEHIND_IT], ["stream", "alarms"]),
        ([WAITING, GOING], [UNSEEN], ["stream", "stream"]),
        ([KEPT], [UNSEEN, BEHIND_IT], ["archive", "alarms"]),
        ([KEPT, WAITING], [UNSEEN], ["archive", "stream", "alarms"]),
        ([], [UNSEEN, BEHIND_IT], ["alarms"]),
        ([WAITING], [], ["stream"]),
        ([], [], []),
    ],
)
def test_what_never_was_is_listed_only_where_nothing_else_explains(
    on_record: list[Entry], never_was: list[Entry], expected: list[str]
) -> None:
    """What waits explains nothing, nor does what stays for good."""
    inventory = {one.name: one for one in on_record}
    found = listed([*on_record, *never_was], inventory)
    assert [one.name for one in found] == expected


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
    """A look that failed is neither."""
    assert is_over(Outcome("any", one) for one in entries) is expected
