"""Families of user agents: what browsers of today say of themselves."""

from __future__ import annotations

import pytest

from clickstream_operator.query.families import Families, families

LIKE = "(KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 {LIKE} Chrome/141.0.0.0"
PHONE = f"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 {LIKE}"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 {LIKE}"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 17_1 like Mac OS X) AppleWebKit/605.1.15 {LIKE}"
WEBVIEW = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 Version/4.0 Chrome/141.0.0.0 "
    "Mobile Safari/537.36"
)
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"


@pytest.mark.parametrize(
    ("agent", "browser", "system", "device"),
    [
        (f"{WINDOWS} Safari/537.36", "Chrome", "Windows", "Desktop"),
        (f"{WINDOWS} Safari/537.36 Edg/141.0.0.0", "Edge", "Windows", "Desktop"),
        (f"{WINDOWS} Safari/537.36 OPR/120.0.0.0", "Opera", "Windows", "Desktop"),
        (f"{WINDOWS} YaBrowser/25.8.0 Safari/537.36", "Yandex", "Windows", "Desktop"),
        (
            "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox", "Windows", "Desktop",
        ),
        (
            f"{MAC} AppleWebKit/605.1.15 {LIKE} Version/18.5 Safari/605.1.15",
            "Safari", "macOS", "Desktop",
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
            "Internet Explorer", "Windows", "Desktop",
        ),
        (f"{PHONE} Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome", "Android", "Phone"),
        (f"{PHONE} Chrome/141.0.0.0 Safari/537.36", "Chrome", "Android", "Tablet"),
        (
            f"{PHONE} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            "Samsung Internet", "Android", "Phone",
        ),
        (WEBVIEW, "Android WebView", "Android", "Phone"),
        (f"{WEBVIEW} [FB_IAB/FB4A;FBAV/500.0;]", "Facebook app", "Android", "Phone"),
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", "Safari", "iOS", "Phone"),
        (f"{IPHONE} CriOS/141.0 Mobile/15E148 Safari/604.1", "Chrome", "iOS", "Phone"),
        (f"{IPHONE} FxiOS/140.0 Mobile/15E148 Safari/605.1.15", "Firefox", "iOS", "Phone"),
        (f"{IPHONE} Mobile/15E148", "iOS WebView", "iOS", "Phone"),
        (f"{IPHONE} Mobile/15E148 Instagram 390.0", "Instagram app", "iOS", "Phone"),
        (f"{IPAD} Version/17.1 Mobile/15E148 Safari/604.1", "Safari", "iOS", "Tablet"),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 {LIKE} Chrome/140 Safari",
            "Chrome", "ChromeOS", "Desktop",
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox", "Linux", "Desktop",
        ),
        (
            f"Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 {LIKE} Chrome/108 Safari/537",
            "Chrome", "webOS", "TV",
        ),
        (
            f"Mozilla/5.0 (PlayStation 5 8.20) AppleWebKit/605.1.15 {LIKE} Version/16 Safari/605.1",
            "Safari", "Console", "Console",
        ),
        ("Dalvik/2.1.0 (Linux; U; Android 15; Pixel 9 Build/1)", "Other", "Android", "Other"),
        ("ExampleApp/1.0", "Other", "Other", "Other"),
    ],
)  # fmt: skip
def test_families_of_a_user_agent(agent: str, browser: str, system: str, device: str) -> None:
    """The browser itself, not those that it claims to be like."""
    assert families(agent) == Families(browser, system, device)


@pytest.mark.parametrize("agent", [None, "", "unknown"])
def test_what_is_not_told_is_other(agent: str | None) -> None:
    """Absent, empty, or as the processor writes what it does not know."""
    assert families(agent) == Families()
