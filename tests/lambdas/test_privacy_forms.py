"""Nothing of a person stays in any encoding, and text that only looks like a person stays."""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import json
import quopri
import re
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lambdas.pipelines import Pipeline, event, invocation, make_config, make_privacy
from tests.lambdas.processed import kept, process, stored
from tests.lambdas.text_encoders import ENCODERS

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, MAIL, ADDRESS, PHONE = (
    "alice-7788",
    "al.ice@mail.example.com",
    "203.0.113.77",
    "+49 151 234567",
)
SECRETS = (USER, MAIL, ADDRESS, PHONE)


def wrapped() -> dict[str, Any]:
    """Return an event that names a person in each way."""
    return event(user_id=USER, ip_address=ADDRESS, phone=PHONE, note=f"of {MAIL}")


def readings(text: str, depth: int = 5) -> Iterator[str]:
    """Yield what somebody may read in a text who tries to decode each part of it."""
    yield text
    if depth == 0:
        return
    found = {
        unquote(text),
        html.unescape(text),
        quopri.decodestring(text.encode()).decode("latin-1"),
    }
    found.add(re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text))
    found.add(text.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\"))
    for run in re.findall(r"[A-Za-z0-9+/_\-]{12,}={0,2}", text.replace("\\n", "")):
        signs = run.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            data = base64.b64decode(signs + "=" * (-len(signs) % 4))
        except binascii.Error:
            continue
        if data.startswith(b"\x1f\x8b"):
            data = zlib.decompressobj(wbits=31).decompress(data)
        if data.isascii():
            found.add(data.decode().replace("\0", ""))
    for run in re.findall(r"(?:[0-9a-fA-F]{2}){8,}", text):
        if bytes.fromhex(run).isascii():
            found.add(bytes.fromhex(run).decode())
    for each in found - {text}:
        yield from readings(each, depth - 1)


@pytest.mark.parametrize("user_setting", ["Hash", "Drop"])
@pytest.mark.parametrize("name", ENCODERS)
def test_wrapped_event_is_scrubbed_in_each_encoding(name: str, user_setting: str) -> None:
    """As a record, in a member of an event, and in one of something else."""
    text = ENCODERS[name](json.dumps(wrapped()))
    records = [text.encode(), json.dumps(event(x=text)).encode(), json.dumps({"y": text}).encode()]
    everything = stored(*records, userId=user_setting)
    found = {secret for read in readings(everything, 2) for secret in SECRETS if secret in read}
    assert not found


def kept_forms(everything: str, forms: list[str]) -> list[str]:
    """Return the texts among some that are stored, as they stand or as JSON has them."""
    return [
        form
        for form in forms
        if form in everything or json.dumps(form, ensure_ascii=False)[1:-1] in everything
    ]


@pytest.mark.parametrize("secret", [f"{USER} was here", f"mail to {MAIL}", f"from {ADDRESS} today"])
@pytest.mark.parametrize("name", ENCODERS)
def test_one_secret_is_found_in_each_encoding(name: str, secret: str) -> None:
    """Without anything beside it that gives it away, in a member and in a list within."""
    text = ENCODERS[name](secret)
    document = event(user_id=USER, note=text, context={"a": [{"b": text}]})
    everything = stored(json.dumps(document).encode())
    assert not kept_forms(everything, [secret, text])


chains = st.lists(st.sampled_from(sorted(ENCODERS)), min_size=1, max_size=3)
spots = st.sampled_from(
    ["record", "note", "nested", "page_url", "session_id", "event_type", "list"]
)
users = st.from_regex(r"[a-z]{3,8}-[0-9]{4,8}", fullmatch=True) | st.uuids().map(str)
octets = st.integers(11, 254)


@given(chain=chains, spot=spots, user=users, octet=octets, words=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
def test_no_secret_in_any_nesting(
    chain: list[str], spot: str, user: str, octet: int, *, words: bool
) -> None:
    """Planted secrets, in random encodings in each other at random places, are nowhere."""
    secrets = (user, f"{user}@mail.example.com", f"203.0.{octet}.{octet}")
    text = " and ".join(secrets) if words else json.dumps(event(user_id=user, note=secrets[1:]))
    forms = [text]
    for name in chain:
        text = ENCODERS[name](text)
        forms.append(text)
    document = event(user_id=user, ip_address=secrets[2])
    if spot == "nested":
        document["context"] = {"a": [{"user_id": user, "b": text}]}
    elif spot not in ("record", "list"):
        document[spot] = text
    whole: Any = [document, {"z": text}] if spot == "list" else document
    record = text.encode() if spot == "record" and not words else json.dumps(whole).encode()
    everything = stored(record).lower()
    leaks = [secret for secret in secrets if secret in everything]
    assert not leaks
    assert not kept_forms(stored(record), forms)
    assert not [
        secret for read in readings(stored(record), 3) for secret in secrets if secret in read
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\x82\xa7user_id\xaaalice-7788\xa5phone\xae+49 151 234567",
        b"\xa2guser_idjalice-7788ephonen+49 151 234567",
        b"\n\nalice-7788\x12\x0e+49 151 234567",
        json.dumps(wrapped()).encode("utf-16-le"),
        json.dumps(wrapped()).encode("utf-16-be"),
        json.dumps(wrapped()).encode("utf-16"),
        json.dumps(wrapped()).encode("utf-32"),
        gzip.compress(json.dumps({"logEvents": [wrapped()]}).encode()),
        b"page_view\tsession-1\talice-7788\t203.0.113.77\t+49 151 234567",
        b"event_type,user_id,phone\npage_view,alice-7788,+49 151 234567",
        json.dumps(["page_view", "alice-7788", "+49 151 234567"]).encode(),
        b"\xff" + json.dumps(wrapped()).encode(),
    ],
    ids=["MessagePack", "CBOR", "Protobuf", "UTF-16LE", "UTF-16BE", "UTF-16", "UTF-32", "gzip",
         "TSV", "CSV", "list", "not UTF-8"],
)  # fmt: skip
def test_what_does_not_name_its_values_leaves_a_digest(data: bytes) -> None:
    """Binary data and bare values can't be searched: size and digest, whatever form."""
    everything = stored(data).replace("\\u0000", "").replace("\0", "")
    assert not [secret for secret in SECRETS if secret in everything]


@pytest.mark.parametrize(
    "text",
    [
        "GET /reset?user_id=alice-7788&token=SECRET HTTP/1.1 200",
        '{"page_url":"https://x/reset?user_id=alice-7788&token=SECRET","sess',
        "user_id: alice-7788, phone: +49 151 234567, plan: gold",
        "user_id=alice-7788 phone=+49 151 234567 plan=gold",
        "<event><user_id>alice-7788</user_id><phone>+49 151 234567</phone></event>",
        '{"user_id": {"S": {"x": 1}, "y": "alice-7788"}, "pho',
        "{'user_id' => 'alice-7788', 'phone' => '+49 151 234567'}",
        'name="user_id"\r\n\r\nalice-7788\r\n--x\r\nname="phone"\r\n\r\n+49 151 234567',
        'x {\\"user_id\\": \\"alice-7788\\", \\"phone\\": \\"+49 151 234567\\"} y',
    ],
)
@pytest.mark.parametrize("form", ["record", "member"])
def test_values_that_text_names_are_hidden(text: str, form: str) -> None:
    """Forms, logs, XML, cut JSON: the value behind a hidden name goes, and parameters of URLs."""
    record = text.encode() if form == "record" else json.dumps(event(log=text)).encode()
    everything = stored(record)
    assert not [secret for secret in (*SECRETS, "234567", "SECRET") if secret in everything]


@pytest.mark.parametrize(
    "document",
    [
        {"context": {"user_id": USER, "phone": PHONE, "ip_address": ADDRESS}},
        {"a": [[{"b": {"user_id": {"S": USER}, "phone": {"S": PHONE}}}]], "page_url": f"/u/{USER}"},
        {"params": [{"key": "user_id", "value": {"text": USER}}, {"name": "phone", "v": PHONE}]},
        {"headers": [["user_id", USER], ["phone", PHONE]], "ip": {"ip_address": ADDRESS}},
        {"detail": {"detail": {"user_id": USER, "note": f"of {USER}"}}, "about": USER.upper()},
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_hidden_members_are_hidden_at_every_depth(document: dict[str, Any], *, whole: bool) -> None:
    """In events and in what is none: at any depth, as pairs of key and value, in any case."""
    record = event(**document) if whole else document
    everything = stored(json.dumps(record).encode()).lower()
    assert not [secret for secret in SECRETS if secret in everything]


@pytest.mark.parametrize(
    ("user", "path", "expected"),
    [
        ("auth0|5f7c8ec7c3", "/users/auth0%7C5f7c8ec7c3/orders", "/users/u_*/orders"),
        ("auth0|5f7c8ec7c3", "/users/auth0%257c5f7c8ec7c3", "/users/u_*"),
        ("550e8400-e29b-41d4", "/a/550E8400-E29B-41D4", "/a/u_*"),
        ("jürgen-müller-1", "/u/J%C3%BCrgen-M%C3%BCller-1", "/u/u_*"),
        ("jürgen-müller-1", "/u/ju\u0308rgen-mu\u0308ller-1", "/u/u_*"),
        ("jordan", "/users/jordan/orders", "/users/u_*/orders"),
        ("jordan", "/shoes/air-jordan-1", "/shoes/air-jordan-1"),
        ("Summer", "/summer-sale", "/summer-sale"),
        ("max-90", "/air-max-90", "/air-max-90"),
        ("signup", "/signup_form.html", "/signup_form.html"),
        ("user-4567", "/u/user-45678", "/u/user-45678"),
    ],
)
def test_user_is_found_in_every_spelling_and_as_a_whole(
    user: str, path: str, expected: str
) -> None:
    """Percent-encoded, in another case, decomposed; words only as a whole segment."""
    found = kept("page_url", path, user_id=user)
    assert re.sub(r"u_[0-9a-f]{24}", "u_*", found) == expected


@pytest.mark.parametrize(
    "user",
    ["undefined", "NULL", "None", "0", 0, 0.0, "-1", "anonymous", "guest", "(not set)",
     "[object Object]", "00000000-0000-0000-0000-000000000000", "000000", "-", "NaN", "false"],
)  # fmt: skip
def test_value_that_names_nobody_is_no_user(user: Any) -> None:
    """The sessions are the visitors, and no text is changed for such a value."""
    records = [
        json.dumps(
            event(session_id=f"s{number}", user_id=user, page_url="/anonymous-guest")
        ).encode()
        for number in range(3)
    ]
    pipeline = process(*records)
    (hours,) = pipeline.readback().all_page_views().values()
    assert [(hour.views, hour.unique_visitors) for hour in hours.values()] == [(3, 3)]
    assert all("user_id" not in row.event for row in pipeline.readback().archived_events())


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        ("page_location", "https://x.example/reset?token=S&utm_source=a#f", "https://x.example/reset?utm_source=a"),
        ("link", "https://u:p@x.example/a", "https://x.example/a"),
        ("search", "?token=S", ""),
        ("page_urlquery", "token=S", ""),
        ("page_urlquery", "utm_source=a&token=S", "utm_source=a"),
        ("note", "see https://x.example/a?token=S and /b?c=d", "see https://x.example/a and /b"),
        ("note", "https://x.example/#access_token=S", "https://x.example/"),
        ("note", "at x.example/cb#access_token=S ok", "at x.example/cb ok"),
        ("page_url", "/cart;jsessionid=1A2B", "/cart"),
        ("page_url", "/cart;jsessionid=1A2B/pay;v=2?x=1", "/cart/pay"),
        ("page_url", "/landing&utm_source=x&token=S", "/landing?utm_source=x"),
        ("page_url", "//products", "/products"),
        ("referrer", "https://x.example/a%3Ftoken%3DS", "https://x.example/a"),
        ("context", {"page": {"url": "https://x.example/r?token=S"}}, {"page": {"url": "https://x.example/r"}}),
    ],
)  # fmt: skip
def test_urls_lose_their_parameters_wherever_they_stand(
    member: str, value: Any, expected: Any
) -> None:
    """In each member, at each depth and inside text; behind `?`, `&`, `;` and `#`."""
    assert kept(member, value) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("2002:c000:22b:1::1", "2002:c000:200::"),
        ("::ffff:c000:022b", "192.0.2.0"),
        ("fe80::1%eth0", "fe80::"),
        ("2001:db8:1:2::1", "2001:db8:1::"),
    ],
)
def test_address_is_cut_wherever_it_stands(address: str, expected: str) -> None:
    """6to4 keeps the /24 of the IPv4 address in it, as IPv4-mapped addresses do."""
    assert kept("ip_address", address) == expected
    text = kept("note", f"from {address.partition('%')[0]} here")
    assert text == f"from {expected} here"


