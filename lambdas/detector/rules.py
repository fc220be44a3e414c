"""The rules of a pipeline: the built-in ones, written as a user's own would be, and the user's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.agents import ENDINGS, EXCEPTED, DeclaredRobots
from shared.audience import OwnNames
from shared.config import RobotSettings, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.config import Detection, Fields
    from shared.records import Event

HIGH_FREQUENCY = "high_frequency_clicks"
SUSPICIOUS_AGENT = "suspicious_user_agent"
UNUSUAL_SEQUENCE = "unusual_page_sequence"
VOLUME = "volume"
GEOGRAPHIC = "geographic"

NO_NAMES = RobotSettings()
_EVENTS_PER_MINUTE: Mapping[str, int] = {"Low": 100, "Medium": 50, "High": 25}
_GEOGRAPHIC_SECONDS = 600


def built_in_rules(sensitivity: str, country: str = "country") -> tuple[Rule, ...]:
    """Return the built-in rules.

    `sensitivity` moves the event rate here, and the limits of `volume` where it is judged;
    `country` is the member that `geographic` looks at.
    """
    return (
        Rule(HIGH_FREQUENCY, "Rate", limit=_EVENTS_PER_MINUTE[sensitivity]),
        Rule(
            SUSPICIOUS_AGENT,
            "Words",
            words=ENDINGS,
            excepted=EXCEPTED,
        ),
        Rule(UNUSUAL_SEQUENCE, "Sequence", limit=3, path="checkout"),
        Rule(VOLUME, "Seasonal", scope="Site"),
        Rule(GEOGRAPHIC, "Distinct", field=country, limit=1, per_seconds=_GEOGRAPHIC_SECONDS),
    )


def active_rules(detection: Detection, fields: Fields) -> tuple[Rule, ...]:
    """Return the rules that a config leaves on.

    Disabling concerns built-in rules only: the user's rule of the same name is judged.
    """
    own = {rule.name for rule in detection.rules}
    built_in = built_in_rules(detection.sensitivity, fields.country)
    off = detection.disabled_rules | own
    return (*(rule for rule in built_in if rule.name not in off), *detection.rules)


class PathMatch:
    """Finds page views whose path has a segment of a rule's name, in any case.

    The name may be in the plural and have an extension: `/shop/Checkout`, `/checkouts/7`,
    `/checkout.html`.
    """

    def __init__(self, rule: Rule) -> None:
        segment = rf"/{re.escape(rule.path)}s?(?:\.[a-z0-9]{{1,5}})?(?:/|\Z)"
        self._segment = re.compile(segment, re.IGNORECASE | re.ASCII)

    def find(self, event: Event) -> bool:
        """Return whether an event is a view of such a page."""
        if not event.is_page_view or event.page is None:
            return False
        return self._segment.search(event.page) is not None


class WordMatch:
    """Finds robots that declare themselves in their user agent; see `shared.agents`."""

    def __init__(self, rule: Rule, own: RobotSettings = NO_NAMES) -> None:
        self._robots = DeclaredRobots(rule.words, rule.excepted)
        self._own = OwnNames(own)

    def find(self, user_agent: str | None) -> str | None:
        """Return the text that declares a robot, in lower case, or None."""
        name = self._own.robot_in(user_agent)
        if name is not None:
            return name.lower() or None
        return self._robots.declaration(user_agent).word or None
