"""Local copy of a span of the archive: one file an hour of arrival, bounded in size.

Thousands of small objects cost a query engine far more than their bytes, so the objects of an hour
are concatenated into one file; gzip members and Zstandard frames may follow one another (RFC 1952,
RFC 8878). An object is known by key and ETag: one that was written anew, for example by an erasure,
makes the file of its hour anew, and the earlier file goes. Empty objects are fences of the
processor and hold no rows; an empty gzip file is none, so they stay out.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Final

from clickstream_layout.archive import folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_SUFFIXES: Final = (".jsonl.gz", ".jsonl.zst")
#: Up to so many hours are listed one by one; beyond, the listing of a whole day is cheaper.
_HOURS_LISTED_ALONE: Final = 36
_INDEX: Final = ".index"


class CacheTooSmallError(Exception):
    """The span does not fit into the cache. Sizes in bytes."""

    def __init__(self, needed: int, bound: int) -> None:
        super().__init__(f"{needed} bytes are above the cache's bound of {bound}")
        self.needed = needed
        self.bound = bound


@dataclass(frozen=True, slots=True)
class Span:
    """Time from `since` (included) to `until` (excluded), UTC; `since` None: from the start."""

    since: datetime | None
    until: datetime

    def widened(self, *, before: timedelta, after: timedelta) -> Span:
        """The span with a margin on both sides."""
        return Span(self.since - before if self.since else None, self.until + after)


@dataclass(frozen=True, slots=True)
class ArchiveObject:
    """One object with rows. `size` in bytes; `hour` as its folder has it, `dt=../hr=..`."""

    key: str
    etag: str
    size: int
    hour: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes that were fetched and bytes to fetch in all."""

    done: int
    total: int