ORDINARY = st.sampled_from(
    [
        "version=4.12.0.7", "v4.12.0.7", "version 10.0.1.2", "Quark/6.3.0.238", "app-1.2.3.4.zip",
        "react@18.2.0", "/npm/react@18.2.0/umd", "/gorilla/mux@v1.8.0", "/photos/123@N00/",
        "img/logo@2x.png", "icon@3x.webp", "@angular/core", "lodash@4.17.21-beta.rc", "node@latest",
        "/shoes/air-jordan-1", "/anonymous-feedback", "/a/b/c.html", "/caf%C3%A9", "50% off & more",
        "size=XL", "really? yes", "issue #5", "a;b", "C#", "fish &amp; chips", "deadbeefdeadbeef",
        "dGhlIHF1aWNrIGJyb3duIGZveA==", "2026-11-23T12:00:00Z", "12:34:56", "std::vector",
        "550e8400-e29b-41d4-a716-446655440000", "Cj0KCQiA4NTbCRDzARIsAE", '{"a": [1, 2]}',
        "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101", "9f86d081884c7d659a2feaa0c55ad",
        "price: 19.99", "C:\\new\\table", "=3D chess", "1+1=2", "https://x.example/a/b",
    ]
)  # fmt: skip


@given(parts=st.lists(ORDINARY, min_size=1, max_size=3), member=st.sampled_from(["note", "deep"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
def test_ordinary_text_is_left(parts: list[str], member: str) -> None:
    """Versions, packages, files, product paths, codes: nothing of it is taken for a person."""
    text = " ".join(parts)
    value: Any = {"a": [text]} if member == "deep" else text
    assert kept(member, value, user_id="jordan") == value


def test_version_is_no_address() -> None:
    """In a member of versions, in a user agent, behind a word."""
    agent = "Mozilla/5.0 (Linux; Android 14) Mobile Safari/537.36 Quark/6.3.0.238"
    assert kept("app_version", "4.12.0.7") == "4.12.0.7"
    assert kept("user_agent", agent) == agent


@pytest.mark.parametrize("setting", ["Hash", "Drop"])
def test_user_that_is_the_session_is_a_session(setting: str) -> None:
    """Where one member is both, the event counts, and the id is nowhere."""
    fields = {"session": "anonymousId", "user": "anonymousId"}
    document: Any = {"privacy": make_privacy(userId=setting)}
    base = make_config()
    assert base.fields.session == "session_id"
    config = make_config(
        **document,
        events={
            "fields": {
                "type": "event_type", "time": "timestamp", "page": "page_url", "ip": "ip_address",
                "userAgent": "user_agent", "referrer": "referrer", "country": "country",
                "id": "event_id", **fields,
            },
            "maxPastSeconds": 79200,
            "maxFutureSeconds": 600,
        },
    )  # fmt: skip
    pipeline = Pipeline(config)
    sent = event(session_id=None, user_id=None, anonymousId="a-1")
    pipeline.processor().process(invocation([json.dumps(sent).encode()]))
    (archived,) = pipeline.readback().archived_events()
    assert re.fullmatch("[us]_[0-9a-f]{24}", archived.event["anonymousId"])
    assert '"a-1"' not in pipeline.everything_stored()
