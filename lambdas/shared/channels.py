"""Channels of page views, by a small table: where somebody came from, as marketing groups it. Pure.

A page view has a channel if its URL or its referrer tells one, in this order:

1. paid: a paid `utm_medium`, or the click id of an advertising network in the URL;
2. e-mail, AI assistant, social, search: `utm_source` and `utm_medium`, else the click id of a
   mailing or a social network, else the referrer's host;
3. referral: any other source;
4. direct: neither a source nor a referrer.

A page view from a page of the same site has none. The groups follow those of GA4 (Google Analytics
Help, "Default channel group"), without its lists.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import unquote_plus

from shared.urls import URL_PARTS

if TYPE_CHECKING:
    from collections.abc import Collection

Channel = Literal["Direct", "Search", "Social", "Referral", "Email", "Paid", "AIAssistant"]
DIRECT: Final[Channel] = "Direct"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PAID_MEDIUM: Final = re.compile(
    r".*\bcp[acmvl]\b.*|ppc|paid.*|.*\bpaid|.*\bads?|retargeting|remarketing"
    r"|display|banner|expandable|interstitial"
)
_PAID_CLICKS: Final = _words(
    "gclid gclsrc gbraid wbraid dclid gad_source msclkid yclid ttclid twclid li_fat_id rdt_cid "
    "sccid epik irclickid awc obclid tblci"
)
_SOURCES: Final[dict[Channel, frozenset[str]]] = {
    "Email": _words(
        "email e-mail e_mail e.mail mail newsletter newsletters mailing mailchimp klaviyo hubspot "
        "sendgrid sendinblue brevo marketo"
    ),
    "AIAssistant": _words(
        "chatgpt openai perplexity claude anthropic gemini copilot deepseek mistral grok poe phind "
        "doubao kimi moonshot qwen"
    ),
    "Social": _words(
        "social social-network social-media social_network social_media sm facebook fb "
        "instagram ig threads linkedin lnkd twitter x t reddit pinterest pin tiktok youtube "
        "youtu vk ok weibo whatsapp telegram mastodon bsky bluesky snapchat tumblr quora "
        "discord xing ycombinator"
    ),
    "Search": _words(
        "organic google bing duckduckgo yahoo yandex ya baidu ecosia qwant startpage naver daum "
        "brave seznam sogou kagi ask aol swisscows mojeek presearch"
    ),
}
"""Names of a source or a medium, or the name of a host before its public suffix."""
_CLICKS: Final[dict[str, Channel]] = {
    "fbclid": "Social", "igshid": "Social", "igsh": "Social", "mc_eid": "Email", "mc_cid": "Email",
    "_hsenc": "Email", "_hsmi": "Email", "mkt_tok": "Email", "vero_id": "Email", "_kx": "Email",
    "srsltid": "Search",
}  # fmt: skip
_HOSTS: Final[dict[str, Channel]] = {
    "gemini.google.com": "AIAssistant", "bard.google.com": "AIAssistant",
    "notebooklm.google.com": "AIAssistant", "copilot.microsoft.com": "AIAssistant",
    "m365.cloud.microsoft": "AIAssistant", "meta.ai": "AIAssistant", "you.com": "AIAssistant",
    "x.ai": "AIAssistant",
    "com.google.android.gm": "Email", "com.google.android.googlequicksearchbox": "Search",
    "com.linkedin.android": "Social", "com.facebook.katana": "Social",
    "outlook.live.com": "Email", "outlook.office.com": "Email", "outlook.office365.com": "Email",
}  # fmt: skip
"""Hosts, and Android apps, that differ from the others of their name."""
_MAIL_HOSTS: Final = _words("mail webmail email owa")
_SEARCH_HOSTS: Final = _words("www m search images l lens cse cn ru com de fr uk jp html lite r")
"""First labels of hosts that search; of the same name others are no search, as docs.google.com."""
_SHORT_SUFFIX, _COUNTRY = 3, 2
_SUBDOMAIN: Final = 3


class Channels:
    """The channels of one pipeline's page views."""

    def __init__(self, own_domains: Collection[str] = ()) -> None:
        """Take the domains of the site itself, in lower case; their subdomains are of it too."""
        self._own = tuple(own_domains)

    def channel(self, url: str, referrer: str) -> Channel | None:
        """Return the channel of a page view; None where it came from the site itself.

        Without a domain of the site, in the URL or in the settings, a host that is in no table may
        be the site's own, and tells nothing.

        Args:
            url: of the page, with its parameters.
            referrer: the referrer's URL, or empty.
        """
        parameters = _parameters(url)
        told = _by_parameters(parameters)
        if told is not None:
            return told
        host = _host(referrer)
        if not host:
            return None if referrer.startswith(("/", "?", "#")) else DIRECT
        page_host = _host(url)
        if self._is_own(host, page_host):
            return None
        return _by_host(host) or ("Referral" if page_host or self._own else None)

    def _is_own(self, host: str, page_host: str) -> bool:
        own = (*self._own, page_host.removeprefix("www.")) if page_host else self._own
        return any(host == each or host.endswith(f".{each}") for each in own) or (
            bool(page_host) and page_host.endswith(f".{host.removeprefix('www.')}")
        )


def _by_parameters(parameters: dict[str, str]) -> Channel | None:
    medium, source = parameters.get("utm_medium", ""), parameters.get("utm_source", "")
    if _PAID_MEDIUM.fullmatch(medium) or not _PAID_CLICKS.isdisjoint(parameters):
        return "Paid"
    for channel, names in _SOURCES.items():
        if medium in names or _name_of(source) in names:
            return channel
    if channel_of_source := _HOSTS.get(source):
        return channel_of_source
    if medium or source:
        return "Referral"
    return next((_CLICKS[name] for name in parameters if name in _CLICKS), None)


def _by_host(host: str) -> Channel | None:
    bare = host.removeprefix("www.")
    if bare in _HOSTS:
        return _HOSTS[bare]
    labels = host.split(".")
    if len(labels) >= _SUBDOMAIN and labels[0] in _MAIL_HOSTS:
        return "Email"
    name = _name_of(host)
    for channel, names in _SOURCES.items():
        if name in names:
            if channel == "Search" and name != labels[0] and labels[0] not in _SEARCH_HOSTS:
                return "Referral"
            return channel
    return None


def _name_of(source: str) -> str:
    """Return the name of a source: of a host the label before its public suffix."""
    labels = source.split(".")
    if len(labels) == 1:
        return source
    has_two = (
        len(labels) >= _SUBDOMAIN
        and len(labels[-1]) == _COUNTRY
        and len(labels[-2]) <= _SHORT_SUFFIX
    )
    return labels[-3] if has_two else labels[-2]


def _host(url: str) -> str:
    rest = url.partition("#")[0].partition("?")[0]
    origin = URL_PARTS.fullmatch(rest)
    if origin is None:
        return ""
    return origin[2].rpartition("@")[2].partition(":")[0].rstrip(".").lower()


def _parameters(url: str) -> dict[str, str]:
    """Return the parameters of a URL and of its route, in lower case; of several the first."""
    found: dict[str, str] = {}
    if "=" in url:
        for part in re.split("[?&;#]", url)[1:]:
            name, sign, value = part.partition("=")
            if sign and value:
                found.setdefault(unquote_plus(name).lower(), unquote_plus(value).strip().lower())
    return found
