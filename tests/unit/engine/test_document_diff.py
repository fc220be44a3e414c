"""Where two documents differ: what a plan says of a policy."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.engine.document_diff import differing_paths
from clickstream_operator.engine.plan import Action, Change, planned
from clickstream_operator.engine.resource import Diff
from tests.unit.engine.fake_resource import FakeResource


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": 1}, {"a": 1}, ""),
        ({"a": 1}, {"a": 2}, "a"),
        ({"a": 1}, {"b": 1}, "a, b"),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, "a[1].b"),
        ({"a": [1]}, {"a": [1, 2]}, "a"),
        ([1, 2], [1], "all"),
        ('{"a": {"b": 1}}', '{"a": {"b": 2}}', "a.b"),
        ({"CONFIG": '{"ttl": 1}'}, {"CONFIG": '{"ttl": 2}'}, "CONFIG.ttl"),
        ("{no json", "{none either", ""),
        ("text", "other", ""),
        (None, {"a": 1}, ""),
        ({"a": "{x"}, {"a": "{y"}, "a"),
        (
            {str(n): 0 for n in range(9)},
            {str(n): 1 for n in range(9)},
            "0, 1, 2 and 6 more",
        ),
    ],
)
def test_paths_are_named(old: Any, new: Any, said: str) -> None:
    """By member and index, JSON in text as well; the first three, then a count."""
    assert differing_paths(old, new) == said


def test_endless_keys_do_not_fill_the_plan() -> None:
    """A path is cut: the status has room for 64 KB of plan."""
    assert len(differing_paths({"k" * 5000: 1}, {})) <= 60


def test_a_plan_says_where_a_document_changes() -> None:
    """Two hashes tell nobody which statement is another; a short value needs no help."""
    before = {"Statement": [{"Sid": "s" * 200, "Action": "a:Get"}]}
    after = {"Statement": [{"Sid": "s" * 200, "Action": "a:*"}]}
    diff = Diff({"policy": (before, after), "size": (1, 2)})
    policy, size = planned(FakeResource("a"), Change(Action.UPDATE, diff))
    assert policy.old.startswith("sha256:")
    assert policy.old.endswith(", differs in Statement[0].Action")
    assert policy.new.startswith("sha256:")
    assert "differs" not in policy.new
    assert (size.old, size.new) == ("1", "2")
