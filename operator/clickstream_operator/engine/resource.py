"""The resource contract: what a module about one AWS kind must say, and nothing more.

The engine owns ordering, ownership, drift, deletion policy, retries, events and metrics. A resource
says how *its* AWS thing is described (`desired`), seen (`observe`), and changed (`create`,
`update`, `delete`).

Properties are flat mappings from a field path (``retentionHours``, ``encryption.keyId``, ``tags``)
to a value that compares by meaning: sets of names as sorted tuples, policies in canonical form,
AWS's defaults written out. `desired` and `observe` use the same paths, so that one generic `diff`
serves every kind.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Required, TypedDict

Properties = Mapping[str, Any]
Outputs = Mapping[str, Mapping[str, str]]

TAGS: Final = "tags"
_PROPERTIES_LENGTH: Final = 16
_TAGS_LENGTH: Final = 8
#: Output of what was taken over, beside its own: `inventory.Origin`.
ORIGIN_OUTPUT: Final = "origin"


class OutputPending(Exception):
    """A desired state needs an output that its dependency does not have yet."""

    def __init__(self, resource: str, output: str) -> None:
        super().__init__(f"waiting for {resource}")
        self.resource = resource
        self.output = output


class ResourceBlocked(Exception):
    """A step that must not be taken now. `reason` is documented, `message` says the remedy."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a step is not taken now although nothing failed: AWS sets the pace.

    `reason` is documented, `message` stable. `seconds`: when to try again; None: poll.
    """

    reason: str
    message: str
    seconds: float | None = None


class StepMustWait(Exception):
    """AWS takes the next step only later."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.message)
        self.wait = wait


class AlreadyGone(Exception):
    """AWS's answer to a deletion: there is no such thing. Reads may lag behind that."""


class Phase(StrEnum):
    """How far AWS is with a thing that exists."""

    READY = "Ready"
    PROGRESSING = "Progressing"
    FAILED = "Failed"
    DELETING = "Deleting"


@dataclass(frozen=True, slots=True)
class Readiness:
    """`reason` is CamelCase, `message` a stable sentence; both empty when ready.

    `usable`: it serves while AWS is at work on it. `seconds`: when the first look is worth its
    call, None where nothing particular is known.
    """

    phase: Phase = Phase.READY
    reason: str = ""
    message: str = ""
    usable: bool = False
    seconds: float | None = None


READY: Final = Readiness()


def progressing(
    reason: str, message: str, *, usable: bool = False, seconds: float | None = None
) -> Readiness:
    """AWS is at work on the thing; look again soon."""
    return Readiness(Phase.PROGRESSING, reason, message, usable, seconds)


def failed(reason: str, message: str) -> Readiness:
    """AWS gave up on the thing; waiting does not help."""
    return Readiness(Phase.FAILED, reason, message)


def deleting(message: str, *, seconds: float | None = None) -> Readiness:
    """AWS is still removing the thing; `seconds`: when it usually has."""
    return Readiness(Phase.DELETING, "Deleting", message, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Observed:
    """What AWS has. `properties` holds only what was looked at: a hot observation leaves paths out.

    `tags` is None when the observation did not read them. `created_at` is None where AWS has none.
    """

    arn: str
    properties: Properties
    readiness: Readiness = READY
    outputs: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """Field path -> (observed, desired), for the fields that differ."""

    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    replace: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.fields)

    def __contains__(self, path: object) -> bool:
        """Whether the field at `path`, or one below it, differs."""
        return isinstance(path, str) and any(
            name == path or name.startswith(path + ".") for name in self.fields
        )

    @property
    def paths(self) -> tuple[str, ...]:
        """The differing paths, sorted."""
        return tuple(sorted(self.fields))


class DeletionPolicy(StrEnum):
    """What happens to a resource when the pipeline, or the feature it belongs to, goes."""

    DELETE = "Delete"
    RETAIN = "Retain"
    EMPTY = "Empty"


class ResourceArguments(TypedDict, total=False):
    """What every resource takes besides its own settings: the keyword arguments of `Resource`."""

    name: Required[str]
    physical_name: Required[str]
    depends_on: frozenset[str]
    tags: Mapping[str, str] | None
    obsolete_tags: frozenset[str]
    deletion: DeletionPolicy
    gates_ready: bool


