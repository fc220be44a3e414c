"""Chromium and Firefox, driven by WebDriver BiDi, which both speak without another program of ours.

Chromium takes it from its own chromedriver, Firefox by itself. W3C, "WebDriver BiDi".
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

from sandbox.errors import SandboxError

_PROGRAMS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "chromium": (("chromium", "google-chrome"), ("chromedriver",)),
    "firefox": (("firefox-esr", "firefox"),),
}
"""Programs of each browser, with the names that each may have; Debian's packages are chromium,
chromium-driver and firefox-esr."""
NAMES: Final = tuple(_PROGRAMS)
_SECONDS: Final = 60.0
_PERSON: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
_CHROMIUM: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Without a window it would call itself a robot.
    f"--user-agent={_PERSON}",
)
_FIREFOX: Final = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.active-protocols": 1,
    "services.settings.server": "data:,",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class BrowserError(SandboxError):
    """A browser is absent, or answered with an error."""


def missing(name: str) -> list[str]:
    """Return the programs of a browser that are not installed."""
    return [names[0] for names in _PROGRAMS[name] if not any(map(shutil.which, names))]


def _program(name: str) -> str:
    return next(path for path in map(shutil.which, _PROGRAMS[name][0]) if path)


@contextlib.asynccontextmanager
async def browser(name: str) -> AsyncIterator[Browser]:
    """Start a browser of one's own, and end it with everything that it started.

    Raises:
        BrowserError: it is not installed, or did not start.
    """
    if absent := missing(name):
        raise BrowserError(f"{' and '.join(absent)} must be installed")
    with tempfile.TemporaryDirectory(prefix="clickstream-browser-") as folder:
        start = _chromium if name == "chromium" else _firefox
        async with start(Path(folder)) as socket:
            yield Browser(name, socket)


class Browser:
    """One browser with its own profile."""

    def __init__(self, name: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.name = name
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._reader = asyncio.ensure_future(self._read())

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result.

        Raises:
            BrowserError: the browser refused it, or is gone.
        """
        self._number += 1
        number = self._number
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        try:
            return await asyncio.wait_for(self._waiting[number], _SECONDS)
        finally:
            del self._waiting[number]

    async def _read(self) -> None:
        async for message in self._socket:
            answer = message.json()
            waiting = self._waiting.get(answer.get("id"))
            if waiting is None or waiting.done():
                continue
            if answer["type"] == "success":
                waiting.set_result(answer["result"])
            else:
                waiting.set_exception(BrowserError(f"{answer['error']}: {answer['message']}"))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(BrowserError("the browser is gone"))

    async def profile(self) -> Profile:
        """Return a new profile."""
        made = await self.ask("browser.createUserContext")
        return Profile(self, made["userContext"])


class Profile:
    """What tabs share, and nobody else: storage, cache, and scripts of the test."""

    def __init__(self, owner: Browser, context: str) -> None:
        self.browser = owner
        self._context = context

    async def before_pages(self, script: str) -> None:
        """Run a script in every page from now on, before its own."""
        await self.browser.ask(
            "script.addPreloadScript",
            functionDeclaration=f"() => {{ {script} }}",
            userContexts=[self._context],
        )

    async def call_itself(self, user_agent: str) -> None:
        """Send another user agent from now on."""
        await self.browser.ask(
            "emulation.setUserAgentOverride", userAgent=user_agent, userContexts=[self._context]
        )

    async def open(self, url: str, *, kind: str = "tab") -> Tab:
        """Open a page in a new tab, and wait until it is loaded."""
        made = await self.browser.ask(
            "browsingContext.create", type=kind, userContext=self._context
        )
        tab = Tab(self.browser, made["context"])
        await tab.go(url)
        return tab

    async def remove(self) -> None:
        """Close its tabs and forget everything."""
        await self.browser.ask("browser.removeUserContext", userContext=self._context)


