"""Where well-known producers have the fields of an event. Pure.

A preset fills what the spec leaves out. The how-to "Producers" tells where each mapping is from and
what it leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

#: Where the original's events have their fields.
ORIGINAL: Final[Mapping[str, str]] = {
    "type": "event_type",
    "session": "session_id",
    "user": "user_id",
    "time": "timestamp",
    "page": "page_url",
    "userAgent": "user_agent",
    "ip": "ip_address",
    "referrer": "referrer",
    "country": "country",
    "id": "event_id",
}
_OR: Final = " | "
_AND: Final = " + "


@dataclass(frozen=True)
class Preset:
    """How one producer writes events."""

    fields: Mapping[str, str]
    page_view_types: tuple[str, ...]
    unwrap: tuple[str, ...] = ()
    time: str = "Event"


_CALLS: Final = {
    "type": "event | type",
    "user": "userId",
    "anonymousId": "anonymousId",
    "time": "timestamp | originalTimestamp",
    "page": "context.page.url | properties.url | name",
    "userAgent": "context.userAgent",
    "referrer": "context.page.referrer | properties.referrer",
    "country": "context.location.country",
    "id": "messageId",
}
# As the analytics SDKs name the members; the functions name the columns of the text likewise.
_SNOWPLOW: Final = {
    "type": "event_name | event",
    "session": "domain_sessionid"
    " | contexts_com_snowplowanalytics_snowplow_client_session_1[0].sessionId"
    " | domain_userid | network_userid | event_id",
    "user": "user_id",
    "anonymousId": "domain_userid"
    " | contexts_com_snowplowanalytics_snowplow_client_session_1[0].userId"
    " | network_userid",
    "time": "derived_tstamp | collector_tstamp",
    "page": "page_url | unstruct_event_com_snowplowanalytics_mobile_screen_view_1.name",
    "userAgent": "useragent",
    "ip": "user_ipaddress",
    "referrer": "page_referrer",
    "country": "geo_country",
}
PRESETS: Final[Mapping[str, Preset]] = {
    "Segment": Preset(
        {**_CALLS, "session": "anonymousId | userId", "ip": "context.ip"},
        ("page", "screen"),
        unwrap=("batch",),
        time="Arrival",
    ),
    "RudderStack": Preset(
        {
            **_CALLS,
            "session": "anonymousId + context.sessionId | anonymousId | userId",
            "ip": "request_ip | context.ip",
        },
        ("page", "screen"),
        unwrap=("batch",),
        time="Arrival",
    ),
    "PostHog": Preset(
        {
            "type": "event",
            "session": "properties.$session_id | distinct_id | properties.distinct_id",
            "user": "distinct_id | properties.distinct_id",
            "anonymousId": "properties.$device_id",
            "time": "timestamp",
            "page": "properties.$current_url | properties.$screen_name",
            "userAgent": "properties.$raw_user_agent | properties.$useragent",
            "ip": "properties.$ip | ip",
            "referrer": "properties.$referrer",
            "country": "properties.$geoip_country_code",
            "id": "uuid | properties.$insert_id",
        },
        ("$pageview", "$screen"),
        unwrap=("batch",),
        time="Arrival",
    ),
    "GA4": Preset(
        {
            "type": "event_name | name",
            "session": (
                "user_pseudo_id + event_params.ga_session_id | client_id + params.session_id"
                " | user_pseudo_id | client_id | app_instance_id | event_name + event_timestamp"
            ),
            "user": "user_id",
            "anonymousId": "user_pseudo_id | client_id | app_instance_id",
            "time": "event_timestamp | timestamp_micros",
            "page": (
                "event_params.page_location | event_params.firebase_screen"
                " | event_params.firebase_screen_class | params.page_location"
            ),
            "referrer": "event_params.page_referrer | params.page_referrer",
            "country": "geo.country",
        },
        ("page_view", "screen_view"),
        unwrap=("events",),
        time="Arrival",
    ),
    "SnowplowJSON": Preset(_SNOWPLOW, ("page_view", "screen_view")),
    "SnowplowTSV": Preset(_SNOWPLOW, ("page_view", "screen_view"), unwrap=("SnowplowTSV",)),
    "AwsClickstream": Preset(
        {
            "session": "attributes._session_id | unique_id | device_id | event_id",
            "user": "user._user_id.value",
            "anonymousId": "unique_id | device_id",
            "page": "attributes._page_url | attributes._screen_name",
            "userAgent": "user_agent | ua",
            "ip": "ip",
            "referrer": "attributes._page_referrer | attributes._latest_referrer",
            "country": "country_code",
        },
        ("_page_view", "_screen_view"),
        unwrap=("data",),
    ),
}  # fmt: skip


def resolve(events: Mapping[str, Any], *, users_are_dropped: bool = False) -> dict[str, Any]:
    """The form of events with what its preset fills, as the function configuration names it.

    An object of a version before presets has every field of the original, filled by its CRD: there
    a field of that name is no choice.

    Args:
        events: the part of the spec, by the names of the API, without what is unset.
        users_are_dropped: nothing may be made from the ids of users, so that no session is.
    """
    given = {**events}
    named = given.pop("preset", None)
    preset = PRESETS.get(named, Preset(ORIGINAL, ("page_view",)))
    fields = given.pop("fields", {})
    if named and ORIGINAL.keys() <= fields.keys():
        fields = {name: path for name, path in fields.items() if path != ORIGINAL.get(name)}
    filled = {**ORIGINAL, **preset.fields}
    if users_are_dropped and named:
        filled["session"] = session_without_users(filled) or ORIGINAL["session"]
    return {
        "pageViewTypes": [*preset.page_view_types],
        "unwrap": [*preset.unwrap],
        "time": preset.time,
        **given,
        "fields": {**filled, **fields},
    }


def session_without_users(fields: Mapping[str, str]) -> str:
    """The alternatives of a session that are not made from the ids of users; empty without any."""
    users = {part for name in ("user", "anonymousId") for part in fields.get(name, "").split(_OR)}
    options = fields["session"].split(_OR)
    return _OR.join(one for one in options if users.isdisjoint(one.split(_AND)))


def is_session_of_users(fields: Mapping[str, str]) -> bool:
    """Whether the first choice of a session is made from the ids of users."""
    return not session_without_users(fields).startswith(fields["session"].split(_OR)[0])
