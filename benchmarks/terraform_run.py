"""Terraform beside the operator: the same resources, counted by the same proxy."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox import Sandbox
from sandbox.errors import SandboxError
from sandbox.operator_process import PACKAGES

CONFIGURATION: Final = Path(__file__).parent / "terraform"
#: Folder of a filesystem mirror with the AWS provider, as `terraform init -plugin-dir` takes it.
PLUGINS: Final = "TERRAFORM_PLUGINS"
_PATIENCE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Counted:
    """AWS calls and seconds of one step."""

    calls: int
    seconds: float


def absent() -> str:
    """Why Terraform can't be run here; empty when it can."""
    if shutil.which("terraform") is None:
        return "terraform is not on PATH"
    plugins = os.environ.get(PLUGINS, "")
    if not plugins:
        return f"{PLUGINS} does not name a folder with its AWS provider"
    if not any(Path(plugins).rglob("terraform-provider-aws_*")):
        return f"{PLUGINS}={plugins} has no AWS provider"
    return ""


def measure(sandbox: Sandbox) -> dict[str, Counted]:
    """Create, plan, change and destroy; counts by the name of the step.

    Raises:
        SandboxError: Terraform failed; the message is the end of what it said.
    """
    with _workspace(sandbox) as run:
        counted = {
            "create": run("apply"),
            "observe": run("plan"),
            "change": run("apply", "-var=shards=4", "-var=retention_hours=48"),
        }
        counted["delete"] = run("destroy")
        return counted


class _Workspace:
    """A folder of its own, so that the tree gets no state and no lock file."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder

    def __call__(self, command: str, *options: str) -> Counted:
        automatic = [] if command == "plan" else ["-auto-approve"]
        variables = [
            f"-var=endpoint={self._sandbox.aws_endpoint}",
            f"-var=packages={PACKAGES}",
        ]
        self._sandbox.strict_aws.forget_calls()
        started = time.monotonic()
        self.terraform(command, "-input=false", "-no-color", *automatic, *variables, *options)
        seconds = time.monotonic() - started
        return Counted(self._sandbox.strict_aws.calls().total(), round(seconds, 1))

    def terraform(self, *arguments: str) -> None:
        """Run it without the settings and caches of the person at the machine."""
        settings = {"HOME": str(self._folder), "CHECKPOINT_DISABLE": "1", "PATH": os.defpath}
        program = shutil.which("terraform")
        done = subprocess.run(
            [program or "terraform", *arguments],
            cwd=self._folder,
            env=settings,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            raise SandboxError(f"terraform {arguments[0]} failed: {done.stderr.strip()[-2000:]}")


@contextmanager
def _workspace(sandbox: Sandbox) -> Iterator[_Workspace]:
    with tempfile.TemporaryDirectory(prefix="clickstream-terraform-") as name:
        folder = Path(name)
        shutil.copy(CONFIGURATION / "main.tf", folder)
        run = _Workspace(sandbox, folder)
        run.terraform("init", "-input=false", "-no-color", f"-plugin-dir={os.environ[PLUGINS]}")
        yield run
