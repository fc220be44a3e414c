"""The detector with an order, a mark or a memory left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from unittest import mock

import detector.checkouts
import detector.detector
from detector.ceiling import Ceiling
from detector.incidents import Incidents
from detector.lane_items import DetectorLanes
from detector.messages import Messages
from detector.unsent import UnsentMessages
from simulator import checks
from simulator.weakened.control import Control


def _incident_after_state() -> list[Any]:
    real_record = detector.detector.Detector._record  # noqa: SLF001 - a control reaches into what it weakens
    real_save = DetectorLanes.save

    def record(self: Any, state: Any, found: Any, place: str) -> None:
        self._lanes.postponed = lambda: real_record(self, state, found, place)

    def save(self: Any, lane: Any, *, expected: int, state: Any) -> Any:
        stored = real_save(self, lane, expected=expected, state=state)
        if stored is None:
            self.postponed()
        return stored

    return [
        mock.patch.object(detector.detector.Detector, "_record", record),
        mock.patch.object(DetectorLanes, "save", save),
    ]


def _alert_without_mark() -> list[Any]:
    """The item says that the message was sent before it was, so nobody sends it again."""
    real_item, real_publish = Incidents._item, Messages.try_publish  # noqa: SLF001 - as above

    def item(self: Any, finding: Any) -> Any:
        made = real_item(self, finding)
        vars(self._messages).setdefault("fresh", {})[made["time_window"]["S"]] = dict(made)
        made["sent"] = {"N": "1"}
        return made

    def publish(self: Any, known: Mapping[str, Any]) -> bool:
        fresh = vars(self).get("fresh", {}).pop(known["time_window"]["S"], None)
        if fresh is None or known["created"] != fresh["created"]:
            return True
        return real_publish(self, fresh)

    return [
        mock.patch.object(Incidents, "_item", item),
        mock.patch.object(Messages, "try_publish", publish),
    ]


def _checkout_by_count() -> list[Any]:
    def earlier(session: Any, _checkout: Any, **_context: Any) -> int:
        return int(session.total)

    return [mock.patch.object(detector.checkouts, "earlier_events", earlier)]


def _unsent_forgotten() -> list[Any]:
    """An entry is settled whether or not its messages could be sent."""
    real = UnsentMessages.settle

    def settle(self: Any, entry: Any, _left: Any) -> None:
        real(self, entry, [])

    return [mock.patch.object(UnsentMessages, "settle", settle)]


def _ceiling_not_kept() -> list[Any]:
    """Each invocation begins with an empty ceiling."""
    return [mock.patch.object(Ceiling, "decode", side_effect=lambda _: Ceiling())]


def _attempt_not_recorded() -> list[Any]:
    """What decoding does not survive leaves no trace."""

    def begin_attempt(_self: Any, _lane: Any, state: Any, _arrival_ms: int) -> Any:
        return state

    return [mock.patch.object(DetectorLanes, "begin_attempt", begin_attempt)]


def _attempts_of_aws() -> list[Any]:
    """An attempt stays on record until the state is saved, so that AWS's failures count as well."""

    def end_attempt(_self: Any, _lane: Any, _state: Any, *, error: str = "") -> None:
        del error

    return [mock.patch.object(DetectorLanes, "end_attempt", end_attempt)]


def _rest_not_returned() -> list[Any]:
    """Of a batch that is cut short the mapping hears nothing."""
    real = detector.detector.Detector._advance  # noqa: SLF001 - as above

    def advance(self: Any, *arguments: Any) -> None:
        real(self, *arguments)

    return [mock.patch.object(detector.detector.Detector, "_advance", advance)]


def _checkout_read_once() -> list[Any]:
    """A session without verdict is not read again."""
    real = detector.checkouts.Checkouts._due_sessions  # noqa: SLF001 - as above

    def due_sessions(self: Any, *arguments: Any) -> Any:
        seen = vars(self).setdefault("seen", set())
        due = [each for each in real(self, *arguments) if each not in seen]
        seen.update(due)
        return due

    return [mock.patch.object(detector.checkouts.Checkouts, "_due_sessions", due_sessions)]


CONTROLS: Final = (
    Control("incidents: put after the state", (checks.INCIDENTS,), _incident_after_state),
    Control("alerts: marked before sent", (checks.ALERTS,), _alert_without_mark),
    Control("checkout: by event_count", (checks.INCIDENTS, checks.FOLDED), _checkout_by_count),
    Control("checkout: read once", (checks.FOLDED,), _checkout_read_once),
    Control("unsent: forgotten", (checks.ALERTS,), _unsent_forgotten, crawl=True),
    Control("ceiling: not kept", (checks.FOLDED, checks.INCIDENTS), _ceiling_not_kept, crawl=True),
    Control(
        "detector: attempts not on record", (checks.PROGRESS,), _attempt_not_recorded, crawl=True
    ),
    Control(
        "detector: failures of AWS are attempts", (checks.LEFT_OUT,), _attempts_of_aws, crawl=True
    ),
    Control(
        "detector: the rest not returned",
        (checks.INCIDENTS, checks.FOLDED, checks.ATTRIBUTES),
        _rest_not_returned,
        crawl=True,
    ),
)
