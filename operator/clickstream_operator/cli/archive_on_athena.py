"""A query over a pipeline's archive by Athena: bounded, estimated first, refused above a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickstream_operator.api import components
from clickstream_operator.cli import archive, athena, aws
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import note, waiting
from clickstream_operator.query.archive_copy import ArchiveCopy, Span
from clickstream_operator.query.sql.bounded import Bounded, NoQueryError, bounded

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.kube.objects import PipelineObject

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Athena:
    """Where to ask; names None: those that `kubectl clickstream catalog` gives."""

    workgroup: str | None
    database: str | None
    most_gib: float
    """Most gibibytes that a query may read by the estimate."""

    def catalogue(self, base: str) -> athena.Catalogue:
        """The names of a pipeline."""
        own = athena.Catalogue.of(base)
        return athena.Catalogue(self.database or own.database, self.workgroup or own.workgroup)


def text_of(
    obj: PipelineObject, sql: str, span: Span, where: Athena, *, whole_sessions: bool
) -> Bounded:
    """The text that Athena gets.

    Raises:
        CliError: it is no query, or the pipeline has no place yet.
    """
    effective = obj.status.effective
    if effective is None:
        raise CliError(
            f"the operator has not decided where {obj.key.name} is",
            "wait until `status` shows its account, or let `doctor` look for the cause",
        )
    since = span.since or _FIRST
    arrived = archive.arrivals(obj, Span(since, span.until), whole_sessions=whole_sessions)
    exact = (_milliseconds(since), _milliseconds(span.until))
    try:
        return bounded(
            sql,
            database=where.catalogue(effective.base).database,
            arrivals=(arrived.since or _FIRST, arrived.until),
            bounds_ms=None if whole_sessions else exact,
        )
    except NoQueryError as error:
        raise CliError(str(error)) from error
    except ValueError as error:
        raise CliError(str(error), "give another with --database") from error


def ask(
    obj: PipelineObject,
    sql: str,
    span: Span,
    kinds: Sequence[str],
    where: Athena,
    *,
    whole_sessions: bool,
    profile: str | None,
) -> athena.Answer:
    """Rows of a query, told what it may cost before, and what it read after.

    Raises:
        CliError: the text is wrong, the estimate is above the limit, or AWS refuses.
    """
    made = text_of(obj, sql, span, where, whole_sessions=whole_sessions)
    arrived = archive.arrivals(obj, span, whole_sessions=whole_sessions)

    async def work(session: ReadOnlySession, effective: Effective) -> athena.Answer:
        def size(clients: Callable[[str], Any]) -> int:
            copy = ArchiveCopy(
                s3=clients("s3"),
                bucket=effective.names[components.ARCHIVE],
                folder=Path(),
                bound=0,
            )
            return sum(each.size for kind in kinds for each in copy.list_objects(kind, arrived))

        _tell_or_refuse(await session.in_thread(size), where)
        with waiting("Athena is at work"):
            return await athena.ask(session, made, where.catalogue(effective.base))

    answer = aws.of_pipeline(obj, work, profile=profile)
    note(f"Athena read {_gib(answer.scanned)}, {athena.cost(answer.scanned)} at list price")
    return answer


def _tell_or_refuse(size: int, where: Athena) -> None:
    estimate = f"{_gib(size)}, {athena.cost(size)} at list price, for each time the text reads it"
    if size > where.most_gib * athena.GIBIBYTE:
        raise CliError(
            f"the archive of this time has {estimate}, above --most-gib {where.most_gib:g}; "
            "nothing was asked",
            "choose a shorter time with --since and --until, or raise --most-gib",
        )
    note(f"the archive of this time has {estimate}")


def _gib(size: int) -> str:
    return f"{size / athena.GIBIBYTE:,.3f} GiB"


def _milliseconds(moment: datetime) -> int:
    return (moment - _FIRST) // timedelta(milliseconds=1)
