"""Fields that lie deeper than the top level: found, counted, and hidden where they lie."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.config import ConfigError, parse_config
from shared.paths import find, is_dropped
from tests.lambdas.pipelines import Pipeline, config_document, event, invocation, make_privacy

PARAMS = [
    {
        "key": "page_location",
        "value": {"string_value": "https://shop.example/a", "int_value": None},
    },
    {"key": "ga_session_id", "value": {"int_value": "1795435100"}},
    {"name": "plan", "value": "gold"},
]


def pipeline_of(
    fields: dict[str, str], *documents: Any, privacy: dict[str, Any] | None = None, **events: Any
) -> Pipeline:
    """Return a pipeline with some fields, after its functions had some events."""
    document = config_document(privacy=make_privacy(**(privacy or {})))
    document["events"]["fields"] |= fields
    document["events"] |= events
    pipeline = Pipeline(parse_config(json.dumps(document)))
    batch = invocation([json.dumps(each).encode() for each in documents])
    assert pipeline.processor().process(batch) == {"batchItemFailures": []}
    pipeline.detector().process(batch)
    return pipeline


def views(pipeline: Pipeline) -> dict[str, tuple[int, int]]:
    """Return views and visitors by page."""
    return {
        page: (sum(each.views for each in hours.values()),
               sum(each.unique_visitors for each in hours.values()))
        for page, hours in pipeline.readback().all_page_views().items()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        ({"a": {"b": {"c": 1}}}, "a.b.c", 1),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),
        ({"a": {"b.c": 1, "b": {"c": 2}}}, "a.b.c", 1),
        ({"a.b": {"c": 1}}, "a.b.c", 1),
        ({"a": {"x": 1}, "a.b": {"c": 2}}, "a.b.c", 2),
        ({"a": [{"b": 1}, {"b": 2}]}, "a[1].b", 2),
        ({"a": [[1, 2], [3]]}, "a[0][1]", 2),
        ({"a": [1]}, "a[1]", None),
        ({"a[0]": 5, "a": [1]}, "a[0]", 5),
        ({"p": PARAMS}, "p.page_location", "https://shop.example/a"),
        ({"p": PARAMS}, "p.ga_session_id", "1795435100"),
        ({"p": PARAMS}, "p.plan", "gold"),
        ({"p": PARAMS}, "p.nothing", None),
        ({"a": None, "b": ""}, "a | b | c", None),
        ({"b": "x", "c": "y"}, "a | b | c", "x"),
        ({"a": "x", "b": 7}, "a + b", "x:7"),
        ({"a": "x"}, "a + b", None),
        ({"a": "x"}, "a + b | a", "x"),
        ({"a | b": 1, "a": 2}, "a | b", 1),
        ({"a": "text"}, "a.b", None),
        ({"a": 0}, "a", 0),
        ({"$x": {"$y": 1}}, "$x.$y", 1),
    ],
)
def test_path_leads_to_a_value(document: dict[str, Any], path: str, value: Any) -> None:
    """Names that are the whole rest of a path first; lists by number, and by label."""
    assert find(document, path) == value


NESTED = {
    "kind": "viewed",
    "context": {
        "page": {"url": "https://shop.example/pricing?token=SECRET1#x", "referrer": "https://a.example/?q=SECRET2"},
        "userAgent": "browser/1",
        "ip": "192.0.2.43",
        "session": {"id": 77},
        "traits": {"crm": "alice-7788"},
    },
    "device": {"id": "device-4711-aa"},
    "times": ["2026-11-23T12:00:00Z"],
    "note": "alice-7788 came back on device-4711-aa",
}  # fmt: skip
PATHS = {
    "type": "kind", "session": "context.session.id", "user": "context.traits.crm",
    "anonymousId": "device.id", "time": "times[0]", "page": "context.page.url",
    "referrer": "context.page.referrer", "userAgent": "context.userAgent", "ip": "context.ip",
}  # fmt: skip


def test_nested_event_is_counted() -> None:
    """Each field is read where its path leads."""
    pipeline = pipeline_of(PATHS, NESTED, pageViewTypes=["viewed"])
    assert views(pipeline) == {"/pricing": (1, 1)}
    (session,) = pipeline.readback().all_sessions().items()
    assert (session[0], session[1].user_agent) == ("77", "browser/1")
    assert pipeline.readback().all_counts() == {"viewed": {"2026-11-23T12:00": 1}}


@pytest.mark.parametrize("user_id", ["Hash", "Drop"])
@pytest.mark.parametrize(
    "form",
    [
        lambda one: one,
        lambda one: {"batch": [one, one]},
        lambda one: {"event_type": "x", "inner": json.dumps(one)},
        lambda one: [[one]],
        lambda one: NESTED | {"again": one},
        lambda one: {**one, "times": ["never"]},
    ],
    ids=["event", "batch", "text", "lists", "within another", "bad row"],
)
def test_what_a_path_leads_to_is_hidden(form: Any, user_id: str) -> None:
    """At its place in the event, in events within it, and in texts."""
    stored = pipeline_of(
        PATHS, form(NESTED), privacy={"userId": user_id}, pageViewTypes=["viewed"]
    ).everything_stored()
    for secret in ("alice-7788", "device-4711", "192.0.2.43", "SECRET1", "SECRET2"):
        assert secret not in stored


def test_hidden_members_keep_their_place() -> None:
    """A hash stands where the id stood, the same for an id wherever it stands."""
    pipeline = pipeline_of(PATHS, NESTED)
    (archived,) = pipeline.readback().archived_events()
    hashed = archived.event["context"]["traits"]["crm"]
    assert hashed.startswith("u_")
    assert archived.event["device"]["id"].startswith("u_")
    assert archived.event["note"].startswith(hashed)
    assert archived.event["context"]["ip"] == "192.0.2.0"


def test_labelled_values_are_hidden() -> None:
    """A path into a list of keys and values leads to the value."""
    params = [{"key": "crm", "value": {"string_value": "alice-7788"}}, *PARAMS]
    fields = {
        "user": "params.crm",
        "page": "params.page_location",
        "session": "params.ga_session_id",
    }
    pipeline = pipeline_of(fields, event(params=params))
    assert views(pipeline) == {"/a": (1, 1)}
    (archived,) = pipeline.readback().archived_events()
    assert archived.event["params"][0]["value"]["string_value"].startswith("u_")
    assert "alice-7788" not in pipeline.everything_stored()


def test_path_in_text_that_is_no_json_is_hidden() -> None:
    """By the last name of the path that says something."""
    document = config_document()
    document["events"]["fields"] |= {"user": "user._user_id.value"}
    pipeline = Pipeline(parse_config(json.dumps(document)))
    cut = b'{"user": {"_user_id": {"value": "alice-7788"'
    pipeline.processor().process(invocation([cut]))
    assert "alice-7788" not in pipeline.everything_stored()


def test_dropped_path_is_removed() -> None:
    """A path among `dropFields` removes what it leads to, and nothing else of its name."""
    one = event(order={"note": "call 4711"}, note="stays")
    pipeline = pipeline_of({}, one, privacy={"dropFields": ["order.note"]})
    (archived,) = pipeline.readback().archived_events()
    assert archived.event["order"] == {}
    assert archived.event["note"] == "stays"


@pytest.mark.parametrize(
    ("path", "dropped", "gone"),
    [
        ("context.page.url", ["url"], True),
        ("context.page.url", ["context"], True),
        ("context.page.url", ["context.page"], True),
        ("context.page.url", ["page.url.x", "ur"], False),
        ("a | b", ["a"], False),
        ("a | b", ["a", "b"], True),
        ("a + b", ["b"], True),
        ("items[0].url", ["items"], True),
    ],
)
def test_dropped_field_leaves_no_event(path: str, dropped: list[str], *, gone: bool) -> None:
    """A name is dropped at any depth, so it may lie on the way of a path."""
    assert is_dropped(path, dropped) is gone
    document = config_document(privacy=make_privacy(dropFields=dropped))
    document["events"]["fields"]["page"] = path
    if gone:
        with pytest.raises(ConfigError, match="remove it from the list"):
            parse_config(json.dumps(document))
    else:
        assert parse_config(json.dumps(document)).fields.page == path


def test_visitor_before_and_after_a_login_is_one() -> None:
    """Who has an anonymous id counts by it; a second device is a second visitor."""
    before = event(user_id=None, session_id="s1", device="device-1")
    after = event(session_id="s2", device="device-1")
    elsewhere = event(session_id="s3", device="device-2")
    server = event(session_id="s4")
    pipeline = pipeline_of({"anonymousId": "device"}, before, after)
    assert views(pipeline) == {"/products": (2, 1)}
    pipeline = pipeline_of({"anonymousId": "device"}, before, after, elsewhere, server, server)
    assert views(pipeline) == {"/products": (5, 3)}
    pipeline = pipeline_of({"anonymousId": "device"}, before, after, privacy={"userId": "Drop"})
    assert views(pipeline) == {"/products": (2, 2)}


@pytest.mark.parametrize("nobody", ["undefined", "", None, "00000000-0000-0000-0000-000000000000"])
def test_anonymous_id_that_names_nobody_is_none(nobody: Any) -> None:
    """The user counts then, or the session."""
    pipeline = pipeline_of(
        {"anonymousId": "device"},
        event(device=nobody, user_id="user-1"), event(device=nobody, user_id="user-2"),
    )  # fmt: skip
    assert views(pipeline) == {"/products": (2, 2)}


def test_event_without_a_time_has_that_of_its_arrival() -> None:
    """Where the settings say so; a time that can't be read stays a bad row."""
    documents = event(timestamp=None), event(timestamp=""), event(timestamp="yesterday")
    pipeline = pipeline_of({}, *documents, time="Arrival")
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 2}}
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["bad_timestamp"]


