"""A few requests of Kafka's protocol by hand, for what the Python client cannot ask: commit metadata, retention."""
from __future__ import annotations

import socket
import struct


def _text(s: str | None) -> bytes:
    return struct.pack(">h", -1) if s is None else struct.pack(">h", len(s.encode())) + s.encode()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, fmt: str) -> int:
        value = struct.unpack_from(">" + fmt, self.data, self.at)[0]
        self.at += struct.calcsize(">" + fmt)
        return value

    def text(self) -> str:
        n = max(self.take("h"), 0)
        self.at += n
        return self.data[self.at - n:self.at].decode()


def _call(port: int, api: int, version: int, body: bytes) -> _Reader:
    request = struct.pack(">hhi", api, version, 1) + _text("tests") + body
    with socket.create_connection(("127.0.0.1", port), 10) as s, s.makefile("rb") as answer:
        s.sendall(struct.pack(">i", len(request)) + request)
        size = struct.unpack(">i", answer.read(4))[0]
        reader = _Reader(answer.read(size))
    assert reader.take("i") == 1
    return reader


def delete_records(port: int, topic: str, partition: int, before: int) -> int:
    """The error code, 0: none."""
    body = struct.pack(">i", 1) + _text(topic) + struct.pack(">iiqi", 1, partition, before, 10000)
    r = _call(port, 21, 0, body)
    assert (r.take("i"), r.take("i"), r.text(), r.take("i")) == (0, 1, topic, 1)
    r.take("i"), r.take("q")
    return r.take("h")


def commit(port: int, group: str, topic: str, partition: int, offset: int, metadata: str | None) -> int:
    """As a client outside the group's membership does; the error code, 0: none."""
    _call(port, 10, 0, _text(group))		# FindCoordinator: a new broker makes its offsets topic only when asked so
    body = _text(group) + struct.pack(">i", -1) + _text("") + struct.pack(">q", -1)
    body += struct.pack(">i", 1) + _text(topic) + struct.pack(">iiq", 1, partition, offset) + _text(metadata)
    r = _call(port, 8, 2, body)
    assert (r.take("i"), r.text(), r.take("i"), r.take("i")) == (1, topic, 1, partition)
    return r.take("h")


def committed(port: int, group: str, topic: str, partition: int) -> tuple[int, str]:
    """Offset (-1: none) and metadata."""
    body = _text(group) + struct.pack(">i", 1) + _text(topic) + struct.pack(">ii", 1, partition)
    r = _call(port, 9, 1, body)
    assert (r.take("i"), r.text(), r.take("i"), r.take("i")) == (1, topic, 1, partition)
    offset, metadata, error = r.take("q"), r.text(), r.take("h")
    # 14, 15, 16: the coordinator is not there yet
    assert error in (0, 14, 15, 16), f"OffsetFetch of {group}: error {error}"
    return offset, metadata
