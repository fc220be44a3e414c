"""Who is at the other end of a loopback connection, as Linux tells it."""

import os
import socket
from pathlib import Path

import pytest

from sandbox.processes.peers import OTHER_USER, is_of_this_user, owner

#: proc(5): sl, local address, remote address, state, queues, timer, retransmits, user.
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1571
   1: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 1572
   2: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 1573
   3: 0200007F:C002 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 1574
"""


@pytest.mark.parametrize(
    ("client", "user"),
    [
        (("127.0.0.1", 0xC001), 1000),
        (("127.0.0.1", 0x1F90), 0),
        (("127.0.0.2", 0xC002), 1001),
        (("127.0.0.1", 0xC002), None),
        (("127.0.0.1", 0xC003), None),
    ],
)
def test_the_user_is_the_owner_of_the_clients_socket(
    client: tuple[str, int], user: int | None
) -> None:
    """By address and port of the client, not of the server that it talks to."""
    assert owner(TABLE.splitlines(), client) == user


def test_an_own_connection_is_known_and_a_strangers_is_not(tmp_path: Path) -> None:
    """Asked of the kernel for a real connection, and of a table in which others have it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as connection,
    ):
        assert is_of_this_user(connection.getsockname())
    table = tmp_path / "tcp"
    table.write_text(TABLE.replace(" 1000 ", f" {os.getuid() + 1} "))
    assert not is_of_this_user(("127.0.0.1", 0xC001), table)
    assert not is_of_this_user(("127.0.0.1", 9), table)


def test_one_more_user_is_let_in_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And nobody beside that one."""
    monkeypatch.setenv(OTHER_USER, "65532")
    for user, is_let_in in (("65532", True), (str(os.getuid()), True), ("65533", False)):
        table = tmp_path / user
        table.write_text(TABLE.replace(" 1000 ", f" {user} "))
        assert is_of_this_user(("127.0.0.1", 0xC001), table) is is_let_in


def test_without_a_table_nobody_is_refused(tmp_path: Path) -> None:
    """On systems that keep none, as macOS."""
    assert is_of_this_user(("127.0.0.1", 9), tmp_path / "none")
