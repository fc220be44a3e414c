"""Tags: who owns a resource."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.aws import tags

OURS = tags.pipeline_tags(
    cluster="c",
    namespace="shop",
    pipeline="web",
    uid="u",
    environment="prod",
    user_tags={"team": "web", "clickstream.dev/pipeline": "stolen"},
)


def test_tags_are_as_the_api_lists_them() -> None:
    """Ours and the user's; the user can't take ours over."""
    assert OURS == {
        "team": "web",
        "clickstream.dev/cluster": "c",
        "clickstream.dev/namespace": "shop",
        "clickstream.dev/pipeline": "web",
        "clickstream.dev/uid": "u",
        "Environment": "prod",
        "ManagedBy": "clickstream-operator",
    }


@pytest.mark.parametrize(
    "chosen",
    [
        {"Environment": "Prod"},
        {"environment": "Prod"},
        {"ManagedBy": "platform team"},
        {"MANAGEDBY": "x", "ENVIRONMENT": "y"},
    ],
)
def test_what_names_no_owner_is_the_users_to_set(chosen: dict[str, str]) -> None:
    """A tag policy on value and case can be met; no key stands twice in two cases."""
    found = tags.pipeline_tags(
        cluster="c", namespace="shop", pipeline="web", uid="u", environment="dev", user_tags=chosen
    )
    assert chosen.items() <= found.items()
    lower = [key.lower() for key in found]
    assert len(lower) == len(set(lower))
    assert {"environment", "managedby"} <= set(lower)


def test_uid_and_user_tags_decide_nothing() -> None:
    """A restored object has another uid."""
    assert tags.same_owner(OURS, {**OURS, tags.UID: "other", "team": "other"})


@pytest.mark.parametrize("key", [tags.CLUSTER, tags.NAMESPACE, tags.PIPELINE])
def test_each_owner_tag_decides(key: str) -> None:
    """One that differs or is absent makes it another's."""
    assert not tags.same_owner(OURS, {**OURS, key: "other"})
    assert not tags.same_owner(OURS, {name: v for name, v in OURS.items() if name != key})
    assert tags.has_owner({key: "anything"})


def test_no_owner() -> None:
    """Foreign tags and the uid alone are no owner."""
    assert not tags.has_owner({"team": "web", tags.UID: "u"})


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_list_form_goes_both_ways(found: dict[str, str]) -> None:
    """AWS's two spellings, sorted, and back."""
    assert tags.from_list(tags.as_list(found)) == found
    lower = tags.as_list(found, key="TagKey", value="TagValue")
    assert tags.from_list(lower, key="TagKey", value="TagValue") == found
    assert [one["TagKey"] for one in lower] == sorted(found)
