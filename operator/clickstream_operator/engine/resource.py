"""Contract between the engine and a kind of AWS resource.

The engine owns ordering, ownership, drift, deletion policy, retries, events and metrics. A kind
describes, observes and changes its resource.

Properties are flat mappings from a field path (``retentionHours``, ``encryption.keyId``) to a value
that compares by meaning: sets of names as sorted tuples, policies in canonical form, AWS's defaults
written out. `desired` and `observe` use the same paths, so that one generic `diff` serves every
kind. Tags are no properties: the engine compares them, and tells the kind which to write.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Required, Self, TypedDict

Properties = Mapping[str, Any]
Outputs = Mapping[str, Mapping[str, str]]

#: Path of the tags in a `Diff`.
TAGS: Final = "tags"
#: Output of an adopted resource, beside those of its kind: `inventory.Origin`.
ORIGIN_OUTPUT: Final = "origin"


class ResourceBlocked(Exception):
    """A step that must not be taken now.

    `reason` is one of `api.reasons`; `message` tells the remedy.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a step is not taken now although nothing failed: AWS sets the pace."""

    reason: str
    """One of `api.reasons`."""
    message: str
    """Stable while the wait lasts."""
    seconds: float | None = None
    """Seconds until the next try; None: poll."""


class StepMustWait(Exception):
    """AWS takes the next step, or a part of it, only later; `written`: paths that it took."""

    def __init__(self, wait: Wait, *, written: frozenset[str] = frozenset()) -> None:
        super().__init__(wait.message)
        self.wait = wait
        self.written = written


class AlreadyGone(Exception):
    """AWS's answer to a deletion: there is no such resource. Reads may lag behind it."""


class Phase(StrEnum):
    """Progress of AWS with a resource that exists."""

    READY = "Ready"
    PROGRESSING = "Progressing"
    FAILED = "Failed"
    DELETING = "Deleting"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Progress of AWS with a resource, and the reason why it is not ready."""

    phase: Phase = Phase.READY
    reason: str = ""
    """CamelCase; empty when ready."""
    message: str = ""
    """A stable sentence; empty when ready."""
    usable: bool = False
    """Whether it serves while AWS is at work on it."""
    seconds: float | None = None
    """Seconds until a poll can show an end; None where none are known."""


READY: Final = Readiness()


def progressing(
    reason: str, message: str, *, usable: bool = False, seconds: float | None = None
) -> Readiness:
    """Readiness of a resource that AWS is at work on."""
    return Readiness(Phase.PROGRESSING, reason, message, usable, seconds)


def failed(reason: str, message: str) -> Readiness:
    """Readiness of a resource that AWS gave up on: waiting does not help."""
    return Readiness(Phase.FAILED, reason, message)


def deleting(message: str, *, seconds: float | None = None) -> Readiness:
    """Readiness of a resource that AWS is deleting; `seconds`: how long that usually takes."""
    return Readiness(Phase.DELETING, "Deleting", message, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Observed:
    """A resource as AWS shows it."""

    arn: str
    properties: Properties
    """By path; a fast observation leaves paths out."""
    readiness: Readiness = READY
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Values that dependents and the status take from it."""
    tags: Mapping[str, str] | None = None
    """None when the observation did not read them."""
    created_at: datetime | None = None
    """None where AWS does not tell."""


@dataclass(frozen=True, slots=True)
class Diff:
    """Fields of a resource that differ from its desired state."""

    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """Path -> (observed, desired)."""
    replace: frozenset[str] = frozenset()
    """Those of them that AWS can't change in place."""

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.fields)

    def __contains__(self, path: object) -> bool:
        """Whether the field at `path`, or one below it, differs."""
        return isinstance(path, str) and any(
            name == path or name.startswith(path + ".") for name in self.fields
        )

    def only(self, paths: Collection[str]) -> Diff:
        """The part of the difference at `paths`."""
        fields = {path: values for path, values in self.fields.items() if path in paths}
        return Diff(fields, self.replace & fields.keys())

    @property
    def paths(self) -> tuple[str, ...]:
        """The differing paths, sorted."""
        return tuple(sorted(self.fields))


class DeletionPolicy(StrEnum):
    """Fate of a resource whose pipeline or feature is removed."""

    DELETE = "Delete"
    RETAIN = "Retain"
    EMPTY = "Empty"


class ResourceArguments(TypedDict, total=False):
    """Keyword arguments of `Resource`, which every kind takes beside its own."""

    name: Required[str]
    physical_name: Required[str]
    depends_on: frozenset[str]
    tags: Mapping[str, str] | None
    obsolete_tags: frozenset[str]
    deletion: DeletionPolicy
    gates_ready: bool
    given: frozenset[str]