class ArchiveCopy:
    """Copies of the hours of one bucket under a folder."""

    def __init__(
        self,
        *,
        s3: Any,
        bucket: str,
        folder: Path,
        bound: int,
        threads: int = 16,
        clock: Callable[[], float] = time.time,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """Take a low-level boto3 client, and the most bytes that all copies may take.

        `clock`: seconds since 1970, by which the copies that were used longest ago are known.
        """
        self._s3 = s3
        self._bucket = bucket
        self._root = folder
        self._folder = folder / bucket
        self._bound = bound
        self._threads = threads
        self._clock = clock
        self._on_progress = on_progress

    def list_objects(self, kind: str, span: Span) -> list[ArchiveObject]:
        """Return the objects of a kind (`raw` or `bad`) whose hour of arrival touches a span.

        Raises:
            ClientError: AWS's.
        """
        prefixes = [f"{kind}/{part}" for part in _prefixes(span)]
        with ThreadPoolExecutor(self._threads) as pool:
            found = [each for listed in pool.map(self._list, prefixes) for each in listed]
        return sorted(
            (each for each in found if _touches(each.hour, span)), key=lambda each: each.key
        )

    def copy(self, kind: str, objects: Sequence[ArchiveObject], span: Span) -> list[Path]:
        """Return the files that hold the rows of these objects, fetched where they are missing.

        `objects` are those that `list_objects` returned for the span; what the copy holds of it
        beside them was deleted from the archive, and is deleted here.

        Raises:
            CacheTooSmallError: they do not fit; nothing was fetched.
            ClientError: AWS's; what was fetched stays and is used by the next call.
            OSError: the disk is full, or the folder can't be written.
        """
        needed = sum(each.size for each in objects)
        if needed > self._bound:
            raise CacheTooSmallError(needed, self._bound)
        hours = [
            _Hour(self._folder / kind, hour, suffix, part)
            for (hour, suffix), part in _by_hour(objects).items()
        ]
        self._forget_deleted(kind, span, {hour.folder for hour in hours})
        missing = [hour for hour in hours if not hour.is_complete()]
        self._make_room({hour.path for hour in hours}, sum(hour.size for hour in missing))
        total = sum(each.size for hour in missing for each in hour.to_fetch())
        done = 0
        self._on_progress(Progress(0, total))
        with ThreadPoolExecutor(self._threads) as pool:
            for hour in missing:
                with hour.writer() as write:
                    for body in pool.map(self._fetch, hour.to_fetch()):
                        write(body)
                        done += len(body)
                        self._on_progress(Progress(done, total))
        for hour in hours:
            os.utime(hour.path, (self._clock(),) * 2)
        return [hour.path for hour in hours]

    def _list(self, prefix: str) -> list[ArchiveObject]:
        found: list[ArchiveObject] = []
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        while True:
            answer = self._s3.list_objects_v2(**arguments)
            found += [
                ArchiveObject(entry["Key"], entry["ETag"], entry["Size"], _hour_of(entry["Key"]))
                for entry in answer.get("Contents", ())
                if entry["Size"] and entry["Key"].endswith(_SUFFIXES)
            ]
            if not answer.get("IsTruncated"):
                return found
            arguments["ContinuationToken"] = answer["NextContinuationToken"]

    def _fetch(self, each: ArchiveObject) -> bytes:
        # The body that was listed, or an error: an object may be rewritten in between.
        answer = self._s3.get_object(Bucket=self._bucket, Key=each.key, IfMatch=each.etag)
        body: bytes = answer["Body"].read()
        return body

    def _forget_deleted(self, kind: str, span: Span, listed: set[Path]) -> None:
        for folder in (self._folder / kind).glob("dt=*/hr=*"):
            hour = f"{folder.parent.name}/{folder.name}"
            if folder not in listed and _touches(hour, span):
                shutil.rmtree(folder, ignore_errors=True)

    def _make_room(self, used: set[Path], size: int) -> None:
        """Delete the files that were used longest ago, but for those of this call."""
        files = [
            (path.stat().st_mtime, path.stat().st_size, path)
            for suffix in _SUFFIXES
            for path in self._root.rglob(f"*{suffix}")
        ]
        taken = sum(length for _, length, _ in files) + size
        for _, length, path in sorted(files):
            if taken <= self._bound:
                return
            if path not in used:
                _delete(path)
                taken -= length


class _Hour:
    """The file of one hour and compression."""

    def __init__(
        self, folder: Path, hour: str, suffix: str, objects: Sequence[ArchiveObject]
    ) -> None:
        self.folder = folder / hour
        self._suffix = suffix
        self._objects = {each.key: each for each in objects}
        self.size = sum(each.size for each in objects)
        entries = "\n".join(f"{each.key} {each.etag}" for each in objects)
        digest = hashlib.sha256(entries.encode()).hexdigest()[:16]
        self.path = self.folder / f"{digest}{suffix}"

    def is_complete(self) -> bool:
        return self.path.exists()

    def to_fetch(self) -> list[ArchiveObject]:
        """The objects that no earlier file of the hour holds."""
        _, held = self._earlier()
        return [each for key, each in self._objects.items() if key not in held]

    def writer(self) -> _Writer:
        earlier, held = self._earlier()
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {key: self._objects[key].etag for key in held}
        index = kept | {each.key: each.etag for each in self.to_fetch()}
        return _Writer(self.path, earlier, index, self._files())

    def _files(self) -> list[Path]:
        return [each for each in self.folder.glob(f"*{self._suffix}") if each != self.path]

    def _earlier(self) -> tuple[Path | None, Mapping[str, str]]:
        """An earlier file of the hour all of whose objects are still what they were."""
        for path in self._files():
            try:
                held = json.loads(_index_of(path).read_text())
            except (OSError, ValueError):
                continue
            now = {key: each.etag for key, each in self._objects.items()}
            if all(now.get(key) == etag for key, etag in held.items()):
                return path, held
        return None, {}


class _Writer:
    """A file that appears whole or not at all, and replaces the earlier ones of its hour."""

    def __init__(
        self, path: Path, earlier: Path | None, index: dict[str, str], replaced: list[Path]
    ) -> None:
        self._path = path
        self._earlier = earlier
        self._index = index
        self._replaced = replaced

    def __enter__(self) -> Callable[[bytes], int]:
        self._file = NamedTemporaryFile(dir=self._path.parent, prefix=".new-", delete=False)
        if self._earlier is not None:
            with self._earlier.open("rb") as earlier:
                shutil.copyfileobj(earlier, self._file)
        return self._file.write

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        part = Path(self._file.name)
        try:
            self._file.close()
            if kind is None:
                _index_of(self._path).write_text(json.dumps(self._index))
                part.replace(self._path)
                for path in self._replaced:
                    _delete(path)
        finally:
            part.unlink(missing_ok=True)


def _index_of(path: Path) -> Path:
    return path.with_name(path.name + _INDEX)


def _delete(path: Path) -> None:
    # Another call may have deleted it as well.
    path.unlink(missing_ok=True)
    _index_of(path).unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()


def _touches(hour: str, span: Span) -> bool:
    """Return whether an hour's folder (`dt=../hr=..`) has a part in a span."""
    first = folder_of(f"{span.since:%Y-%m-%dT%H}") if span.since else ""
    return first <= hour <= folder_of(f"{span.until:%Y-%m-%dT%H}")


def _hour_of(key: str) -> str:
    _, day, hour, _ = key.split("/", 3)
    return f"{day}/{hour}"


def _by_hour(objects: Iterable[ArchiveObject]) -> dict[tuple[str, str], list[ArchiveObject]]:
    groups: dict[tuple[str, str], list[ArchiveObject]] = {}
    for each in objects:
        suffix = next(suffix for suffix in _SUFFIXES if each.key.endswith(suffix))
        groups.setdefault((each.hour, suffix), []).append(each)
    return groups


def _prefixes(span: Span) -> Iterator[str]:
    """Yield the prefixes that cover a span, below a kind: hours, days, or everything."""
    if span.since is None:
        yield ""
        return
    by_hour = span.until - span.since <= _HOURS_LISTED_ALONE * _HOUR
    step = _HOUR if by_hour else _DAY
    moment = span.since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if not by_hour:
        moment = moment.replace(hour=0)
    while moment <= span.until:
        hour = folder_of(f"{moment:%Y-%m-%dT%H}")
        yield f"{hour}/" if by_hour else f"{hour.partition('/')[0]}/"
        moment += step
