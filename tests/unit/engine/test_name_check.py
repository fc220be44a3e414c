"""All names are judged before anything is made; rights on what turns foreign are taken away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.delete import Deleter
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Origin, State
from clickstream_operator.engine.plan import Policy
from clickstream_operator.engine.resource import Outputs
from tests.unit.engine.fake_resource import (
    OTHER_TAGS,
    OWN_TAGS,
    CreateFirst,
    FakeResource,
    aws_error,
)
from tests.unit.engine.one_reconcile import ADOPT, apply, state_of

CREATED = datetime(2026, 11, 1, tzinfo=UTC)
EARLIER = CREATED - timedelta(days=1)


class Role(FakeResource):
    """Something with rights, of which a part can be taken away."""

    def bind(self, outputs: Outputs) -> Self:
        """All rights again."""
        self.want = {"rights": sorted(self.given)}
        return self

    def without(self, foreign: frozenset[str]) -> Self:
        """Fewer rights."""
        self.want = {"rights": sorted(self.given - foreign)}
        return self


def role(*given: str) -> Role:
    """A role with rights on these."""
    made = Role("role", want={"rights": sorted(given)})
    made.given = frozenset(given)
    return made


@pytest.mark.parametrize("kind", [FakeResource, CreateFirst])
async def test_nothing_is_made_beside_a_chosen_name_of_somebody_else(
    kind: type[FakeResource],
) -> None:
    """Not even what does not depend on it: its rights would name somebody else's table."""
    table = kind("table").exists(tags=OTHER_TAGS)
    queue, schedule = FakeResource("queue"), FakeResource("schedule")
    outcomes = await apply(role("table"), queue, schedule, table, chosen_names=frozenset({"table"}))
    assert state_of(outcomes["table"]) == (State.BLOCKED, Reason.OWNERSHIP_CONFLICT)
    assert not [*queue.writes, *schedule.writes, *table.writes]
    assert state_of(outcomes["role"]) == (State.PENDING, Reason.WAITING_FOR_DEPENDENCY)


async def test_a_chosen_name_that_can_not_be_judged_is_waited_for() -> None:
    """Who may not read a foreign table learns nothing, and makes nothing."""
    table, queue = FakeResource("table"), FakeResource("queue")
    table.fail["observe"] = aws_error(Category.ACCESS_DENIED)
    outcomes = await apply(queue, table, chosen_names=frozenset({"table"}))
    assert not queue.writes
    assert state_of(outcomes["queue"]) == (State.PENDING, Reason.WAITING_FOR_DEPENDENCY)


async def test_a_later_conflict_takes_the_rights_out_and_gives_them_back() -> None:
    """A running pipeline keeps the rest of its rights, and what it works on is not changed."""
    table = FakeResource("table").exists(tags=OTHER_TAGS)
    own, function = role("table", "queue"), FakeResource("function", want={"size": 2})
    own.exists()
    function.exists(size=1)
    function.given = frozenset({"table"})
    entries = {one.name: one.entry() for one in (table, own, function)}
    outcomes = await apply(own, function, table, inventory=entries)
    assert state_of(outcomes["table"])[1] == Reason.OWNERSHIP_CONFLICT
    assert own.there is not None
    assert own.there.properties == {"rights": ["queue"]}
    assert not function.writes
    table.exists(tags=OWN_TAGS)
    after = {name: one.entry for name, one in outcomes.items() if one.entry}
    await apply(own, function, table, inventory=after)
    assert own.there.properties == {"rights": ["queue", "table"]}


async def test_tags_of_somebody_else_beat_the_record_before_a_write() -> None:
    """A forged or restored status names the ARN: nothing is written, nothing retagged."""
    fake = FakeResource("a").exists(tags=OTHER_TAGS, size=9)
    fake.tags_in_observation = False
    outcomes = await apply(fake, inventory={"a": fake.entry()})
    assert state_of(outcomes["a"]) == (State.BLOCKED, Reason.OWNERSHIP_CONFLICT)
    assert not fake.writes


@pytest.mark.parametrize("tags_in_observation", [True, False])
async def test_tags_of_somebody_else_beat_the_record_before_a_deletion(
    *, tags_in_observation: bool
) -> None:
    """They are read, whatever is on record."""
    fake = FakeResource("a").exists(tags=OTHER_TAGS)
    fake.tags_in_observation = tags_in_observation
    start = ReconcileInput(inventory={"a": fake.entry()}, proven={"a": fake.arn})
    outcomes = await Deleter([fake], start).delete()
    assert outcomes["a"].entry is None
    assert not fake.writes


