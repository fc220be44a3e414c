"""Two tenants under one operator, whose credential has the shipped policy and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from sandbox.demos.scripted.screen import Screen
from sandbox.demos.scripted.session import Session as Scripted
from sandbox.demos.scripted.session import Stuck
from sandbox.instance import Sandbox
from sandbox.operator_process import OperatorProcess
from sandbox.processes.process import wait_until

VICTIM: Final = "team-a"
EVIL: Final = "team-b"
ANEW: Final = "team-c"
"""Namespace that is deleted, and made anew for others."""
_PATIENCE: Final = 90.0
_POLICY: Final = Path(__file__).parents[3] / "docs" / "reference" / "operator-policy.json"
_TENANTS: Final = {"tenants": [{"namespaces": [VICTIM, EVIL, ANEW]}]}


class Session(Scripted):
    """Namespaces of two tenants, to whom nothing foreign is granted."""

    def __init__(self, sandbox: Sandbox, screen: Screen) -> None:
        super().__init__(sandbox, screen, "web")
        tenants = sandbox.run.folder / "tenants.yaml"
        tenants.write_text(json.dumps(_TENANTS))
        self.operator = OperatorProcess(
            sandbox, settings={**self._credential(), "CLICKSTREAM_TENANTS": str(tenants)}
        )
        self.operator.install()
        for namespace in (VICTIM, EVIL, ANEW):
            sandbox.kubectl("create", "namespace", namespace)
        self.operator.start()

    def _credential(self) -> dict[str, str]:
        """Variables with the key of a user who has the shipped policy."""
        iam = self.aws.client("iam")
        iam.create_user(UserName="operator")
        iam.put_user_policy(
            UserName="operator", PolicyName="operator", PolicyDocument=_POLICY.read_text()
        )
        key = iam.create_access_key(UserName="operator")["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def put(self, namespace: str, name: str, spec: dict[str, Any]) -> str:
        """Apply a pipeline as a tenant would; the refusal of the API server, if any."""
        self.screen.command(f"kubectl apply -n {namespace} -f {name}.yaml  # {json.dumps(spec)}")
        manifest = {
            "apiVersion": "clickstream.dev/v1alpha1",
            "kind": "ClickstreamPipeline",
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        }
        done = self.sandbox.kubectl("apply", "-f", "-", input=json.dumps(manifest), check=False)
        refusal = str(done.stderr)
        if done.returncode:
            self.screen.say(f"refused: {refusal.strip()}")
        return refusal

    def read(self, namespace: str, name: str) -> dict[str, Any]:
        """A pipeline; empty when it is gone."""
        answer = self.sandbox.kubectl(
            "get", "csp", name, "-n", namespace, "-o", "json", "--ignore-not-found"
        )
        body: dict[str, Any] = json.loads(answer.stdout) if answer.stdout else {}
        return body

    def stopped_by(self, namespace: str, name: str, words: str) -> None:
        """Wait until a condition says the words, print it, and check it."""

        def said() -> str:
            status = self.read(namespace, name).get("status", {})
            found = (one.get("message", "") for one in status.get("conditions", []))
            return next((text for text in found if words in text), "")

        if not wait_until(lambda: bool(said()), _PATIENCE):
            raise Stuck(f"{namespace}/{name} says {words!r}")
        self.screen.say(f"stopped by: {said()}")
        self.check(f"{name} is refused with {words!r}", bool(said()), True)

    def until_ready(self, namespace: str, name: str) -> None:
        """Wait until a pipeline is Ready."""

        def ready() -> bool:
            status = self.read(namespace, name).get("status", {})
            found = {one["type"]: one["status"] for one in status.get("conditions", [])}
            return found.get("Ready") == "True"

        if not wait_until(ready, _PATIENCE):
            raise Stuck(f"{namespace}/{name} is Ready")

    def remove(self, namespace: str, name: str) -> None:
        """Delete a pipeline that made nothing."""
        self.sandbox.kubectl("annotate", "csp", name, "-n", namespace, _FORCE, check=False)
        self.sandbox.kubectl("delete", "csp", name, "-n", namespace, "--timeout=60s", check=False)

    def resource(self, name: str, namespace: str = VICTIM) -> dict[str, Any]:
        """A resource of the victim's pipeline, or of the one in another namespace."""
        resources = self.read(namespace, "web")["status"]["resources"]
        found: dict[str, Any] = next(one for one in resources if one["name"] == name)
        return found


_FORCE: Final = "clickstream.dev/force-delete=true"
