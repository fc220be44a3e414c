"""A resource kept in memory: what the engine does to it can be counted and made to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.desired import fingerprint
from clickstream_operator.engine.inventory import Entry, Origin, State
from clickstream_operator.engine.outputs import output
from clickstream_operator.engine.resource import (
    READY,
    DeletionPolicy,
    Diff,
    Observed,
    Outputs,
    Properties,
    Readiness,
    Resource,
    progressing,
)

OWN_TAGS: Mapping[str, str] = {
    ownership.CLUSTER: "cluster-1",
    ownership.NAMESPACE: "shop",
    ownership.PIPELINE: "web",
    ownership.UID: "uid-1",
}
WRITES = frozenset({"create", "update", "set_tags", "remove_tags", "delete"})
OTHER_TAGS: Mapping[str, str] = {**OWN_TAGS, ownership.PIPELINE: "other"}


def aws_error(category: Category, code: str = "Code", text: str = "said AWS") -> AwsError:
    """A failed call of one category."""
    return AwsError(service="fake", operation="call", code=code, text=text, category=category)


class FakeResource(Resource):
    """One thing in memory.

    `log` gets ``<name>:<call>`` for each call; several fakes may share one. `fail` maps a call to
    the error that it raises; ``observe`` is both observations, ``observe-full`` the
    full one. `lag` is the number of observations that still show the state before a write.
    """

    kind: ClassVar[str] = "Fake"
    replace_only: ClassVar[frozenset[str]] = frozenset({"keySchema"})

    def __init__(
        self,
        name: str,
        *needs: str,
        want: Properties | None = None,
        wants_output_of: Iterable[str] = (),
        log: list[str] | None = None,
        tags: Mapping[str, str] | None = None,
        deletion: DeletionPolicy = DeletionPolicy.DELETE,
    ) -> None:
        super().__init__(
            name=name,
            physical_name=f"base-{name}",
            depends_on=frozenset(needs),
            tags=OWN_TAGS if tags is None else tags,
            deletion=deletion,
        )
        self.want: Properties = {"size": 1} if want is None else want
        self.wants_output_of = tuple(wants_output_of)
        self.log: list[str] = [] if log is None else log
        self.there: Observed | None = None
        self.shown_instead: Observed | None = None
        self.lag = 0
        self.fail: dict[str, Exception] = {}
        self.after_create: Readiness = READY
        self.after_delete: Observed | None = None
        self.tags_in_observation = True
        self.on_observe: Callable[[], None] = lambda: None
        self.write_refused = False

    @property
    def arn(self) -> str:
        """Its ARN, when it exists."""
        return f"arn:fake:{self.physical_name}"

    @property
    def differs(self) -> bool:
        """Whether AWS has it otherwise than wanted, or not at all."""
        if self.there is None:
            return True
        shown = self.there
        tags = shown.tags or {}
        wrong = any(shown.properties.get(path) != value for path, value in self.want.items())
        return wrong or any(tags.get(key) != value for key, value in self.tags.items())

    @property
    def calls(self) -> list[str]:
        """The calls made to this one resource."""
        return [line.split(":")[1] for line in self.log if line.startswith(f"{self.name}:")]

    @property
    def writes(self) -> list[str]:
        """The calls that changed it."""
        return [call for call in self.calls if call in WRITES]

    def exists(
        self,
        *,
        tags: Mapping[str, str] | None = None,
        readiness: Readiness = READY,
        created_at: datetime | None = None,
        **properties: Any,
    ) -> FakeResource:
        """Put it into AWS: as wanted but for `properties`, with our tags by default."""
        self.there = Observed(
            arn=self.arn,
            properties={**self.want, **properties},
            readiness=readiness,
            outputs={"arn": self.arn},
            tags=self.tags if tags is None else tags,
            created_at=created_at,
        )
        return self

    def entry(self, *, applied: bool = True, **values: Any) -> Entry:
        """Its line in the inventory: ready and applied, or only intended."""
        if not applied:
            return Entry(self.name, self.kind, self.physical_name, **values)
        settled = {
            "arn": self.arn,
            "origin": Origin.CREATED,
            "applied_hash": fingerprint(self.want, self.tags),
            "state": State.READY,
        }
        return Entry(self.name, self.kind, self.physical_name, **(settled | values))

    def desired(self, outputs: Outputs) -> Properties:
        """What is wanted, with the ARNs of others where it needs them."""
        found = {name: output(outputs, name, "arn") for name in self.wants_output_of}
        return {**self.want, **found}

    async def observe(self, *, full: bool) -> Observed | None:
        """What is shown."""
        self._note("observe-full" if full else "observe")
        self.on_observe()
        if self.lag:
            self.lag -= 1
            return self.shown_instead
        if self.there is None or self.tags_in_observation:
            return self.there
        return self._changed(self.there, tags=None)

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """The tags, where observations do not bring them."""
        self._note("read_tags")
        return (self.there.tags if self.there else None) or {}

    async def create(self, desired: Properties) -> Observed | None:
        """Make it; an existing one is refused."""
        self._note("create")
        if self.there is not None:
            raise aws_error(Category.ALREADY_EXISTS)
        self.there = Observed(
            arn=self.arn,
            properties=desired,
            readiness=self.after_create,
            outputs={"arn": self.arn},
            tags=self.tags,
        )
        return None

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Change one field at a time."""
        self._note("update")
        assert self.there is not None
        self.shown_instead = self.there
        path = diff.paths[0]
        self.there = self._changed(
            self.there, properties={**self.there.properties, path: desired[path]}
        )

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """Add tags to those that it has."""
        self._note("set_tags")
        assert self.there is not None
        self.shown_instead = self.there
        self.there = self._changed(self.there, tags={**(self.there.tags or {}), **tags})

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """Take tags from those that it has."""
        self._note("remove_tags")
        assert self.there is not None
        self.shown_instead = self.there
        left = {key: value for key, value in (self.there.tags or {}).items() if key not in keys}
        self.there = self._changed(self.there, tags=left)

    async def delete(self, observed: Observed) -> None:
        """Remove it, or leave what AWS shows while it removes it."""
        self._note("delete")
        self.there = self.after_delete

    def _note(self, call: str) -> None:
        self.log.append(f"{self.name}:{call}")
        error = self.fail.get(call) or self.fail.get(call.removesuffix("-full"))
        if error is not None:
            self.write_refused = self.write_refused or call in WRITES
            raise error

    @staticmethod
    def _changed(observed: Observed, **values: Any) -> Observed:
        fields = {name: getattr(observed, name) for name in Observed.__dataclass_fields__}
        return Observed(**(fields | values))


class CreateFirst(FakeResource):
    """One that AWS refuses to make twice."""

    create_first = True


class Acknowledging(FakeResource):
    """One whose ``ttl`` shows in full observations only, and is set when AWS has answered."""

    acknowledged = frozenset({"ttl"})

    async def observe(self, *, full: bool) -> Observed | None:
        """What is shown."""
        seen = await super().observe(full=full)
        if seen is None or full:
            return seen
        shown = {path: value for path, value in seen.properties.items() if path != "ttl"}
        return self._changed(seen, properties=shown)


class Slow(FakeResource):
    """One that AWS works on after each change."""

    busy_after_change = progressing("Busy", "busy", seconds=30.0)


class LateObservation(FakeResource):
    """One that can be observed only after its dependencies."""

    observe_late = True


class Untagged(FakeResource):
    """One that carries no tags."""

    taggable = False


class Unindexed(FakeResource):
    """Has tags that no index has."""

    indexed = False
