"""IP addresses: found in text, and cut to their network.

IPv4 keeps its /24 and IPv6 its /48. An IPv6 address that holds an IPv4 one keeps the /24 of that:
IPv4-mapped (RFC 4291, 2.5.5.2), and 6to4 (RFC 3056), whose first 48 bits are 2002 and the whole
IPv4 address.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})"
_IPV4: Final = re.compile(rf"(?<![0-9])(?<![0-9]\.)(?:{_OCTET}\.){{3}}{_OCTET}(?!\.?[0-9])")
_IPV6: Final = re.compile(r"(?<![0-9A-Za-z:])[0-9A-Fa-f:]{2,}+(?:[0-9.]+)?(?![0-9A-Za-z])")
_LONGEST_IPV6: Final = 64
_PORT: Final = re.compile(r"\[([^\]]*)\](?::[0-9]+)?|([0-9.]+)(?::[0-9]+)?")
_DOTS, _COLONS = 3, 2
"""Fewest dots of an IPv4 address, and colons of an IPv6 address."""
_V4_MAPPED: Final = bytes(10) + b"\xff\xff"
_6TO4: Final = b"\x20\x02"

_LOOK_BACK: Final = 32
_VERSION_BEFORE: Final = re.compile(
    r"(?:(?<![a-z0-9])v|(?<![a-z])(?:version|ver|release|build|firmware|revision)[\s\"':=._\-]*v?)$",
    re.IGNORECASE,
)
_PRODUCT_BEFORE: Final = re.compile(r"(?:^|[\s(;\"'])[A-Z][A-Za-z0-9.+_\-]*/$")
_FILE_AFTER: Final = re.compile(
    r"[.\-](?:apk|css|deb|dmg|exe|gz|jar|js|min|msi|nupkg|pkg|rpm|tar|tgz|war|whl|zip)\b"
)


def truncate_addresses(value: str) -> str | None:
    """Return IPv4 addresses as their /24 and IPv6 ones as their /48; None if one is neither.

    A comma-separated list, as in X-Forwarded-For, and ports are understood.
    """
    shortened = []
    for part in value.split(","):
        bare = part.strip()
        port = _PORT.fullmatch(bare)
        network = _truncate((port[1] or port[2]) if port else bare)
        if network is None:
            return None
        shortened.append(network)
    return ", ".join(shortened)


def hide_addresses(text: str, stand_in: str | None) -> str:
    """Return text with each IP address cut to its network, or replaced by `stand_in`.

    A version of four numbers is left: one that a word (`version`, `v`), a product's name as in
    `Quark/6.3.0.238`, or the name of a file says to be one, or that begins with 0.
    """

    def hide_ipv4(match: re.Match[str]) -> str:
        if _is_version(match):
            return match[0]
        return stand_in or f"{match[0].rpartition('.')[0]}.0"

    def hide_ipv6(match: re.Match[str]) -> str:
        return _hide_ipv6(match[0], stand_in)

    if text.count(".") >= _DOTS:
        text = _IPV4.sub(hide_ipv4, text)
    if text.count(":") >= _COLONS:
        text = _IPV6.sub(hide_ipv6, text)
    return text


def _is_version(match: re.Match[str]) -> bool:
    if match[0].startswith("0"):
        return True
    text, start, end = match.string, match.start(), match.end()
    before = text[max(0, start - _LOOK_BACK) : start]
    if _VERSION_BEFORE.search(before) or _FILE_AFTER.match(text, end):
        return True
    return before.endswith("/") and _PRODUCT_BEFORE.search(before) is not None


def _hide_ipv6(candidate: str, stand_in: str | None) -> str:
    if len(candidate) > _LONGEST_IPV6 or candidate.count(":") < _COLONS:
        return candidate
    for cut in (candidate, candidate.rstrip("."), candidate.strip(":.")):
        shortened = _truncate(cut)
        if shortened is not None:
            return stand_in or shortened
    return candidate


def _truncate(address: str) -> str | None:
    """Return the network of one address without port; None if it is no address."""
    if _IPV4.fullmatch(address):
        return f"{address.rpartition('.')[0]}.0"
    try:
        packed = ipaddress.IPv6Address(address.partition("%")[0]).packed
    except ValueError:
        return None
    if packed.startswith(_V4_MAPPED):
        return ".".join(map(str, packed[12:15])) + ".0"
    kept = packed[:5] if packed.startswith(_6TO4) else packed[:6]
    return str(ipaddress.IPv6Address(kept.ljust(16, b"\0")))
