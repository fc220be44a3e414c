"""The page of `ui`: who gets in, what it reads, and that all who watch share one reading."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from clickstream_operator.cli.cluster import Cluster
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.live_view import serve
from clickstream_operator.cli.live_view.access import HEADERS, Access
from clickstream_operator.cli.live_view.feed import Feed
from clickstream_operator.cli.live_view.server import application
from clickstream_operator.cli.live_view.source import Source
from clickstream_operator.kube.errors import KubernetesError
from clickstream_operator.kube.objects import ObjectKey
from tests.unit.cli import test_commands_on_moto as moto

aws, body = moto.aws, moto.body
SHOP = ObjectKey("a", "shop")
NOW = datetime(2026, 11, 29, 12, 30, 20, tzinfo=UTC)
HOUR, MINUTE = "2026-11-29T12", "2026-11-29T12:29"


class Clock:
    """Seconds that go by only when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.seconds


class Events(moto.Reader):
    """The cluster of the other tests, with Events and faults."""

    error = ""

    def get(self, key: ObjectKey) -> dict[str, Any] | None:
        """The pipeline, unless the API server does not answer."""
        if self.error:
            raise KubernetesError(self.error)
        return super().get(key)

    def pipelines(self, namespace: str = "", *, selector: str = "") -> list[dict[str, Any]]:
        """The pipeline, likewise."""
        if self.error:
            raise KubernetesError(self.error)
        return super().pipelines(namespace, selector=selector)

    def events(self, namespace: str, *, name: str = "") -> list[dict[str, Any]]:
        """Two, the second one repeated."""
        assert (namespace, name) == SHOP
        first = {"type": "Normal", "reason": "ResourceCreated", "note": "created 3 resources"}
        again = {"lastObservedTime": "2026-11-29T12:00:00Z", "count": 4}
        second = {"type": "Warning", "reason": "AwsRefused", "note": "no", "series": again}
        return [first, second]


