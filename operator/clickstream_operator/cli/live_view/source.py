"""Documents of the page, read with the user's rights by clients that cannot write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.cli import aws, live, results, traffic
from clickstream_operator.cli.cluster import Cluster
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.live_view import documents
from clickstream_operator.cli.live_view.documents import Numbers
from clickstream_operator.kube.errors import KubernetesError
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse
from clickstream_operator.query import PipelineReader

_MINUTE: Final = "%Y-%m-%dT%H:%M"
_HOUR: Final = "%Y-%m-%dT%H"
_PAGE_VIEW: Final = "page_view"
_OTHERS: Final = ("Suspected", "Robot", "AIAgent")
_TYPES_SECONDS: Final = 60.0
"""Between two readings of the whole table of counters, which find new types of events."""
_STATE_SECONDS: Final = 5.0
_SLOW_SECONDS: Final = 20.0
"""Between two readings of what changes slowly: pages, incidents, balance."""


@dataclass(slots=True)
class _Memory:
    """What is kept of a pipeline between two readings; times by the monotonic clock."""

    obj: PipelineObject | None = None
    state: dict[str, Any] = field(default_factory=dict)
    state_at: float = float("-inf")
    kinds: frozenset[str] = frozenset()
    kinds_at: float = float("-inf")
    slow_at: float = float("-inf")
    numbers: Numbers = field(default_factory=Numbers)


class Source:
    """Reads pipelines of one namespace (or of all) and their numbers.

    Args:
        cluster: the cluster, and the namespace.
        all_namespaces: pipelines of every namespace.
        profile: of the AWS credential.
        executor: of the AWS calls.
        monotonic: seconds.
        now: the time of day.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        all_namespaces: bool,
        profile: str | None,
        executor: Executor,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._reader = cluster.reader()
        self.namespace = "" if all_namespaces else cluster.namespace
        self._profile = profile
        self._executor = executor
        self._monotonic = monotonic
        self._now = now
        self._sessions: dict[tuple[str, str], ReadOnlySession] = {}
        self._memories: dict[ObjectKey, _Memory] = {}

    def has(self, key: ObjectKey) -> bool:
        """Whether a pipeline is among those that are shown."""
        return self.namespace in {"", key.namespace}

    async def pipelines(self) -> dict[str, Any]:
        """All pipelines with their traffic, or the error that hides them."""
        try:
            bodies = await asyncio.to_thread(self._reader.pipelines, self.namespace)
        except KubernetesError as error:
            return {"namespace": self.namespace, "pipelines": [], "error": str(error)}
        found = [_parsed(body) for body in bodies]
        rows = await asyncio.gather(*(self._row(one) for one in found))
        return {"namespace": self.namespace, "pipelines": rows, "error": ""}

    async def pipeline(self, key: ObjectKey) -> dict[str, Any]:
        """One pipeline: its state, its numbers, and what could not be read."""
        memory = self._memories.setdefault(key, _Memory())
        document: dict[str, Any] = {"at": self._now().isoformat(), "errors": []}
        try:
            await self._read_state(key, memory)
        except KubernetesError as error:
            document["errors"].append(str(error))
        document["state"] = memory.state
        effective = memory.obj.status.effective if memory.obj else None
        if effective is not None:
            shown = live.minutes_until(self._now(), documents.MINUTES)
            try:
                await self._read_numbers(memory, effective, shown)
            except (CliError, AwsError) as error:
                document["errors"].append(_said(error))
            document["numbers"] = documents.numbers(memory.numbers, shown)
        return document

    async def _row(self, obj: PipelineObject) -> dict[str, Any]:
        effective = obj.status.effective
        if effective is None:
            return documents.summary(obj, {})
        try:
            session = await self._session(effective)
            found = await traffic.read(session, effective, obj, now=self._now())
        except (CliError, AwsError) as error:
            return documents.summary(obj, {"error": _said(error)})
        return documents.summary(obj, found.document())

    async def _read_state(self, key: ObjectKey, memory: _Memory) -> None:
        if self._monotonic() < memory.state_at + _STATE_SECONDS:
            return
        body = await asyncio.to_thread(self._reader.get, key)
        if body is None:
            memory.obj, memory.state = None, {}
            raise KubernetesError(f"there is no pipeline {key.name} in namespace {key.namespace}")
        events = await asyncio.to_thread(self._reader.events, key.namespace, name=key.name)
        memory.obj = _parsed(body)
        memory.state = documents.state(memory.obj, events)
        memory.state_at = self._monotonic()

    async def _read_numbers(
        self, memory: _Memory, effective: Effective, shown: Sequence[str]
    ) -> None:
        session = await self._session(effective)
        started = self._monotonic()
        wants_kinds = started >= memory.kinds_at + _TYPES_SECONDS
        wants_slow = started >= memory.slow_at + _SLOW_SECONDS

        def read(clients: Callable[[str], Any]) -> None:
            reader = results.reader(clients, effective)
            _read_minutes(reader, memory, shown, everything=wants_kinds)
            if wants_slow:
                _read_slow(reader, memory.numbers, self._now())

        await session.in_thread(read)
        if wants_kinds:
            memory.kinds_at = started
        if wants_slow:
            memory.slow_at = started

    async def _session(self, effective: Effective) -> ReadOnlySession:
        """A session whose credential belongs to the pipeline's account.

        Raises:
            AwsError: there is no credential, or it is refused.
            CliError: it belongs to another account.
        """
        place = (effective.region, effective.account)
        if place not in self._sessions:
            session = ReadOnlySession(
                region=effective.region, executor=self._executor, profile=self._profile
            )
            await aws.ensure_account(session, effective)
            self._sessions[place] = session
        return self._sessions[place]


def _read_minutes(
    reader: PipelineReader, memory: _Memory, shown: Sequence[str], *, everything: bool
) -> None:
    """Counts of the shown minutes; where everything is read, new types are found."""
    first = shown[0]
    if everything:
        memory.kinds |= reader.all_counts().keys()
    found = memory.numbers
    found.minutes = {kind: reader.counts(kind, since=first) for kind in sorted(memory.kinds)}
    found.channels = reader.channels(_PAGE_VIEW, since=first)
    found.classes = {
        "Human": sum(found.minutes.get(_PAGE_VIEW, {}).values()),
        **{
            name: sum(reader.counts(_PAGE_VIEW, since=first, agents=name).values())
            for name in _OTHERS
        },
    }
    hour = shown[-1][: len("2026-01-01T00")]
    found.site = reader.site_views(since=hour, until=hour)


def _read_slow(reader: PipelineReader, found: Numbers, now: datetime) -> None:
    day_ago = now - timedelta(days=1)
    found.incidents = reader.incidents(since=day_ago.strftime(_MINUTE))
    balances = reader.balances(since=day_ago.strftime(_HOUR))
    found.balance = balances[-1] if balances else None


def _parsed(body: dict[str, Any]) -> PipelineObject:
    metadata = body["metadata"]
    return parse(ObjectKey(metadata["namespace"], metadata["name"]), body)


def _said(error: CliError | AwsError) -> str:
    told = aws.told(error) if isinstance(error, AwsError) else error
    return str(told)


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)
