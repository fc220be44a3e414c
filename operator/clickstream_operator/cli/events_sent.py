"""Events for the stream of one pipeline: made by the generator, in the form that its spec reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from clickstream_operator.api import presets
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli.errors import CliError
from clickstream_operator.pipeline.function_config import event_form
from clickstream_operator.synthetic import Record, Traffic, generate

MOST_EVENTS: Final = 1_000_000
_BOT_EVENTS: Final = 60
_TYPE, _VIEW = "event_type", "page_view"

KINDS: Final[Mapping[str, Mapping[str, int]]] = {
    "shop": {"broken": 0, "bots": 0},
    "bots": {"broken": 0, "bots": 3},
    "messy": {"broken": 12, "bots": 1, "duplicates": 5, "late": 3, "future": 2},
}
"""Kinds of traffic: options of the generator."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An order of events: kind, number, seed and label."""

    kind: str
    events: int
    seed: int
    label: str


def make(wish: Wish, spec: Spec, *, now: datetime) -> Traffic:
    """The traffic, with the members of its events where the spec looks for them.

    Raises:
        CliError: the spec counts no page views, or too few or too many events are wanted.
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
    names, view = member_names(spec), page_view_type(spec)
    if all(path == name for name, path in names.items()) and view == _VIEW:
        return traffic
    return replace(traffic, records=[_renamed(one, names, view) for one in traffic.records])


def page_view_type(spec: Spec) -> str:
    """Type of an event that the pipeline counts as a page view.

    Raises:
        CliError: there is none.
    """
    types: list[str] = event_form(spec)["pageViewTypes"]
    if not types:
        raise CliError(
            "spec.events.pageViewTypes is empty: no event is a page view",
            "give your own events with --file",
        )
    return _VIEW if _VIEW in types else types[0]


def member_names(spec: Spec) -> dict[str, str]:
    """Name under which the spec finds a member, by the generator's name.

    A member that has a whole path as its name is found by that path, whatever the path is.
    """
    fields = event_form(spec)["fields"]
    return {name: fields[field] for field, name in presets.ORIGINAL.items()}


def _renamed(record: Record, names: Mapping[str, str], view: str) -> Record:
    """A record with the members of its event renamed; other records stay unchanged."""
    try:
        event = json.loads(record.data)
    except ValueError:
        return record
    if not isinstance(event, dict):
        return record
    if event.get(_TYPE) == _VIEW:
        event[_TYPE] = view
    renamed = {names.get(name, name): value for name, value in event.items()}
    return replace(record, data=json.dumps(renamed).encode())


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
        key = _at(event, session)
        found.append((str(key)[:256] if key else f"line-{number}", line.strip().encode()))
    if not found:
        raise CliError("there is no event in the file", "write one JSON event a line")
    return found


def _at(event: Mapping[str, Any], path: str) -> Any:
    """The member of a name, or at the end of a path of names."""
    found: Any = event.get(path)
    if found is None and "." in path:
        found = event
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str | int) else None
