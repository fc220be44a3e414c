"""Label selectors: the notation of kubectl -l."""

from __future__ import annotations

import pytest

from clickstream_operator.kube.label_selector import SelectorError, parse

LABELS = {"team": "shop", "tier": "web", "clickstream.dev/class": "gold", "empty": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("team=shop", True),
        ("team==shop", True),
        ("team = web", False),
        ("team!=web", True),
        ("absent!=web", True),
        ("absent=web", False),
        ("empty=", True),
        ("team=", False),
        ("tier in (web, app)", True),
        ("tier in (app)", False),
        ("tier notin (app,db)", True),
        ("absent notin (app)", True),
        ("absent in (app)", False),
        ("empty in (,x)", True),
        ("team", True),
        ("absent", False),
        ("!absent", True),
        ("! team", False),
        ("clickstream.dev/class=gold", True),
        ("team=shop,tier in (web,app),!absent", True),
        ("team=shop, tier=app", False),
    ],
)
def test_it_selects(text: str, *, expected: bool) -> None:
    """Equality, sets and existence; all requirements must hold."""
    assert parse(text)(LABELS) is expected


@pytest.mark.parametrize(
    "text",
    ["team=shop,", "a b", "=x", "team in web", "tier in (a", "team=a=b", "a>1", "-a", "a=-", "x/"],
)
def test_what_is_no_selector_is_quoted(text: str) -> None:
    """The message shows how it is written."""
    with pytest.raises(SelectorError, match="write it as for kubectl -l"):
        parse(text)
