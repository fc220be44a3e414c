"""Objects of the archive, read back as the processor wrote them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clickstream_layout.archive import ENVELOPE, RAW, decompress, folder_of
from shared.page_keys import PageKeys
from shared.paths import find
from shared.records import Event
from shared.timestamps import hour_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.config import Config


@dataclass(frozen=True, slots=True)
class ObjectName:
    """Parts of the key of an archive object; first and last inclusive."""

    key: str
    epoch: str
    shard: str
    first: int
    last: int
    writer: str

    @classmethod
    def parse(cls, key: str) -> ObjectName:
        """Return the parts of `<kind>/dt=../hr=../<epoch>-<shard>-<first>-<last>-<writer>.*`."""
        stem = key.rpartition("/")[2].partition(".")[0]
        lane, first, last, writer = stem.rsplit("-", 3)
        epoch, _, shard = lane.partition("-")
        return cls(key, epoch, shard, int(first), int(last), writer)


def list_keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys under a prefix, without empty objects."""
    arguments: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
    while True:
        answer = s3.list_objects_v2(**arguments)
        yield from (entry["Key"] for entry in answer.get("Contents", ()) if entry["Size"])
        if not answer.get("IsTruncated"):
            return
        arguments["ContinuationToken"] = answer["NextContinuationToken"]


def list_raw(s3: Any, bucket: str, hours: Iterable[int], kind: str = RAW) -> list[ObjectName]:
    """Return the objects of a kind whose first record arrived in one of these hours since 1970."""
    found = []
    for hour in hours:
        prefix = f"{kind}/{folder_of(hour_text(hour))}/"
        found += [ObjectName.parse(key) for key in list_keys(s3, bucket, prefix)]
    return found


def read_lines(s3: Any, bucket: str, key: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of an object; none of an empty one."""
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    if not body:
        return
    for line in decompress(key, body).split(b"\n"):
        if line:
            yield json.loads(line)


class UnreadableLineError(Exception):
    """An archived line of an earlier version is no event by the present `events.fields`."""


def read_event(line: dict[str, Any], config: Config, pages: PageKeys) -> tuple[str, Event]:
    """Return lane code and event of an archived line, as the processor had it.

    What the event was counted as stands in its envelope, whatever the mapping is now. In lines of
    a version before that it is found by the present mapping.

    Raises:
        UnreadableLineError: there it is not found: the mapping of fields has changed since.
    """
    document = dict(line)
    envelope = document.pop(ENVELOPE)
    agent = find(document, config.fields.user_agent)
    counted = envelope if "type" in envelope else _mapped(document, envelope, config, pages)
    return envelope["lane"], Event(
        sequence=int(envelope["sequence"]),
        sub=envelope["sub"],
        arrival_ms=envelope["arrival"],
        time_ms=envelope["time"],
        type=counted["type"],
        session=counted["session"],
        page=counted.get("page"),
        user_agent=agent if isinstance(agent, str) and agent else None,
        visitor=bytes.fromhex(envelope["visitor"]),
        document=document,
        is_page_view=counted.get("view", False),
        id=envelope.get("id"),
        # As it was counted: the lists of today may know other robots.
        agent_class=envelope.get("class", "Human"),
        channel=envelope.get("channel"),
        repeated=envelope.get("repeat", False),
    )


def _mapped(
    document: dict[str, Any], envelope: dict[str, Any], config: Config, pages: PageKeys
) -> dict[str, Any]:
    """Return what the envelope of this version would say, by the present mapping."""
    fields = config.fields
    kind, session = (_name(document, path, envelope) for path in (fields.type, fields.session))
    page = pages.key(find(document, fields.page), document)
    view = kind in config.page_view_types
    if view and page is None:
        raise UnreadableLineError(f"an archived page view has no {fields.page}")
    return {"type": kind, "session": session, "page": page, "view": view}


def _name(document: dict[str, Any], path: str, envelope: dict[str, Any]) -> str:
    name = find(document, path)
    if name is None:
        raise UnreadableLineError(
            f"an archived event of lane {envelope['lane']} has no {path!r}: rebuild with the "
            "events.fields that the pipeline had when it came"
        )
    return str(name)


class Snapshot:
    """The archived events of some arrival hours, each once, complete at one moment."""

    def __init__(self, config: Config, s3: Any, hours: range) -> None:
        self._config = config
        self._pages = PageKeys(config)
        self._bucket = config.bucket
        self._s3 = s3
        self._hours = hours

    def read(self) -> Iterator[tuple[str, Event]]:
        """Yield lane code and event.

        Raises:
            RuntimeError: the archive changed all the time.
        """
        seen: set[tuple[str, int, int]] = set()
        known: set[str] = set()
        for _ in range(_MOST_LISTINGS):
            # An object that came while the others were read shows in the next listing.
            fresh = [one for one in self.objects() if one.key not in known]
            if not fresh:
                return
            for name in fresh:
                known.add(name.key)
                for line in read_lines(self._s3, self._bucket, name.key):
                    lane, event = read_event(line, self._config, self._pages)
                    place = (lane, event.sequence, event.sub)
                    if place not in seen:
                        seen.add(place)
                        yield lane, event
        raise RuntimeError("the archive of these hours is still being written: try again later")

    def objects(self) -> list[ObjectName]:
        """Return the objects there are now."""
        return list_raw(self._s3, self._bucket, self._hours)


_MOST_LISTINGS = 20
