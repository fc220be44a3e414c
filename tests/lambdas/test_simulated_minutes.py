"""The minutes that the detector judges, under every fault: each once the same, each the truth."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from detector.findings import MINUTE_MS
from detector.minute_windows import Minutes
from detector.session_rules import GRACE_MS
from detector.site_rules import SiteRules
from simulator import trial
from simulator.settings import draw_settings
from simulator.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detector.site_state import SiteState
    from simulator.truth import PlacedLane

RUNS = 60


class Judged:
    """Runs trials and remembers with what sums each minute was judged."""

    def __init__(self) -> None:
        self.sums: dict[int, set[int]] = {}

    def run(self, seed: int) -> Trial:
        """Run the campaign's trial of a seed; detection is on in all of them."""
        settings = draw_settings(seed)
        trials = Trial(seed, settings)
        real = SiteRules.judge

        def judge(
            rules: SiteRules, state: SiteState, minute: int, sums: Mapping[str, int]
        ) -> list[Any]:
            self.sums.setdefault(minute, set()).add(sums.get("*", 0))
            return real(rules, state, minute, sums)

        trials.spec = trial._SPEC
        with mock.patch.object(SiteRules, "judge", judge):
            trials.run()
        return trials


def true_sums(lanes: list[PlacedLane]) -> Counter[int]:
    """Return the events of each minute that came before their lane's clock closed it."""
    sums: Counter[int] = Counter()
    for lane in lanes:
        clock = 0
        for placed in lane.rows:
            if isinstance(placed.row, str):
                continue
            clock = max(clock, placed.arrival_ms)
            minute = placed.row.time_ms // MINUTE_MS
            if (minute + 1) * MINUTE_MS + GRACE_MS > clock:
                sums[minute] += 1
    return sums


@pytest.mark.parametrize("first", range(0, RUNS, 20))
def test_minutes_are_judged_with_the_true_sums(first: int) -> None:
    """Crashes, twins, late requests, reshards, a new stream: no sum is ever another."""
    judged = 0
    for seed in range(first, first + 20):
        seen = Judged()
        run = seen.run(seed)
        truth = true_sums(run._placed if not run._settings.new_stream else [])
        for minute, sums in seen.sums.items():
            if run._settings.new_stream:
                continue  # The minutes in which two lives of the stream meet are not summed.
            assert sums == {truth[minute]}, (seed, minute, sums, truth[minute])
            judged += truth[minute] > 0
    assert judged >= 10


def test_sums_without_waiting_for_the_lanes_are_wrong() -> None:
    """Without the look at what is unread the test above fails: it can see the fault."""
    wrong = 0
    with (
        mock.patch("detector.minute_windows.GRACE_MS", -MINUTE_MS),
        mock.patch.object(Minutes, "final", _final_at_once(Minutes.final)),
    ):
        for seed in range(12):
            seen = Judged()
            run = seen.run(seed)
            truth = true_sums(run._placed)
            wrong += any(sums != {truth[minute]} for minute, sums in seen.sums.items())
    assert wrong


def _final_at_once(real: Any) -> Any:
    """Return a `final` that does not care how far the lanes are."""

    def final(minutes: Minutes, state: SiteState, now_ms: int) -> Any:
        state.cursors = {}
        return real(minutes, state, now_ms)

    return final
