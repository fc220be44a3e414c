"""Rules about the site, pages and networks, and how they begin, change and end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lambdas.pipelines import (
    SHARD,
    make_config,
    make_detection,
)
from tests.lambdas.site_minutes import Site, rule

OTHER = "shardId-000000000001"


CASES: list[tuple[dict[str, Any], list[int], list[int], bool]] = [
    # rule, minutes that keep it still, minutes that make it fire, whether the last ends it
    (rule(limit=10), [10, 10], [11], False),
    (rule(limit=10, perSeconds=120), [5, 5, 5, 5], [6, 6], False),
    (rule(limit=10, forSeconds=120), [11, 1, 11, 1], [11, 11], False),
    (rule(limit=3, operator="LessThan"), [3, 3], [2], False),
    (rule(kind="Absent", forSeconds=180), [0, 0, 1, 0, 0, 1], [0, 0, 0], False),
    (rule(limit=10), [1], [11, 1], True),
    (rule(kind="Absent", forSeconds=60), [1], [0, 1], True),
]


@pytest.mark.parametrize(("which", "still", "fires", "over"), CASES)
def test_rule_of_the_site(
    which: dict[str, Any], still: list[int], fires: list[int], *, over: bool
) -> None:
    """Each kind counts whole minutes of all shards, holds for its time, and ends."""
    site = Site(which, disabled=("volume",))
    site.play(*[5] * 6)
    while site.minute % 2:
        site.play(5)
    site.play(*still)
    assert site.found() == []
    site.play(*fires)
    assert site.found() == [("mine", "", over)]


def test_rule_of_the_site_counts_what_matches() -> None:
    """Match, field, threshold and share choose the events; other events do not count."""
    site = Site(
        rule(name="sales", limit=2, match={"event_type": "purchase"}),
        rule(name="large", kind="Threshold", field="amount", limit=100),
        rule(name="errors", kind="Ratio", field="error", limit=0.2, minVolume=10),
        rule(name="admin", kind="Match", field="page_url", operator="Matches", text="/adm*"),
        disabled=("volume",),
    )
    site.play(*[1] * 6)
    site.put(2, event_type="purchase", amount=100)
    site.put(18)
    site.put(4, error="x")
    site.play(0)
    assert site.found() == []
    site.put(3, event_type="purchase", amount=100.5)
    site.put(3, error="x")
    site.put(8, page_url="/admin/users")
    site.play(0)
    assert sorted(site.found()) == [
        ("admin", "", False),
        ("errors", "", False),
        ("large", "", False),
        ("sales", "", False),
    ]


def test_pages_and_networks_are_counted_over_all_shards() -> None:
    """Twenty in each of two shards are forty; an address is named by its network only."""
    site = Site(
        rule(name="hot_page", scope="Page", limit=30),
        rule(name="hot_net", scope="IPPrefix", limit=30),
        disabled=("volume",),
    )
    site.play(*[1] * 6)
    for shard in (SHARD, OTHER):
        site.put(20, shard=shard, page_url="/hot|page?x=1", ip_address="203.0.113.77")
        site.put(9, shard=shard, page_url="/cold", ip_address="198.51.100.9")
    site.play(1)
    assert site.found() == [
        ("hot_net", "203.0.113.0/24", False),
        ("hot_page", "/hot|page", False),
    ] or site.found() == [
        ("hot_page", "/hot|page", False),
        ("hot_net", "203.0.113.0/24", False),
    ]
    site.play(1)
    assert {over for _, _, over in site.found()} == {True}
    assert "203.0.113.77" not in site.pipeline.everything_stored()


def test_new_rule_is_not_judged_by_minutes_before_it() -> None:
    """A rule that comes in finds no absence in the time when nobody counted for it."""
    site = Site(disabled=("volume",))
    site.play(*[5] * 6)
    config = make_config(
        detection=make_detection(
            disabledRules=["volume"],
            rules=[rule(limit=3, operator="LessThan", match={"event_type": "page_view"})],
        )
    )
    site.pipeline.config = config
    site.play(*[5] * 6)
    assert site.found() == []
    site.play(1)
    assert site.found() == [("mine", "", False)]


def test_containers_that_do_not_know_a_new_rule_yet_make_no_absence() -> None:
    """Some minutes long, batches are counted by the old configuration and judged by the new one."""
    site = Site(disabled=("volume",))
    old = site.pipeline.config
    site.play(*[5] * 6)
    new = Site(rule(limit=3, operator="LessThan", match={"event_type": "page_view"})).pipeline
    for minute in range(9):
        site.pipeline.config = old if minute < 3 else new.config
        site.put(5)
        site.pipeline.config = new.config
        site.end_minute()
    assert [each for each in site.found() if each[0] == "mine"] == []
    site.play(1)
    assert ("mine", "", False) in site.found()


def test_rule_that_leaves_ends_its_incident() -> None:
    """An incident of a rule that is gone does not stay open for ever."""
    site = Site(rule(limit=3), disabled=("volume",))
    site.play(*[5] * 8)
    assert site.found() == [("mine", "", False)]
    site.pipeline.config = make_config(detection=make_detection(disabledRules=["volume"], rules=[]))
    site.play(5)
    assert site.found() == [("mine", "", True)]


def test_own_rule_stands_in_the_place_of_volume() -> None:
    """A user's `volume` replaces the built-in one, also when that is switched off."""
    site = Site(rule(name="volume", limit=10), disabled=("volume",))
    site.play(*[5] * 6)
    site.play(11)
    assert site.found() == [("volume", "", False)]


def test_cooldown_and_message_of_the_site() -> None:
    """After an incident the rule is quiet; then it may begin another."""
    site = Site(rule(limit=10, cooldownSeconds=300, severity="critical"), disabled=("volume",))
    site.play(*[1] * 6, 11, 1, 11, 1, 1, 1, 11)
    assert site.found() == [("mine", "", True), ("mine", "", False)]
    assert json.loads(site.pipeline.sns.messages[0]["Message"])["severity"] == "critical"
