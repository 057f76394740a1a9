"""Free loopback ports, outside the range of outgoing ones: who stops finds the port free when starting again."""
from __future__ import annotations

import random
import socket

_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on and that this process has not given out before."""
    for _ in range(1000):
        port = random.randint(15000, 32000)
        if port in _given:
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError("no free port between 15000 and 32000 in 1000 tries")


def accepts(port: int) -> bool:
    """Somebody listens there."""
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0
