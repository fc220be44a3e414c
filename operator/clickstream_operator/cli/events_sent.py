"""Events for the stream of one pipeline: made by the generator, in the form that its spec reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from clickstream_operator.api.spec.events import EventFields
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli.errors import CliError
from clickstream_operator.synthetic import Record, Traffic, generate

MOST_EVENTS: Final = 1_000_000
_BOT_EVENTS: Final = 60

KINDS: Final[Mapping[str, Mapping[str, int]]] = {
    "shop": {"broken": 0, "bots": 0},
    "bots": {"broken": 0, "bots": 3},
    "messy": {"broken": 12, "bots": 1, "duplicates": 5, "late": 3, "future": 2},
}
"""Kinds of traffic: options of the generator."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to be sent."""

    kind: str
    events: int
    seed: int
    label: str


def make(wish: Wish, spec: Spec, *, now: datetime) -> Traffic:
    """The traffic, with the members of its events where the spec looks for them.

    Raises:
        CliError: the spec reads events in a form that can't be made, or too few or many are wanted.
    """
    if not 1 <= wish.events <= MOST_EVENTS:
        raise CliError(f"{wish.events:,} events can't be sent at once", f"at most {MOST_EVENTS:,}")
    options = KINDS[wish.kind]
    least = options["bots"] * _BOT_EVENTS + sum(options.get(n, 0) for n in ("late", "future"))
    if wish.events <= least + options.get("duplicates", 0):
        raise CliError(
            f"{wish.events} events are too few for {wish.kind}",
            f"send more than {least + options.get('duplicates', 0)}, or another --traffic",
        )
    traffic = generate(wish.seed, wish.events, now.timestamp(), label=wish.label, **options)
    places = _places(spec)
    if not places:
        return traffic
    return replace(traffic, records=[_moved(one, places) for one in traffic.records])


def _places(spec: Spec) -> dict[str, list[str]]:
    """Path of each member that is not where the generator puts it, by the generator's name.

    Raises:
        CliError: the spec reads a form that can't be made.
    """
    default, fields = EventFields().model_dump(), spec.events.fields.model_dump()
    changed = {name: path for name, path in fields.items() if path != default.get(name)}
    if any(not isinstance(path, str) or name not in default for name, path in changed.items()):
        raise CliError(
            "events can't be made in the form that spec.events reads",
            "give your own with --file, one JSON event a line",
        )
    return {str(default[name]): str(path).split(".") for name, path in changed.items()}


def _moved(record: Record, places: Mapping[str, list[str]]) -> Record:
    """A record with the members of its event at their places; what is no event stays as it is."""
    try:
        event = json.loads(record.data)
    except ValueError:
        return record
    if not isinstance(event, dict):
        return record
    moved: dict[str, Any] = {name: value for name, value in event.items() if name not in places}
    for name, path in places.items():
        if name in event:
            inner = moved
            for step in path[:-1]:
                inner = inner.setdefault(step, {})
            inner[path[-1]] = event[name]
    return replace(record, data=json.dumps(moved).encode())


def read_file(text: str, session: str) -> list[tuple[str, bytes]]:
    """Partition key and data of each line; the key is the event's session where it has one.

    Raises:
        CliError: there is no line, or one is no JSON object.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError as error:
            says = f"line {number} is no JSON: {error}"
            raise CliError(says, "write one event a line") from error
        if not isinstance(event, dict):
            raise CliError(f"line {number} is no JSON object", "write one event a line")
        key = event.get(session)
        found.append((str(key)[:256] if key else f"line-{number}", line.strip().encode()))
    if not found:
        raise CliError("there is no event in the file", "write one JSON event a line")
    return found
