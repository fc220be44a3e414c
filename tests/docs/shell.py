"""The shell of somebody who follows a page: variables and functions last from block to block."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sandbox.programs import helm, toolchain
from tests.docs.blocks import ROOT, missing
from tests.docs.plan import Step

_SECONDS: Final = 300
#: What the sandbox has no kubelet for is played here; the rest goes to the program.
_KUBECTL: Final = """#!/usr/bin/env bash
case "$1 $* " in
  "logs "*) exec cat "$OPERATOR_LOG" ;;
  "port-forward "*) exit 0 ;;  # curl knows the address
  *" -w "*) timeout 3 "$PROGRAMS/kubectl" "$@" || [ $? -eq 124 ] ;;
  *) exec "$PROGRAMS/kubectl" "$@" ;;
esac
"""
_CURL: Final = """#!/usr/bin/env bash
exec /usr/bin/curl "${@/localhost:8080/$OPERATOR_ADDRESS}"
"""
#: Where packages come from; no other setting and no credential of this machine may apply.
_KEPT: Final = ("LANG", "TMPDIR", "PIP_", "UV_", "SSL_")
_STATE: Final = (
    'trap \'{ declare -p; declare -f; alias -p; printf "cd %q\\n" "$PWD"; } >"$STATE"\' EXIT'
)


class BlockFailedError(Exception):
    """A block did not do what its page says."""


class Shell:
    """One shell with a home of its own, beginning in `clone`, with `helm` of one major."""

    def __init__(self, home: Path, clone: Path, major: int) -> None:
        self._state = home / "state.sh"
        self._state.write_text(f"cd {clone}\n", encoding="utf-8")
        programs = home / "bin"
        programs.mkdir()
        self._programs(programs, major, clone)
        system = [str(Path(sys.executable).parent), os.defpath]
        self._environment = {
            **{name: value for name, value in os.environ.items() if name.startswith(_KEPT)},
            "PATH": ":".join([str(programs), "/usr/bin", *system]),
            "HOME": str(home),
            # Packages come from the same cache as everywhere; the rest of the home is empty.
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            "XDG_STATE_HOME": str(home / "state"),
            "PYTHON": sys.executable,
            "KUBERC": "off",
            "COLUMNS": "80",
            "STATE": str(self._state),
        }

    def _programs(self, folder: Path, major: int, clone: Path) -> None:
        (folder / "helm").symlink_to(helm.locate(major))
        for name in ("clickstream", "kubectl-clickstream"):
            (folder / name).symlink_to(clone / ".venv" / "bin" / name)
        lock = ROOT / "locks" / "docs.txt"
        aws = toolchain.environment("docs", lock, "Installing the AWS CLI") / "bin"
        # The script names the interpreter of the folder that the environment was made in.
        scripts = {
            "aws": f'#!/bin/sh\nexec {aws}/python {aws}/aws "$@"\n',
            "kubectl": _KUBECTL,
            "curl": _CURL,
        }
        for name, text in scripts.items():
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755)

    def set(self, settings: Mapping[str, str]) -> None:
        """Set variables for all further commands."""
        self._environment.update(settings)

    def run(self, commands: str) -> tuple[int, str]:
        """Run commands as they are pasted, but the first that fails ends them: exit code, output.

        Raises:
            BlockFailedError: they do not end.
        """
        restored = f"shopt -s expand_aliases\nsource {self._state} 2>/dev/null\n"
        script = f"{restored}{_STATE}\nset -eo pipefail\n"
        with subprocess.Popen(
            ["bash", "-c", script + commands],  # noqa: S607 any bash
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as bash:
            try:
                printed, _ = bash.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired as error:
                # All that it started ends with it.
                os.killpg(bash.pid, signal.SIGKILL)
                raise BlockFailedError(f"It did not end in {_SECONDS} s:\n{commands}") from error
        return bash.returncode, printed

    def follow(self, page: str, step: Step) -> str:
        """Run a step and hold it to its page; what the block printed.

        Raises:
            BlockFailedError: it ended or printed otherwise.
        """
        place = f"{page}:{step.block.line}"
        self._scene(f"{place}, before", step.before)
        code, printed = self.run(step.commands)
        if code != step.exit:
            raise BlockFailedError(f"{place} ended with {code}:\n{step.commands}\n{printed}")
        shown = step.block.output if step.output else ""
        if lines := missing(shown, printed, vary=step.vary):
            raise BlockFailedError(f"{place} shows {lines[0]!r}, but printed:\n{printed}")
        for pattern in step.prints:
            if not re.search(pattern, printed, re.MULTILINE):
                raise BlockFailedError(f"{place} did not print {pattern!r}, but:\n{printed}")
        self._scene(f"{place}, after", step.after)
        return printed

    def _scene(self, place: str, commands: str) -> None:
        code, printed = self.run(commands) if commands else (0, "")
        if code:
            raise BlockFailedError(f"{place} ended with {code}:\n{commands}\n{printed}")
