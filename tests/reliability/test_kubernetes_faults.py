"""What a Kubernetes API does to an operator: watches that die, refused writes, other hands."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import kopf
import pytest
from aiohttp import web

from clickstream_operator.api.v1alpha1 import FINALIZER
from clickstream_operator.kube.client import KubeClient, KubernetesError, StaleObject
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.runtime import watch as handlers
from clickstream_operator.runtime.predicates import Predicates
from clickstream_operator.runtime.workqueue import WorkQueue
from clickstream_operator.telemetry.metrics import Metrics
from sandbox import Sandbox
from tests.integration.aws_inventory import base_of, left_in_aws
from tests.integration.pilot import empty_aws, run
from tests.kstatus import Verdict, verdict
from tests.reliability.journeys import LEAN, Journey

SECONDS = 40.0
GONE = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "reason": "Expired",
    "message": "too old resource version",
    "code": 410,
}


class FaultyApi:
    """A way to the API server that breaks watches of pipelines: `next_watch` says how."""

    def __init__(self, sandbox: Sandbox) -> None:
        config = json.loads(sandbox.kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._upstream = cluster["server"]
        self._ssl = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._config = config
        self._cut = asyncio.Event()
        self.next_watch = ""
        self.broken: list[str] = []
        self.watches = 0

    def cut(self) -> None:
        """End every watch that runs."""
        self._cut.set()
        self._cut = asyncio.Event()

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncIterator[Path]:
        """Serve on loopback; yields a kubeconfig for it."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._forward)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self._config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{port}"}
        path = folder / "kubeconfig"
        path.write_text(json.dumps(self._config))
        async with aiohttp.ClientSession() as self._client:
            try:
                yield path
            finally:
                self.cut()
                await runner.cleanup()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        is_watch = "watch" in request.query and "clickstreampipelines" in request.path
        fault, self.next_watch = (self.next_watch, "") if is_watch else ("", self.next_watch)
        if fault:
            self.broken.append(fault)
        if fault == "410 as answer":
            return web.json_response(GONE, status=410)
        passed = ("Authorization", "Accept", "Content-Type")
        headers = {name: request.headers[name] for name in passed if name in request.headers}
        if not is_watch:
            async with self._client.request(
                request.method,
                self._upstream + request.raw_path,
                data=await request.read() or None,
                headers=headers,
                ssl=self._ssl,
            ) as answer:
                return web.Response(
                    status=answer.status,
                    body=await answer.read(),
                    content_type=answer.content_type,
                )
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if fault == "410 in the stream":
            event = {"type": "ERROR", "object": GONE}
            await response.write(json.dumps(event).encode() + b"\n")
            return response
        cut = self._cut
        self.watches += 1
        if fault == "silence":
            await cut.wait()
            return response
        await self._stream(request, response, headers, cut)
        return response

    async def _stream(
        self,
        request: web.Request,
        response: web.StreamResponse,
        headers: dict[str, str],
        cut: asyncio.Event,
    ) -> None:
        async with self._client.get(
            self._upstream + request.raw_path, headers=headers, ssl=self._ssl
        ) as answer:
            ended = asyncio.ensure_future(cut.wait())
            while not ended.done():
                line = asyncio.ensure_future(answer.content.readline())
                await asyncio.wait({line, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not line.done() or not line.result():
                    line.cancel()
                    break
                await response.write(line.result())
            ended.cancel()


class Seen(WorkQueue):
    """The keys that were queued."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: 0.0)
        self.keys: list[ObjectKey] = []

    def add(self, key: ObjectKey, *, urgent: bool = False) -> None:
        """Note it."""
        self.keys.append(key)


async def until(what: Callable[[], bool]) -> None:
    """Wait for something that another task does."""
    async with asyncio.timeout(SECONDS):
        while not what():  # noqa: ASYNC110 - it may happen in another thread
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", ["410 as answer", "410 in the stream", "silence"])
def test_no_edit_is_lost_when_a_watch_breaks(
    installed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The next watch is refused as too old, in either form, or says nothing for ever.

    Refused with an answer, Kopf ends, and with it the process; the next one lists everything.
    """
    before, after = Journey(installed), Journey(installed)

    async def watch() -> None:
        api, queue, stop = FaultyApi(installed), Seen(), asyncio.Event()
        async with api.serving(tmp_path) as kubeconfig:
            monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
            with ThreadPoolExecutor(2) as pool:
                settings = handlers.operator_settings(pool)
                settings.watching.inactivity_timeout = 2

                def operate() -> asyncio.Task[None]:
                    registry = handlers.build_registry(
                        predicates=Predicates(),
                        queue=queue,
                        workers=AsyncMock(),
                        states=Metrics().pipelines,
                    )
                    return asyncio.create_task(
                        kopf.operator(
                            registry=registry,
                            settings=settings,
                            namespaces=["default"],
                            stop_flag=stop,
                        )
                    )

                operator = operate()
                await asyncio.to_thread(before.apply, LEAN)
                await until(lambda: before.key in queue.keys and api.watches > 0)
                api.next_watch = fault
                api.cut()
                await until(lambda: api.broken == [fault])
                if fault == "410 as answer":
                    with pytest.raises(Exception, match="too old resource version") as ended:
                        await operator
                    assert getattr(ended.value, "status", None) == 410
                    operator = operate()
                await asyncio.to_thread(after.apply, LEAN)
                await until(lambda: after.key in queue.keys)
                stop.set()
                await operator

    try:
        asyncio.run(watch())
    finally:
        for one in (before, after):
            one.request_deletion()
            one.close()


@pytest.fixture
def journey(installed: Sandbox) -> Iterator[Journey]:
    """Yield a new pipeline on an empty emulator."""
    with empty_aws(installed):
        started = Journey(installed)
        yield started
        started.close()


def travel(journey: Journey, arrived: Callable[[], bool]) -> int:
    """Reconcile as the workers do, each after the pause that the last one asked for; how often."""
    for number in range(60):
        try:
            delay = run(journey.step())
        except StaleObject:
            delay = 0.2
        except KubernetesError:
            delay = 5.0
        if arrived():
            return number
        journey.time += delay or 0.0
    raise AssertionError(f"not there: {journey.status()}")


def made_twice(*journeys: Journey) -> dict[str, int]:
    """What was made or removed more often than once; there are three tables."""
    counted = sum((one.made_and_removed() for one in journeys), Counter[str]())
    return {name: n for name, n in counted.items() if n > (3 if name.endswith("_table") else 1)}


def is_current(journey: Journey) -> bool:
    """Whether the pipeline is as the spec says."""
    body = journey.body()
    return body is not None and verdict(body) is Verdict.CURRENT


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "answer lost"])
@pytest.mark.parametrize("error", [StaleObject, KubernetesError])
def test_every_second_write_to_kubernetes_fails(
    journey: Journey,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    *,
    lost: bool,
) -> None:
    """409 on the status, or no API server: finalizer, intent, outcome and end come all the same."""
    send, count = KubeClient._patch, 0

    async def fail(self: KubeClient, *args: Any, **options: Any) -> dict[str, Any]:
        nonlocal count
        count += 1
        if count % 2 and not lost:
            raise error("injected")
        body = await send(self, *args, **options)
        if count % 2:
            raise error("injected")
        return body

    monkeypatch.setattr(KubeClient, "_patch", fail)
    journey.apply(LEAN)
    travel(journey, lambda: is_current(journey))
    assert made_twice(journey) == {}
    journey.time += 60
    journey.request_deletion()
    travel(journey, lambda: journey.body() is None)
    assert count > 6
    assert made_twice(journey) == {}
    assert set().union(*left_in_aws(journey).values()) == set()


