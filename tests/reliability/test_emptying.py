"""`deletionPolicy.archive: Empty` with as many versions as a real archive has.

`make test` empties a bucket of 40,000 versions and delete markers, ``make test-sweeps`` one of
250,000.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from clickstream_operator.aws.session import CallRecord
from sandbox import Sandbox
from tests.integration.aws_inventory import left_in_aws
from tests.integration.pilot import Crash, empty_aws, run
from tests.kstatus import Verdict, verdict
from tests.reliability.archive_server import Archive, serving
from tests.reliability.journeys import LEAN, Body, Journey


@pytest.fixture
def journey(installed: Sandbox) -> Iterator[Journey]:
    """Yield a pipeline that is ready and has been for a minute."""
    # Without AWS's pace: what is counted here is writes.
    with empty_aws(installed, plain=True):
        started = Journey(installed)
        started.apply(LEAN)
        started.travel()
        started.time += 60
        yield started
        started.close()


def archive_of(journey: Journey, versions: int) -> Archive:
    """A bucket of so many versions in place of the pipeline's, with the tags of that one."""
    (name,) = left_in_aws(journey)["buckets"]
    found = journey.client("s3").get_bucket_tagging(Bucket=name)["TagSet"]
    return Archive(versions, tags={one["Key"]: one["Value"] for one in found})


def archive_entry(body: Body) -> Body:
    """The bucket's line in the inventory."""
    found = [one for one in body["status"]["resources"] if one["name"] == "archive"]
    return found[0] if found else {}


def removed(body: Body) -> int:
    """How many versions the status says are gone; 0 while it says nothing."""
    said = re.match(r"emptying: (\d+) object versions", archive_entry(body).get("message", ""))
    return int(said.group(1)) if said else 0


def _note(seen: list[Body], body: Body) -> bool:
    seen.append(body)
    return False


def travel_until_killed(journey: Journey, archive: Archive, deleted: float) -> list[Body]:
    """Reconcile until so many versions are gone and the process dies before it sees it."""

    def die(_record: CallRecord) -> None:
        if archive.deleted >= deleted:
            raise Crash

    seen: list[Body] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journey, "on_write", die)
        with pytest.raises(Crash):
            journey.travel(lambda body: _note(seen, body))
    journey.restart()
    return seen


def test_a_large_archive_is_emptied_by_processes_that_die(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """Killed twice on the way: nothing is deleted twice, the count in the status goes on."""
    count = 250_000 if pytestconfig.getoption("--whole-sweeps") else 40_000
    archive = archive_of(journey, count)
    with serving(archive) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        journey.restart()
        journey.request_deletion()
        told: list[int] = []
        for death in (0.3, 0.675):
            told += [removed(body) for body in travel_until_killed(journey, archive, death * count)]
        assert 0 < archive.deleted < count
        seen = journey.travel(lambda _body: False)
        told += [removed(body) for body in seen]
    assert journey.body() is None
    assert (archive.deleted, archive.exists, archive.versions) == (count, False, {})
    assert archive.largest_page == 1000
    # Each death may have a page deleted whose answer nobody saw: the next one lists the rest.
    assert archive.calls["delete"] == count / 1000
    assert archive.calls["list"] <= count / 1000 + 5
    shown = [number for number in told if number]
    assert shown == sorted(set(shown))
    # A step whose process died says nothing; the last one has nothing left to say.
    assert len(shown) >= count / 10_000 - 3
    assert shown[0] == 10_000
    assert {verdict(body) for body in seen} == {Verdict.TERMINATING}


def test_a_locked_version_is_named_and_waited_for(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key that S3 refuses blocks with words; the rest of its page is gone already."""
    archive = archive_of(journey, 2500)
    archive.locked = {("raw/00000100", "v3")}
    with serving(archive) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        journey.restart()
        journey.request_deletion()
        (*_, body) = journey.travel(
            lambda body: archive_entry(body).get("reason") == "DeletionBlocked"
        )
        assert (
            "S3 refused to delete some objects with AccessDenied" in archive_entry(body)["message"]
        )
        assert archive.versions.keys() >= archive.locked
        assert archive.deleted == 999
        archive.locked.clear()
        journey.travel(lambda _body: False)
    assert journey.body() is None
    assert not archive.exists
    # The emulator still has the empty bucket that stood in for this one.
    assert len(set().union(*left_in_aws(journey).values())) == 1


def test_it_is_not_ready_to_go_while_versions_are_left(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finalizer stays, and the next reconcile comes at once and not with a poll."""
    archive = archive_of(journey, 25_000)
    with serving(archive) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        journey.restart()
        journey.request_deletion()
        delays = []
        for _ in range(30):
            delays.append(run(journey.step()))
            body = journey.body()
            assert body is not None
            told = removed(body)
            if told:
                break
            journey.time += delays[-1] or 0.0
        assert told == 10_000
        assert delays[-1] is not None
        assert delays[-1] < 1
