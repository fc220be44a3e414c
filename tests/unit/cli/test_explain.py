"""`explain`: reasons and alerts with their remedies."""

from __future__ import annotations

import pytest

from clickstream_operator.api.reasons import MEANING, Reason
from tests.terminal import on_terminal, piped


def test_a_reason_is_explained_as_the_reference_says() -> None:
    """The same words as in docs/reference/reasons.md, whatever the case of the name."""
    done = piped(["explain", "accessdenied"])
    assert done.returncode == 0
    assert done.stdout == f"# AccessDenied\n\n{MEANING[Reason.ACCESS_DENIED]}\n"


def test_an_alert_is_explained_by_its_runbook() -> None:
    """The page travels with the tool."""
    done = piped(["explain", "ClickstreamDrift"])
    assert done.stdout.startswith("# ClickstreamDrift\n")
    assert "driftPolicy: Correct" in done.stdout


def test_without_a_name_all_are_listed() -> None:
    """Each reason and each alert on a line."""
    names = piped(["explain"]).stdout.split()
    assert {reason.value for reason in MEANING} < set(names)
    assert "ClickstreamOperatorDown" in names


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AccesDenied", "there is no reason AccesDenied; did you mean AccessDenied?"),
        ("Qqq", "there is no reason Qqq; explain without a name lists them"),
    ],
)
def test_an_unknown_reason_is_refused(name: str, said: str) -> None:
    """With the nearest one that exists."""
    done = piped(["explain", name])
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {said}\n")


@pytest.mark.parametrize("columns", [40, 80])
def test_a_page_is_laid_out_on_a_terminal(columns: int) -> None:
    """Without the marks of Markdown, and within its width."""
    code, shown = on_terminal(["explain", "ClickstreamDrift"], columns=columns)
    assert code == 0
    assert "# ClickstreamDrift" not in shown
    assert "ClickstreamDrift" in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= columns