@pytest.mark.parametrize(("left", "set_again"), [({}, True), ({ownership.CLUSTER: "c"}, False)])
async def test_tags_removed_by_hand_are_set_before_a_deletion(
    left: dict[str, str], *, set_again: bool
) -> None:
    """The operator's policy lets it delete what carries the owner's tag, and nothing else."""
    fake = FakeResource("a").exists(tags=left, created_at=CREATED)
    fake.tags = {**(fake.tags or {}), **left}
    start = ReconcileInput(inventory={"a": fake.entry()}, proven={"a": fake.arn})
    await Deleter([fake], start).delete()
    assert fake.writes == (["set_tags"] if set_again else []) + ["delete"]


@pytest.mark.parametrize(
    ("evidence", "repaired"),
    [
        ({}, True),
        ({"chosen_names": frozenset({"a"})}, False),
        ({"chosen_names": frozenset({"a"}), "object_created": EARLIER}, True),
        ({"chosen_names": frozenset({"a"}), "object_created": CREATED + timedelta(1)}, False),
        ({"chosen_names": frozenset({"a"}), "proven": {"a": "arn:fake:base-a"}}, True),
        ({"chosen_names": frozenset({"a"}), "proven": {"a": "arn:other"}}, False),
        ({"chosen_names": frozenset({"a"}), "policy": ADOPT}, True),
    ],
)
@pytest.mark.parametrize("left", [{}, {ownership.CLUSTER: "cluster-1"}])
async def test_tags_removed_by_hand_are_repaired(
    evidence: dict[str, Any], left: dict[str, str], *, repaired: bool
) -> None:
    """Ours by its derived name, or by more than a status that anybody may have forged."""
    fake = FakeResource("a").exists(tags=left, created_at=CREATED)
    outcomes = await apply(fake, inventory={"a": fake.entry()}, **evidence)
    assert outcomes["a"].ready is repaired
    assert ("set_tags" in fake.writes) is repaired


@pytest.mark.parametrize(
    ("created_at", "since", "inherited"),
    [
        (EARLIER, CREATED, False),
        (CREATED, CREATED, True),
        (EARLIER, None, True),
        (None, CREATED, True),
    ],
)
@pytest.mark.parametrize("kind", [FakeResource, CreateFirst])
async def test_a_namespace_made_anew_inherits_no_data(
    kind: type[FakeResource],
    created_at: datetime | None,
    since: datetime | None,
    *,
    inherited: bool,
) -> None:
    """What is older than the namespace is the former tenant's, unless the settings say otherwise.

    It is neither adopted nor deleted.
    """
    fake = kind("a").exists(tags={**OWN_TAGS, ownership.UID: "uid-0"}, created_at=created_at)
    policy = Policy(namespace_since=since)
    start = ReconcileInput(inventory={"a": fake.entry(applied=False)}, policy=policy)
    outcomes = await apply(fake, policy=policy)
    assert outcomes["a"].ready is inherited
    if not inherited:
        entry = outcomes["a"].entry
        assert entry is not None
        assert "tenants[].inheritData" in entry.message
        assert (await Deleter([fake], start).delete())["a"].entry is None
        assert {"set_tags", "update", "delete"}.isdisjoint(fake.calls)


async def test_its_own_uid_is_no_inheritance() -> None:
    """The pipeline's own resource may be older than what the clock of Kubernetes says."""
    fake = FakeResource("a").exists(created_at=EARLIER)
    outcomes = await apply(fake, policy=Policy(namespace_since=CREATED))
    assert outcomes["a"].ready


class Shared(FakeResource):
    """Without tags, on something that is not the pipeline's own."""

    taggable = False
    adopts_found = True


async def test_what_is_found_on_a_foreign_parent_is_adopted_and_what_is_made_is_not() -> None:
    """The record says from then on what may be deleted."""
    found, made = Shared("a").exists(), Shared("b")
    outcomes = await apply(found, made)
    entries = {name: one.entry for name, one in outcomes.items() if one.entry}
    assert {name: one.origin for name, one in entries.items()} == {
        "a": Origin.ADOPTED,
        "b": Origin.CREATED,
    }
    again = await apply(found, made, inventory=entries)
    assert {name: replace(one.entry).origin for name, one in again.items() if one.entry} == {
        "a": Origin.ADOPTED,
        "b": Origin.CREATED,
    }
