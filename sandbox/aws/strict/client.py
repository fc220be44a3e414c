"""Client of a running proxy, for tests: its calls so far, faults and clock."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.aws.strict.wire import WITNESS
from sandbox.errors import SandboxError

_CONTROL: Final = "/__strict_aws__"
_TIMEOUT: Final = 10.0


def as_witness(client: Any) -> Any:
    """A boto3 client of the proxy that reads past faults and delays, and is not counted."""

    def mark(request: Any, **_more: Any) -> None:
        request.headers[WITNESS] = "1"

    client.meta.events.register("before-send", mark)
    return client


class StrictAws:
    """A proxy at `endpoint`, ``http://127.0.0.1:<port>``."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._opener = build_opener(ProxyHandler({}))

    def calls(self, service: str = "", operation: str = "") -> Counter[tuple[str, str, str]]:
        """Calls by service, operation and outcome (``OK``, or the error code)."""
        return Counter(
            {
                (one["service"], one["operation"], one["outcome"]): one["count"]
                for one in self._send("GET", "/calls")["calls"]
                if service in ("", one["service"]) and operation in ("", one["operation"])
            }
        )

    def reads(self) -> list[dict[str, Any]]:
        """Number of reads of each resource: `service`, `resource` and `count`."""
        reads: list[dict[str, Any]] = self._send("GET", "/reads")["reads"]
        return reads

    def writes(self) -> list[dict[str, Any]]:
        """Every write in order.

        Each has ``number, service, operation, resource, account, outcome, fault, sent``; `sent` is
        whether the emulator saw it.
        """
        writes: list[dict[str, Any]] = self._send("GET", "/writes")["writes"]
        return writes

    def forget_calls(self) -> None:
        """Count from zero."""
        self._send("DELETE", "/calls")

    def inject(self, action: str, **fault: Any) -> None:
        """Add a fault; `action` is one of `faults.ACTIONS`.

        Which calls: `service`, `operation`, `resource` (``*`` allowed), the `nth` of them or
        `every` so many, at most `count` times. An error takes `code`, `status` and `message`, a
        delay real `seconds` and `when` (``before`` or ``after`` the emulator did it).
        """
        names = ("service", "operation", "resource", "nth", "every", "count")
        match = {name: fault.pop(name) for name in names if name in fault}
        self._send("POST", "/faults", {"match": match, "action": action, **fault})

    def faults(self) -> list[dict[str, Any]]:
        """The faults, with how many calls each has `seen` and how often it `hits`."""
        faults: list[dict[str, Any]] = self._send("GET", "/faults")["faults"]
        return faults

    def end_faults(self) -> None:
        """No faults from now on."""
        self._send("DELETE", "/faults")

    def advance(self, seconds: float) -> None:
        """Let virtual seconds pass at once."""
        self._send("POST", "/clock", {"advance": seconds})

    def run_clock(self, scale: float) -> None:
        """Let `scale` virtual seconds pass in a real one; 0 stops the clock."""
        self._send("POST", "/clock", {"scale": scale})

    def rules(self) -> dict[str, float]:
        """The rules in force and their seconds."""
        rules: dict[str, float] = self._send("GET", "/rules")["rules"]
        return rules

    def reset(self, rules: Sequence[str] | None = None) -> None:
        """Forget calls, faults and states; `rules` (all, none, names) apply from then on."""
        self._send("POST", "/reset", {} if rules is None else {"rules": list(rules)})

    def confirm(self, endpoint: str) -> int:
        """Confirm the e-mail subscriptions of an address; return how many were pending."""
        return int(self._send("POST", "/confirm", {"endpoint": endpoint})["confirmed"])

    def ready(self) -> bool:
        """Whether the proxy answers."""
        try:
            self.rules()
        except OSError:
            return False
        return True

    def _send(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        request = Request(  # noqa: S310 http on loopback
            self.endpoint + _CONTROL + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as response:
                answer: dict[str, Any] = json.load(response)
        except HTTPError as error:
            raise SandboxError(f"The strict AWS refused: {error.read().decode()}") from error
        return answer
