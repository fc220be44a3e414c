"""A Kubernetes API and an AWS emulator on this machine, without a cluster, an account or Docker.

from sandbox import Sandbox

with Sandbox.start() as sb:
    sb.kubectl("apply", "-f", "crds/")
"""

from sandbox.errors import SandboxError
from sandbox.instance import Sandbox

__all__ = ["Sandbox", "SandboxError"]