class Tab:
    """One tab."""

    def __init__(self, owner: Browser, context: str) -> None:
        self._owner = owner
        self.context = context

    async def go(self, url: str) -> None:
        """Load a page."""
        await self._owner.ask(
            "browsingContext.navigate", context=self.context, url=url, wait="complete"
        )

    async def run(self, code: str) -> Any:
        """Return the value of an expression in the page; of a promise what it becomes."""
        answer = await self._owner.ask(
            "script.evaluate",
            expression=code,
            target={"context": self.context},
            awaitPromise=True,
            resultOwnership="none",
            userActivation=True,
        )
        if answer["type"] != "success":
            raise BrowserError(answer["exceptionDetails"]["text"])
        return _plain(answer["result"])

    async def click(self, selector: str) -> None:
        """Click the middle of an element, as a mouse does."""
        found = await self._owner.ask(
            "browsingContext.locateNodes",
            context=self.context,
            locator={"type": "css", "value": selector},
            maxNodeCount=1,
        )
        node = {"type": "element", "element": {"sharedId": found["nodes"][0]["sharedId"]}}
        steps = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": node},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self._owner.ask(
            "input.performActions",
            context=self.context,
            actions=[{"type": "pointer", "id": "mouse", "actions": steps}],
        )

    async def press(self, key: str) -> None:
        """Press a key, as WebDriver names it, in the element that has the focus."""
        steps = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        await self._owner.ask(
            "input.performActions",
            context=self.context,
            actions=[{"type": "key", "id": "keyboard", "actions": steps}],
        )

    async def back(self, steps: int = -1) -> None:
        """Go back in the tab's history, or forward."""
        await self._owner.ask("browsingContext.traverseHistory", context=self.context, delta=steps)

    async def show(self) -> None:
        """Bring the tab to the front, which hides the one that was there."""
        await self._owner.ask("browsingContext.activate", context=self.context)

    async def close(self) -> None:
        """Close the tab."""
        await self._owner.ask("browsingContext.close", context=self.context, promptUnload=False)


def _plain(value: Mapping[str, Any]) -> Any:
    kind, inner = value["type"], value.get("value")
    if kind == "array":
        return [_plain(one) for one in inner or ()]
    if kind == "object":
        return {name: _plain(one) for name, one in inner or ()}
    return inner


@contextlib.asynccontextmanager
async def _chromium(folder: Path) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    environment = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder)}
    async with _process("chromedriver", "--port=0", environment=environment) as process:
        port = await _line_with(process, "started successfully on port ")
        base = f"http://127.0.0.1:{port.rstrip('.')}"
        options = {"binary": _program("chromium"), "args": [*_CHROMIUM]}
        wanted = {"webSocketUrl": True, "goog:chromeOptions": options}
        async with aiohttp.ClientSession() as client:
            body = {"capabilities": {"alwaysMatch": wanted}}
            async with client.post(f"{base}/session", json=body) as answer:
                made = (await answer.json())["value"]
            if "capabilities" not in made:
                raise BrowserError(f"Chromium did not start: {made.get('message')}")
            try:
                async with client.ws_connect(
                    made["capabilities"]["webSocketUrl"], max_msg_size=0
                ) as socket:
                    yield socket
            finally:
                await client.delete(f"{base}/session/{made['sessionId']}")


@contextlib.asynccontextmanager
async def _firefox(folder: Path) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    lines = (
        f'user_pref("{name}", {str(value).lower() if isinstance(value, bool) else repr(value)});'
        for name, value in _FIREFOX.items()
    )
    profile = folder / "profile"
    profile.mkdir()
    (profile / "user.js").write_text("\n".join(lines).replace("'", '"'), encoding="utf-8")
    environment = {**os.environ, "HOME": str(folder), "MOZ_HEADLESS": "1"}
    command = (
        _program("firefox"),
        "--headless",
        "--remote-debugging-port=0",
        "--profile",
        str(profile),
    )
    async with _process(*command, environment=environment) as process:
        address = await _line_with(process, "WebDriver BiDi listening on ")
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{address}/session", max_msg_size=0) as socket,
        ):
            await socket.send_json(
                {"id": 0, "method": "session.new", "params": {"capabilities": {}}}
            )
            await socket.receive_json()
            yield socket


@contextlib.asynccontextmanager
async def _process(
    *command: str, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            os.killpg(process.pid, 9)
            await process.wait()


async def _line_with(process: asyncio.subprocess.Process, words: str) -> str:
    async def search() -> str:
        while process.stdout and (
            line := (await process.stdout.readline()).decode(errors="replace")
        ):
            if words in line:
                return line.partition(words)[2].strip()
        raise BrowserError("the browser ended before it was ready")

    try:
        return await asyncio.wait_for(search(), _SECONDS)
    except TimeoutError as error:
        raise BrowserError(f"the browser did not start within {_SECONDS:.0f} s") from error
