"""CEL rules about where events have their fields."""

from __future__ import annotations

from typing import Final

from clickstream_operator.api.presets import ORIGINAL, PRESETS, is_session_of_users
from clickstream_operator.api.rule import Rule

_ENVELOPES: Final = (
    "SNS",
    "EventBridge",
    "APIGateway",
    "FluentBit",
    "CloudWatchLogs",
    "SnowplowTSV",
)
UNWRAP: Final = (
    Rule(
        f"self in {[*_ENVELOPES]} || !(self.lowerAscii() in "
        f"{[name.lower() for name in _ENVELOPES]})",
        "unwrap names an envelope in another case; name it as one of "
        f"{', '.join(_ENVELOPES)}, or the path to what holds the events",
    ),
)


def _roles(names: tuple[str, ...]) -> str:
    """A list of what fields lead to, with what the original has where there is no preset."""
    return " + ".join(
        f"(has(self.fields.{name}) ? [self.fields.{name}] : "
        + (f"(has(self.preset) ? [] : ['{ORIGINAL[name]}']))" if name in ORIGINAL else "[])")
        for name in names
    )


_ALONE: Final = ("type", "time", "sentAt", "page", "userAgent", "ip", "referrer", "country")
_BESIDE: Final = ("session", "user", "anonymousId", "id")
EVENTS: Final = (
    Rule(
        f"({_roles(_ALONE)}).all(m, ({_roles(_ALONE + _BESIDE)}).exists_one(n, n == m))",
        "fields must not lead two fields to one member, but for session, user, anonymousId and "
        "id; choose another member for one of them",
        ".fields",
    ),
    Rule(
        "!has(self.fields.anonymousId) || !has(self.fields.user) || "
        "self.fields.anonymousId != self.fields.user",
        "fields.anonymousId must not be fields.user: it is the id that somebody has before a login "
        "as well; remove it, or name that member",
        ".fields.anonymousId",
    ),
)


def _kept(name: str) -> str:
    """Whether a dropped member leaves what a field leads to; what it lies in may not go either."""
    return (
        f"(has(self.events.fields.{name}) ? "
        f"!('.' + self.events.fields.{name} + '.').contains('.' + f + '.') : "
        f"(has(self.events.preset) || f != '{ORIGINAL[name]}'))"
    )


#: Presets whose sessions are made from the ids of users.
_BY_USERS: Final = [
    name for name, preset in PRESETS.items() if is_session_of_users({**ORIGINAL, **preset.fields})
]
SESSION_OF_USERS: Final = Rule(
    "self.privacy.userId != 'Drop' || (has(self.events.fields.session) ? "
    "!(has(self.events.fields.user) && self.events.fields.session == self.events.fields.user) "
    "&& !(has(self.events.fields.anonymousId) && "
    "self.events.fields.session == self.events.fields.anonymousId) : "
    f"!(has(self.events.preset) && self.events.preset in {_BY_USERS}))",
    "privacy.userId: Drop removes the ids of users, and events.fields.session is one of them; "
    "choose another member for the session, or Hash",
    ".privacy.userId",
)
DROPPED_FIELDS: Final = Rule(
    f"self.privacy.dropFields.all(f, {_kept('type')} && {_kept('session')} && "
    f"{_kept('time')} && {_kept('page')})",
    "privacy.dropFields must not name the members for type, session, time or page of "
    "events.fields, which every event needs; remove them",
    ".privacy.dropFields",
)
