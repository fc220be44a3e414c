"""The emulator behind the proxy: calls sent on as they came, and questions of the rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from sandbox.aws.strict.answers import Answer
from sandbox.aws.strict.wire import Call, service_model

_TIMEOUT = aiohttp.ClientTimeout(total=900, sock_connect=5)
# `Host` stays: it is signed.
_HOP = frozenset({"connection", "content-length", "expect", "keep-alive", "transfer-encoding"})


class Upstream:
    """One emulator."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            timeout=_TIMEOUT,
            connector=aiohttp.TCPConnector(limit=0),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()

    async def send(self, call: Call) -> Answer:
        """Send a call on, byte for byte.

        Raises:
            aiohttp.ClientError: the emulator does not answer.
        """
        request = call.request
        headers = {key: value for key, value in request.headers.items() if key not in _HOP}
        return await self._exchange(call, request.method, request.target, headers, request.body)

    async def ask(
        self, call: Call, service: str, operation: str, parameters: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Ask something as the root user of the call's account; None when it is refused.

        JSON services only. Such questions are not counted.
        """
        model = service_model(service)
        if model is None:
            raise LookupError(service)
        metadata, http = model.metadata, model.operation_model(operation).http
        # The emulator takes a 12-digit key for the root user and does not check its signature.
        scope = f"{datetime.now(UTC):%Y%m%d}/{call.region}/{model.signing_name}/aws4_request"
        headers = {
            "authorization": f"AWS4-HMAC-SHA256 Credential={call.account}/{scope}, "
            "SignedHeaders=host, Signature=0",
            "x-amz-date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
        }
        rest = dict(parameters)
        if metadata["protocol"] == "rest-json":
            path = http["requestUri"]
            for name in list(rest):
                if f"{{{name}}}" in path:
                    path = path.replace(f"{{{name}}}", quote(str(rest.pop(name)), safe=""))
            target, body = f"{path}?{urlencode(rest)}" if rest else path, b""
        else:
            target, body = "/", json.dumps(rest).encode()
            headers["x-amz-target"] = f"{metadata['targetPrefix']}.{operation}"
            headers["content-type"] = f"application/x-amz-json-{metadata['jsonVersion']}"
        answer = await self._exchange(call, http["method"], target, headers, body)
        return json.loads(answer.body or b"{}") if answer.ok else None

    async def _exchange(
        self, call: Call, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        url = URL(self._url + target, encoded=True)
        async with self._session.request(
            method, url, headers=headers, data=body, allow_redirects=False
        ) as response:
            return Answer(call, response.status, response.headers, await response.read())
