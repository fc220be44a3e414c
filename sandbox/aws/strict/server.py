"""The HTTP server: AWS calls on every path, control on one that AWS never uses.

Control, JSON in and out, below ``/__strict_aws__``:

* ``GET /calls``, ``GET /reads``, ``GET /writes``; ``DELETE /calls`` forgets them
* ``GET /faults``, ``POST /faults`` adds one, ``DELETE /faults`` ends all
* ``GET /clock``, ``POST /clock`` with ``advance`` (seconds) or ``scale``
* ``GET /rules``, ``POST /reset`` forgets everything, with ``rules`` for others from then on
* ``POST /confirm`` with ``endpoint``: confirm e-mail subscriptions
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from sandbox.aws.strict.call_log import CallLog
from sandbox.aws.strict.faults import Fault
from sandbox.aws.strict.proxy import Proxy
from sandbox.aws.strict.upstream import Upstream
from sandbox.aws.strict.wire import Request
from sandbox.processes.peers import is_of_this_user

CONTROL: Final = "/__strict_aws__"
_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost"})
_LARGEST: Final = 512 * 1024**2


class Server:
    """One proxy behind HTTP."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(client_max_size=_LARGEST, middlewares=[_refuse_strangers])
        control = web.Application()
        control.add_routes(
            [
                web.get("/calls", self._calls),
                web.delete("/calls", self._forget_calls),
                web.get("/reads", self._reads),
                web.get("/writes", self._writes),
                web.get("/faults", self._faults),
                web.post("/faults", self._inject),
                web.delete("/faults", self._end_faults),
                web.get("/clock", self._clock),
                web.post("/clock", self._set_clock),
                web.get("/rules", self._rules),
                web.post("/reset", self._reset),
                web.post("/confirm", self._confirm),
            ]
        )
        application.add_subapp(CONTROL, control)
        application.router.add_route("*", "/{path:.*}", self._call)
        return application

    async def _call(self, request: web.Request) -> web.Response:
        answer = await self._proxy.handle(
            Request(
                method=request.method,
                target=request.raw_path,
                headers={key.lower(): value for key, value in request.headers.items()},
                body=await request.read(),
            )
        )
        if answer is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers = {
            name: value
            for name, value in answer.headers.items()
            if not name.lower().startswith("access-control-")
        }
        if request.method == "HEAD" and answer.length is not None:
            headers["Content-Length"] = answer.length
        return web.Response(status=answer.status, headers=headers, body=answer.body)

    async def _calls(self, _request: web.Request) -> web.Response:
        return web.json_response({"calls": self._proxy.call_log.calls()})

    async def _reads(self, _request: web.Request) -> web.Response:
        return web.json_response({"reads": self._proxy.call_log.reads()})

    async def _writes(self, _request: web.Request) -> web.Response:
        return web.json_response({"writes": self._proxy.call_log.writes()})

    async def _forget_calls(self, _request: web.Request) -> web.Response:
        self._proxy.call_log = CallLog()
        return web.json_response({})

    async def _faults(self, _request: web.Request) -> web.Response:
        return web.json_response({"faults": [one.as_json() for one in self._proxy.faults]})

    async def _inject(self, request: web.Request) -> web.Response:
        try:
            self._proxy.faults.append(Fault.read(await request.json()))
        except (TypeError, ValueError) as error:
            return _wrong(error)
        return await self._faults(request)

    async def _end_faults(self, request: web.Request) -> web.Response:
        self._proxy.faults = []
        return await self._faults(request)

    async def _clock(self, _request: web.Request) -> web.Response:
        clock = self._proxy.clock
        return web.json_response({"now": clock.now(), "scale": clock.scale})

    async def _set_clock(self, request: web.Request) -> web.Response:
        wanted: dict[str, Any] = await request.json()
        if "scale" in wanted:
            self._proxy.clock.set_scale(float(wanted["scale"]))
        self._proxy.clock.advance(float(wanted.get("advance", 0)))
        return await self._clock(request)

    async def _rules(self, _request: web.Request) -> web.Response:
        rules = {rule.name: rule.seconds for rule in self._proxy.rules}
        return web.json_response({"rules": rules})

    async def _reset(self, request: web.Request) -> web.Response:
        wanted = await request.json() if request.can_read_body else {}
        try:
            self._proxy.reset(wanted.get("rules"))
        except ValueError as error:
            return _wrong(error)
        return await self._rules(request)

    async def _confirm(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        return web.json_response({"confirmed": self._proxy.confirm(wanted["endpoint"])})


@web.middleware
async def _refuse_strangers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse what a browser sends, names that may be rebound, and other users.

    Functions run code.
    """
    if "Origin" in request.headers or request.host.rpartition(":")[0] not in _LOOPBACK_NAMES:
        return web.Response(status=403, text="not for web pages\n")
    client = request.transport.get_extra_info("peername") if request.transport else None
    if client is None or not is_of_this_user(client[:2]):
        return web.Response(status=403, text="not for other users of this machine\n")
    return await handler(request)


def _wrong(error: Exception) -> web.Response:
    return web.json_response({"error": str(error)}, status=400)


async def serve(host: str, port: int, upstream: str, rules: Sequence[str], scale: float) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with _listening(host, port, upstream, rules, scale):
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()


@asynccontextmanager
async def _listening(
    host: str, port: int, url: str, rules: Sequence[str], scale: float
) -> AsyncIterator[None]:
    upstream = Upstream(url)
    # A held answer must not hold up the end of the process.
    runner = web.AppRunner(
        Server(Proxy(upstream, rules, scale)).application(),
        access_log=None,
        keepalive_timeout=3600,
        shutdown_timeout=0.5,
    )
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port, backlog=1024).start()
        yield
    finally:
        await runner.cleanup()
        await upstream.close()
