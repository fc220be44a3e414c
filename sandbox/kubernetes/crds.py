"""Install CRDs and wait until the API server serves them."""

from __future__ import annotations

from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.processes.process import wait_until

_SECONDS = 60.0


def establish(sandbox: Sandbox, path: Path) -> None:
    """Install the CRDs in a file or folder.

    Raises:
        subprocess.CalledProcessError: the API server refuses one.
        SandboxError: one is not served in time.
    """
    sandbox.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))

    def served() -> bool:
        # Right after it is made a CRD has no conditions, and `kubectl wait` gives up on that.
        wait = ("wait", "--for=condition=Established", "--timeout=5s", "-f", str(path))
        return sandbox.kubectl(*wait, check=False).returncode == 0

    if not wait_until(served, _SECONDS):
        raise SandboxError(f"The CRDs of {path.name} are not served after {_SECONDS:.0f} s.")
