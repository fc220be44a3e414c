"""A cluster under GitOps: git repositories, applications, and what each of them shows."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from sandbox.instance import Sandbox
from sandbox.operator_process import OperatorProcess
from sandbox.processes.process import wait_until
from sandbox.programs.argocd import NAMESPACE, ArgoCD

SECONDS = 120.0


class Repository:
    """A git repository on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        """Its address."""
        return f"file://{self._folder}"

    def commit(self, **manifests: dict[str, Any] | None) -> None:
        """Commit manifests as `<name>.json`; None removes one."""
        for name, manifest in manifests.items():
            path = self._folder / f"{name}.json"
            if manifest is None:
                path.unlink()
            else:
                path.write_text(json.dumps(manifest, indent=2))
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", f"Change {list(manifests)}")

    def add(self, folder: Path) -> None:
        """Commit a folder under its name."""
        shutil.copytree(folder, self._folder / folder.name)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", f"Add {folder.name}")

    def _git(self, *words: str) -> None:
        identity = ["-c", "user.name=Tests", "-c", "user.email=tests@example.com"]
        command = ["git", *identity, "-C", str(self._folder), *words]
        subprocess.run(command, check=True, capture_output=True)


@dataclass
class Cluster:
    """The sandbox, the operator and Argo CD, with the questions that tests ask of them."""

    sandbox: Sandbox
    operator: OperatorProcess
    argocd: ArgoCD
    seen: dict[str, list[str]] = field(default_factory=dict)

    def application(self, name: str, repository: Repository, **changes: Any) -> None:
        """Create an application that deploys a repository into a new namespace of its name.

        `changes`: `options` (sync options), `annotations`, `automated`, `source` (such as a path).
        """
        self.sandbox.kubectl("create", "namespace", name)
        manifest = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "annotations": changes.get("annotations", {}),
            },
            "spec": {
                "project": "default",
                "source": {
                    "repoURL": repository.url,
                    "targetRevision": "main",
                    "path": ".",
                    **changes.get("source", {}),
                },
                "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
                "syncPolicy": {
                    "automated": changes.get("automated", {"prune": True, "selfHeal": True}),
                    "syncOptions": changes.get("options", []),
                },
            },
        }
        self.sandbox.kubectl("apply", "-f", "-", input=json.dumps(manifest))

    def refresh(self, name: str) -> None:
        """Let Argo CD look at git now."""
        self.annotate(f"application/{name}", NAMESPACE, "argocd.argoproj.io/refresh=normal")

    def hard_refresh(self, name: str) -> None:
        """Let Argo CD render and compare everything anew, and wait until it has."""
        key = "argocd.argoproj.io/refresh"
        self.annotate(f"application/{name}", NAMESPACE, f"{key}=hard")

        def is_done() -> bool:
            done = self.sandbox.kubectl("get", "application", name, "-n", NAMESPACE, "-o", "json")
            return key not in json.loads(done.stdout)["metadata"].get("annotations", {})

        self.waits(is_done, lambda: self.state(name))

    def annotate(self, what: str, namespace: str, annotation: str) -> None:
        """Set an annotation."""
        self.sandbox.kubectl("annotate", what, "-n", namespace, annotation, "--overwrite")

    def state(self, name: str) -> dict[str, Any]:
        """The status of an application; empty before there is one."""
        done = self.sandbox.kubectl("get", "application", name, "-n", NAMESPACE, "-o", "json")
        status: dict[str, Any] = json.loads(done.stdout).get("status", {})
        return status

    def health(self, name: str, pipeline: str) -> tuple[str, str]:
        """Health and message that Argo CD shows for a pipeline of an application."""
        for resource in self.state(name).get("resources", []):
            if resource["kind"] == "ClickstreamPipeline" and resource["name"] == pipeline:
                shown = resource.get("health", {})
                return shown.get("status", ""), shown.get("message", "")
        return "", ""

    def verdict(self, name: str) -> tuple[str, str]:
        """Sync status and health of an application, recorded in `seen` as they change."""
        state = self.state(name)
        found = (
            state.get("sync", {}).get("status", ""),
            state.get("health", {}).get("status", ""),
        )
        history = self.seen.setdefault(name, [])
        if found[1] and history[-1:] != [found[1]]:
            history.append(found[1])
        return found

    def settles(self, name: str, sync: str, health: str) -> None:
        """Wait until an application is what is said.

        Raises:
            AssertionError: it is not after two minutes; with its status.
        """
        self.waits(lambda: self.verdict(name) == (sync, health), lambda: self.state(name))

    def waits(self, condition: Callable[[], bool], what: Callable[[], object]) -> None:
        """Wait until a condition holds; fail with `what` if it does not."""
        if not wait_until(condition, SECONDS):
            raise AssertionError(json.dumps(what(), indent=1, default=str))

    def pipeline(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A pipeline as the API server has it; None when there is none."""
        done = self.sandbox.kubectl(
            "get", "csp", name, "-n", namespace, "-o", "json", "--ignore-not-found"
        )
        body: dict[str, Any] | None = json.loads(done.stdout) if done.stdout else None
        return body

    def retention(self, namespace: str, name: str) -> int:
        """Hours that AWS keeps the records of a pipeline's stream; 0 without a stream."""
        body = self.pipeline(namespace, name) or {}
        stream = body.get("status", {}).get("outputs", {}).get("kinesisStreamName")
        if not stream:
            return 0
        summary = self.aws("kinesis").describe_stream_summary(StreamName=stream)
        hours: int = summary["StreamDescriptionSummary"]["RetentionPeriodHours"]
        return hours

    def aws(self, service: str) -> Any:
        """A client of the emulator."""
        environment = self.sandbox.aws_environment()
        return boto3.client(
            service,
            endpoint_url=self.sandbox.aws_endpoint,
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
