"""The few direct calls that the sandbox makes to its own API server, and kubeconfig files."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.processes import private

_TIMEOUT = 5.0
# Proxy settings of the caller must not apply to loopback.
_WITHOUT_PROXY = urllib.request.ProxyHandler({})


@dataclass(frozen=True, slots=True)
class KubeAPI:
    """Access to one Kubernetes API server with a bearer token."""

    url: str
    ca: Path
    token: str

    def healthy(self, path: str) -> bool:
        """Tell whether the server answers the health check `path` with success."""
        try:
            self._call("GET", path)
        except OSError:
            return False
        return True

    def service_account_token(self, namespace: str, name: str, *, seconds: int) -> str:
        """Return a token from the TokenRequest API, as a kubelet would put into a pod.

        Raises `LookupError` when the ServiceAccount does not exist.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        try:
            answer: dict[str, Any] = json.loads(self._call("POST", path, body))
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:  # noqa: PLR2004 HTTP's Not Found
                    raise LookupError(f"ServiceAccount {namespace}/{name}") from None
                raise SandboxError(f"TokenRequest failed: {error.read().decode()}") from None
        token: str = answer["status"]["token"]
        return token

    def write_kubeconfig(self, path: Path, *, user: str, namespace: str = "default") -> Path:
        """Write a kubeconfig for this access; JSON, which every YAML reader accepts."""
        name = "clickstream-sandbox"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": self.url, "certificate-authority": str(self.ca)},
                }
            ],
            "users": [{"name": user, "user": {"token": self.token}}],
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": user, "namespace": namespace}}
            ],
            "current-context": name,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        private.write(path, json.dumps(content, indent=2).encode())
        return path

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 the address is https on loopback
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
        )
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.ca)))
        opener = urllib.request.build_opener(_WITHOUT_PROXY, trust)
        with opener.open(request, timeout=_TIMEOUT) as answer:
            content: bytes = answer.read()
            return content