@pytest.fixture
def reader(body: dict[str, Any], aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Events:
    """The cluster."""
    found = Events(body)
    monkeypatch.setattr(Cluster, "reader", lambda _cluster: found)
    return found


@pytest.fixture
def clock() -> Clock:
    """The source's clock."""
    return Clock()


@pytest.fixture
def source(reader: Events, clock: Clock) -> Iterator[Source]:
    """The source of namespace a."""
    with ThreadPoolExecutor(2) as executor:
        yield Source(
            Cluster(), all_namespaces=False, profile=None, executor=executor, monotonic=clock,
            now=lambda: NOW,
        )  # fmt: skip


@pytest.fixture
async def client(source: Source) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A browser that has not entered yet."""
    access = Access("the-token", "the-cookie", port=0)
    async with TestClient(TestServer(application(source, access))) as found:
        access.port = found.port or 0
        yield found


def count(aws: boto3.Session, name: str, minute: str, events: int, **more: int) -> None:
    """Put a counter as the processor writes it."""
    item = {
        "metric_name": {"S": name},
        "time_window": {"S": f"{minute}#abcdefgh"},
        "event_count": {"N": str(events)},
        **{key: {"N": str(value)} for key, value in more.items()},
    }
    aws.client("dynamodb").put_item(TableName="shop-counters", Item=item)


async def first(answer: Any) -> dict[str, Any]:
    """The first document of a stream."""
    line = await answer.content.readline()
    document: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return document


async def test_the_address_lets_one_browser_in(
    client: TestClient[web.Request, web.Application],
) -> None:
    """Without it nothing is served, it works once, and the cookie is for no script."""
    for path in ("/", "/assets/view.js", "/api/pipelines", "/api/pipelines/a/shop", "/x"):
        refused = await client.get(path)
        assert refused.status == 401
        assert "kubectl clickstream ui" in await refused.text()
    assert (await client.get("/?token=guess")).status == 401
    entered = await client.get("/?token=the-token", allow_redirects=False)
    assert (entered.status, entered.headers["Location"]) == (303, "/")
    cookie = entered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    page = await client.get("/")
    assert page.status == 200
    assert {name: page.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    # Whoever finds the address later, in a history or a log, is not let in by it.
    client.session.cookie_jar.clear()
    assert (await client.get("/?token=the-token")).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "rebound.example:{port}"}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": "localhost:{port}"}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_other_pages_and_names_are_refused(
    client: TestClient[web.Request, web.Application], headers: dict[str, str], status: int
) -> None:
    """Even by a browser that has the cookie."""
    sent = {name: value.format(port=client.port) for name, value in headers.items()}
    sent["Cookie"] = "clickstream-view=the-cookie"
    answer = await client.get("/", headers=sent)
    assert answer.status == status


def test_a_secret_is_compared_with_whatever_was_sent() -> None:
    """Bytes that are no text are no secret, and no fault."""
    access = Access("the-token", "the-cookie", port=1)
    for given in ("", "é", "\udcff", "the-cooki", "the-cookie "):
        assert not access.knows(given)
        assert not access.exchange(given)
    assert access.knows("the-cookie")
    assert [access.exchange("the-token") for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/assets/view.css", 200),
        ("/assets/icon.svg", 200),
        ("/assets/__init__.py", 404),
        ("/assets/..%2Fserver.py", 404),
        ("/api/pipelines/other/shop", 404),
        ("/api/pipelines/a/UPPER", 404),
    ],
)
async def test_only_what_belongs_to_the_page_is_served(
    client: TestClient[web.Request, web.Application], path: str, status: int
) -> None:
    """No other file, and no other namespace."""
    answer = await client.get(path, headers={"Cookie": "clickstream-view=the-cookie"})
    assert answer.status == status


async def test_a_pipeline_is_streamed_with_its_numbers(
    client: TestClient[web.Request, web.Application], aws: boto3.Session
) -> None:
    """Counts by minute and class, pages of the hour, incidents, balance, resources and Events."""
    count(aws, "events_per_minute_page_view", MINUTE, 5, **{"channel#Search": 4})
    count(aws, "events_per_minute_page_view", "2026-11-29T11:00", 99)
    count(aws, "events_per_minute_click", MINUTE, 2)
    count(aws, "robot_events_per_minute_page_view", MINUTE, 7)
    dynamodb = aws.client("dynamodb")
    dynamodb.put_item(TableName="shop-pages", Item=moto.page_item("/a", HOUR, 5))
    pages = {"metric_name": {"S": "pages"}, "time_window": {"S": f"{HOUR}#abcdefgh"}}
    dynamodb.put_item(TableName="shop-counters", Item={**pages, "pages": {"S": '["/a"]'}})
    balance = moto.balance_item("2026-11-29T10", "2026-11-29T11")
    dynamodb.put_item(TableName="shop-counters", Item=balance)
    headers = {"Cookie": "clickstream-view=the-cookie"}
    async with client.get("/api/pipelines/a/shop", headers=headers) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        document = await first(answer)
    assert document["errors"] == []
    numbers = document["numbers"]
    assert numbers["minutes"][-2:] == [MINUTE, "2026-11-29T12:30"]
    assert (sum(numbers["total"]), numbers["total"][-2]) == (7, 7)
    assert {kind: sum(series) for kind, series in numbers["kinds"].items()} == {
        "page_view": 5, "click": 2,
    }  # fmt: skip
    assert numbers["classes"] == {"Human": 5, "Suspected": 0, "Robot": 7, "AIAgent": 0}
    assert numbers["channels"] == {"Search": 4}
    assert numbers["hour"]["views"] == 5
    assert [page["page"] for page in numbers["hour"]["pages"]] == ["/a"]
    assert numbers["balance"]["verdict"] == "Balanced"
    state = document["state"]
    assert (state["name"], state["account"]) == ("shop", moto.ACCOUNT)
    shown = {one["physicalName"] for part in state["parts"] for one in part["resources"]}
    assert "shop-events" in shown
    assert [(one["reason"], one["count"]) for one in state["events"]] == [
        ("AwsRefused", 4), ("ResourceCreated", 1),
    ]  # fmt: skip


async def test_the_list_says_what_hides_it(source: Source, reader: Events) -> None:
    """The error of the cluster stands in the document, and so does that of AWS for one pipeline."""
    found = await source.pipelines()
    assert [one["name"] for one in found["pipelines"]] == ["shop"]
    reader.error = "the API server refuses listing"
    assert (await source.pipelines())["error"] == "the API server refuses listing"


async def test_faults_leave_what_is_known(source: Source, reader: Events, clock: Clock) -> None:
    """The state stays while the API server is away; a pipeline that is gone says so."""
    assert (await source.pipeline(SHOP))["errors"] == []
    clock.seconds = 60
    reader.error = "the API server does not answer"
    away = await source.pipeline(SHOP)
    assert away["errors"] == ["the API server does not answer"]
    assert away["state"]["name"] == "shop"
    assert away["numbers"]["total"] == []
    reader.error = ""
    gone = await source.pipeline(ObjectKey("a", "other"))
    assert gone["errors"] == ["there is no pipeline other in namespace a"]
    assert "numbers" not in gone


async def test_a_credential_of_another_account_shows_no_numbers(
    source: Source, body: dict[str, Any]
) -> None:
    """The state is shown, and one line says why the numbers are not."""
    body["status"]["effective"]["account"] = "999999999999"
    found = await source.pipeline(SHOP)
    (error,) = found["errors"]
    assert "the pipeline is in 999999999999" in error
    assert found["state"]["name"] == "shop"


async def test_all_who_watch_share_one_reading() -> None:
    """Fifty watchers are one reader; the last one who leaves ends it."""
    read = 0

    async def reading() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"read": read}

    feed = Feed(reading, every=0)
    watching = [feed.watch() for _ in range(50)]
    seen = await asyncio.gather(*(anext(one) for one in watching))
    assert set(seen) == {'{"read":1}'}
    late = feed.watch()
    assert json.loads(await anext(late))["read"] >= 1
    for one in [*watching, late]:
        await one.aclose()
    ended = read
    await asyncio.sleep(0.01)
    assert read == ended
    assert json.loads(await anext(feed.watch()))["read"] > ended


def test_a_port_that_is_taken_is_one_line(reader: Events) -> None:
    """With the remedy."""
    ready = threading.Event()
    with TakenPort() as port, pytest.raises(CliError, match=f"port {port} can't be listened on"):
        serve(
            Cluster(), all_namespaces=False, profile=None, port=port,
            on_ready=lambda _address: ready.set(),
        )  # fmt: skip
    assert not ready.is_set()


class TakenPort:
    """A port of loopback that something listens on."""

    def __enter__(self) -> int:
        """Its number."""
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        return int(self._socket.getsockname()[1])

    def __exit__(self, *_exception: object) -> None:
        """Let it go."""
        self._socket.close()
