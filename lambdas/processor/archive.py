"""Every valid event and every bad row in the bucket exactly once.

The fenced protocol: a generation of the lane is taken together with an intent (the keys it will
write); objects are only ever created (`If-None-Match: *`; Amazon S3 User Guide, "How to prevent
object overwrites with conditional writes"); whoever finds an intent that was left behind puts an
empty object at each of its keys first. If that succeeds, the owner can never write there again;
if it does not, what stands there decides. Empty objects are valid and mean nothing.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from clickstream_layout.archive import BAD, ENVELOPE, RAW, folder_of
from processor.dead_letters import DeadLetters
from processor.lane_items import Intent, LaneState
from shared.conditional_write import MOST_ATTEMPTS, ContentionError, error_code
from shared.config import ConfigError
from shared.decode import count_reasons
from shared.timestamps import hour_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from processor.lane_items import Judgement, LaneItems
    from shared.config import Config
    from shared.lanes import Lane
    from shared.records import BadRow, Batch, Event

_HOUR_MS = 3_600_000
_REASONS = "reasons"


class JudgedOtherwiseError(Exception):
    """A batch was judged by what is not so any more; the lane's `state` is what is.

    A record was judged by another budget before, or repeats were told from another end of the lane.
    """

    def __init__(self, state: LaneState) -> None:
        super().__init__("the batch was judged by another state of the lane")
        self.state = state


class Compression:
    """Compression of objects; its module is imported once, when the function starts."""

    def __init__(self, name: Literal["Gzip", "Zstd"]) -> None:
        self.suffix, self.content_type = ".jsonl.gz", "application/gzip"
        self.compress: Callable[[bytes], bytes] = _gzip
        if name == "Zstd":
            try:
                from compression import zstd  # type: ignore[import-not-found]  # noqa: PLC0415 - Python 3.14
            except ImportError as error:
                raise ConfigError(
                    "archive.compression is 'Zstd', which needs the Python 3.14 runtime: "
                    "write Gzip, or run the function on python3.14"
                ) from error
            self.suffix, self.content_type = ".jsonl.zst", "application/zstd"
            self.compress = zstd.compress


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=6, mtime=0)


class Archive:
    """Steps 1 to 3 of the protocol; `LaneItems.finish` is step 4."""

    def __init__(
        self,
        *,
        s3: Any,
        lanes: LaneItems,
        bucket: str,
        compression: Compression,
        enabled: bool,
        announce: Callable[[Lane, str, dict[str, str]], None],
    ) -> None:
        """Args beside the obvious: `announce` sends the dead-letter message of a bad object."""
        self._s3 = s3
        self._lanes = lanes
        self._bucket = bucket
        self._compression = compression
        self._enabled = enabled
        self._announce = announce

    @classmethod
    def of_config(cls, config: Config, *, s3: Any, sqs: Any, lanes: LaneItems) -> Archive:
        """Return the archive of a pipeline, which names its bad objects in the dead-letter queue.

        Raises:
            ConfigError: the runtime lacks the compression.
        """
        return cls(
            s3=s3,
            lanes=lanes,
            bucket=config.bucket,
            compression=Compression(config.archive_compression),
            enabled=config.archive_enabled,
            announce=DeadLetters(
                sqs,
                queue_url=config.dead_letter_queue_url,
                bucket=config.bucket,
                pipeline=config.pipeline,
            ).announce,
        )

    def store(
        self,
        lane: Lane,
        batch: Batch,
        state: LaneState,
        *,
        judged: Judgement | None = None,
        marked_from: int | None = None,
        long: bool = False,
    ) -> LaneState:
        """Put what is above the lane's watermarks into the bucket.

        Args beside the obvious: `judged` is the budget by which the batch was judged, if that
        makes a difference; `marked_from` the lane's end from which its repeats were told, if any
        were looked for: a container that slept may know an old one. Such a batch, and a `long` one,
        whose progress is kept, takes a generation also when it has nothing to archive.

        Returns:
            The lane's state for step 4. It carries this batch's intent if anything was written.

        Raises:
            JudgedOtherwiseError: another has judged a record before, by another budget, or the lane
                has another end than the one from which repeats were told.
            ContentionError: other writers kept taking the lane.
            ClientError: AWS's; the whole batch again is safe.
        """
        for _ in range(MOST_ATTEMPTS):
            if state.done >= batch.last:
                return state
            if marked_from not in (None, state.done):
                raise JudgedOtherwiseError(state)
            if judged and _is_judged_otherwise(batch, judged, state.judged):
                raise JudgedOtherwiseError(state)
            state = self.decide(lane, state)
            bad_rows = [row for row in batch.bad_rows if row.sequence > state.bad]
            events = [row for row in batch.events if row.sequence > state.raw]
            bodies = self._bodies(lane, bad_rows, events)
            archived = len(events) if self._enabled else 0
            # An intent that was decided could stay as well: the watermarks say what came of it, and
            # whoever finds it again decides alike. A new generation ends the asking.
            marked = marked_from is not None
            if not (bodies or state.intent or state.tries or judged or marked or long):
                return state
            intent = Intent(
                generation=(state.generation or 0) + 1,
                first=batch.first,
                last=batch.last,
                place=_place(_first_arrival(batch, state.done)),
                kinds=tuple(bodies),
                suffix=f".{archived}.{len(bad_rows)}{self._compression.suffix}",
            )
            taken, state = self._lanes.begin(lane, state, intent, batch, judged)
            if taken and self._put_all(lane, intent, bodies):
                for kind, (body, _) in bodies.items():
                    state = state.with_object(intent, kind, len(body))
                return replace(state, decided=True)
            if taken:
                state = self._lanes.load(lane)
        raise ContentionError("a lane was taken by others too often")

    def decide(self, lane: Lane, state: LaneState) -> LaneState:
        """Return the state after the intent that was left behind, if any, is decided.

        Raises:
            ClientError: AWS's; again is safe.
        """
        if state.intent is None or state.decided:
            return state
        return replace(self._decide(lane, state, state.intent), decided=True)

    def settle(self, lane: Lane, batch: Batch) -> None:
        """Make sure that no one writes a batch any more that Lambda has given up on.

        Whoever still works on it finds the lane ahead of it.

        Raises:
            ContentionError, ClientError: as in `store`.
        """
        without_rows = replace(batch, events=(), bad_rows=(), arrivals=())
        for _ in range(MOST_ATTEMPTS):
            state = self._lanes.load(lane)
            if state.done >= batch.last:
                return
            state = self.decide(lane, state)
            # Nothing of it was counted here: the balance has it among what Lambda gave up on.
            settled, _ = self._lanes.finish(lane, state, without_rows)
            if settled:
                return
        raise ContentionError("a lane was taken by others too often")

    def announce(self, lane: Lane, key: str) -> None:
        """Send the message of a bad object that stands; again is safe."""
        self._announce(lane, key, self._head(key)["Metadata"])

    def add(self, kind: str, lane: Lane, batch: Batch, name: str) -> str | None:
        """Put the rows of one kind into an object of their own, unless it is there already.

        Returns:
            Its key; None when there was nothing to write or an earlier call has written it.
        """
        rows: Sequence[BadRow | Event] = batch.bad_rows if kind == BAD else batch.events
        if not rows:
            return None
        stem = f"{lane.epoch}-{lane.shard}-{batch.first}-{batch.last}-{name}"
        key = f"{kind}/{_place(batch.first_arrival_ms)}/{stem}{self._compression.suffix}"
        body, metadata = _object(kind, lane, batch.bad_rows, batch.events)
        written = self._put(key, self._compression.compress(body), metadata)
        if kind == BAD:
            # Also when it was there: the call that wrote it may have died before the message.
            self._announce(lane, key, metadata)
        return key if written else None

    def _decide(self, lane: Lane, state: LaneState, intent: Intent) -> LaneState:
        """Return the state after an intent left behind: its objects stand, or never will.

        The intent stays in the state: the next `begin` replaces it under a new generation.
        """
        for kind in intent.kinds:
            key = intent.key(kind, lane)
            if self._put(key, b"", {}):
                continue
            stored = self._head(key)
            if not stored["ContentLength"]:
                continue
            state = state.with_object(intent, kind, stored["ContentLength"])
            if kind == BAD:
                # Whether the owner got as far as the message is not known: once more, not never.
                self._announce(lane, key, stored["Metadata"])
        return state

    def _bodies(
        self, lane: Lane, bad_rows: Sequence[BadRow], events: Sequence[Event]
    ) -> dict[str, tuple[bytes, dict[str, str]]]:
        """Return compressed body and metadata of each object.

        Which is written first makes no difference: each kind has a watermark of its own.
        """
        rows = {BAD: bad_rows, RAW: events if self._enabled else ()}
        bodies = {}
        for kind in (kind for kind, found in rows.items() if found):
            body, metadata = _object(kind, lane, bad_rows, events)
            bodies[kind] = self._compression.compress(body), metadata
        return bodies

    def _put_all(
        self, lane: Lane, intent: Intent, bodies: Mapping[str, tuple[bytes, dict[str, str]]]
    ) -> bool:
        """Write the intent's objects; False when one of its keys was made void by another."""
        for kind, (body, metadata) in bodies.items():
            key = intent.key(kind, lane)
            written = self._put(key, body, metadata)
            # The generation in the key is ours alone: data there is ours, its answer was lost.
            if not written and not self._head(key)["ContentLength"]:
                return False
            if kind == BAD:
                self._announce(lane, key, metadata)
        return True

    def _put(self, key: str, body: bytes, metadata: dict[str, str]) -> bool:
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=self._compression.content_type,
                Metadata=metadata,
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error_code(error) not in ("PreconditionFailed", "412"):
                raise
            return False
        return True

    def _head(self, key: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._s3.head_object(Bucket=self._bucket, Key=key)
        return answer


def _is_judged_otherwise(batch: Batch, judged: Judgement, known: Judgement | None) -> bool:
    """Return whether records of the batch were judged before, by another budget."""
    return (
        known is not None
        and known.through >= batch.first
        and known.milliseconds != judged.milliseconds
    )


def _object(
    kind: str, lane: Lane, bad_rows: Sequence[BadRow], events: Sequence[Event]
) -> tuple[bytes, dict[str, str]]:
    """Return body and metadata of an object of one kind."""
    if kind == RAW:
        body = b"".join(event_line(lane.code, event) for event in events)
        return body, {"rows": str(len(events))}
    return b"".join(bad_line(lane.code, row) for row in bad_rows), {
        _REASONS: json.dumps(count_reasons(bad_rows)),
        "rows": str(len(bad_rows)),
        "first": str(bad_rows[0].sequence),
        "last": str(bad_rows[-1].sequence),
    }


def event_line(lane_code: str, event: Event) -> bytes:
    """Return one line of a raw object: the producer's members and our envelope."""
    envelope = {
        "lane": lane_code,
        "sequence": str(event.sequence),
        "sub": event.sub,
        "arrival": event.arrival_ms,
        "time": event.time_ms,
        "visitor": event.visitor.hex(),
        "type": event.type,
        "session": event.session,
        **({"page": event.page} if event.page is not None else {}),
        **({"view": True} if event.is_page_view else {}),
        **({"id": event.id} if event.id is not None else {}),
        **({"class": event.agent_class} if event.agent_class != "Human" else {}),
        **({"channel": event.channel} if event.channel is not None else {}),
        **({"repeat": True} if event.repeated else {}),
    }
    return _line({**event.document, ENVELOPE: envelope})


def bad_line(lane_code: str, row: BadRow) -> bytes:
    """Return one line of a bad object."""
    return _line(
        {
            "lane": lane_code,
            "sequence": str(row.sequence),
            "sub": row.sub,
            "arrival": row.arrival_ms,
            "reason": row.reason,
            "detail": row.detail,
            "payload": row.payload,
            **({"visitor": row.visitor.hex()} if row.visitor else {}),
            **({"visitorMember": row.visitor_member} if row.visitor_member else {}),
        }
    )


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _first_arrival(batch: Batch, done: int) -> int:
    """Return when the first record arrived of those that the lane has still to close.

    What is closed already may be of an hour whose objects have been added up.
    """
    pending = (arrival_ms for sequence, arrival_ms in batch.arrivals if sequence > done)
    return next(pending, batch.first_arrival_ms)


def _place(arrival_ms: int) -> str:
    return folder_of(hour_text(arrival_ms // _HOUR_MS))
