"""Rows of event fields, privacy and business metrics."""

from __future__ import annotations

from typing import Final

from tests.reliability.property_map.row import Spec, function_row

_METRIC: Final[Spec] = {"metrics": [{"name": "Sales", "match": {"event_type": "purchase"}}]}
_METRIC_BY_PRODUCT: Final[Spec] = {
    "metrics": [{**_METRIC["metrics"][0], "dimensions": ["product"]}]
}

ROWS: Final = [
    function_row("events.fields.type", "counted_types", "type under which an event is counted",
                 "kind", before=["click"], after=["other_click"]),
    function_row("events.fields.session", "counted_sessions", "session that an event counts for",
                 "other_session_id", before=["session-1"], after=["session-2"]),
    function_row("events.fields.user", "hashed_members", "member that is hashed", "other_user_id",
                 stores=["objects", "sessions"], before=["user_id"], after=["other_user_id"]),
    function_row("events.fields.time", "counted_minutes", "minute that an event counts in",
                 "other_timestamp", before=["2026-11-23T12:00"], after=["2026-11-23T11:30"]),
    function_row("events.fields.page", "counted_pages", "page that a view counts for",
            "other_page_url",
                 before=["/products"], after=["/other"]),
    function_row("events.fields.userAgent", "agents_of_sessions", "user agent of a session item",
                 "other_user_agent", stores=["sessions", "incidents"], before=["agent/1"],
                 after=["agent/2"]),
    function_row("events.fields.ip", "members_of_addresses",
                 "member that is dropped with the address", "other_ip_address", stores=["objects"],
                 before=["other_ip_address"], after=["ip_address"],
                 given={"privacy": {"ipAddress": "Drop"}}),
    function_row("events.fields.referrer", "stripped_members", "member whose fragment is removed",
                 "other_referrer", stores=["objects"], before=["referrer"],
                 after=["other_referrer"]),
    function_row("events.fields.country", "countries_of_alerts", "country in an incident's message",
                 "other_country", stores=["incidents"], before=["NL"], after=["BE"],
                 target="detector"),
    function_row("events.fields.id", "ids_of_alerts", "event id in an incident's message",
                 "other_id", stores=["incidents"], before=["a"], after=["b"], target="detector"),
    function_row("events.fields.id", "archived_ids", "id of an archived event", "other_event_id",
                 stores=["objects"], before=["first"], after=["second"]),
    function_row("events.maxPastSeconds", "reasons_of_a_late_event",
                 "what becomes of an event of two hours ago", 3600,
                 stores=["objects"], before=[], after=["timestamp_out_of_range"]),
    function_row("events.maxFutureSeconds", "reasons_of_an_early_event",
                 "what becomes of an event from five minutes ahead", 60,
                 stores=["objects"], before=[], after=["timestamp_out_of_range"]),
    function_row("privacy.ipAddress", "archived_address", "archived IP address", "Keep",
                 stores=["objects"], before="192.168.1.0", after="192.168.1.100"),
    function_row("privacy.ipAddress", "archived_address", "archived IP address", "Drop",
                 stores=["objects"], before="192.168.1.0", after=None),
    function_row("privacy.userId", "archived_user", "archived user id", "Keep",
                 stores=["objects"], before="a keyed hash", after="user-456"),
    function_row("privacy.userId", "archived_user", "archived user id", "Drop",
                 stores=["objects"], before="a keyed hash", after=None),
    function_row("privacy.queryParameters", "archived_page", "archived page address", ["lang"],
                 stores=["objects"], before="/products?utm_source=mail", after="/products?lang=nl"),
    function_row("privacy.dropFields", "archived_plan", "archived member `plan`", ["plan"],
                 stores=["objects"], before="gold", after=None),
    function_row("metrics[].name", "metric_names", "metric's name", "Orders",
                 stores=["lines"], before=["Sales"], after=["Orders"], given=_METRIC),
    function_row("metrics[].namespace", "metric_namespaces", "metric's namespace", "Shop/Checkout",
                 stores=["lines"], before=["Clickstream/Business"], after=["Shop/Checkout"],
                 given=_METRIC),
    function_row("metrics[].match", "metric_values", "events that the metric counts",
                 {"event_type": "click"}, stores=["lines"], before=[3.0], after=[1.0],
                 given=_METRIC),
    function_row("metrics[].valueField", "metric_values", "what the metric adds up", "amount",
                 stores=["lines"], before=[3.0], after=[5.0, 7.0, 9.0], given=_METRIC),
    function_row("metrics[].unit", "metric_units", "metric's unit", "Percent",
                 stores=["lines"], before=["Count"], after=["Percent"], given=_METRIC),
    function_row("metrics[].dimensions", "metric_dimensions", "metric's dimensions", ["product"],
                 stores=["lines"], before=[["Pipeline"]], after=[["Pipeline", "product"]] * 2,
                 given=_METRIC),
    function_row("metrics[].maxSeries", "metric_products", "values of the metric's dimension", 1,
                 stores=["lines"], before=["hat", "shoe"], after=["other", "shoe"],
                 given=_METRIC_BY_PRODUCT),
    function_row("metrics[].match", "metric_values",
                 "the same, with a configuration too large for the environment",
                 {"event_type": "click", "padding": "x" * 250, "more": "y" * 250},
                 stores=["lines"], before=[3.0], after=[], given={"metrics": [
                     _METRIC["metrics"][0],
                     *({"name": f"Padding{number}", "match": {"padding": "z" * 250}}
                       for number in range(7)),
                 ]}),
]  # fmt: skip
