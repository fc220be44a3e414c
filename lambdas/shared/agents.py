"""Robots that declare themselves in their user agent, by four readable tables. Pure.

A user agent declares a robot in one of four ways, and each has a table below:

1. a product whose name ends in a robot's word (`Googlebot-Image/1.0`, `360Spider`, `LinkChecker`);
2. the name of a language model's agent or crawler (`ChatGPT-User`, `anthropic-ai`);
3. a program that fetches pages, named first (`curl/8.5.0`, `python-requests/2.31`);
4. an address for complaints (`+https://example.org/bot.html`), which browsers do not send.

Robots that use the user agent of a browser cannot be found by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

AgentClass = Literal["Human", "Robot", "AIAgent"]

LONGEST_SOUGHT = 512
"""Characters of a user agent that are searched, which bounds the work for hostile text."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ENDINGS = _words(
    """
    archiver archiving audit auditor automated bot checker checklink classifier crawl crawler
    externalhit fetcher googleother headless headlesschrome httrack imageproxy indexer
    inspectiontool lighthouse linkcheck monitor monitoring nikto openvas pagespeed parser phantomjs
    playwright prefetch preview puppeteer resolver retriever scan scanning scraper scrapy
    screenshot selenium sitecheck spider synthetic uptime validation validator verification
    verifier webhook zgrab agent
    """
)
"""Words for robots, for what they do and for the tools that drive browsers.

A name ends in a word when no letter but a plural `s` follows. `scanner` is not among them, since
apps for documents and codes call themselves so.
"""

EXCEPTED = ("cubot",)
"""Names that end in such a word and are none: a maker of phones."""

AI_NAMES = _words(
    """
    ai2bot amazonbot anthropic applebot-extended bytespider ccbot chatgpt claude claudebot
    claude-searchbot cohere deepseek deepseekbot diffbot duckassistbot firecrawl firecrawlagent
    gemini google-agent google-extended google-notebooklm gptbot grok grokbot img2dataset manus
    meta-externalagent meta-externalfetcher mistralai oai-searchbot openai perplexity
    perplexitybot timpibot youbot
    """
)
"""Agents and crawlers of language models, by the names that their owners publish."""

PROGRAMS = _words(
    """
    aiohttp apache-httpclient asynchttpclient axios colly curl customasynchttpclient deno fasthttp
    feedparser go-http-client got guzzlehttp http.rb httpie httpunit httpx jakarta java jersey
    libcurl libwww-perl lwp lwp-trivial mechanize newspaper node node-fetch node.js postmanruntime
    powershell python python-httpx python-requests python-urllib python-urllib3 reactornetty
    rest-client restsharp ruby undici urllib wget whatsapp winhttp wordpress
    """
)
"""Programs and libraries that fetch pages. Android apps send `okhttp`, and their events are those
of people; WhatsApp names itself first only where it fetches a preview."""

_ADDRESS = re.compile(r"https?://|www\.|(?<=[a-z0-9])(?:@|\[at\])(?=[a-z0-9-]+\.[a-z]{2})")
"""Contacts by which robots name their owner. Only the sign of an e-mail address is found, so that
alerts do not repeat the address."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """Claims that a user agent makes of itself."""

    agent_class: AgentClass
    """`Human` where no robot is declared."""

    word: str = ""
    """The text that declares the robot, in lower case; empty for `Human`."""


_HUMAN = Declaration("Human")


class DeclaredRobots:
    """Finds declared robots by the tables of this module and by a pipeline's own words."""

    def __init__(
        self, endings: Iterable[str] = ENDINGS, excepted: Iterable[str] = EXCEPTED
    ) -> None:
        """Compile the tables.

        Args:
            endings: the words that names of robots end in, in lower case.
            excepted: names that are none, although they end in one.
        """
        ending = "|".join(_escape(endings))
        unless = "|".join(_escape(excepted))
        guard = rf"(?!(?:{unless})(?![a-z0-9]))" if unless else ""
        self._name = re.compile(
            rf"(?<![a-z0-9._-]){guard}[a-z0-9._-]*?(?P<word>{ending})s?(?![a-rt-z])"
        )
        self.declaration = lru_cache(maxsize=4096)(self._declaration)

    def _declaration(self, user_agent: str | None) -> Declaration:
        """Return what a user agent declares; `Human` for an absent one."""
        text = (user_agent or "")[:LONGEST_SOUGHT].lower()
        if match := _AI.search(text):
            return Declaration("AIAgent", match[0])
        if match := _PROGRAM.match(text):
            return Declaration("Robot", match[0])
        if match := self._name.search(text):
            return Declaration("Robot", match["word"])
        if match := _ADDRESS.search(text):
            return Declaration("Robot", match[0])
        return _HUMAN


def _escape(words: Iterable[str]) -> list[str]:
    """Return the words for a regular expression, the longest first, so that it is the one found."""
    return [re.escape(word) for word in sorted(words, key=len, reverse=True)]


_AI = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(_escape(AI_NAMES))})(?![a-z0-9])")
_PROGRAM = re.compile(rf"(?:{'|'.join(_escape(PROGRAMS))})(?![a-z0-9-])")
