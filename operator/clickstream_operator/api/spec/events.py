"""Fields for the form of events, privacy, and metrics made from events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from clickstream_operator.api import events_validation as event_rules
from clickstream_operator.api import validation as rules
from clickstream_operator.api.model import Model
from clickstream_operator.api.spec.fields import (
    MemberName,
    MemberPath,
    MetricName,
    atomic_list,
    validations,
)

AgentName = Annotated[str, Field(min_length=2, max_length=64)]
Domain = Annotated[str, Field(min_length=1, max_length=253)]
Preset = Literal[
    "Segment", "RudderStack", "PostHog", "GA4", "SnowplowJSON", "SnowplowTSV", "AwsClickstream"
]


class EventFields(Model):
    """Where the producer's JSON has things: names of members, or paths to them.

    A path is `context.page.url`, `items[0].id`, or `event_params.page_location` for a list of keys and values. `a | b` is the first that holds anything, `a + b` both together. A member with the whole path as its name comes first.
    """

    type: MemberPath | None = None
    """Member with the kind of event. Default event_type, free to change. Example: type."""
    session: MemberPath | None = None
    """Member with the session id, which is also the partition key. Default session_id, free to change. Example: context.sessionId."""
    user: MemberPath | None = None
    """Member with the user id. Default user_id, free to change. Example: uid."""
    anonymous_id: MemberPath | None = None
    """Member with an id that somebody has before and after a login, such as that of a device or a cookie. Where an event has it, it is the visitor, in place of the user id; it is hidden as the user id is. Default none, free to change. Example: anonymousId."""
    time: MemberPath | None = None
    """Member with the event time: ISO 8601 with zone, or time since the epoch in s, ms, us or ns, also as text. Default timestamp, free to change. Example: ts."""
    sent_at: MemberPath | None = None
    """Member with the time of sending by the producer's clock. The event time is then corrected by how far that clock is from the arrival. Default none, free to change. Example: sentAt."""
    page: MemberPath | None = None
    """Member with the page; required for page views. Default page_url, free to change. Example: context.page.url."""
    user_agent: MemberPath | None = None
    """Member with the user agent. Default user_agent, free to change. Example: context.userAgent."""
    ip: MemberPath | None = None
    """Member with the IP address. Default ip_address, free to change. Example: context.ip."""
    referrer: MemberPath | None = None
    """Member with the referrer. Default referrer, free to change. Example: context.page.referrer."""
    country: MemberPath | None = None
    """Member with the country. Default country, free to change. Example: geo.country."""
    id: MemberPath | None = None
    """Event id: shown in alerts, and archived as _clickstream.id, by which a reader drops what was sent twice. Default event_id, free to change. Example: messageId."""


class Pages(Model):
    """Which differences of URLs make another page. Escapes, dots and doubled slashes at the begin never do."""

    trailing_slash: Literal["Keep", "Remove"] = "Remove"
    """Slash at the end: with Remove /about/ is /about. Default Remove, free to change. Example: Keep."""
    case: Literal["Keep", "Lower"] = "Keep"
    """Case of the path: with Lower /About is /about. Default Keep, free to change. Example: Lower."""
    hash_routes: Literal["Keep", "Remove"] = "Keep"
    """Fragment that begins with / or !/, as routers write it: with Remove /#/cart is /. Other fragments never count. Default Keep, free to change. Example: Remove."""
    domain: Literal["Keep", "Remove"] = "Remove"
    """Domain of the URL: with Keep the page is shop.example/about, where the URL has one. Default Remove, free to change. Example: Keep."""


class Robots(Model):
    """What tells robots from people, besides the functions' own tables of user agents."""

    names: list[AgentName] = atomic_list([], max_items=100)
    """Names in a user agent that declare a robot, in any case. Default none, free to change. Example: [acme-probe]."""
    except_names: list[AgentName] = atomic_list([], max_items=100)
    """Names in a user agent that are no robot's, although the tables say so. Default none, free to change. Example: [acme-app-agent]."""
    verdict_field: MemberPath | None = None
    """Member with what the collector or the edge says: true, bot, suspected, ai, or labels of AWS WAF. Default none, free to change. Example: bot_verdict."""
    client_hints_field: MemberPath | None = None
    """Member with the client hints of the browser (Sec-CH-UA): the header, or its brands. Default none, free to change. Example: sec_ch_ua."""


