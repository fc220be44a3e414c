"""Run an image's program as a pod with `readOnlyRootFilesystem` does, from its mounted files.

There is no container runtime here. A mount namespace with a read-only bind of the image, a tmpfs on
/tmp and the image's user give the program the same files and rights; the network is the machine's.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# The outer shell stays, so that who started it recognises its process; it hands a SIGTERM down.
_OUTER: Final = """
trap 'kill -TERM "$child"' TERM
unshare --mount --propagation private sh -euc "$INNER" contained "$@" &
child=$!
wait "$child"; code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
exit "$code"
"""
_INNER: Final = """
PATH=$PATH:/usr/sbin:/sbin
root=$1; user=$2; shift 2
mount --bind "$root" "$root"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777,nosuid,nodev,size=64m tmpfs "$root/tmp"
if [ -n "${KUBECONFIG:-}" ]; then
  authority=$(sed -n 's/.*"certificate-authority": "\\(.*\\)".*/\\1/p' "$KUBECONFIG")
  install -m 0444 "$authority" "$root/tmp/ca.crt"
  sed "s|\"$authority\"|\"/tmp/ca.crt\"|" "$KUBECONFIG" > "$root/tmp/kubeconfig"
  chown "$user" "$root/tmp/kubeconfig"
  chmod 0400 "$root/tmp/kubeconfig"
  export KUBECONFIG=/tmp/kubeconfig
fi
unset INNER
cd "$root"
exec chroot --userspec="$user:$user" --groups= "$root" env --chdir=/tmp "$@"
"""


@dataclass(frozen=True, slots=True)
class Contained:
    """An image whose files are mounted at `root`; `config` is `config` of its OCI description."""

    root: Path
    config: dict[str, Any]

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs `words` in the image. It needs root.

        The caller's environment is handed on; the image's own variables win.
        """
        user = self.config["User"].split(":")[0]
        settings = [*self.config["Env"], "HOME=/", "TMPDIR=/tmp"]
        script = f"INNER={shlex.quote(_INNER)}\nexport INNER\n{_OUTER}"
        return ["sh", "-c", script, "contained", str(self.root), user, *settings, *words]

    def entrypoint(self, *arguments: str) -> list[str]:
        """Return the image's entrypoint with `arguments`."""
        return [*self.config["Entrypoint"], *arguments]