@pytest.mark.parametrize(
    ("time", "sent", "minute"),
    [
        ("2026-11-23T13:00:00Z", "2026-11-23T13:00:30Z", "2026-11-23T12:00"),
        ("2026-11-23T08:55:00Z", "2026-11-23T09:00:30Z", "2026-11-23T11:55"),
        ("2026-11-23T12:00:00Z", "never", "2026-11-23T12:00"),
        ("2026-11-23T12:00:00Z", None, "2026-11-23T12:00"),
    ],
)
def test_time_is_corrected_by_that_of_sending(time: str, sent: str | None, minute: str) -> None:
    """A clock that was wrong when the event was sent was as wrong when it happened."""
    pipeline = pipeline_of({"sentAt": "meta.sentAt"}, event(timestamp=time, meta={"sentAt": sent}))
    assert pipeline.readback().all_counts() == {"page_view": {minute: 1}}


def test_session_is_made_from_two_members() -> None:
    """A number that only one visitor's sessions have needs the visitor beside it."""
    fields = {"session": "device + visit", "anonymousId": "device"}
    one, other = event(device="device-1", visit=7), event(device="device-2", visit=7)
    pipeline = pipeline_of(fields, one, one, other)
    counts = {name: each.event_count for name, each in pipeline.readback().all_sessions().items()}
    assert sorted(counts.values()) == [1, 2]
    assert all(name.startswith("u_") and name.endswith(":7") for name in counts)
    for line in pipeline.readback().archived_events():
        assert find(line.event, fields["session"]) in counts