class Events(Model):
    """The event contract."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.EVENTS, *event_rules.EVENTS))

    preset: Preset | None = None
    """A well-known producer, whose way to write events fills what the fields below leave out; see the how-to on producers. Default none, which is the original's, free to change. Example: Segment."""
    fields: EventFields = Field(default_factory=EventFields)
    """Where an event has its fields. Default: the original's names, or those of the preset, free to change. Example: {type: kind, page: context.page.url}."""
    page_view_types: list[Annotated[str, Field(min_length=1, max_length=128)]] | None = Field(
        default=None, max_length=20, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Types of events that are page views. Default [page_view], or those of the preset, free to change. Example: [page, screen]."""
    unwrap: (
        list[Annotated[MemberPath, Field(json_schema_extra=validations(*event_rules.UNWRAP))]]
        | None
    ) = Field(default=None, max_length=20, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    """Envelopes that hold events: SNS, EventBridge, APIGateway, FluentBit and CloudWatchLogs by their form, SnowplowTSV for lines of Snowplow's enriched events, and paths to an object, a list, or text that is one. What an event lacks of its fields is taken from its envelope. Default [], or those of the preset, free to change. Example: [SNS, batch]."""
    time: Literal["Event", "Arrival"] | None = None
    """What becomes of an event without a time: a bad row (Event), or it has the time of its record's arrival (Arrival). Default Event, or that of the preset, free to change. Example: Arrival."""
    pages: Pages = Field(default_factory=Pages)
    """Which differences of URLs make another page. Default: see its fields, free to change. Example: {case: Lower}."""
    site_field: MemberPath | None = None
    """Member that tells the sites of one stream apart: it stands before the path, as in shop/about. Default none, free to change. Example: site."""
    robots: Robots = Field(default_factory=Robots)
    """What tells robots from people; they are counted in items of their own. Default: the functions' tables, free to change. Example: {names: [acme-probe]}."""
    own_domains: list[Domain] = atomic_list([], max_items=50)
    """Domains of the site itself: a page view from them has no channel. The domain of the page's URL is one of them in any case. Default none, free to change. Example: [shop.example]."""
    deduplicate_seconds: int | None = Field(default=None, ge=1, le=3600)
    """Seconds within which events of one id (events.fields.id) count once, however often the producer sent them; exact where repeats have the same partition key. Repeats are archived and marked. Costs about 30 write units for 1,000 events. Default none, which counts each, free to change. Example: 600."""
    max_past_seconds: int = Field(default=79200, ge=60, le=31536000)
    """How late an event may be, in seconds; later ones are bad rows. The tables' TTLs must cover retention, this and two hours. Default 79200, free to change. Example: 3600."""
    max_future_seconds: int = Field(default=600, ge=0, le=86400)
    """How far a producer's clock may be ahead, in seconds. Default 600, free to change. Example: 60."""


class Privacy(Model):
    """What is removed before anything is stored or logged."""

    ip_address: Literal["Keep", "Truncate", "Drop"] = "Truncate"
    """IP addresses: Truncate keeps /24 of IPv4 and /48 of IPv6. Default Truncate, free to change. Example: Drop."""
    user_id: Literal["Keep", "Hash", "Drop"] = "Hash"
    """User ids: Hash uses a key made once per pipeline and never shown. Default Hash, free to change. Example: Drop."""
    query_parameters: list[Annotated[str, Field(min_length=1, max_length=128)]] = atomic_list(
        ["utm_*"], max_items=100
    )
    """Query parameters that stay in URLs, in whichever member or text a URL stands; globs allowed, all others are removed. Default [utm_*], free to change. Example: [utm_*, lang]."""
    drop_fields: list[MemberName] = atomic_list([], max_items=100)
    """Members of an event that are removed, by name at any depth or by path. Default [], free to change. Example: [email]."""


class BusinessMetric(Model):
    """A custom CloudWatch metric made from events."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.BUSINESS_METRIC))

    name: MetricName
    """Metric name, unique in the list. Example: ConversionEvents."""
    namespace: MetricName = Field(
        default="Clickstream/Business", json_schema_extra=validations(*rules.NAMESPACE)
    )
    """CloudWatch namespace, not one of AWS/. Default Clickstream/Business. Example: Shop/Checkout."""
    match: dict[str, Annotated[str, Field(max_length=256)]] = Field(
        max_length=10, json_schema_extra=validations(*rules.MATCH)
    )
    """Event members and the values that they must have. Example: {event_type: purchase}."""
    value_field: MemberName | None = None
    """Member with the number to add up; each event counts 1 when unset. Example: amount."""
    unit: Literal["Count", "None", "Seconds", "Milliseconds", "Bytes", "Percent"] = "Count"
    """CloudWatch unit. Default Count. Example: Milliseconds."""
    dimensions: list[MemberName] = Field(
        default_factory=list, max_length=3, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Members that become dimensions, at most 3. Default []. Example: [product_category]."""
    max_series: int = Field(default=100, ge=1, le=1000)
    """Distinct dimension values per running instance of the function (execution environment); the rest counts as other there, because each series costs. Several instances, and later ones, may have different values. Default 100. Example: 20."""
