"""User at the other end of a loopback connection, as Linux tells it.

A loopback port is open to every user of the machine, and what listens here runs code. Standard
library only: the emulator runs this file with its own interpreter.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

#: Variable with the id of one more user who is let in: that of an image whose operator is run here.
OTHER_USER = "CLICKSTREAM_SANDBOX_OTHER_USER"
_TABLE = Path("/proc/net/tcp")
_MOST = 1000
_known: dict[tuple[tuple[str, int], Path], tuple[float, bool]] = {}


def is_of_this_user(client: tuple[str, int], table: Path = _TABLE) -> bool:
    """Whether the client at an IPv4 address and port is a process of the user who runs this one.

    Or of the user whom that one lets in by `OTHER_USER`.
    Where the system keeps no table (macOS) nobody is refused. The answer about one table holds for
    a second: calls over one connection follow one another.
    """
    now = time.monotonic()
    known = _known.get((client, table))
    if known is not None and now - known[0] < 1:
        return known[1]
    if len(_known) > _MOST:
        _known.clear()
    own = _is_own(client, table)
    _known[client, table] = (now, own)
    return own


def _is_own(client: tuple[str, int], table: Path) -> bool:
    try:
        lines = table.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return True
    other = os.environ.get(OTHER_USER, "")
    return owner(lines, client) in {os.getuid(), int(other) if other else os.getuid()}


def owner(lines: list[str], client: tuple[str, int]) -> int | None:
    """Id of the user who owns the socket at a local address; None for none (proc(5))."""
    host, port = client
    address = bytes(map(int, reversed(host.split(".")))).hex().upper()
    local = f"{address}:{port:04X}"
    for line in lines:
        fields = line.split()
        if len(fields) > 7 and fields[1] == local:  # noqa: PLR2004 - the column of the user
            return int(fields[7])
    return None
