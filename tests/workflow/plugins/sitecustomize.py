"""Every Python of a test of the workflow starts with this: the network is forbidden.

A socket to any machine, this one included, is an error and is noted in `$MELABLATE_SOCKETS`.
Tests of the fetch stage, which alone may have a network, set `MELABLATE_NETWORK`.
"""

import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

LOCAL = {"AF_UNIX", "AF_NETLINK"}


def forbid(what: str) -> None:
    """Note who wanted a network, and refuse."""
    note = os.environ.get("MELABLATE_SOCKETS")
    if note:
        with Path(note).open("a", encoding="utf-8") as file:
            file.write(f"{what} by {sys.argv}\n{''.join(traceback.format_stack())}\n")
    raise OSError(f"the network is forbidden here: {what}")


class NoSocket(socket.socket):
    """Within this machine's kernel only."""

    def __init__(self, family: int = -1, *more: Any, **named: Any) -> None:
        super().__init__(family, *more, **named)
        if self.family.name not in LOCAL:
            self.close()
            forbid(f"a socket of {self.family.name}")


if not os.environ.get("MELABLATE_NETWORK"):
    socket.has_ipv6 = False  # urllib3 would try it when imported, with a socket of its own
    socket.socket = NoSocket  # type: ignore[misc]
    socket.getaddrinfo = lambda *a, **_: forbid(f"the address of {a[:1]}")  # type: ignore[assignment]
