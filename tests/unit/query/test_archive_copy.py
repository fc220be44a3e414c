"""The local copy of the archive: what is listed, fetched, kept, replaced and refused."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clickstream_operator.query.archive_copy import (
    ArchiveCopy,
    CacheTooSmallError,
    Progress,
    Span,
)
from tests.lambdas.memory_aws import Faults, MemoryS3
from tests.unit.query.archives import BUCKET, EVERYTHING


class CountedS3(MemoryS3):
    """A bucket that counts what is fetched, and refuses some keys."""

    def __init__(self) -> None:
        super().__init__(Faults())
        self.fetched: list[str] = []
        self.refused: set[str] = set()
        self.prefixes: list[str] = []

    def add(self, key: str, text: str) -> None:
        """Put an object of one line; an empty text puts a fence."""
        self.objects[key] = (gzip.compress(f"{text}\n".encode()) if text else b"", {})

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        """Count, then answer."""
        if arguments["Key"] in self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
        self.fetched.append(arguments["Key"])
        return super().get_object(**arguments)

    def list_objects_v2(self, **arguments: Any) -> dict[str, Any]:
        """Count, then answer."""
        self.prefixes.append(arguments["Prefix"])
        return super().list_objects_v2(**arguments)


def key(day: str, hour: str, name: str, suffix: str = ".jsonl.gz") -> str:
    """Return the key of a raw object."""
    return f"raw/dt={day}/hr={hour}/{name}{suffix}"


def copy_of(s3: MemoryS3, folder: Path, bound: int = 1 << 20, **options: Any) -> ArchiveCopy:
    """Return a copy with few threads."""
    return ArchiveCopy(s3=s3, bucket=BUCKET, folder=folder, bound=bound, threads=2, **options)


def fetch(copy: ArchiveCopy, span: Span = EVERYTHING) -> list[Path]:
    """Return the files of a span."""
    return copy.copy("raw", copy.list_objects("raw", span), span)


def at(text: str) -> datetime:
    """Return a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def lines(paths: list[Path]) -> list[str]:
    """Return the lines of files, sorted."""
    return sorted(
        line for path in paths for line in gzip.decompress(path.read_bytes()).decode().split()
    )


def test_objects_of_an_hour_become_one_file_and_fences_none(tmp_path: Path) -> None:
    """A second call fetches nothing."""
    s3 = CountedS3()
    s3.add(key("2026-11-01", "00", "a"), "one")
    s3.add(key("2026-11-01", "00", "b"), "two")
    s3.add(key("2026-11-01", "00", "fence"), "")
    s3.add(key("2026-11-01", "01", "c"), "three")
    s3.add("raw/readme.txt", "foreign")
    seen: list[Progress] = []
    copy = copy_of(s3, tmp_path, on_progress=seen.append)
    paths = fetch(copy)
    assert len(paths) == 2
    assert lines(paths) == ["one", "three", "two"]
    assert (
        seen[-1].done
        == seen[-1].total
        == sum(len(body) for body, _ in s3.objects.values())
        - (len(s3.objects["raw/readme.txt"][0]))
    )
    s3.fetched.clear()
    assert fetch(copy) == paths
    assert s3.fetched == []


def test_an_hour_that_gained_an_object_fetches_that_one_alone(tmp_path: Path) -> None:
    """Redrive adds to closed hours; the earlier file of the hour goes."""
    s3 = CountedS3()
    s3.add(key("2026-11-01", "00", "a"), "one")
    copy = copy_of(s3, tmp_path)
    (before,) = fetch(copy)
    s3.add(key("2026-11-01", "00", "b"), "two")
    s3.fetched.clear()
    (after,) = fetch(copy)
    assert s3.fetched == [key("2026-11-01", "00", "b")]
    assert lines([after]) == ["one", "two"]
    assert not before.exists()