class Resource(ABC):
    """One AWS resource of a pipeline."""

    name: str
    """Key in the inventory, for example ``stream`` or ``processor-role``."""
    physical_name: str
    """Name in AWS."""
    depends_on: frozenset[str]
    """Names of the resources that come before it."""
    tags: Mapping[str, str]
    """Tags that the pipeline gives it."""
    obsolete_tags: frozenset[str]
    """Keys of tags that the pipeline gave it once."""
    deletion: DeletionPolicy
    given: frozenset[str]
    """Resources that it works on or has rights on; it gets none that has another owner."""
    gates_ready: bool
    """False for what the pipeline works without (alarms, dashboard)."""

    kind: ClassVar[str]
    replace_only: ClassVar[frozenset[str]] = frozenset()
    """Paths that AWS can't change in place."""
    create_first: ClassVar[bool] = False
    """AWS refuses to create a second one, so the first creation needs no observation before it."""
    full_only: ClassVar[bool] = False
    """Rarely changed and costly to observe: a fast resync relies on the last full one."""
    acknowledged: ClassVar[frozenset[str]] = frozenset()
    """Paths of a new resource that AWS applies before it answers: only a full resync reads them."""
    fast_is_complete: ClassVar[bool] = False
    """A fast observation shows everything but the tags."""
    busy_after_change: ClassVar[Readiness | None] = None
    """Readiness that each change leaves on one that takes AWS its time to create; None: observe."""
    changeable_when_failed: ClassVar[bool] = True
    """Whether AWS takes changes of one that it gave up on."""
    observe_late: ClassVar[bool] = False
    """Its identity follows from outputs of dependencies (`bind`): it is observed after them."""
    taggable: ClassVar[bool] = True
    """False for what carries no tags and is owned through its parent."""
    owned_by_tags: ClassVar[bool] = True
    """False for what carries tags that do not tell its owner."""
    added_later: ClassVar[Mapping[str, Any]] = {}
    """Properties that later versions added, with the value that older pipelines have."""
    holds: ClassVar[str] = ""
    """Data that is lost with it, as a clause; empty where it holds none."""
    shared_by: ClassVar[Mapping[str, str]] = {}
    """Paths that something else may manage, with the field of the spec that allows it."""
    indexed: ClassVar[bool] = True
    """Whether AWS's index of tags has it."""
    adopts_found: bool = False
    """Whether one without tags that exists before it is on record is adopted, not ours."""

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
        given: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self.physical_name = physical_name
        self.depends_on = depends_on
        self.tags = tags or {}
        self.obsolete_tags = obsolete_tags - self.tags.keys()
        self.deletion = deletion
        self.gates_ready = gates_ready
        self.given = given

    def bind(self, outputs: Outputs) -> Self:
        """The resource with an identity that follows from outputs filled in. Pure.

        Raises:
            OutputPending: a dependency has not produced its output yet.
        """
        return self

    def without(self, foreign: frozenset[str]) -> Self | None:
        """The resource without rights on these of its `given`; None: it must not be written. Pure.

        Roles lose their statements, a schedule stops; nothing else is safe to change.
        """
        return None

    async def data_since(self, observed: Observed) -> datetime | None:
        """Since when it has held data; None when AWS does not tell, or it holds none."""
        return observed.created_at

    @abstractmethod
    def desired(self, outputs: Outputs) -> Properties:
        """Desired properties. Pure.

        Raises:
            OutputPending: a dependency has not produced its output yet.
        """

    @abstractmethod
    async def observe(self, *, full: bool) -> Observed | None:
        """The resource as AWS shows it; None when AWS says that it does not exist. Only reads.

        A fast observation (`full` False) may leave out what takes extra calls and changes rarely.
        """

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """The tags by the service's own API, where the observation did not bring them."""
        return observed.tags or {}

    @abstractmethod
    async def create(self, desired: Properties) -> Observed | None:
        """Create it, with its tags in the call where the call takes them.

        Returns the new resource where the answer describes it, None where it must be observed.
        """

    @abstractmethod
    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> Observed | None:
        """Take the next legal step from `observed` to `desired`. `diff` is not empty.

        AWS may allow one mutation at a time: the rest shows in the next observation. Returns the
        changed resource where the answer describes it, None where it must be observed.

        Raises:
            StepMustWait: AWS takes the step, or a part of it, only later.
        """

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """Add these tags, or give them these values. Other tags stay."""
        raise TypeError(f"{self.kind} carries no tags")

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """Remove the tags with these keys. Other tags stay."""
        raise TypeError(f"{self.kind} carries no tags")

    async def change_tags(
        self, observed: Observed, tags: Mapping[str, str], keys: Sequence[str]
    ) -> None:
        """Set `tags` and remove `keys`; a kind whose API takes both together does so."""
        if tags:
            await self.set_tags(observed, tags)
        if keys:
            await self.remove_tags(observed, keys)

    @abstractmethod
    async def delete(self, observed: Observed) -> int | None:
        """Ask AWS to delete it. Whether it is gone shows in the next observation.

        Raises:
            AlreadyGone: AWS says that there is nothing to delete, whatever reads show.

        Returns the number of parts deleted when the operator is to go on at once (the object
        versions of a bucket that is being emptied), None when it is AWS's turn.
        """

    def misfit(self, observed: Observed) -> str:
        """Why it must not be adopted as it is, with the remedy; empty: it may. Pure."""
        return ""

    def under_way(self, observed: Observed, diff: Diff) -> Wait | None:
        """Progress of a change of several steps; None: the readiness tells. Pure."""
        return None

    def diff(self, desired: Properties, observed: Observed) -> Diff:
        """Properties that differ, of those that were observed. Pure."""
        fields = {
            path: (observed.properties[path], wanted)
            for path, wanted in desired.items()
            if path in observed.properties and observed.properties[path] != wanted
        }
        return Diff(fields, frozenset(fields) & self.replace_only)
