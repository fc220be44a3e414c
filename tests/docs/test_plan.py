"""How pages are read and held to what they show; nothing is run here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import plan as plans
from tests.docs.blocks import PAGES, blocks, missing
from tests.docs.plan import PlanError, plan, steps


@pytest.mark.parametrize(
    ("shown", "printed", "absent"),
    [
        ("a 1\nb", "a 1\nother\nb", []),
        ("a\n...\nb", "a\nb", []),
        ("b\na", "a\nb", []),
        ("a\na", "a\nb", ["a"]),
        ("1001 1001 equal", "1001 1000 equal", ["1001 1001 equal"]),
        ("done in 2.3 s, 7s", "done  in 15 s, 1m", []),
        ("quickstart-wy46bzgt-events", "quickstart-0a1b2c3d-events", []),
        (
            "quickstart-wy46bzgt-events",
            "quickstart-wy46bzgt-errors",
            ["quickstart-wy46bzgt-events"],
        ),
        (f"hash {'0' * 32}", f"hash {'a' * 32}", []),
    ],
)
def test_output_differs_only_where_it_may(shown: str, printed: str, absent: list[str]) -> None:
    """Times, ages and hashes are another in each run; words and counts are not."""
    assert missing(shown, printed) == absent


@pytest.mark.docs
def test_every_entry_of_the_plan_fits_a_block() -> None:
    """A block that was changed loses its entry loudly, not silently."""
    assert set(plan()) <= set(PAGES)
    for page in PAGES:
        found = steps(page)
        assert [one.block for one in found] == blocks(page)
        for one in found:
            assert one.commands.strip(), f"{page}:{one.block.line} is empty"


def test_an_entry_without_its_block_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also one whose replacement has no place any more, and one of a page that is not there."""
    written = tmp_path / "plan.yaml"
    monkeypatch.setattr(plans, "_PLAN", written)
    page = "docs/runbooks/ClickstreamDrift.md"
    written.write_text(f"{page}:\n  - begins: helm\n    cannot: reason\n", encoding="utf-8")
    with pytest.raises(PlanError, match="has no block that begins with 'helm'"):
        steps(page)
    written.write_text(f"{page}:\n  - begins: kubectl\n    instead: {{nowhere: x}}\n", "utf-8")
    with pytest.raises(PlanError, match="has no 'nowhere'"):
        _ = steps(page)[0].commands
    with pytest.raises(PlanError, match="no page with commands"):
        steps("docs/nowhere.md")


@pytest.mark.docs
def test_what_can_not_run_says_why() -> None:
    """In words that a reader of the page could be told."""
    reasons = [one.cannot for page in PAGES for one in steps(page) if one.cannot]
    assert reasons
    assert [reason for reason in reasons if len(reason.split()) < 4] == []
