"""The function under test: an HTTP server that notes every request and misbehaves as told.

Run as a process: function_server.py PORT LEDGER.  Standard output gets one line, the control port.  Control is one JSON
object a line and one back; see COMMANDS.  The ledger is one JSON object a line: a request as it arrived ({"n", "t",
"path", "id", …}) and, once it was answered, {"n", "status", "t"}; both in one line when it was answered at once.
"""
from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
import sys
import time
from typing import Any, Callable

Rule = dict[str, Any]
MATCHED = ("path", "partition", "key", "id", "topic", "attempt")
REASONS = {200: "OK", 202: "Accepted", 404: "Not Found", 405: "Method Not Allowed", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable"}


def answer_bytes(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    head = f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{k}: {v}\r\n" for k, v in (headers or {}).items())
    return head.encode() + b"\r\n" + body


def event_id(body: bytes, headers: dict[str, str]) -> str:
    """The id the producer wrote: inside a CloudEvent's data, at the top of the body, or in a header."""
    try:
        event = json.loads(body)
    except ValueError:
        return headers.get("ce-id", headers.get("__offset", ""))
    if not isinstance(event, dict):
        return headers.get("ce-id", "")
    if "data_base64" in event:
        return event_id(base64.b64decode(event["data_base64"]), {})
    data = event.get("data")
    return str(data["id"] if isinstance(data, dict) and "id" in data else event.get("id", ""))


class Server:
    """State shared by all connections."""

    def __init__(self, port: int, ledger: str) -> None:
        self.port = port
        self.ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.rules: list[Rule] = []
        self.options_status = 200
        self.idle_ms = 0
        self.accept = "ok"		# ok | reset
        self.n = self.in_flight = self.most_in_flight = self.accepted = 0
        self.recent: list[dict[str, Any]] = []
        self.hung: list[tuple["Connection", int]] = []
        self.connections: set[Connection] = set()
        self.listener: asyncio.AbstractServer | None = None

    async def up(self) -> None:
        if self.listener is None:
            self.listener = await asyncio.get_running_loop().create_server(
                lambda: Connection(self), "127.0.0.1", self.port, reuse_address=True, backlog=512)

    def down(self) -> None:
        """Nobody listens any more and what was open is reset."""
        if self.listener:
            self.listener.close()
            self.listener = None
        for c in list(self.connections):
            c.reset()

    def rule_for(self, facts: dict[str, Any]) -> Rule:
        for rule in self.rules:
            if all(str(facts.get(k)) == str(rule[k]) for k in MATCHED if k in rule):
                if "times" in rule:
                    rule["times"] -= 1
                    if rule["times"] <= 0:
                        self.rules.remove(rule)
                return rule
        return {"do": "ok"}

    def note(self, line: dict[str, Any]) -> None:
        os.write(self.ledger, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def stats(self) -> dict[str, Any]:
        return {"requests": self.n, "in_flight": self.in_flight, "most_in_flight": self.most_in_flight,
                "hung": len(self.hung), "connections": len(self.connections),
                "accepted": self.accepted, "recent": self.recent}


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection: requests are answered in order."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.buffer = b""
        self.busy = False		# a request waits for its answer
        self.idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.server.accepted += 1
        self.server.connections.add(self)
        self.rest()
        if self.server.accept == "reset":
            self.reset()

    def rest(self) -> None:
        """Nothing to do: a connection that stays idle is closed, if that was told."""
        if self.server.idle_ms:
            self.idle = asyncio.get_running_loop().call_later(self.server.idle_ms / 1000, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        if self.busy:
            self.server.in_flight -= 1
            self.busy = False
        self.server.hung = [(c, n) for c, n in self.server.hung if c is not self]

    def eof_received(self) -> bool:
        return False

    def reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.idle:
            self.idle.cancel()
            self.idle = None
        self.buffer += data
        self.serve()

    def serve(self) -> None:
        while not self.busy and not self.transport.is_closing():
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            lines = self.buffer[:end].decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
            length = int(headers.get("content-length", "0"))
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4:end + 4 + length]
            self.buffer = self.buffer[end + 4 + length:]
            self.request(method, target, headers, body)

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        s = self.server
        if method == "OPTIONS":
            self.transport.write(answer_bytes(s.options_status))
        elif method == "GET":
            self.transport.write(answer_bytes(404))
        else:
            self.event(method, target, headers, body)

    def event(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        s = self.server
        s.n += 1
        s.in_flight += 1
        s.most_in_flight = max(s.most_in_flight, s.in_flight)
        self.busy = True
        facts = {"n": s.n, "t": time.time(), "path": target, "id": event_id(body, headers),
                 "topic": headers.get("__topic"), "partition": headers.get("__partition"),
                 "offset": headers.get("__offset"), "key": headers.get("__key"), "size": len(body)}
        seen = {"method": method, "path": target, "headers": headers, "body": body.decode("latin-1")}
        s.recent = s.recent[-19:] + [seen]
        rule = s.rule_for(facts)
        DEEDS[rule["do"]](self, rule, facts)

    def answered(self, facts: dict[str, Any], status: int, data: bytes) -> None:
        """Notes, writes, and goes on with the next request."""
        s = self.server
        line = {"n": facts["n"], "status": status, "t": time.time()}
        s.note({**facts, **line} if "t" in facts else line)
        if self.transport.is_closing():
            return
        self.transport.write(data)
        self.busy = False
        s.in_flight -= 1
        self.rest()
        if self.buffer:
            self.serve()


def do_ok(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    status = rule.get("status", 200)
    c.answered(facts, status, answer_bytes(status, rule.get("body", "").encode(), rule.get("headers")))


def later(c: Connection, facts: dict[str, Any]) -> dict[str, Any]:
    """Notes the request now; what comes later is noted apart."""
    c.server.note(facts)
    return {"n": facts["n"]}


def do_slow(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    asyncio.get_running_loop().call_later(rule["ms"] / 1000, do_ok, c, rule, later(c, facts))


def do_hang(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    c.server.hung.append((c, later(c, facts)["n"]))


def do_reset(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    later(c, facts)
    c.reset()


def do_reset_mid(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    later(c, facts)
    whole = answer_bytes(200, b"x" * 100)
    c.transport.write(whole[:rule.get("bytes", len(whole) - 50)])
    asyncio.get_running_loop().call_later(0.01, c.reset)


def do_half_close(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    later(c, facts)
    c.transport.write_eof()


def do_garbage(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    later(c, facts)
    c.transport.write(rule.get("text", "\x16\x03\x01 this is no HTTP\r\n\r\n").encode("latin-1"))


def do_close(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    """Answers and closes; `said`: with a Connection: close header before."""
    headers = {"Connection": "close"} if rule.get("said", True) else None
    c.answered(facts, 200, answer_bytes(200, b"", headers))
    c.transport.close()


def do_chunked(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    body = b"3\r\n{\"a\r\n6;x=y\r\n\": 12}\r\n0\r\nX-Trailer: 1\r\n\r\n"
    c.answered(facts, 200, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)


def do_informational(c: Connection, rule: Rule, facts: dict[str, Any]) -> None:
    first = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    c.answered(facts, 200, first + answer_bytes(200))


DEEDS: dict[str, Callable[[Connection, Rule, dict[str, Any]], None]] = {
    "ok": do_ok, "slow": do_slow, "hang": do_hang, "reset": do_reset, "reset_mid": do_reset_mid,
    "half_close": do_half_close, "garbage": do_garbage, "close": do_close, "chunked": do_chunked,
    "informational": do_informational,
}


async def set_state(s: Server, order: dict[str, Any]) -> None:
    for name in ("rules", "options_status", "idle_ms", "accept"):
        if name in order:
            setattr(s, name, order[name])


async def release(s: Server, order: dict[str, Any]) -> None:
    """Answers what hangs."""
    hung, s.hung = s.hung, []
    for c, n in hung:
        do_ok(c, order, {"n": n})


async def go_down(s: Server, order: dict[str, Any]) -> None:
    s.down()


async def go_up(s: Server, order: dict[str, Any]) -> None:
    await s.up()


async def stats(s: Server, order: dict[str, Any]) -> None:
    pass


COMMANDS = {"set": set_state, "release": release, "down": go_down, "up": go_up, "stats": stats}


async def main(port: int, ledger: str) -> None:
    s = Server(port, ledger)

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            order = json.loads(line)
            await COMMANDS[order["command"]](s, order)
            writer.write(json.dumps(s.stats()).encode() + b"\n")
            await writer.drain()
        writer.close()

    controller = await asyncio.start_server(control, "127.0.0.1", 0, limit=1 << 20)
    print(controller.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
