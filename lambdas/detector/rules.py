"""The rules of the detector as data. Built-in ones are written as a user's own would be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.config import Detection

DEFAULT_COOLDOWN_SECONDS = 1800
_LONGEST_SOUGHT = 512


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of scope Session.

    Kinds: `Rate` fires above `value` events in `per_seconds`; `Words` when the user agent has one
    of `words` and it is not in `excepted`; `Sequence` when a page path holds `path` after fewer
    than `value` earlier events.
    """

    name: str
    kind: Literal["Rate", "Words", "Sequence"]
    value: int = 0
    per_seconds: int = 60
    path: str = ""
    words: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    severity: Literal["info", "warning", "critical"] = "warning"
    cooldown_seconds: int = DEFAULT_COOLDOWN_SECONDS


HIGH_FREQUENCY = "high_frequency_clicks"
SUSPICIOUS_AGENT = "suspicious_user_agent"
UNUSUAL_SEQUENCE = "unusual_page_sequence"

_EVENTS_PER_MINUTE: Mapping[str, int] = {"Low": 100, "Medium": 50, "High": 25}


def built_in_rules(sensitivity: str) -> tuple[Rule, ...]:
    """Return the built-in session rules; `sensitivity` moves the event rate only."""
    return (
        Rule(HIGH_FREQUENCY, "Rate", value=_EVENTS_PER_MINUTE[sensitivity]),
        Rule(
            SUSPICIOUS_AGENT,
            "Words",
            words=("bot", "crawler", "spider", "scraper", "automated", "headlesschrome"),
            excepted=("cubot",),  # A maker of phones.
        ),
        Rule(UNUSUAL_SEQUENCE, "Sequence", value=3, path="/checkout"),
    )


def active_rules(detection: Detection) -> tuple[Rule, ...]:
    """Return the rules that a config leaves on."""
    rules = built_in_rules(detection.sensitivity)
    return tuple(rule for rule in rules if rule.name not in detection.disabled_rules)


class WordMatch:
    """Finds the words of a rule in user agents.

    A word must end where a product name ends, so `Googlebot/2.1` and `(bingbot;` match `bot` and
    `abbott` does not; letters and hyphens may stand before it.
    """

    def __init__(self, rule: Rule) -> None:
        words = "|".join(re.escape(word) for word in rule.words)
        excepted = "|".join(re.escape(word) for word in rule.excepted)
        unless = rf"(?!(?:{excepted})(?![a-z0-9]))" if excepted else ""
        self._pattern = re.compile(
            rf"(?<![a-z0-9-]){unless}[a-z-]*?(?P<word>{words})(?![a-z0-9_-])"
        )

    def find(self, user_agent: str | None) -> str | None:
        """Return the first word found, or None."""
        match = self._pattern.search((user_agent or "")[:_LONGEST_SOUGHT].lower())
        return match["word"] if match else None
