"""Class of each event's agent: people, declared robots, agents of language models, suspects. Pure.

The class is a function of the event and of the pipeline's settings alone, so that a retry finds the
same. The first of these that says something decides:

1. the pipeline's own lists of names (`events.robots`);
2. the verdict of the collector or the edge, where a member holds one;
3. the user agent, by the tables of `shared.agents`;
4. the client hints' brands, by the same tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from shared.agents import DeclaredRobots
from shared.field_match import member_text
from shared.paths import find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clickstream_layout.tables import AgentClass
    from shared.config import RobotSettings


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VERDICTS: Final[dict[AgentClass, frozenset[str]]] = {
    "AIAgent": _words("ai ai_agent ai-agent aiagent ai_crawler ai-crawler ai_assistant llm"),
    "Robot": _words(
        "true 1 yes bot robot crawler spider scraper automated verified verified_bot good_bot "
        "bad_bot definitely_automated"
    ),
    "Suspected": _words(
        "suspected suspect likely likely_bot likely_automated probably maybe unverified_bot "
        "challenge"
    ),
}
"""Verdicts of collectors and edges, in lower case; any other text says nothing."""
_LABELS: Final[tuple[tuple[str, AgentClass], ...]] = (
    ("bot-control:bot:category:ai", "AIAgent"),
    ("bot-control:bot:", "Robot"),
    ("bot-control:signal:", "Suspected"),
)
"""Parts of the labels of AWS WAF (AWS WAF Developer Guide, "AWS WAF Bot Control rule group")."""
_LONGEST_VERDICT: Final = 2048
_LONGEST_SOUGHT: Final = 512


class Audience:
    """The classes of one pipeline's agents."""

    def __init__(self, settings: RobotSettings) -> None:
        self._settings = settings
        self._declared = DeclaredRobots()
        self._named = OwnNames(settings)

    def agent_class(self, user_agent: str | None, document: dict[str, Any]) -> AgentClass:
        """Return the class of an event's agent.

        Args:
            user_agent: the event's.
            document: the event after the privacy rules.
        """
        settings = self._settings
        own = self._named.robot_in(user_agent)
        if own is not None:
            return "Robot" if own else "Human"
        if settings.verdict_field:
            verdict = said_class(find(document, settings.verdict_field))
            if verdict is not None:
                return verdict
        declared = self._declared.declaration(user_agent).agent_class
        if declared == "Human" and settings.client_hints_field:
            brands = brands_of(find(document, settings.client_hints_field))
            return self._declared.declaration(brands).agent_class
        return declared


class OwnNames:
    """A pipeline's own lists: names that declare a robot, and names that are none."""

    def __init__(self, settings: RobotSettings) -> None:
        self._names = _any_of(settings.names)
        self._except = _any_of(settings.except_names)

    def robot_in(self, user_agent: str | None) -> str | None:
        """Return the robot's name in a user agent, empty where it is none; None if no list says.

        Of a robot's name and one that is none the longer one decides, then the robot's.
        """
        if user_agent is None or (self._names is None and self._except is None):
            return None
        text = user_agent[:_LONGEST_SOUGHT]
        robot, human = _longest(self._names, text), _longest(self._except, text)
        if not robot and not human:
            return None
        return robot if len(robot) >= len(human) else ""


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern of whole names in any case; None of no names."""
    sought = sorted(names, key=len, reverse=True)
    if not sought:
        return None
    words = "|".join(re.escape(name) for name in sought)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])", re.IGNORECASE)


def _longest(pattern: re.Pattern[str] | None, text: str) -> str:
    if pattern is None:
        return ""
    return max((match[0] for match in pattern.finditer(text)), key=len, default="")


def said_class(value: Any) -> AgentClass | None:
    """Return the class that a verdict names; None where it says nothing of a robot."""
    if isinstance(value, list):
        value = " ".join(each for each in value if isinstance(each, str))
    text = (member_text(value) or "")[:_LONGEST_VERDICT].strip().lower()
    for agent_class, words in _VERDICTS.items():
        if text in words:
            return agent_class
    return next((agent_class for label, agent_class in _LABELS if label in text), None)


def brands_of(value: Any) -> str:
    """Return the brands of client hints as text: a header, a list of brands, or an object of them.

    `Sec-CH-UA: "HeadlessChrome";v="120"`, `[{"brand": "HeadlessChrome", "version": "120"}]`.
    """
    if isinstance(value, dict):
        value = value.get("brands") or value.get("fullVersionList") or ""
    if isinstance(value, list):
        names = (each.get("brand") if isinstance(each, dict) else each for each in value)
        value = "; ".join(name for name in names if isinstance(name, str))
    # Brackets, so that no brand is taken for the program that stands first in a user agent.
    return f"({value})" if isinstance(value, str) and value else ""
