"""Corrections of drift on record, from which a fight with somebody else is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action

#: Seconds that a correction counts although it was seen to hold: what undoes it each hour, or each
#: night, is as much a fight as what undoes it at once.
_COUNTED_SECONDS: Final = 86_400.0


@dataclass(slots=True)
class Corrections:
    """Times of the corrections of one pipeline, by resource and field."""

    _times: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    _under_way: set[str] = field(default_factory=set)

    def counts(self) -> Mapping[str, int]:
        """Corrections of the field of each resource that was corrected most often."""
        return {
            name: max(len(times) for times in fields.values())
            for name, fields in self._times.items()
            if fields
        }

    def note(
        self,
        outcomes: Mapping[str, Outcome],
        *,
        now: float,
        unobservable: Collection[str] = (),
        full: bool = True,
    ) -> list[str]:
        """Count the corrections of one reconcile; returns the resources whose correction began.

        A correction may take several reconciles and counts once. It counts for a day, and longer
        until a `full` observation saw it in place: a fast one may not have read what was corrected.
        `unobservable`: the resources that this reconcile did not observe.
        """
        began = [
            name
            for name, one in outcomes.items()
            if one.corrected_drift and name not in self._under_way
        ]
        for name in began:
            self._under_way.add(name)
            # What was made again has its settings from that, which nobody undid.
            if Action.CREATE not in outcomes[name].done:
                for path in outcomes[name].fields:
                    self._times.setdefault(name, {}).setdefault(path, []).append(now)
        for name, one in outcomes.items():
            if one.ready:
                self._under_way.discard(name)
            settled = one.entry is not None and one.entry.state is State.READY and not one.done
            if full and settled and name not in unobservable:
                self._drop_old(name, now)
        return began

    def forget(self) -> None:
        """Begin anew: somebody says that the fight is over."""
        self._times.clear()

    def _drop_old(self, name: str, now: float) -> None:
        kept = {
            path: [time for time in times if now - time < _COUNTED_SECONDS]
            for path, times in self._times.pop(name, {}).items()
        }
        if any(kept.values()):
            self._times[name] = {path: times for path, times in kept.items() if times}
