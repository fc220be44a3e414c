"""A site on loopback: pages of one origin, and the real collector behind a URL of another.

The pages load the script as it is built. What the collector puts into the stream stays in memory.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from collector import handler, script_files
from shared.runtime import Clients
from tests.lambdas.collector.site import MemoryStream, Secrets
from tests.lambdas.pipelines import config_document

BUILT: Final = Path(__file__).parents[2] / "build" / "web"
STRICT_POLICY: Final = "default-src 'none'; script-src {collector} 'self'; connect-src {collector}"
_SECONDS: Final = 20.0


@dataclass
class Page:
    """What a page is made of."""

    attributes: str = ""
    """Of the script's element."""
    body: str = ""
    policy: str = ""
    """Content-Security-Policy; `{collector}` is its origin."""
    headers: dict[str, str] = field(default_factory=dict)
    script: str = "/clickstream.js"


@dataclass(frozen=True)
class Sent:
    """A request of a browser for the collector, and the status that it got; 0 is no answer."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str
    status: int


class WebSite:
    """Pages by path, and the collector; `faults` are statuses that the next requests get."""

    def __init__(self, patch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.stream = MemoryStream()
        self.sent: list[Sent] = []
        self.faults: list[int] = []
        self.pages: dict[str, Page] = {}
        self.files: dict[str, str] = {}
        self.loaded: list[str] = []
        self._patch = patch
        self._settings = settings
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Open both origins, and a container of the collector."""
        self.pages_port = await self._serve(self._page)
        self.collector_port = await self._serve(self._collect)
        self.origin = f"http://127.0.0.1:{self.pages_port}"
        self.stranger = f"http://localhost:{self.pages_port}"
        self.collector = f"http://127.0.0.1:{self.collector_port}"
        settings = {
            "allowedOrigins": [self.origin],
            "path": "/clickstream.js",
            "visitor": "Session",
            "respectGlobalPrivacyControl": True,
        } | self._settings
        document = config_document(function="collector", collector=settings)
        made = {"kinesis": self.stream, "ssm": Secrets()}
        self._patch.setenv("CLICKSTREAM_CONFIG", json.dumps(document))
        self._patch.setattr(Clients, "make", lambda _self, service, **_settings: made[service])
        self._patch.setattr(handler, "read", lambda _folder: script_files.read(BUILT))
        handler._collector.cache_clear()

    async def stop(self) -> None:
        """Close both origins."""
        handler._collector.cache_clear()
        for runner in self._runners:
            await runner.cleanup()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Events in the stream, in the order of their arrival."""
        return self.stream.events

    @property
    def posts(self) -> list[Sent]:
        """Requests with events."""
        return [one for one in self.sent if one.method == "POST"]

    async def until(self, number: int) -> list[dict[str, Any]]:
        """Wait until so many events have arrived, and return them; fails if they do not."""
        deadline = asyncio.get_running_loop().time() + _SECONDS
        while len(self.events) < number:
            assert asyncio.get_running_loop().time() < deadline, self.story()
            await asyncio.sleep(0.02)
        return self.events

    async def until_sent(self, number: int) -> list[Sent]:
        """Wait until so many requests with events were answered, however."""
        deadline = asyncio.get_running_loop().time() + _SECONDS
        while len(self.posts) < number:
            assert asyncio.get_running_loop().time() < deadline, self.story()
            await asyncio.sleep(0.02)
        return self.posts

    def paths(self) -> list[str]:
        """What was counted: paths of page views, and names with paths of own events."""
        found = []
        for event in self.events:
            path = event["page_url"].removeprefix(self.origin)
            name = event["event_type"]
            found.append(path if name == "page_view" else f"{name} {path}")
        return found

    def story(self) -> str:
        """What was counted, and what each request got."""
        lines = [f"{one.method} {one.path} {len(one.body)} {one.status}" for one in self.sent]
        return "\n".join([*self.paths(), *lines])

    async def _serve(self, answer: Any) -> int:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    async def _page(self, request: web.Request) -> web.Response:
        self.loaded.append(request.path)
        if request.path in self.files:
            return web.Response(text=self.files[request.path], content_type="text/javascript")
        if request.path == "/favicon.ico":
            return web.Response(status=404)
        page = self.pages.get(request.path, Page())
        policy = page.policy.format(collector=self.collector)
        headers = {"content-security-policy": policy} if policy else {}
        return web.Response(
            text="<!doctype html><html lang=en><meta charset=utf-8><title>Shop</title>"
            f'<script defer src="{self.collector}{page.script}" {page.attributes}></script>'
            f"<body>{page.body}",
            content_type="text/html",
            headers={**headers, **page.headers},
        )

    async def _collect(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()
        origin = request.headers.get("origin", "")
        # As Lambda adds them by the configuration of the URL, which also answers preflights.
        cors = {"access-control-allow-origin": origin} if origin == self.origin else {}
        answer: dict[str, Any] = {"statusCode": 200, "headers": {}}
        if request.method == "OPTIONS":
            answer = {"statusCode": 200, "headers": {}}
        elif request.method == "POST" and self.faults:
            answer = {"statusCode": self.faults.pop(0), "headers": {}}
        else:
            answer = handler.handle(_payload(request, data), None)
        self.sent.append(
            Sent(
                request.method,
                request.path,
                request.headers,
                data.decode(errors="replace"),
                answer["statusCode"],
            )
        )
        if answer["statusCode"] == 0:
            assert request.transport is not None
            request.transport.close()
        body = answer.get("body", "")
        return web.Response(
            status=answer["statusCode"] or 500,
            headers={**answer["headers"], **cors},
            body=base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode(),
        )


def _payload(request: web.Request, data: bytes) -> dict[str, Any]:
    """The request in payload format 2.0 of function URLs."""
    return {
        "version": "2.0",
        "rawPath": request.path,
        "rawQueryString": request.query_string,
        "headers": {name.lower(): text for name, text in request.headers.items()},
        "requestContext": {
            "http": {"method": request.method, "path": request.path, "sourceIp": "203.0.113.7"}
        },
        "body": data.decode(),
        "isBase64Encoded": False,
    }
