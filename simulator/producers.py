"""Events as well-known producers write them, each with the truth about it.

One scenario for all: two people, each on a device. Ada looks at the prices, logs in, looks at the
prices again and buys. Ben, who never logs in, looks at the prices and at the home page. Their
sessions begin in the same second, so that a session number made of the time is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from shared.snowplow_tsv import COLUMNS

if TYPE_CHECKING:
    from clickstream_operator.query import PipelineReader

AGENT: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"
)
ADA, BEN = "11111111-aaaa-4bbb-8ccc-000000000001", "22222222-aaaa-4bbb-8ccc-000000000002"
USER: Final = "customer-97980cfea0067"
ADDRESS: Final = "198.51.100.77"
SECRETS: Final = (ADA, BEN, USER, ADDRESS, "SECRET1", "ada@shop.example")
"""What nothing stored may hold, with the defaults of `spec.privacy`."""
_BEGUN: Final = 100
_PRICES: Final = "https://shop.example/pricing?token=SECRET1#top"
_HOME: Final = "https://shop.example/"
_REFERRER: Final = "https://search.example/?q=SECRET1"


@dataclass(frozen=True)
class Visit:
    """One thing that somebody did: who, seconds after the start, and the page or None."""

    device: str
    user: str | None
    second: int
    page: str | None


VISITS: Final = (
    Visit(ADA, None, 0, _PRICES),
    Visit(BEN, None, 1, _PRICES),
    Visit(ADA, USER, 2, _PRICES),
    Visit(BEN, None, 3, _HOME),
    Visit(ADA, USER, 4, None),
)


@dataclass(frozen=True)
class Truth:
    """Sums over all hours: views and visitors by page, events by type, events by session."""

    views: Mapping[str, int]
    visitors: Mapping[str, int]
    types: Mapping[str, int]
    sessions: tuple[int, ...] = (2, 3)
    """Ascending."""
    bad_rows: int = 0

    @classmethod
    def of(cls, read: PipelineReader) -> Truth:
        """What the stores of a pipeline say."""
        pages = read.all_page_views()
        return cls(
            views={page: sum(one.views for one in hours.values()) for page, hours in pages.items()},
            visitors={
                page: sum(one.unique_visitors for one in hours.values())
                for page, hours in pages.items()
            },
            types={name: sum(minutes.values()) for name, minutes in read.all_counts().items()},
            sessions=tuple(sorted(one.event_count for one in read.all_sessions().values())),
            bad_rows=sum(1 for _ in read.bad_rows()),
        )


@dataclass(frozen=True)
class Producer:
    """One preset with its events, as the records that a stream would have."""

    preset: str
    truth: Truth
    write: Callable[[datetime], list[Any]]

    def records(self, start: datetime) -> list[bytes]:
        """The records of the scenario that begins at a time."""
        return [
            (each if isinstance(each, str) else json.dumps(each)).encode()
            for each in self.write(start)
        ]


def _truth(view: str, sale: str, **changes: Any) -> Truth:
    members: dict[str, Any] = {
        "views": {"/": 1, "/pricing": 3},
        "visitors": {"/": 1, "/pricing": 2},
        "types": {view: 4, sale: 1},
    }
    return Truth(**members | changes)


def _iso(start: datetime, second: float) -> str:
    text = datetime.fromtimestamp(start.timestamp() + second, UTC).isoformat(
        timespec="milliseconds"
    )
    return text.replace("+00:00", "Z")


def _ms(start: datetime, second: float) -> int:
    return round((start.timestamp() + second) * 1000)


def _session_number(start: datetime) -> int:
    return round(start.timestamp()) - _BEGUN


def _call(start: datetime, visit: Visit, number: int) -> dict[str, Any]:
    """A call as the libraries of Segment and RudderStack send it."""
    context: dict[str, Any] = {
        "library": {"name": "analytics.js", "version": "2.11.1"},
        "locale": "en-GB", "userAgent": AGENT, "ip": ADDRESS,
        "page": {"path": "/", "referrer": _REFERRER, "search": "", "title": "Shop",
                 "url": visit.page or _PRICES},
    }  # fmt: skip
    if visit.user:
        context["traits"] = {"email": "ada@shop.example"}
    page, track = {"name": "Shop", "type": "page"}, {"event": "Order Completed", "type": "track"}
    return {
        "anonymousId": visit.device, "userId": visit.user, "channel": "browser", "context": context,
        "integrations": {}, "messageId": f"message-{visit.second}-{number}",
        "originalTimestamp": _iso(start, visit.second - 60),
        "sentAt": _iso(start, visit.second - 59),
        "receivedAt": _iso(start, visit.second + 0.2), "timestamp": _iso(start, visit.second),
        "properties": {"revenue": 39.95} if visit.page is None else {"url": visit.page},
        "version": 2, **(page if visit.page else track),
    }  # fmt: skip


def _segment(start: datetime) -> list[Any]:
    calls = [_call(start, visit, n) for n, visit in enumerate(VISITS)]
    return [calls[0], calls[1], {"batch": calls[2:], "sentAt": _iso(start, 5)}]


def _rudderstack(start: datetime) -> list[Any]:
    calls = [_call(start, visit, n) for n, visit in enumerate(VISITS)]
    for call in calls:
        call["request_ip"] = f"{call['context'].pop('ip')}:58873"
        call["context"]["sessionId"] = _session_number(start)
        call["userId"] = call["userId"] or ""
    return calls


def _posthog(start: datetime) -> list[Any]:
    events = []
    for number, visit in enumerate(VISITS):
        events.append({
            "uuid": f"0190aaaa-0000-7000-8000-00000000000{number}",
            "event": "$pageview" if visit.page else "order completed",
            "distinct_id": visit.user or visit.device,
            "timestamp": _iso(start, visit.second),
            "properties": {
                "token": "phc_x", "distinct_id": visit.user or visit.device,
                "$device_id": visit.device, "$session_id": f"0190-{visit.device[:8]}",
                "$current_url": visit.page or _PRICES, "$referrer": _REFERRER,
                "$raw_user_agent": AGENT, "$ip": ADDRESS, "$lib": "web",
                "$is_identified": visit.user is not None,
            },
        })  # fmt: skip
    del events[4]["distinct_id"]
    return [{"api_key": "phc_x", "batch": events[:3], "sent_at": _iso(start, 5)}, events[3:]]


def _ga4(start: datetime) -> list[Any]:
    rows: list[Any] = []
    for visit in VISITS:
        params = [
            ("page_location", {"string_value": visit.page or _PRICES, "int_value": None}),
            ("page_referrer", {"string_value": _REFERRER}),
            ("ga_session_id", {"string_value": None, "int_value": str(_session_number(start))}),
            ("ga_session_number", {"int_value": "1"}),
        ]
        rows.append({
            "event_date": start.strftime("%Y%m%d"),
            "event_timestamp": str(_ms(start, visit.second) * 1000),
            "event_name": "page_view" if visit.page else "purchase",
            "event_params": [{"key": key, "value": value} for key, value in params],
            "user_id": visit.user, "user_pseudo_id": visit.device,
            "geo": {"country": "Netherlands", "continent": "Europe"},
            "device": {"category": "desktop", "web_info": {"browser": "Chrome"}},
            "platform": "WEB",
        })  # fmt: skip
    # The last one as a server sends it by the Measurement Protocol.
    last = VISITS[-1]
    rows[-1] = {
        "client_id": last.device, "user_id": last.user,
        "timestamp_micros": str(_ms(start, last.second) * 1000),
        "events": [{"name": "purchase", "params": {
            "session_id": str(_session_number(start)), "page_location": _PRICES, "value": 39.95,
        }}],
    }  # fmt: skip
    return rows


def _snowplow(start: datetime) -> list[Any]:
    return [
        {
            "app_id": "shop", "platform": "web", "collector_tstamp": _iso(start, visit.second + 1),
            "dvce_created_tstamp": _iso(start, visit.second - 60),
            "derived_tstamp": _iso(start, visit.second),
            "event": "page_view" if visit.page else "unstruct",
            "event_name": "page_view" if visit.page else "transaction",
            "event_id": f"c6ef3124-b53a-4b13-a233-0088f79dcbc{number}",
            "user_id": visit.user, "user_ipaddress": ADDRESS, "domain_userid": visit.device,
            "domain_sessionidx": 3, "domain_sessionid": f"session-{visit.device[:8]}",
            "geo_country": "NL", "page_url": visit.page or _PRICES, "page_referrer": _REFERRER,
            "page_urlquery": "token=SECRET1", "useragent": AGENT, "br_lang": "en",
        }
        for number, visit in enumerate(VISITS)
    ]  # fmt: skip


def _snowplow_tsv(start: datetime) -> list[Any]:
    """The same as lines of the enriched stream, two of them in one record."""
    schema = "iglu:com.snowplowanalytics.snowplow"
    page = {"schema": f"{schema}/web_page/jsonschema/1-0-0", "data": {"id": "page-1"}}
    contexts = {"schema": f"{schema}/contexts/jsonschema/1-0-1", "data": [page]}
    lines = []
    for event in _snowplow(start):
        event["contexts"] = json.dumps(contexts, separators=(",", ":"))
        cells = {
            name: str(value).replace("T", " ").rstrip("Z") if name.endswith("_tstamp") else value
            for name, value in event.items()
        }
        lines.append("\t".join(str(cells.get(name) or "") for name in COLUMNS))
    return ["\n".join(lines[:2]), *lines[2:]]


def _aws_clickstream(start: datetime) -> list[Any]:
    events = [
        {
            "event_type": "_page_view" if visit.page else "purchase",
            "event_id": f"460daa08-0717-4385-8f2e-acb5bd019ee{number}",
            "device_id": visit.device, "unique_id": visit.device, "app_id": "shop",
            "timestamp": _ms(start, visit.second), "platform": "Web", "make": "Google Inc.",
            "locale": "en_GB", "country_code": "NL", "sdk_name": "aws-solution-clickstream-sdk",
            "host_name": "https://shop.example",
            "user": {
                "_user_first_touch_timestamp": {"value": 1, "set_timestamp": 1},
                **({"_user_id": {"value": visit.user, "set_timestamp": 1}} if visit.user else {}),
            },
            "attributes": {
                "_session_id": f"{visit.device[:8]}-20261123-120000000",
                "_session_number": 1, "_page_url": visit.page or _PRICES,
                "_page_referrer": _REFERRER, "_page_title": "Shop",
            },
        }
        for number, visit in enumerate(VISITS)
    ]  # fmt: skip
    envelope = {"ip": ADDRESS, "ua": AGENT, "rid": "request-1", "uri": "/collect"}
    return [
        {**envelope, "data": json.dumps(events[:3])},
        {**envelope, "data": events[3:]},
    ]


PRODUCERS: Final = (
    Producer("Segment", _truth("page", "Order Completed"), _segment),
    Producer("RudderStack", _truth("page", "Order Completed"), _rudderstack),
    Producer("PostHog", _truth("$pageview", "order completed"), _posthog),
    Producer("GA4", _truth("page_view", "purchase"), _ga4),
    Producer("SnowplowJSON", _truth("page_view", "transaction"), _snowplow),
    Producer("SnowplowTSV", _truth("page_view", "transaction"), _snowplow_tsv),
    Producer("AwsClickstream", _truth("_page_view", "purchase"), _aws_clickstream),
)
