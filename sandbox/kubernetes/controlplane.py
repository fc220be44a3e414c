"""The Kubernetes side: files and command lines of etcd, API server and controller manager.

There is no kubelet and no scheduler: pods and Deployments are stored, but nothing runs them.
"""

from __future__ import annotations

import json
import secrets
import uuid
from functools import partial
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from sandbox.kubernetes.kubeapi import KubeAPI
from sandbox.processes import private
from sandbox.processes.ports import LOOPBACK, Reservation
from sandbox.processes.run import Program

_CONTROLLERS = (
    "namespace-controller",
    "serviceaccount-controller",
    "garbage-collector-controller",
    "clusterrole-aggregation-controller",
)
_ISSUER = "https://kubernetes.default.svc"
_ADMIN = "sandbox-admin"
_TIMEOUT = 2.0
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    # One line per request, when it has been answered.
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


class ControlPlane:
    """One Kubernetes API on loopback, with its state in `folder` only."""

    def __init__(self, folder: Path, binaries: Path, audit_log: Path | None = None) -> None:
        self._folder = folder
        self._binaries = binaries
        self._audit_log = audit_log
        self._etcd, self._etcd_peers, self._api, self._controllers = self._ports = [
            Reservation() for _ in range(4)
        ]
        self.api = KubeAPI(
            url=f"https://{self._api.address}",
            ca=folder / "ca.crt",
            token=secrets.token_urlsafe(24),
        )
        self.kubeconfig = folder / "kubeconfig"

    def prepare(self) -> None:
        """Write keys, tokens, the audit policy and the cluster-admin kubeconfig."""
        # Not needed by code that only reads a running sandbox, and slow to import.
        from sandbox.kubernetes import certificates  # noqa: PLC0415

        certificates.write_all(self._folder)
        token = f'{self.api.token},{_ADMIN},{uuid.uuid4()},"system:masters"\n'
        private.write(self._folder / "tokens.csv", token.encode())
        (self._folder / "audit-policy.json").write_text(json.dumps(_AUDIT_POLICY))
        self.api.write_kubeconfig(self.kubeconfig, user=_ADMIN)

    def servers(self) -> list[Program]:
        """Return etcd and the API server; they start together, the server waits for its store."""
        return [
            Program(
                "etcd",
                self._etcd_command(),
                f"http://{self._etcd.address}",
                partial(healthy, f"http://{self._etcd.address}/health"),
            ),
            Program(
                "kube-apiserver",
                self._api_command(),
                self.api.url,
                partial(self.api.healthy, "/readyz"),
            ),
        ]

    def controllers(self) -> Program:
        """Return the controller manager, which gives up unless the API server is ready first."""
        address = f"https://{self._controllers.address}"
        manager = KubeAPI(url=address, ca=self.api.ca, token=self.api.token)
        return Program(
            "kube-controller-manager",
            self._controllers_command(),
            address,
            partial(manager.healthy, "/healthz"),
        )

    def release_ports(self) -> None:
        """Drop the reservations of the ports."""
        for port in self._ports:
            port.release()

    def _etcd_command(self) -> list[str]:
        clients, peers = f"http://{self._etcd.address}", f"http://{self._etcd_peers.address}"
        return [
            str(self._binaries / "etcd"),
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            # The data lives as long as the process: nothing is lost that a crash would not lose.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _api_command(self) -> list[str]:
        signing_key = self._folder / "service-accounts.key"
        command = [
            str(self._binaries / "kube-apiserver"),
            f"--etcd-servers=http://{self._etcd.address}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            f"--secure-port={self._api.port}",
            f"--tls-cert-file={self._folder / 'server.crt'}",
            f"--tls-private-key-file={self._folder / 'server.key'}",
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            f"--service-account-issuer={_ISSUER}",
            f"--service-account-key-file={signing_key}",
            f"--service-account-signing-key-file={signing_key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            # The service `kubernetes` would need an address other than loopback.
            "--endpoint-reconciler-type=none",
            "--profiling=false",
        ]
        if self._audit_log is not None:
            command += [
                f"--audit-log-path={self._audit_log.absolute()}",
                f"--audit-policy-file={self._folder / 'audit-policy.json'}",
            ]
        return command

    def _controllers_command(self) -> list[str]:
        return [
            str(self._binaries / "kube-controller-manager"),
            f"--kubeconfig={self.kubeconfig}",
            f"--authentication-kubeconfig={self.kubeconfig}",
            f"--authorization-kubeconfig={self.kubeconfig}",
            f"--controllers={','.join(_CONTROLLERS)}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={self._controllers.port}",
            f"--tls-cert-file={self._folder / 'server.crt'}",
            f"--tls-private-key-file={self._folder / 'server.key'}",
            "--leader-elect=false",
            "--profiling=false",
        ]


def healthy(address: str) -> bool:
    """Tell whether a server on loopback answers `address` with success."""
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=_TIMEOUT):
            return True
    except OSError:
        return False
