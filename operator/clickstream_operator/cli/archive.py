"""Rows of a pipeline's archive on this machine, for commands that ask it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clickstream_operator.api import components
from clickstream_operator.cli import aws
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import note, progress
from clickstream_operator.query.archive_copy import (
    ArchiveCopy,
    ArchiveObject,
    CacheTooSmallError,
    Span,
)

if TYPE_CHECKING:
    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.kube.objects import PipelineObject
    from clickstream_operator.query.archive_copy import Progress
    from clickstream_operator.query.duckdb_engine import Engine

_MEBIBYTE: Final = 1 << 20
_SESSION: Final = timedelta(days=1)
"""Reports know a session whole when it began at most so long before their time."""


@dataclass(frozen=True, slots=True)
class Cache:
    """Where copies are kept, and the most bytes that they may take."""

    folder: Path
    bound: int


def default_folder() -> Path:
    """The folder of the copies, below the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "clickstream" / "archive"


def arrivals(obj: PipelineObject, span: Span, *, whole_sessions: bool) -> Span:
    """The time in which events of a span may have arrived.

    An event is accepted up to `events.maxPastSeconds` after its time, and up to
    `events.maxFutureSeconds` before.
    """
    events = obj.spec.events
    before = timedelta(seconds=events.max_future_seconds)
    after = timedelta(seconds=events.max_past_seconds)
    return span.widened(before=before + _SESSION if whole_sessions else before, after=after)


@contextmanager
def opened(
    obj: PipelineObject,
    span: Span,
    kinds: Sequence[str],
    *,
    whole_sessions: bool,
    cache: Cache,
    memory: str,
    profile: str | None,
    writable: Sequence[Path] = (),
) -> Iterator[Engine]:
    """Yield the engine over the rows of a span, fetched where this machine lacks them.

    Args:
        obj: the pipeline.
        span: event time.
        kinds: `raw`, `bad`, or both.
        whole_sessions: load the sessions of the span whole, as reports need them; else the views
            hold exactly the events of the span.
        cache: of copies.
        memory: bound of the database's memory.
        profile: of the AWS credential.
        writable: the only files that queries may write.

    Raises:
        CliError: DuckDB is not installed, AWS or the disk refuses, or the span is too large.
    """
    try:
        import duckdb  # noqa: F401, PLC0415

        from clickstream_operator.query import duckdb_engine  # noqa: PLC0415
    except ImportError as error:
        raise CliError(
            "this command needs DuckDB, which is not installed",
            "pip install 'clickstream-operator[cli,query]', or pipx inject clickstream-operator "
            "duckdb",
        ) from error
    found = _fetched(obj, arrivals(obj, span, whole_sessions=whole_sessions), kinds, cache, profile)
    since = span.since or datetime(1970, 1, 1, tzinfo=UTC)
    bounds = None if whole_sessions else (_milliseconds(since), _milliseconds(span.until))
    try:
        with duckdb_engine.opened(
            found.get("raw", ()),
            found.get("bad", ()),
            memory=memory,
            writable=writable,
            bounds_ms=bounds,
        ) as engine:
            yield engine
    except duckdb_engine.QueryError as error:
        raise CliError(str(error), _remedy(str(error))) from error


def _fetched(
    obj: PipelineObject, span: Span, kinds: Sequence[str], cache: Cache, profile: str | None
) -> dict[str, list[Path]]:
    """The files of a span by kind."""

    def fetch(clients: Callable[[str], Any], effective: Effective) -> dict[str, list[Path]]:
        shown: list[Callable[[int], None]] = []

        def on_progress(each: Progress) -> None:
            if shown:
                shown[0](each.done)

        copy = ArchiveCopy(
            s3=clients("s3"),
            bucket=effective.names[components.ARCHIVE],
            folder=cache.folder,
            bound=cache.bound,
            on_progress=on_progress,
        )
        listed = {kind: copy.list_objects(kind, span) for kind in kinds}
        note(_told_listing([each for found in listed.values() for each in found]))
        files = {}
        for kind, objects in listed.items():
            total = sum(each.size for each in objects)
            with progress(total, "fetching") as show:
                shown[:] = [show]
                files[kind] = copy.copy(kind, objects, span)
        return files

    async def work(session: ReadOnlySession, effective: Effective) -> dict[str, list[Path]]:
        return await session.in_thread(lambda clients: fetch(clients, effective))

    try:
        return aws.of_pipeline(obj, work, profile=profile)
    except CacheTooSmallError as error:
        raise CliError(
            f"the archive of this time has {error.needed / _MEBIBYTE:,.0f} MiB, the cache may take "
            f"{error.bound / _MEBIBYTE:,.0f}",
            "choose a shorter time with --since and --until, or raise --cache-mib",
        ) from error
    except OSError as error:
        raise CliError(
            f"the copy in {cache.folder} can't be written: {error.strerror}",
            "make room there, or choose another folder with --cache-dir",
        ) from error


def _told_listing(objects: Sequence[ArchiveObject]) -> str:
    size = sum(each.size for each in objects) / _MEBIBYTE
    return f"{len(objects):,} objects of the archive, {size:,.1f} MiB compressed"


def _remedy(said: str) -> str:
    if "Out of Memory" in said:
        return "raise --memory, or choose a shorter time with --since and --until"
    return ""


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)
