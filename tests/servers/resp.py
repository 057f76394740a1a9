"""A client for Redis in a page: commands in a pipeline, replies as Python values."""
from __future__ import annotations

import socket
import ssl
from typing import Any


class Refused(Exception):
    """An error the server answered; in a pipeline it stands among the replies."""


def command(*words: Any) -> bytes:
    parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


class Resp:
    """One connection; texts come as str where they are UTF-8, else as bytes."""

    def __init__(self, port: int, timeout: float = 20, tls: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        if tls:
            self._socket = tls.wrap_socket(self._socket, server_hostname="localhost")
        self._file = self._socket.makefile("rb")

    def __call__(self, *words: Any) -> Any:
        reply = self.pipeline([words])[0]
        if isinstance(reply, Refused):
            raise reply
        return reply

    def pipeline(self, commands: list[Any]) -> list[Any]:
        self._socket.sendall(b"".join(command(*c) for c in commands))
        return [self._reply() for _ in commands]

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _reply(self) -> Any:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the server closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"+":
            return rest
        if kind == b"-":
            return Refused(rest)
        if kind == b":":
            return int(rest)
        if kind == b"*":
            return None if rest == "-1" else [self._reply() for _ in range(int(rest))]
        assert kind == b"$", f"no reply of Redis: {line!r}"
        if rest == "-1":
            return None
        data = self._file.read(int(rest) + 2)
        if len(data) < int(rest) + 2:
            raise OSError("the server closed the connection")
        return _text(data[:-2])


def _text(data: bytes) -> Any:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
