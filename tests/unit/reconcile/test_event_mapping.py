"""The condition EventsMapped: what the operator says about the processor's metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.reconcile.event_mapping import judge

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
TYPES = ("page", "screen")


def hourly(*values: float) -> dict[datetime, float]:
    """Values of the latest hours, the newest first."""
    return {NOW - timedelta(hours=place): value for place, value in enumerate(values)}


@pytest.mark.parametrize(
    ("events", "bad", "views", "truth", "reason"),
    [
        ([100], [0], [40], "True", Reason.MAPPING_FITS),
        ([100], [0], [0], "False", Reason.NO_PAGE_VIEWS),
        ([10_000], [0], [9], "False", Reason.NO_PAGE_VIEWS),
        ([10_000], [0], [10], "True", Reason.MAPPING_FITS),
        ([0], [100], [0], "False", Reason.MOST_ROWS_BAD),
        ([50], [51], [40], "False", Reason.MOST_ROWS_BAD),
        ([50], [50], [40], "True", Reason.MAPPING_FITS),
        ([100, 10_000], [0, 0], [40, 0], "True", Reason.MAPPING_FITS),
        ([19, 100], [0, 0], [1, 0], "True", Reason.MAPPING_FITS),
        ([10, 0, 9], [0, 0, 0], [0, 0, 0], "Unknown", Reason.TOO_FEW_ROWS),
        ([], [], [], "Unknown", Reason.TOO_FEW_ROWS),
    ],
    ids=[
        "views among events",
        "no view",
        "fewer than one in a thousand",
        "one in a thousand",
        "all bad",
        "more than half bad",
        "half bad",
        "mended in the last hour",
        "a quiet hour is joined by the one before",
        "too few",
        "nothing",
    ],
)
def test_the_latest_hours_that_have_rows_enough_decide(
    events: list[float], bad: list[float], views: list[float], truth: str, reason: Reason
) -> None:
    """Page views, and the share of bad rows."""
    found = judge(hourly(*events), hourly(*bad), hourly(*views), types=TYPES)
    assert found is not None
    assert (found.truth, found.reason) == (truth, reason)


@pytest.mark.parametrize("views", [(0,), (1,)], ids=["none", "nearly none"])
def test_the_message_names_the_fields_to_set_and_what_counts(views: tuple[float, ...]) -> None:
    """Preset, types, and the member with the type; and never a number that changes."""
    found = judge(hourly(9_000), hourly(0), hourly(*views), types=["page", "x" * 90, *"abcdef"])
    assert found is not None
    for part in ("spec.events.preset", "spec.events.pageViewTypes", "type page, ", "and 3 more"):
        assert part in found.message
    assert len(found.message) < 500
    assert "9000" not in found.message


def test_a_function_that_counts_no_page_views_is_not_judged() -> None:
    """That of a version before, which an upgrade has not replaced yet."""
    assert judge(hourly(100), hourly(0), {}, types=TYPES) is None


def test_page_views_that_nobody_expects_are_not_missed() -> None:
    """With `pageViewTypes: []`; bad rows count all the same."""
    fits = judge(hourly(100), hourly(0), hourly(0), types=())
    assert fits is not None
    assert fits.truth == "True"
    bad = judge(hourly(10), hourly(90), hourly(0), types=())
    assert bad is not None
    assert bad.reason is Reason.MOST_ROWS_BAD
