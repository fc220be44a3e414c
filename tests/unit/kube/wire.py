"""Connections of a Kubernetes client, in memory."""

from __future__ import annotations

import io
import json
from typing import Any, cast

import urllib3
from kubernetes import client


class Wire:
    """The connections of a client: remembers requests and gives one answer."""

    def __init__(self, answer: Any, status: int) -> None:
        self.answer = answer
        self.status = status
        self.requests: list[tuple[str, str, Any, str | None]] = []

    def request(self, method: str, url: str, **options: Any) -> urllib3.HTTPResponse:
        """Remember and answer."""
        body, headers = options.get("body"), options.get("headers") or {}
        self.requests.append(
            (
                method,
                url.removeprefix("http://api").partition("?")[0],
                json.loads(body) if body else None,
                headers.get("Content-Type"),
            )
        )
        if isinstance(self.answer, Exception):
            raise self.answer
        text = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        return urllib3.HTTPResponse(
            io.BytesIO(text.encode()),
            status=self.status,
            reason="Bad Gateway" if self.status == 502 else None,
            headers={"Content-Type": "application/json"},
            preload_content=False,
        )


def api(answer: Any, status: int = 200) -> tuple[client.ApiClient, Wire]:
    """A client whose connections give one answer."""
    made, wire = client.ApiClient(client.Configuration(host="http://api")), Wire(answer, status)
    made.rest_client.pool_manager = cast("urllib3.PoolManager", wire)
    return made, wire