def test_another_object_of_the_name_during_a_reconcile(journey: Journey) -> None:
    """The old object's reconcile writes nothing to the new one, which takes over the resources."""
    journey.apply(LEAN)
    uids: list[str] = []

    def replace(_record: object) -> None:
        if uids:
            return
        uids.append((journey.body() or {})["metadata"]["uid"])
        journey.request_deletion()
        journey.sandbox.kubectl(
            "patch", "csp", journey.name, "--type=merge", '-p={"metadata":{"finalizers":[]}}'
        )
        journey.apply(LEAN)

    journey.on_write = replace
    with pytest.raises(StaleObject):
        run(journey.step())
    body = journey.body() or {}
    assert body["metadata"]["uid"] not in uids
    assert "conditions" not in body["status"]
    travel(journey, lambda: is_current(journey))
    assert made_twice(journey) == {}


def test_a_finalizer_that_somebody_replaced_away_comes_back(journey: Journey) -> None:
    """A tool that writes whole objects drops it; the next reconcile guards the object again."""
    journey.apply(LEAN)
    journey.travel()
    for change in ('{"metadata":{"finalizers":[]}}', '{"metadata":{"finalizers":["a.dev/b"]}}'):
        journey.sandbox.kubectl("patch", "csp", journey.name, "--type=merge", f"-p={change}")
        run(journey.step())
        body = journey.body() or {}
        assert FINALIZER in body["metadata"]["finalizers"]
    assert "a.dev/b" in body["metadata"]["finalizers"]


def test_two_processes_at_once_make_everything_once(journey: Journey) -> None:
    """A leader that does not know yet that it is none: AWS and the API server keep order."""
    other = Journey(journey.sandbox, name=journey.name)
    journey.apply(LEAN)

    async def both() -> None:
        await asyncio.gather(journey.step(), other.step(), return_exceptions=True)

    try:
        for _ in range(20):
            run(both())
            journey.time = other.time = journey.time + 5
            if is_current(journey):
                break
        assert is_current(journey)
        # These return what exists.
        returning = {"sqs:create_queue", "s3:create_bucket"}
        assert made_twice(journey, other).keys() <= returning
        base = base_of(journey)
        assert {len(names) for names in left_in_aws(journey).values()} <= {0, 1, 3}
        assert left_in_aws(journey)["mappings"] == {f"{base}-processor"}
    finally:
        other.close()
