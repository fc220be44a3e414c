"""The session: a release of the chart, its replicas, its Lease, and the pipelines under it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from sandbox.aws.emulator import ACCOUNT, REGION
from sandbox.demos.installation.replicas import Deployed
from sandbox.demos.scripted.screen import Screen
from sandbox.demos.scripted.session import Session as Scripted
from sandbox.demos.scripted.session import Stuck
from sandbox.instance import Sandbox
from sandbox.operator_process import NAMESPACE, PACKAGES
from sandbox.processes.ports import LOOPBACK
from sandbox.processes.process import wait_until
from sandbox.programs.helm import Helm

RELEASE: Final = "clickstream-operator"
PIPELINES: Final = ("shop", "web")
CRD: Final = "clickstreampipelines.clickstream.dev"
_CHART: Final = Path(__file__).parents[3] / "charts" / RELEASE
_SECRET: Final = "aws"  # noqa: S105 the name of a Secret
_PATIENCE: Final = 60.0


class Session(Scripted):
    """One installation's life."""

    def __init__(self, sandbox: Sandbox, screen: Screen) -> None:
        super().__init__(sandbox, screen, PIPELINES[0])
        home = sandbox.run.folder / "home"
        self._helm = Helm(4, home=home, kubeconfig=sandbox.kubeconfig)
        self.deployed = Deployed(sandbox, NAMESPACE, RELEASE)
        self._values = home / "values.yaml"
        values = {
            "aws": {
                "region": REGION,
                "endpointUrl": sandbox.aws_endpoint,
                "allowInsecureEndpoint": True,
                "auth": {"mode": "secret", "secretName": _SECRET},
            },
            "operator": {"listenHost": LOOPBACK, "packages": str(PACKAGES)},
        }
        self._values.write_text(json.dumps(values))

    def leave(self) -> None:
        """The operators keep their ports."""
        for one in self.deployed.replicas:
            one.release_port()

    # -- Helm ----------------------------------------------------------------------------------

    def prepare(self) -> None:
        """The namespace, and the Secret with the credentials."""
        for shown, words in (
            ("", ["create", "namespace", NAMESPACE]),
            (
                " --from-env-file=...",
                ["create", "secret", "generic", _SECRET, "-n", NAMESPACE],
            ),
        ):
            self.screen.command(f"kubectl {' '.join(words)}{shown}")
            keys = [
                f"--from-literal=AWS_ACCESS_KEY_ID={ACCOUNT}",
                "--from-literal=AWS_SECRET_ACCESS_KEY=sandbox",
            ]
            self.sandbox.kubectl(*words, *(keys if shown else []))

    def install(self, verb: str, *options: str) -> None:
        """Install or upgrade, and print the beginning of what Helm says."""
        shown = " ".join(("helm", verb, RELEASE, f"charts/{RELEASE}", "-n", NAMESPACE))
        self.screen.command(" ".join((shown, "-f values.yaml", *options)))
        where = ["-n", NAMESPACE, "-f", str(self._values)]
        done = self._helm.run(verb, RELEASE, str(_CHART), *where, *options)
        self.screen.plain(_shortened(done.stdout))

    def helm(self, *words: str) -> str:
        """Any other command of Helm; everything that it says is printed and returned."""
        words = (*words, "-n", NAMESPACE)
        self.screen.command(f"helm {' '.join(words)}")
        done = self._helm.run(*words)
        said = done.stdout + done.stderr
        self.screen.plain("\n".join(line.rstrip() for line in said.splitlines() if line.strip()))
        return said

    def release(self) -> dict[str, Any]:
        """The last revision, as ``helm history`` has it."""
        done = self._helm.run("history", RELEASE, "-n", NAMESPACE, "-o", "json")
        last: dict[str, Any] = json.loads(done.stdout)[-1]
        return last

    def variable(self, name: str) -> str:
        """A variable of the operator in the Deployment."""
        container = self.deployed.body()["spec"]["template"]["spec"]["containers"][0]
        return str({one["name"]: one.get("value", "") for one in container["env"]}[name])

    # -- observations ---------------------------------------------------------------------------

    def show(self, *words: str) -> None:
        """Print the answer of ``kubectl get``."""
        self.screen.command(f"kubectl get {' '.join(words)}")
        done = self.sandbox.kubectl("get", *words)
        self.screen.plain(done.stdout + done.stderr)

    def show_replicas(self) -> None:
        """Print the process and role of each replica."""
        self.screen.rows(
            ("replica", "process", "role"),
            [(one.name, str(one.process), one.role()) for one in self.deployed.replicas],
        )

    def lease(self) -> dict[str, Any]:
        """The spec of the Lease."""
        answer = self.sandbox.kubectl("get", "lease", RELEASE, "-n", NAMESPACE, "-o", "json")
        found: dict[str, Any] = json.loads(answer.stdout)["spec"]
        return found

    def objects(self) -> set[str]:
        """Kinds that the release has in the cluster, the CRD apart."""
        kinds = "deploy,sa,svc,role,rolebinding,clusterrole,clusterrolebinding,pdb,secret,cm"
        label = f"app.kubernetes.io/instance={RELEASE}"
        answer = self.sandbox.kubectl("get", kinds, "-n", NAMESPACE, "-l", label, "-o", "json")
        return {one["kind"] for one in json.loads(answer.stdout)["items"]}

    def metadata(self) -> dict[str, dict[str, Any]]:
        """The metadata of the CRD and of each pipeline, by name."""
        found = {}
        for kind in ("crd", "csp"):
            answer = self.sandbox.kubectl("get", kind, "-o", "json")
            for one in json.loads(answer.stdout)["items"]:
                found[one["metadata"]["name"]] = one["metadata"]
        return found

    def owned(self) -> set[str]:
        """Everything in AWS that carries the name of one of the pipelines."""
        bases: dict[str, str] = self.notes["bases"]
        return {thing for base in bases.values() for thing in self.aws.owned(base)}

    def creations(self) -> Counter[str]:
        """Creations that AWS accepted in this step, by operation."""
        writes = self.sandbox.strict_aws.writes()
        accepted = (one for one in writes if one["outcome"] == "OK")
        return Counter(
            f"{one['service']} {one['operation']}"
            for one in accepted
            if one["operation"].startswith("Create")
        )

    # -- waits ---------------------------------------------------------------------------------

    def wait_leader(self) -> None:
        """Wait until one leads.

        Raises:
            Stuck: none did.
        """
        if not wait_until(lambda: self.deployed.leader() is not None, _PATIENCE):
            raise Stuck(f"a replica leads, within {_PATIENCE:.0f} s")

    def observe_all(self, names: tuple[str, ...] = PIPELINES) -> None:
        """Have the operator observe every resource of these pipelines, and check its calls."""
        for name in names:
            self.pipeline = name
            self.observe_now()
            self.wait_ready()
        self.pipeline = PIPELINES[0]
        calls = sum(self.sandbox.strict_aws.calls().values())
        writes = len(self.sandbox.strict_aws.writes())
        self.screen.say(f"AWS was asked {calls} times, and written to {writes} times")
        self.check("it observed AWS", calls, "some calls", right=calls > len(names))
        self.check("nothing was written to AWS", writes, 0)


def _shortened(said: str) -> str:
    """Helm's own lines, and the summary in the NOTES."""
    lines = [line for line in said.splitlines() if line.strip()]
    wanted = ("NAME", "STATUS", "REVISION", "  watches", "  region", "  credentials")
    kept = [line for line in lines if line.startswith(wanted) and not line.startswith("NAMESPACE")]
    return "\n".join((*kept, f"... and {len(lines) - len(kept)} lines more"))