@pytest.mark.parametrize("change", ["rewritten", "deleted", "hour deleted"])
def test_what_was_erased_leaves_the_copy(tmp_path: Path, change: str) -> None:
    """An object that was written anew or deleted makes its hour anew."""
    s3 = CountedS3()
    s3.add(key("2026-11-01", "00", "a"), "secret")
    s3.add(key("2026-11-01", "00", "b"), "two")
    copy = copy_of(s3, tmp_path)
    fetch(copy)
    if change == "rewritten":
        s3.add(key("2026-11-01", "00", "a"), "erased")
    else:
        del s3.objects[key("2026-11-01", "00", "a")]
    if change == "hour deleted":
        del s3.objects[key("2026-11-01", "00", "b")]
    paths = fetch(copy)
    left = {"rewritten": ["erased", "two"], "deleted": ["two"], "hour deleted": []}
    assert lines(paths) == left[change]
    stored = list(tmp_path.rglob("*.gz"))
    assert "secret" not in lines(stored)


def test_an_object_rewritten_between_listing_and_reading_is_refused(tmp_path: Path) -> None:
    """Neither the old nor a mixed version is kept."""
    s3 = CountedS3()
    s3.add(key("2026-11-01", "00", "a"), "old")
    copy = copy_of(s3, tmp_path)
    listed = copy.list_objects("raw", EVERYTHING)
    s3.add(key("2026-11-01", "00", "a"), "new")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        copy.copy("raw", listed, EVERYTHING)
    assert list(tmp_path.rglob("*.gz")) == []


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ("2026-11-01T01:30", "2026-11-01T02:10", {"01", "02"}),
        ("2026-11-01T00:00", "2026-11-01T00:00", {"00"}),
        ("2026-10-01T00:00", "2026-11-01T01:00", {"00", "01"}),
        ("2026-11-01T02:00", "2026-12-01T00:00", {"02", "03"}),
        (None, "2026-11-01T00:59", {"00"}),
    ],
)
def test_listing_is_bounded_by_the_span(since: str | None, until: str, hours: set[str]) -> None:
    """Short spans list hours, long ones days."""
    s3 = CountedS3()
    for hour in ("00", "01", "02", "03"):
        s3.add(key("2026-11-01", hour, "a"), hour)
    span = Span(at(since) if since else None, at(until))
    found = copy_of(s3, Path("unused")).list_objects("raw", span)
    assert {each.hour.partition("hr=")[2] for each in found} == hours
    assert len(s3.prefixes) < 70


def test_a_span_above_the_bound_is_refused_before_a_byte_is_fetched(tmp_path: Path) -> None:
    """The message has both sizes."""
    s3 = CountedS3()
    s3.add(key("2026-11-01", "00", "a"), "one")
    copy = copy_of(s3, tmp_path, bound=10)
    with pytest.raises(CacheTooSmallError, match="above the cache's bound of 10"):
        fetch(copy)
    assert s3.fetched == []


def test_the_copies_stay_within_the_bound(tmp_path: Path) -> None:
    """The hour that was used longest ago goes first, one that is in use never."""
    s3 = CountedS3()
    for hour in ("00", "01", "02"):
        s3.add(key("2026-11-01", hour, "a"), f"line-{hour}")
    size = len(s3.objects[key("2026-11-01", "00", "a")][0])
    clock = iter(range(1_800_000_000, 1_800_000_100)).__next__
    copy = copy_of(s3, tmp_path, bound=2 * size, clock=clock)
    for hour in ("00", "01", "00", "02"):
        moment = at(f"2026-11-01T{hour}:00")
        fetch(copy, Span(moment, moment))
    assert lines(list(tmp_path.rglob("*.gz"))) == ["line-00", "line-02"]


def test_a_failed_fetch_leaves_whole_hours_and_no_part(tmp_path: Path) -> None:
    """The next call goes on where this one ended."""
    s3 = CountedS3()
    s3.add(key("2026-11-01", "00", "a"), "one")
    s3.add(key("2026-11-01", "01", "b"), "two")
    s3.refused.add(key("2026-11-01", "01", "b"))
    copy = copy_of(s3, tmp_path)
    with pytest.raises(ClientError):
        fetch(copy)
    left = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {".gz", ".index"}
    s3.refused.clear()
    s3.fetched.clear()
    assert lines(fetch(copy)) == ["one", "two"]
    assert s3.fetched == [key("2026-11-01", "01", "b")]
