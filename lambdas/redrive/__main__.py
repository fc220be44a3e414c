"""`python -m redrive`: repair a pipeline's data by hand. Results are JSON lines on stdout."""

from __future__ import annotations

import argparse
import calendar
import json
import os
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from clickstream_layout.pseudonyms import derive_key, stored_sessions
from processor.archive import Archive
from processor.lane_items import LaneItems
from processor.processor import Processor
from redrive.failed_batches import Appended, FailedBatches, check_key
from redrive.objects import UnreadableLineError
from redrive.rebuild import Rebuilder
from redrive.recovery import StreamRecords
from redrive.replay import BadObjects
from shared.conditional_write import ContentionError
from shared.config import INLINE_VARIABLE, OBJECT_VARIABLE, Config, ConfigError, load_config
from shared.decode import Decoder
from shared.privacy import Scrubber
from shared.runtime import THREADS, Clients, read_hash_key
from shared.timestamps import hour_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from redrive.recovery import Repairs

REASONS = (
    ClientError,
    BotoCoreError,
    ContentionError,
    KeyError,
    RuntimeError,
    UnreadableLineError,
    ValueError,
)
"""Errors that keep one object from being repaired: AWS's, and of what the object holds."""
_AGAIN = "Give the same command again when the cause is gone: what is done stays as it is"
_CAUSES = {
    "still_bad": "the rows counted above as still_bad break a rule of today: new objects under "
    "bad/ have them with their reasons. Change the spec, wait for Ready, then give those objects",
    "error": f"what has an error above is not repaired, all else is. {_AGAIN}",
    "incomplete": "the archive lacks events that the items named above as incomplete have",
    "unknown": "of the sessions named above as unknown there is no item, and no archived event",
    "refused": f"DynamoDB refuses the items named above as refused, all else is done. {_AGAIN}",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when done, 1 when something could not be repaired, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    causes: dict[str, str] = {}
    try:
        clients = Clients()
        config = find_config(clients, options.function)
        for line in Commands(config, clients).run(options):
            causes |= {name: cause for name, cause in _CAUSES.items() if line.get(name)}
            print(json.dumps(line), flush=True)  # noqa: T201 - the result of the command
    except ConfigError as error:
        return _fail(str(error))
    except REASONS as error:
        return _fail(f"{error}. What is printed above is done. {_AGAIN}")
    return _fail("; ".join(causes.values())) if causes else 0


def find_config(clients: Clients, function: str | None) -> Config:
    """Return the configuration of the deployed processor, or of this process's environment.

    Raises:
        ConfigError: none, or one of another version.
    """
    environment: dict[str, str] = dict(os.environ)
    if function is not None:
        answer = clients.make("lambda").get_function_configuration(FunctionName=function)
        variables = answer.get("Environment", {}).get("Variables", {})
        environment = {
            name: text
            for name, text in variables.items()
            if name in (INLINE_VARIABLE, OBJECT_VARIABLE)
        }
    return load_config(environment, s3=lambda: clients.make("s3"), function="processor")


class Commands:
    """The commands on one pipeline."""

    def __init__(
        self,
        config: Config,
        clients: Any,
        *,
        clock: Callable[[], float] = time.time,
        threads: int = THREADS,
    ) -> None:
        """Args: `clients.make(service)` returns a low-level client."""
        dynamodb, s3, sqs = (clients.make(name) for name in ("dynamodb", "s3", "sqs"))
        hash_key = read_hash_key(clients, config)
        self._key = derive_key(hash_key)
        self._bad = BadObjects(
            config,
            s3=s3,
            hash_key=hash_key,
            processor=Processor(
                config,
                dynamodb=dynamodb,
                s3=s3,
                sqs=sqs,
                hash_key=hash_key,
                clock=clock,
                threads=threads,
                permanent_lanes=True,
                out=_silence,
            ),
        )
        self._failed = FailedBatches(
            config,
            s3=s3,
            decoder=Decoder(config, Scrubber(config.privacy, config.fields, hash_key)),
            archive=Archive.of_config(
                config,
                s3=s3,
                sqs=sqs,
                lanes=LaneItems(dynamodb, config.tables.counters, config.ttl.lane_hours),
            ),
        )
        self._stream = StreamRecords(lambda: clients.make("kinesis"), config.detection.stream)
        self._rebuilder = Rebuilder(config, dynamodb=dynamodb, s3=s3, clock=clock)

    def run(self, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
        """Do what the arguments say; yields a line for each thing done."""
        if options.command == "bad":
            for key in options.keys:
                yield from self._replay(key, options.reason, alone=len(options.keys) == 1)
        elif options.command == "failed":
            yield from self.take_back(options.keys or self._failed.keys())
        else:
            yield self._rebuild_asked(
                {_hour(text) for text in options.hours}, options.session or ()
            )

    def _rebuild_asked(self, hours: set[int], ids: Sequence[str]) -> dict[str, Any]:
        """Rebuild hours, and sessions by their stored ids or by the producer's own."""
        names = {session: frozenset(stored_sessions(self._key, session)) for session in ids}
        line, absent = self._rebuild(hours, frozenset().union(*names.values()))
        unknown = sorted(session for session in names if names[session] <= absent)
        return line | {"sessions": len(names)} | ({"unknown": unknown} if unknown else {})

    def _replay(self, key: str, reason: str | None, *, alone: bool) -> Iterator[dict[str, Any]]:
        try:
            for replayed in self._bad.replay(key, reason):
                yield asdict(replayed)
            yield from self._repair(key, self._bad.repairs(key, reason))
        except REASONS as error:
            if alone:
                raise
            yield {"key": key, "error": _text(error)}

    def _repair(self, key: str, repairs: Repairs) -> Iterator[dict[str, Any]]:
        """Rebuild items that were refused; read records again that were not kept."""
        added = Appended(key, hours=repairs.hours, sessions=repairs.sessions)
        if repairs.sequences:
            event = self._stream.read(key, repairs.sequences)
            read = self._failed.append_records(key, event)
            yield {
                "key": key,
                "records": len(repairs.sequences),
                "events": read.events,
                "bad_rows": read.bad_rows,
            }
            added.hours |= read.hours
            added.sessions |= read.sessions
        if added.hours or added.sessions:
            yield {"key": key, **self._rebuild_all([added])}

    def take_back(self, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Append failed batches, then rebuild what they touch.

        Of a batch that can't be appended or rebuilt the line has an `error`; the others go on.

        Raises:
            ValueError: a key is no failed batch's.
        """
        for key in keys:
            check_key(key)
        appended: list[Appended] = []
        for key in keys:
            try:
                added = self._failed.append(key)
            except REASONS as error:
                yield {"key": key, "error": _text(error)}
                continue
            appended.append(added)
            yield {
                "key": key,
                "events": added.events,
                "bad_rows": added.bad_rows,
                **({"skipped": added.skipped} if added.skipped else {}),
            }
        try:
            yield self._rebuild_all(appended)
        except REASONS:
            # One of them can't be: each on its own, so that the others can.
            for added in appended:
                try:
                    yield {"key": added.key, **self._rebuild_all([added])}
                except REASONS as error:
                    yield {"key": added.key, "error": _text(error)}

    def _rebuild_all(self, appended: Sequence[Appended]) -> dict[str, Any]:
        hours = {hour for added in appended for hour in added.hours}
        sessions = frozenset(name for added in appended for name in added.sessions)
        line, _ = self._rebuild(hours, sessions)
        return line

    def _rebuild(
        self, hours: set[int], sessions: frozenset[str]
    ) -> tuple[dict[str, Any], frozenset[str]]:
        """Return the line of output, and the sessions of which nothing is stored."""
        items = asdict(self._rebuilder.rebuild_hours(hours))
        people = asdict(self._rebuilder.rebuild_sessions(sessions))
        absent = frozenset(people.pop("absent"))
        both = {name: items[name] + people[name] for name in people}
        line = {"rebuilt": sorted(map(hour_text, hours)), "sessions": len(sessions), **both}
        return line, absent


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m redrive",
        description="Repair a pipeline's data. Every command may be given again, in any order.",
    )
    parser.add_argument(
        "--function", help="deployed processor whose configuration is taken (<base>-processor)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    bad = commands.add_parser(
        "bad", help="replay bad objects after a fix; read records again that were not kept"
    )
    bad.add_argument("keys", nargs="+", metavar="KEY", help="key under bad/")
    bad.add_argument("--reason", help="only the rows with this reason")
    failed = commands.add_parser(
        "failed", help="archive the batches that Lambda gave up on, and rebuild what they touch"
    )
    failed.add_argument("keys", nargs="*", metavar="KEY", help="key under aws/lambda/; default all")
    rebuild = commands.add_parser("rebuild", help="compute hours again from the archive")
    rebuild.add_argument("hours", nargs="*", metavar="YYYY-MM-DDTHH", help="hours of event time")
    rebuild.add_argument(
        "--session", action="append", metavar="ID", help="a session, whole; its stored id or yours"
    )
    return parser


def _hour(text: str) -> int:
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H")) // 3600
    except ValueError as error:
        raise ValueError(f"{text} is no hour: write it as 2026-11-23T12, in UTC") from error


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)


def _silence(line: str) -> None:
    """Drop a metric or log line: CloudWatch does not read this process."""
    del line


def _fail(message: str) -> int:
    print(f"redrive: {message}", file=sys.stderr)  # noqa: T201 - the user's terminal
    return 1


if __name__ == "__main__":
    sys.exit(main())