class Resource(ABC):
    """One AWS thing of a pipeline.

    `name` is the stable inventory key (``stream``, ``processor-role``); `physical_name` is its name
    in AWS. `gates_ready` is False for what the pipeline works without (alarms, dashboard).
    """

    kind: ClassVar[str]
    #: Paths that AWS cannot change in place.
    replace_only: ClassVar[frozenset[str]] = frozenset()
    #: AWS refuses to create a second one, so the first creation needs no look before it.
    create_first: ClassVar[bool] = False
    #: Rarely changed and costly to look at: a hot resync relies on the last full one.
    full_only: ClassVar[bool] = False
    #: Paths of a new thing that AWS applies before it answers; its creation need not read them back
    #: one by one, the next full resync does.
    acknowledged: ClassVar[frozenset[str]] = frozenset()
    #: A hot look sees everything but the tags, so a changed desired state needs no second look.
    fast_is_complete: ClassVar[bool] = False
    #: How each change leaves one that AWS took its time to create; None: a look tells.
    busy_after_change: ClassVar[Readiness | None] = None
    #: What to look for follows from outputs of dependencies, so it is observed after them.
    observe_late: ClassVar[bool] = False
    #: False for what carries no tags and is owned through its parent.
    taggable: ClassVar[bool] = True
    #: False for what carries tags that don't tell whose it is.
    owned_by_tags: ClassVar[bool] = True
    #: Data that is lost with it, as a clause; empty where it holds none.
    holds: ClassVar[str] = ""
    #: Whether AWS's index of tags has it.
    indexed: ClassVar[bool] = True

    def __init__(
        self,
        *,
        name: str,
        physical_name: str,
        depends_on: frozenset[str] = frozenset(),
        tags: Mapping[str, str] | None = None,
        obsolete_tags: frozenset[str] = frozenset(),
        deletion: DeletionPolicy = DeletionPolicy.DELETE,
        gates_ready: bool = True,
    ) -> None:
        self.name = name
        self.physical_name = physical_name
        self.depends_on = depends_on
        self.tags: Mapping[str, str] = tags or {}
        self.obsolete_tags = obsolete_tags - self.tags.keys()
        self.deletion = deletion
        self.gates_ready = gates_ready

    @abstractmethod
    def desired(self, outputs: Outputs) -> Properties:
        """What should be, without tags. Pure.

        Raises:
            OutputPending: a dependency has not produced its output yet.
        """

    @abstractmethod
    async def observe(self, *, full: bool) -> Observed | None:
        """What is; None when AWS says that it is not there. Never changes anything.

        `full=False` may leave out what takes extra calls and changes rarely (the cold set).
        """

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """The tags by the service's own API, where the observation did not bring them."""
        return observed.tags or {}

    @abstractmethod
    async def create(self, desired: Properties) -> Observed | None:
        """Create it, with its tags in the call where the call takes them.

        Returns what now is when the answer tells, None when the engine should look.
        """

    @abstractmethod
    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> Observed | None:
        """Take the next legal step from `observed` to `desired`.

        AWS may allow one mutation at a time: what is left over shows in the next observation.
        Returns what now is when the answer tells, None when the engine should look.

        Raises:
            StepMustWait: AWS takes the step only later.
        """

    @abstractmethod
    async def delete(self, observed: Observed) -> int | None:
        """Ask AWS to remove it. Whether it is gone shows in the next observation.

        Raises:
            AlreadyGone: AWS says that there is nothing to remove, whatever reads show.

        Returns how many parts went when the removal is ours to go on with at once (the object
        versions of a bucket that is being emptied), None when it is AWS's turn.
        """

    def under_way(self, observed: Observed, diff: Diff) -> Wait | None:
        """What to say of a change that takes several steps; None: AWS's own words do. Pure."""
        return None

    def diff(self, desired: Properties, observed: Observed) -> Diff:
        """What differs, of the fields that were looked at. Pure."""
        fields: dict[str, tuple[Any, Any]] = {
            path: (observed.properties[path], wanted)
            for path, wanted in desired.items()
            if path in observed.properties and observed.properties[path] != wanted
        }
        if observed.tags is not None and self.taggable:
            wrong = {
                key: observed.tags.get(key)
                for key, value in self.tags.items()
                if observed.tags.get(key) != value
            }
            left = {key: observed.tags[key] for key in self.obsolete_tags & observed.tags.keys()}
            if wrong or left:
                fields[TAGS] = ({**wrong, **left}, {key: self.tags[key] for key in wrong})
        return Diff(fields, frozenset(fields) & self.replace_only)

    def missing_tags(self, diff: Diff) -> Mapping[str, str]:
        """The tags that `update` must set; empty when none differ."""
        return dict(diff.fields[TAGS][1]) if TAGS in diff.fields else {}

    def left_tags(self, diff: Diff) -> list[str]:
        """Keys of the tags that `update` must remove: ours once, and no longer wanted."""
        found, wanted = diff.fields.get(TAGS, ({}, {}))
        return sorted(found.keys() - wanted.keys())


def output(outputs: Outputs, resource: str, key: str) -> str:
    """One output of a dependency.

    Raises:
        OutputPending: it is not known yet.
    """
    value = outputs.get(resource, {}).get(key)
    if value is None:
        raise OutputPending(resource, key)
    return value


def fingerprint(properties: Properties, tags: Mapping[str, str]) -> str:
    """Hash of a desired state: 16 hex digits for the properties, 8 for the tags.

    Equal desired states have equal fingerprints.
    """
    return _digest(properties)[:_PROPERTIES_LENGTH] + _digest(tags)[:_TAGS_LENGTH]


def same_tags(one: str, other: str) -> bool:
    """Whether two fingerprints are of the same tags."""
    return one[_PROPERTIES_LENGTH:] == other[_PROPERTIES_LENGTH:]


def partially_applied(applied: str) -> str:
    """What stands for a fingerprint once a change of it has begun: equal to that of no state.

    When the change is taken back before its end, what is left of it is no drift.
    """
    return f"{applied}~" if applied and not applied.endswith("~") else applied


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=list, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
