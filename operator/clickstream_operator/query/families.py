"""Browser, system and device of a user agent, as families, from small tables of ours. Pure.

A parser of versions and models would cost the functions size and start-up time. A session's user
agent is in its item, so readers tell families, and nothing is stored for them.

What a user agent hides stays hidden: an iPad that asks for desktop sites says Macintosh, and Brave
says Chrome.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

OTHER: Final = "Other"


@dataclass(frozen=True, slots=True)
class Families:
    """Families of one user agent; `Other` where it tells none."""

    browser: str = OTHER
    system: str = OTHER
    device: str = OTHER
    """Desktop, Phone, Tablet, TV, Console."""


def _table(*rows: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), family) for pattern, family in rows)


#: The first that is found counts: almost every browser names those that it descends from.
_BROWSERS: Final = _table(
    (r"\b(?:FBAN|FBAV|FB_IAB)\b", "Facebook app"),
    (r"\bInstagram\b", "Instagram app"),
    (r"\b(?:TikTok|musical_ly|BytedanceWebview|trill)", "TikTok app"),
    (r"\bMicroMessenger/", "WeChat app"),
    (r"\bLine/\d", "LINE app"),
    (r"\bSnapchat\b", "Snapchat app"),
    (r"\[?\bPinterest/", "Pinterest app"),
    (r"\bLinkedInApp\b", "LinkedIn app"),
    (r"\bGSA/", "Google app"),
    (r"\bEdg(?:A|iOS|e|W)?/", "Edge"),
    (r"\b(?:OPR|OPiOS|OPT|OPX|OPRGX)/|\bOpera\b", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\bVivaldi/", "Vivaldi"),
    (r"\b(?:YaBrowser|YaApp|YaSearch)", "Yandex"),
    (r"\b(?:UCBrowser|UBrowser|UCWEB)", "UC Browser"),
    (r"\b(?:MiuiBrowser|XiaoMi)/", "Mi Browser"),
    (r"\b(?:HuaweiBrowser|HBPC)/", "Huawei Browser"),
    (r"\b(?:HeyTapBrowser|OppoBrowser)/", "HeyTap Browser"),
    (r"\bVivoBrowser/", "vivo Browser"),
    (r"\b(?:DuckDuckGo|Ddg)/", "DuckDuckGo"),
    (r"\bWhale/", "Whale"),
    (r"\b(?:M?QQBrowser)/", "QQ Browser"),
    (r"\bSilk/", "Silk"),
    (r"\bBrave\b", "Brave"),
    (r"\b(?:coc_coc_browser|CocCoc)", "Coc Coc"),
    (r"\bPuffin/", "Puffin"),
    (r"\b(?:SeaMonkey|PaleMoon|Waterfox|LibreWolf)/", OTHER),
    (r"\b(?:Firefox|FxiOS|Focus|Klar)/", "Firefox"),
    (r"\b(?:MSIE |Trident/|IEMobile)", "Internet Explorer"),
    (r"\bAndroid\b.*; wv\)|\bAndroid\b.*\bVersion/4\.0 Chrome/", "Android WebView"),
    (r"\b(?:CriOS|Chrome|Chromium|CrMo)/", "Chrome"),
    (r"\bAndroid\b.*\bVersion/\d.*\bSafari/", "Android Browser"),
    (r"\bVersion/\d.*\bSafari/|\b(?:iPhone|iPad|iPod|Macintosh)\b.*\bSafari/", "Safari"),
    (r"\b(?:iPhone|iPad|iPod)\b.*\bAppleWebKit/", "iOS WebView"),
)
_SYSTEMS: Final = _table(
    (r"\bWindows Phone|\bWindows CE|\bIEMobile", "Windows Phone"),
    (r"\b(?:Xbox|PlayStation|Nintendo)", "Console"),
    (r"\bWindows|\bWin(?:98|95|NT|32|64)", "Windows"),
    (r"\b(?:iPhone|iPad|iPod|AppleTV|Apple TV)\b|\biOS\b|\bCFNetwork/.*\bMobile", "iOS"),
    (r"\b(?:OpenHarmony|HarmonyOS)", "HarmonyOS"),
    (r"\bTizen\b", "Tizen"),
    (r"\bAndroid\b", "Android"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bKAIOS\b|\bKaiOS\b", "KaiOS"),
    (r"\bWeb0S\b|\bwebOS\b", "webOS"),
    (r"\bMacintosh\b|\bMac OS X|\bMac_PowerPC|\bDarwin/", "macOS"),
    (r"\b(?:BlackBerry|BB10|SymbianOS|Symbian|Series[46]0|MeeGo|Bada)", "Other mobile"),
    (r"\bLinux\b|\bX11\b|\bUbuntu\b|BSD\b|\bSunOS\b", "Linux"),
)
_DEVICES: Final = _table(
    (r"\b(?:Xbox|PlayStation|Nintendo)", "Console"),
    (r"(?i:smart-?tv|\bhbbtv|\bapple ?tv|googletv|\bandroid tv|\bcrkey\b|\bbravia|\broku\b)", "TV"),
    (r"\bWeb0S\b|\bAFT[A-Z]|\bNetCast\b|\bTizen\b.*\bTV\b|\bTV Safari\b", "TV"),
    (r"\biPad\b|\bTablet\b(?! PC)|\bKindle\b|\bPlayBook\b|\bSilk/(?!.*\bMobile\b)", "Tablet"),
    (r"\biPhone\b|\biPod\b|\bMobile\b|\bWindows Phone|\bIEMobile|\bOpera M(?:ini|obi)", "Phone"),
    (r"\b(?:BlackBerry|BB10|SymbianOS|Series[46]0|KAIOS|MIDP)", "Phone"),
    # Apps that ask by the system's own client say Mobile on no device.
    (r"\bDalvik/|\bCFNetwork/", OTHER),
    # Chrome for Android says Mobile on phones only (Chrome for Developers, "User agent strings").
    (r"\bAndroid\b", "Tablet"),
    (r"\bWindows|\bMacintosh\b|\bMac OS X|\bCrOS\b|\bX11\b|\bLinux\b|\bWin\d", "Desktop"),
)


@lru_cache(maxsize=4096)
def families(user_agent: str | None) -> Families:
    """Return the families of a user agent, of which the first 256 characters suffice."""
    if not user_agent:
        return Families()
    return Families(*(_first(table, user_agent) for table in (_BROWSERS, _SYSTEMS, _DEVICES)))


def _first(table: tuple[tuple[re.Pattern[str], str], ...], user_agent: str) -> str:
    return next((family for pattern, family in table if pattern.search(user_agent)), OTHER)
