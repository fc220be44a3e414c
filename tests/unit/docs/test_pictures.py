"""The pictures in how-it-works: every change of state, and the packages as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

from clickstream_operator.aws.errors import Category
from clickstream_operator.engine import Applier, Deleter, Outcome, Policy
from clickstream_operator.engine.delete import UnconfirmedAbsence
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.plan import Approval, DriftPolicy
from clickstream_operator.engine.resource import (
    READY,
    DeletionPolicy,
    Readiness,
    ResourceBlocked,
    deleting,
    failed,
    progressing,
)
from docs.generator.packages import packages_picture
from docs.generator.states import GONE, TRANSITIONS, States, states_picture
from tests.unit.engine.fake_resource import OTHER_TAGS, FakeResource, aws_error

BUSY = progressing("Busy", "busy")
#: AWS's side of a resource.
PLACES: dict[str, Callable[[FakeResource], object]] = {
    "absent": lambda _fake: None,
    "as wanted": lambda fake: fake.exists(),
    "different": lambda fake: fake.exists(size=7),
    "to be replaced": lambda fake: fake.exists(keySchema="old"),
    "busy": lambda fake: fake.exists(readiness=BUSY),
    "busy and different": lambda fake: fake.exists(size=7, readiness=BUSY),
    "broken": lambda fake: fake.exists(readiness=failed("Broken", "broken")),
    "leaving": lambda fake: fake.exists(readiness=deleting("leaving")),
    "of another": lambda fake: fake.exists(tags=OTHER_TAGS),
}
WRITES = ("create", "update", "delete")
CALLS: dict[str, dict[str, Exception]] = {
    "answered": {},
    "not observed": {"observe": aws_error(Category.ACCESS_DENIED)},
    "refused": dict.fromkeys(WRITES, aws_error(Category.INVALID)),
    "held back": dict.fromkeys(WRITES, ResourceBlocked("NotConfirmed", "not confirmed")),
}
POLICIES = (
    *(Policy(drift=drift) for drift in DriftPolicy),
    Policy(read_only=True),
    Policy(approval=Approval()),
)


def resource(place: str, calls: str, *, size: int = 1, created: Readiness = READY) -> FakeResource:
    """A resource that AWS has in one of the places."""
    fake = FakeResource("one", "other", want={"size": 1, "keySchema": "new"})
    PLACES[place](fake)
    fake.fail = CALLS[calls]
    fake.want = {**fake.want, "size": size}
    fake.after_create = created
    return fake


def records() -> Iterator[Entry]:
    """Every state on record; of those that say nothing about it, never written and applied."""
    fake = resource("as wanted", "answered")
    for state in State:
        if state in {State.PENDING, State.CREATING, State.BLOCKED, State.FAILED}:
            yield fake.entry(applied=False, state=state)
        if state is not State.PENDING:
            yield fake.entry(state=state)


async def applied(entry: Entry, policy: Policy, one: FakeResource, other: Readiness) -> Outcome:
    """The outcome of a reconcile that wants the resource."""
    dependency = FakeResource("other").exists(readiness=other)
    known = replace(dependency.entry(), applied_hash="") if other is BUSY else dependency.entry()
    start = ReconcileInput(inventory={"other": known, "one": entry}, policy=policy)
    return (await Applier([dependency, one], start).apply())["one"]


async def changes() -> set[tuple[State, State | None]]:
    """Every change of state that the engine makes."""
    found: set[tuple[State, State | None]] = set()

    def note(entry: Entry, outcome: Outcome) -> None:
        found.add((entry.state, outcome.entry.state if outcome.entry else None))

    for entry, place, calls in product(records(), PLACES, CALLS):
        policies = POLICIES if calls == "answered" else POLICIES[:1]
        for policy, size in product(policies, (1, 2)):
            note(entry, await applied(entry, policy, resource(place, calls, size=size), READY))
        if calls == "answered":
            slow = resource(place, calls, created=BUSY)
            note(entry, await applied(entry, Policy(), slow, READY))
            note(entry, await applied(entry, Policy(), resource(place, calls), BUSY))
        for deletion, unconfirmed in product(DeletionPolicy, ((), ("one",))):
            fake = resource(place, calls)
            fake.deletion = deletion
            fake.after_delete = fake.there and replace(fake.there, readiness=deleting("leaving"))
            start = ReconcileInput(inventory={"one": entry})
            absences = UnconfirmedAbsence(names=unconfirmed)
            note(entry, (await Deleter([fake], start, unconfirmed=absences).delete())["one"])
    return found


async def test_every_change_of_state_is_drawn_and_every_arrow_happens() -> None:
    """Each state on record meets each thing that AWS may show, under each policy."""
    found = {(before, after) for before, after in await changes() if before is not after}

    def fits(state: State | None, end: States) -> bool:
        return state in end if end else state is None

    for before, after in found:
        drawn = [one for one in TRANSITIONS if fits(before, one.before) and fits(after, one.after)]
        assert drawn, f"{before} -> {after} has no arrow"
    for one in TRANSITIONS:
        if one.before != GONE:  # An intent is recorded before the engine begins.
            taken = any(fits(old, one.before) and fits(new, one.after) for old, new in found)
            assert taken, f"{one} never happens"


def test_every_state_is_in_the_picture() -> None:
    """By the word that the status has for it."""
    picture = states_picture()
    assert [state for state in State if state.value not in picture] == []


def test_the_picture_of_the_packages_shows_who_speaks_to_whom() -> None:
    """One arrow to each SDK, from the package that speaks to it."""
    arrows = [line.split(" --> ") for line in packages_picture().splitlines() if " --> " in line]
    speakers = {target: source.strip() for source, target in arrows}
    assert (speakers["kopf"], speakers["boto3"]) == ("runtime", "aws")
    assert speakers["kubernetes"] == "kube"
    assert ["  reconcile", "pipeline"] in arrows
