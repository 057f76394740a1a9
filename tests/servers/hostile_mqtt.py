"""A broker that says what it is told, byte by byte: for what a real one never sends."""
from __future__ import annotations

import socket
import threading

from .ports import free_port

CONNACK = b"\x20\x02\x00\x00"


def publish(topic: bytes, payload: bytes, packet: int = 1, qos: int = 1, dup: bool = False) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + (packet.to_bytes(2, "big") if qos else b"") + payload
    return bytes([0x30 | qos << 1 | dup << 3]) + length(len(body)) + body


def length(n: int) -> bytes:
    out = b""
    while True:
        n, digit = divmod(n, 128)
        out += bytes([digit | (128 if n else 0)])
        if not n:
            return out


class HostileMqtt:
    """Each connection gets the next script of the list: CONNECT is read, then the script is said.  After the last one
    connections are answered as a broker does: CONNACK, SUBACK, PINGRESP, and `then` after the subscription."""

    def __init__(self, *scripts: bytes, then: bytes = b"") -> None:
        self.port, self.scripts, self.then = free_port(), list(scripts), then
        self.accepted = 0
        self.pubacks: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                s, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(s, self.scripts.pop(0) if self.scripts else None),
                             daemon=True).start()

    def _serve(self, s: socket.socket, script: bytes | None) -> None:
        try:
            self._talk(s, script)
        except OSError:
            pass
        finally:
            s.close()

    def _talk(self, s: socket.socket, script: bytes | None) -> None:
        while True:
            head = s.recv(1)
            if not head:
                return
            n, shift = 0, 0
            while True:
                digit = s.recv(1)[0]
                n |= (digit & 127) << shift
                shift += 7
                if digit < 128:
                    break
            body = b""
            while len(body) < n:
                piece = s.recv(n - len(body))
                if not piece:
                    return
                body += piece
            self._answer(s, head[0] >> 4, body, script)

    def _answer(self, s: socket.socket, kind: int, body: bytes, script: bytes | None) -> None:
        if kind == 1 and script is not None:
            s.sendall(script)
        elif kind == 1:
            s.sendall(CONNACK)
        elif kind == 8 and script is None:
            s.sendall(b"\x90\x03" + body[:2] + b"\x01" + self.then)
        elif kind == 12:
            s.sendall(b"\xd0\x00")
        elif kind == 4:
            self.pubacks.append(int.from_bytes(body[:2], "big"))
