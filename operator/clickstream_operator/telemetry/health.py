"""HTTP server of ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from clickstream_operator.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from aiohttp import web

# ruff: noqa: PLC0415 the command line imports the metrics of this package, and serves nothing

Check = Callable[[], str]


class HealthServer:
    """Server of checks and metrics, from `start` until `stop`.

    A check returns a problem, or an empty string. `role` returns the text of a good answer, if that
    is to be another than ``ok``.
    """

    def __init__(
        self, *, metrics: Metrics, healthy: Check, ready: Check, role: Check = lambda: ""
    ) -> None:
        self._metrics = metrics
        self._role = role
        self._checks = {"/healthz": healthy, "/readyz": ready}
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port.

        Raises:
            OSError: the address is taken or not this machine's.
        """
        from aiohttp import web

        application = web.Application()
        application.router.add_get("/healthz", self._answer)
        application.router.add_get("/readyz", self._answer)
        application.router.add_get("/metrics", self._expose)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        from aiohttp import web

        wrong = self._checks[request.path]()
        return web.Response(text=f"{wrong or self._role() or 'ok'}\n", status=503 if wrong else 200)

    async def _expose(self, request: web.Request) -> web.Response:
        from aiohttp import web

        del request
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
