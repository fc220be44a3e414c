"""Picture of the states of one resource, as `status.resources` shows them."""

from __future__ import annotations

from typing import Final, NamedTuple

from clickstream_operator.engine.inventory import State

States = frozenset[State]
APPLIED: Final = frozenset({State.READY, State.UPDATING, State.DRIFTED})
WORKING: Final = APPLIED | {State.PENDING, State.CREATING}
ON_RECORD: Final = WORKING | {State.BLOCKED, State.FAILED}
GONE: Final[States] = frozenset()
_GROUPS: Final = {ON_RECORD: "OnRecord", WORKING: "Working", APPLIED: "Applied"}
_INDENT: Final = "  "


class Transition(NamedTuple):
    """One arrow: from any of some states to one of others, and when."""

    before: States
    after: States
    when: str


def _one(state: State) -> States:
    return frozenset({state})


#: A test takes the engine through every combination of record and AWS: each arrow is taken, and no
#: change of state is without its arrow.
TRANSITIONS: Final = (
    Transition(GONE, _one(State.PENDING), "its name is on record"),
    Transition(_one(State.PENDING), _one(State.CREATING), "AWS makes it"),
    Transition(_one(State.PENDING), APPLIED, "AWS has made it at once"),
    Transition(_one(State.CREATING), APPLIED, "AWS has made it"),
    Transition(_one(State.CREATING), _one(State.PENDING), "it waits for another after all"),
    Transition(APPLIED, _one(State.CREATING), "it was gone and is made again"),
    Transition(_one(State.READY), _one(State.UPDATING), "the spec changed, or drift is corrected"),
    Transition(_one(State.UPDATING), _one(State.READY), "AWS shows the change"),
    Transition(_one(State.READY), _one(State.DRIFTED), "AWS differs, and driftPolicy leaves it"),
    Transition(_one(State.DRIFTED), _one(State.READY), "AWS is as the spec says"),
    Transition(_one(State.DRIFTED), _one(State.UPDATING), "driftPolicy corrects it now"),
    Transition(_one(State.UPDATING), _one(State.DRIFTED), "the rest is left"),
    Transition(WORKING, _one(State.FAILED), "a call failed, or AWS says so"),
    Transition(_one(State.FAILED), WORKING, "a later reconcile finds it well"),
    Transition(WORKING, _one(State.BLOCKED), "it must not be written"),
    Transition(_one(State.BLOCKED), WORKING, "it may be written"),
    Transition(_one(State.BLOCKED), _one(State.FAILED), "a call failed"),
    Transition(_one(State.FAILED), _one(State.BLOCKED), "it must not be written"),
    Transition(ON_RECORD, _one(State.DELETING), "it left the spec, or the pipeline is deleted"),
    Transition(_one(State.DELETING), ON_RECORD, "it is wanted again, or its deletion is held up"),
    Transition(ON_RECORD, _one(State.RETAINED), "deletionPolicy keeps it"),
    Transition(_one(State.DELETING), _one(State.RETAINED), "deletionPolicy keeps it now"),
    Transition(_one(State.RETAINED), ON_RECORD, "it is wanted again"),
    Transition(ON_RECORD, GONE, "it is not there to be deleted"),
    Transition(_one(State.DELETING), GONE, "AWS says that it is gone"),
)


def states_picture() -> str:
    """A Mermaid state diagram; a box stands for each state in it."""
    return "\n".join(["stateDiagram-v2", *_scope(frozenset(State), level=1)])


def _scope(states: States, *, level: int) -> list[str]:
    """The box inside of `states`, then the arrows that lie in `states` and in no smaller box."""
    inner = max((group for group in _GROUPS if group < states), key=len, default=GONE)
    lines = [f"state {_GROUPS[inner]} {{", *_scope(inner, level=1), "}"] if inner else []
    lines += [
        f"{_name(one.before)} --> {_name(one.after)} : {one.when}"
        for one in TRANSITIONS
        if _is_inside(one, states) and not _is_inside(one, inner)
    ]
    return [_INDENT * level + line for line in lines]


def _is_inside(transition: Transition, box: States) -> bool:
    """Whether an arrow has both ends in a box, and none on its rim."""
    return transition.before < box and transition.after < box


def _name(states: States) -> str:
    if not states:
        return "[*]"
    return _GROUPS.get(states) or next(iter(states)).value
