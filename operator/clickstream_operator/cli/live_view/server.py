"""The page's server: loopback, one token, and a stream of documents for each pipeline."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import resources
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from clickstream_operator.cli.cluster import Cluster
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.live_view.access import COOKIE, HEADERS, Access
from clickstream_operator.cli.live_view.feed import Feed
from clickstream_operator.cli.live_view.source import Source, utc_now
from clickstream_operator.kube.objects import ObjectKey

_HOST: Final = "127.0.0.1"
_THREADS: Final = 8
_LIST_SECONDS: Final = 10.0
_PIPELINE_SECONDS: Final = 2.0
_TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_SIGN_IN: Final = (
    "Open the address that `kubectl clickstream ui` printed. It works once, in one browser: "
    "run the command again for a new one.\n"
)
_NAME: Final = r"[a-z0-9][a-z0-9.-]*"


def serve(
    cluster: Cluster,
    *,
    all_namespaces: bool,
    profile: str | None,
    port: int,
    on_ready: Callable[[str], None],
) -> None:
    """Serve until interrupted; `on_ready` gets the address with the token.

    Raises:
        CliError: the port is taken.
        KubernetesError: there is no such configuration.
    """
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="aws") as executor:
        source = Source(
            cluster,
            all_namespaces=all_namespaces,
            profile=profile,
            executor=executor,
            monotonic=time.monotonic,
            now=utc_now,
        )
        try:
            asyncio.run(_serve(source, port, on_ready))
        except KeyboardInterrupt:
            return


async def _serve(source: Source, port: int, on_ready: Callable[[str], None]) -> None:
    access = Access(secrets.token_urlsafe(32), secrets.token_urlsafe(32), port)
    runner = web.AppRunner(application(source, access), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, _HOST, port)
        try:
            await site.start()
        except OSError as error:
            raise CliError(
                f"port {port} can't be listened on: {error.strerror}",
                "choose another with --port, or leave it out",
            ) from error
        access.port = runner.addresses[0][1]
        on_ready(f"http://{_HOST}:{access.port}/?token={access.token}")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def application(source: Source, access: Access) -> web.Application:
    """The routes, behind the check of who asks."""
    app = web.Application(middlewares=[_guard(access)])
    page = _Page(source)
    app.router.add_get("/", partial(_enter, access))
    app.router.add_get("/assets/{name}", _asset)
    app.router.add_get("/api/pipelines", page.pipelines)
    app.router.add_get(f"/api/pipelines/{{namespace:{_NAME}}}/{{name:{_NAME}}}", page.pipeline)
    return app


def _guard(access: Access) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        entering = request.path == "/" and "token" in request.query
        if not access.is_addressed(request.headers):
            answer: web.StreamResponse = web.Response(status=403, text="not for other pages\n")
        elif not entering and not access.knows(request.cookies.get(COOKIE, "")):
            answer = web.Response(status=401, text=_SIGN_IN)
        else:
            try:
                answer = await handler(request)
            except web.HTTPException as error:
                answer = web.Response(status=error.status, text=f"{error.reason}\n")
        if not answer.prepared:
            answer.headers.update(HEADERS)
        return answer

    return guard


async def _enter(access: Access, request: web.Request) -> web.StreamResponse:
    if "token" not in request.query:
        return _file("index.html")
    if not access.exchange(request.query["token"]):
        return web.Response(status=401, text=_SIGN_IN)
    answer = web.Response(status=303, headers={"Location": "/"})
    answer.set_cookie(COOKIE, access.cookie, httponly=True, samesite="Strict", path="/")
    return answer


async def _asset(request: web.Request) -> web.StreamResponse:
    return _file(request.match_info["name"])


def _file(name: str) -> web.Response:
    folder = resources.files(__package__) / "assets"
    # Compared with the names there are, so no name leads out of the folder.
    if name not in {one.name for one in folder.iterdir()}:
        raise web.HTTPNotFound
    kind = _TYPES[name[name.rindex(".") :]]
    text = (folder / name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=kind)


class _Page:
    """The streams: one feed for the list, and one for each pipeline."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._list: Feed | None = None
        self._feeds: dict[ObjectKey, Feed] = {}

    async def pipelines(self, request: web.Request) -> web.StreamResponse:
        if self._list is None:
            self._list = Feed(self._source.pipelines, every=_LIST_SECONDS)
        return await _stream(request, self._list)

    async def pipeline(self, request: web.Request) -> web.StreamResponse:
        key = ObjectKey(request.match_info["namespace"], request.match_info["name"])
        if not self._source.has(key):
            raise web.HTTPNotFound
        if key not in self._feeds:
            read = partial(self._source.pipeline, key)
            self._feeds[key] = Feed(read, every=_PIPELINE_SECONDS)
        return await _stream(request, self._feeds[key])


async def _stream(request: web.Request, feed: Feed) -> web.StreamResponse:
    """Send each document as an event, until the browser goes."""
    answer = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
    await answer.prepare(request)
    watching = feed.watch()
    try:
        async for text in watching:
            await answer.write(f"data: {text}\n\n".encode())
    except ConnectionError:
        return answer
    finally:
        await watching.aclose()
    return answer
