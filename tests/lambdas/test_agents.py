"""Robots that declare themselves: each way to declare, and the browsers that resemble robots."""

from __future__ import annotations

import pytest

from shared.agents import LONGEST_SOUGHT, Declaration, DeclaredRobots

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)
WEBVIEW = "Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) AppleWebKit/537.36 Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "agent_class", "word"),
    [
        ("Googlebot/2.1 (+http://www.google.com/bot.html)", "Robot", "bot"),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", "Robot", "bot"),
        ("Googlebot-Image/1.0", "Robot", "bot"),
        ("Slackbot-LinkExpanding 1.0", "Robot", "bot"),
        ("Mozilla/5.0 (compatible; MJ12bot/v1.4.8)", "Robot", "bot"),
        ("news.example.bot_2", "Robot", "bot"),
        ("Our Bots", "Robot", "bot"),
        ("Mozilla/5.0 (compatible; 360Spider)", "Robot", "spider"),
        ("crawler4j", "Robot", "crawler"),
        ("some automated client", "Robot", "automated"),
        ("Mozilla/5.0 HeadlessChrome/126.0", "Robot", "headlesschrome"),
        (f"{CHROME} Chrome-Lighthouse", "Robot", "lighthouse"),
        ("W3C_Validator/1.3", "Robot", "validator"),
        ("Example LinkChecker", "Robot", "checker"),
        ("facebookexternalhit/1.1", "Robot", "externalhit"),
        ("Mozilla/5.0 (Linux; Cubot; bot)", "Robot", "bot"),
        (f"{CHROME} GPTBot/1.2", "AIAgent", "gptbot"),
        (f"{CHROME}; compatible; ChatGPT-User/1.0", "AIAgent", "chatgpt"),
        ("Claude-User", "AIAgent", "claude"),
        ("anthropic-ai", "AIAgent", "anthropic"),
        ("meta-externalagent/1.1", "AIAgent", "meta-externalagent"),
        ("curl/8.5.0", "Robot", "curl"),
        ("python-requests/2.31.0", "Robot", "python-requests"),
        ("Python/3.12 aiohttp/3.9.1", "Robot", "python"),
        ("Go-http-client/2.0", "Robot", "go-http-client"),
        ("WhatsApp/2.23.20.0", "Robot", "whatsapp"),
        (f"{CHROME} (+https://crawl.example.org)", "Robot", "crawl"),
        ("Mozilla/5.0 (compatible; Quiet/1.0; +https://example.org/about)", "Robot", "https://"),
        ("Mozilla/5.0 (compatible; Quiet/1.0; www.example.org)", "Robot", "www."),
        ("Quiet/1.0 (ops@example.org)", "Robot", "@"),
    ],
)
def test_each_way_to_declare_a_robot(agent: str, agent_class: str, word: str) -> None:
    """Each table finds its robots, in any case of letters, and says which word it found."""
    robots = DeclaredRobots()
    assert robots.declaration(agent) == Declaration(agent_class, word)  # type: ignore[arg-type]
    assert robots.declaration(agent.upper()).agent_class == agent_class


@pytest.mark.parametrize(
    "agent",
    [
        None,
        "",
        CHROME,
        WEBVIEW,
        "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG) Mobile",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus)",
        f"{WEBVIEW} CamScanner/6.1",
        f"{WEBVIEW} WhatsApp/2.23",
        "okhttp/4.12.0",
        "ExampleApp/1 CFNetwork/758.1.2 Darwin/15.0.0",
        "Dalvik/2.1.0 (Linux; U; Android 9; SM-G965U Build/PPR1.180610.011)",
        "Lynx/2.9.0 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.6.5",
        "Abbott Bottle Robotics",
        "GottaGo/2.0",
        "Gotham/1.0",
        "Rubyfruit/2.0",
        "Claudette/3.0",
        "x" * LONGEST_SOUGHT + " bot",
    ],
)
def test_people_are_not_taken_for_robots(agent: str | None) -> None:
    """Browsers, apps and makers whose names only resemble a robot's declare nothing."""
    assert DeclaredRobots().declaration(agent) == Declaration("Human")


def test_own_tables_replace_those_of_the_module() -> None:
    """Words of one's own are found, and names that only look like robots are left out."""
    robots = DeclaredRobots(endings=("probe",), excepted=("myprobe",))
    assert robots.declaration("HealthProbe/1").word == "probe"
    assert robots.declaration("MyProbe/1").agent_class == "Human"
    assert robots.declaration("Googlebot/2.1").agent_class == "Human"
