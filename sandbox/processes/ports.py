"""Free loopback ports that stay ours between choosing them and serving on them."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


class Reservation:
    """A loopback port that no one else gets while the reservation is held.

    The socket is bound but never listens: a client that connects is refused at once, and a server
    that sets SO_REUSEADDR (all of ours do) can listen on the port beside it.
    """

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((LOOPBACK, port))
        self.port: int = self._socket.getsockname()[1]

    @property
    def address(self) -> str:
        """Return `127.0.0.1:<port>`."""
        return f"{LOOPBACK}:{self.port}"

    def release(self) -> None:
        """Let the port go; a server that listens on it is not affected."""
        self._socket.close()


def listening(address: str) -> bool:
    """Tell whether something accepts connections at `127.0.0.1:<port>`."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
