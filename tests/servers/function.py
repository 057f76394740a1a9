"""The function as an actor: starts function_server.py, tells it how to behave, and reads its ledger."""
from __future__ import annotations

import json
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .ports import accepts, free_port
from .process import Process
from .wait import eventually

HERE = Path(__file__).resolve().parent


@dataclass
class Request:
    """One event as the function saw it; status None: never answered."""
    n: int
    id: str
    path: str
    topic: str | None
    partition: int | None
    offset: int | None
    key: str | None
    arrived: float
    size: int
    status: int | None = None
    answered: float | None = None

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass
class Function:
    """Listens once up() was called.  Rules are asked in order, the first that matches decides; none: 200."""
    directory: Path
    port: int = field(default_factory=free_port)

    def start(self) -> "Function":
        self.ledger = self.directory / f"function-{self.port}.ledger"
        self.process = Process([sys.executable, str(HERE / "function_server.py"), str(self.port), str(self.ledger)],
                               self.directory / f"function-{self.port}.log")
        self.process.start()
        control = int(eventually(lambda: self.process.text().split("\n")[0] if "\n" in self.process.text() else "", 20,
                                 "the function server says its control port"))
        self._control = socket.create_connection(("127.0.0.1", control), 20).makefile("rw")
        self._read_to, self._requests = 0, {}
        return self

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _tell(self, command: str, **order: Any) -> dict[str, Any]:
        self._control.write(json.dumps({"command": command, **order}) + "\n")
        self._control.flush()
        return json.loads(self._control.readline())

    def up(self) -> "Function":
        self._tell("up")
        assert accepts(self.port)
        return self

    def down(self) -> None:
        """Not listening; open connections are reset."""
        self._tell("down")

    def behave(self, *rules: dict[str, Any]) -> None:
        """E.g. behave({"do": "ok", "status": 503, "partition": 3}, {"do": "slow", "ms": 5})."""
        self._tell("set", rules=list(rules))

    def settings(self, **settings: Any) -> None:
        """options_status, idle_ms, accept."""
        self._tell("set", **settings)

    def release(self, status: int = 200) -> None:
        """Answers everything that hangs."""
        self._tell("release", status=status)

    def stats(self) -> dict[str, Any]:
        return self._tell("stats")

    def requests(self) -> list[Request]:
        """All requests for events so far, in order of arrival."""
        if self.ledger.exists():
            with open(self.ledger, "rb") as f:
                f.seek(self._read_to)
                data = f.read()
            whole = data[:data.rfind(b"\n") + 1]
            self._read_to += len(whole)
            for line in whole.splitlines():
                self._merge(json.loads(line))
        return list(self._requests.values())

    def _merge(self, line: dict[str, Any]) -> None:
        r = self._requests.get(line["n"])
        if r is None:
            number = lambda name: int(line[name]) if line.get(name) is not None else None  # noqa: E731
            r = Request(line["n"], line["id"], line["path"], line["topic"], number("partition"), number("offset"),
                        line["key"], line["t"], line["size"])
            self._requests[line["n"]] = r
        if "status" in line:
            r.status, r.answered = line["status"], line["t"]

    def taken(self) -> set[str]:
        """Ids of the events it answered with 2xx."""
        return {r.id for r in self.requests() if r.taken}

    def last(self) -> dict[str, Any]:
        """The latest request whole: method, path, headers, body."""
        return self.stats()["recent"][-1]

    def close(self) -> None:
        self._control.close()
        self.process.end(2)
