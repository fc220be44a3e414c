"""`Sandbox`: what tests, the demo and the benchmarks hold while they use the sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.aws import emulator
from sandbox.aws.emulator import ACCOUNT, REGION, Emulator
from sandbox.aws.strict import StrictAws
from sandbox.aws.strict.process import StrictAwsProcess
from sandbox.errors import SandboxError
from sandbox.kubernetes.controlplane import ControlPlane
from sandbox.kubernetes.kubeapi import KubeAPI
from sandbox.processes import watchdog
from sandbox.processes.process import wait_until
from sandbox.processes.run import Run
from sandbox.programs import binaries

_TOKEN_SECONDS = 24 * 3600
_ACCOUNT_SECONDS = 10.0


class Sandbox:
    """A running Kubernetes API (etcd, API server, controller manager) and AWS emulator.

    Use it as a context manager. All of it listens on loopback only and is gone, with its files, at
    the end of the block, or shortly after this process died.
    """

    def __init__(
        self,
        run: Run,
        programs: Path,
        control_plane: ControlPlane,
        aws: Emulator,
        strict_aws: StrictAwsProcess | None = None,
    ) -> None:
        self.run = run
        self._programs = programs
        self._control_plane = control_plane
        self._aws = aws
        self._strict_aws = strict_aws

    @classmethod
    def start(
        cls,
        *,
        iam_enforcement: bool = False,
        audit_log: Path | None = None,
        strict_aws: bool | Sequence[str] = False,
    ) -> Self:
        """Start a sandbox that lives as long as this process at most.

        Args:
            iam_enforcement: refuse AWS calls that the caller's IAM policies do not allow.
            audit_log: file that gets one JSON line per Kubernetes request (audit.k8s.io/v1 Event).
            strict_aws: put the proxy of `sandbox.aws.strict` in front of the emulator, with all
                of its rules or with those named (``["none"]``: it only counts and injects faults).

        Raises:
            SandboxError: a program could not be had, or did not become ready.
        """
        folder = Path(tempfile.mkdtemp(prefix="clickstream-sandbox-"))
        return cls.launch(
            folder,
            iam_enforcement=iam_enforcement,
            audit_log=audit_log,
            strict_aws=strict_aws,
            ephemeral=True,
        )

    @classmethod
    def launch(
        cls,
        folder: Path,
        *,
        iam_enforcement: bool = False,
        audit_log: Path | None = None,
        strict_aws: bool | Sequence[str] = False,
        ephemeral: bool = False,
    ) -> Self:
        """Start a sandbox with its files in the empty `folder`; it outlives us unless ephemeral."""
        with ExitStack() as undo:
            # Ctrl-C included: whatever has been started must not stay.
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            programs, python = binaries.locate(), emulator.locate()
            run = Run.create(folder)
            undo.callback(run.stop)
            if ephemeral:
                run.launch(watchdog.program())
            control_plane = ControlPlane(folder, programs, audit_log)
            undo.callback(control_plane.release_ports)
            aws = Emulator(python, enforce=iam_enforcement)
            undo.callback(aws.release_port)
            strict = StrictAwsProcess(aws.endpoint, strict_aws) if strict_aws else None
            if strict is not None:
                undo.callback(strict.release_port)
            sandbox = cls(run, programs, control_plane, aws, strict)
            run.facts = {
                "kubernetes": binaries.version(),
                "programs": str(programs),
                "iam_enforcement": str(iam_enforcement).lower(),
                "strict_aws": str(bool(strict_aws)).lower(),
                "KUBECONFIG": str(sandbox.kubeconfig),
                **sandbox.aws_environment(),
            }
            control_plane.prepare()
            proxies = [strict.program()] if strict is not None else []
            run.start(*control_plane.servers(), aws.program(), *proxies)
            run.start(control_plane.controllers())
            run.confirm()
            undo.pop_all()
        return sandbox

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End every process and remove every file; a second call does nothing."""
        self.run.stop()
        self.release_ports()

    def release_ports(self) -> None:
        """Drop the reservations of the ports; the servers keep listening on them."""
        self._control_plane.release_ports()
        self._aws.release_port()
        if self._strict_aws is not None:
            self._strict_aws.release_port()

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig of a cluster administrator."""
        return self._control_plane.kubeconfig

    @property
    def kube_url(self) -> str:
        """Address of the Kubernetes API, `https://127.0.0.1:<port>`."""
        return self._control_plane.api.url

    @property
    def kube_ca(self) -> Path:
        """Certificate authority (PEM) of the Kubernetes API."""
        return self._control_plane.api.ca

    @property
    def aws_endpoint(self) -> str:
        """Address of the AWS emulator, or of the strict AWS: `http://127.0.0.1:<port>`."""
        return self._aws.endpoint if self._strict_aws is None else self._strict_aws.client.endpoint

    @property
    def is_hard(self) -> bool:
        """Whether the proxy of `sandbox.aws.strict` stands in front of the emulator."""
        return self._strict_aws is not None

    @property
    def emulator_endpoint(self) -> str:
        """Address of the emulator itself, behind a proxy if there is one."""
        return self._aws.endpoint

    @property
    def strict_aws(self) -> StrictAws:
        """The strict AWS: its counts, faults and clock.

        Raises:
            SandboxError: the sandbox was started without it.
        """
        if self._strict_aws is None:
            raise SandboxError("There is no strict AWS here: use Sandbox.start(strict_aws=True).")
        return self._strict_aws.client

    @property
    def logs(self) -> Path:
        """Folder of the programs' logs."""
        return self.run.folder / "logs"

    def kubectl(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 the name that subprocess.run uses
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl of the server's own version as cluster administrator.

        Raises:
            subprocess.CalledProcessError: `check` is true and kubectl failed; the error carries
                stdout and stderr.
        """
        done = subprocess.run(
            [str(self._programs / "kubectl"), *args],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            check=False,
            # Neither the caller's settings nor a discovery cache from another run may apply.
            env={
                **os.environ,
                "HOME": str(self.run.folder / "home"),
                "KUBECONFIG": str(self.kubeconfig),
                "KUBERC": "off",
            },
        )
        if check and done.returncode:
            error = subprocess.CalledProcessError(
                done.returncode, done.args, done.stdout, done.stderr
            )
            # Its own message says only that the command failed.
            error.add_note(done.stderr.strip())
            raise error
        return done

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Write a kubeconfig with a fresh token of a ServiceAccount, for its real RBAC rights.

        Waits a moment for a ServiceAccount that is being created. The token lives 24 hours.

        Raises:
            SandboxError: there is no such ServiceAccount.
        """
        api = self._control_plane.api
        tokens: list[str] = []

        def requested() -> bool:
            try:
                tokens.append(api.service_account_token(namespace, name, seconds=_TOKEN_SECONDS))
            except LookupError:
                return False
            return True

        if not wait_until(requested, _ACCOUNT_SECONDS):
            raise SandboxError(
                f"There is no ServiceAccount {name} in namespace {namespace}: create it first."
            )
        path = self.run.folder / "service-accounts" / f"{namespace}.{name}.kubeconfig"
        account = KubeAPI(url=api.url, ca=api.ca, token=tokens[0])
        return account.write_kubeconfig(path, user=f"{namespace}:{name}", namespace=namespace)

    def aws_environment(self, account: str = ACCOUNT) -> dict[str, str]:
        """Return the environment variables that lead an AWS SDK to the emulator.

        The caller is the root user of `account`, 12 digits; accounts are strangers to each other.
        """
        return {
            "AWS_ENDPOINT_URL": self.aws_endpoint,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def reset_aws(self) -> None:
        """Wipe all state of the emulator: every account, every service, running functions."""
        self._aws.reset()
        if self._strict_aws is not None:
            self._strict_aws.client.reset()

    def stop_aws(self) -> None:
        """Make the AWS endpoint refuse connections, until `start_aws`. All its state is lost.

        The strict AWS goes on and closes each connection without an answer.
        """
        self.run.stop_component(emulator.NAME)

    def start_aws(self) -> None:
        """Start the emulator again, empty, on the same port; nothing happens if it runs."""
        if emulator.NAME not in self.run.components:
            self.run.start(self._aws.program())
