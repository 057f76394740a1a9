"""A real Redis on loopback, with or without persistence, TLS and ACL; and Sentinels that watch over several."""
from __future__ import annotations

import itertools
import json
import os
import ssl
import tempfile
import threading
from pathlib import Path
from typing import Any, Callable

from .ports import accepts, free_port
from .process import Process
from .resp import Refused, Resp
from .wait import eventually

SERVER = os.environ.get("REDIS_SERVER", "redis-server")


class Redis:
    """start() returns when it answers; start() again after its end goes on with the same data, if it kept any."""

    _names = itertools.count(1)

    def __init__(self, directory: Path | None = None, durable: bool = False, port: int = 0, server: str = SERVER,
                 tls: dict[str, str] | None = None, **settings: Any) -> None:
        """`settings`: of redis.conf, with _ for -.  `tls`: files cert, key, ca; then there is no plain port."""
        self.port = port or free_port()
        self.directory = directory or Path(tempfile.mkdtemp(prefix="redis-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.tls: ssl.SSLContext | None = None
        rows: dict[str, Any] = {"bind": "127.0.0.1", "dir": self.directory, "save": '""', "port": self.port}
        if durable:
            rows.update({"appendonly": "yes", "appendfsync": "always"})
        if tls:
            rows.update({"port": 0, "tls-port": self.port, "tls-cert-file": tls["cert"], "tls-key-file": tls["key"],
                         "tls-ca-cert-file": tls["ca"], "tls-auth-clients": tls.get("clients", "no")})
            self.tls = ssl.create_default_context(cafile=tls["ca"])
            self.tls.load_cert_chain(tls["cert"], tls["key"])
        rows.update({name.replace("_", "-"): value for name, value in settings.items()})
        file = self.directory / "redis.conf"
        file.write_text("".join(f"{name} {value}\n" for name, value in rows.items()))
        self.process = Process([server, str(file), *self._mode()], self.directory / "log")
        self.login: tuple[str, ...] = ()
        self._client: Resp | None = None

    def _mode(self) -> list[str]:
        return []

    # -- life

    def start(self) -> "Redis":
        self._client = None
        self.process.start()
        eventually(self._answers, 20, f"Redis answers on {self.port}; log: {self.process.log}")
        return self

    def _answers(self) -> bool:
        assert self.process.alive(), f"Redis ended while starting; log: {self.process.log}"
        if not accepts(self.port):
            return False
        try:
            client = self.client()
            reply = client.pipeline([("PING",)])[0]
            client.close()
        except OSError:
            return False
        return reply == "PONG" or str(reply).startswith("NOAUTH")

    def stop(self) -> None:
        self._client = None
        self.process.sigcont()
        self.process.end(10)

    def kill9(self) -> None:
        self._client = None
        self.process.kill9()

    def close(self) -> None:
        self.stop()

    # -- as a client

    def client(self) -> Resp:
        client = Resp(self.port, tls=self.tls)
        if getattr(self, "login", ()):
            client("AUTH", *self.login)
        return client

    def __call__(self, *words: Any) -> Any:
        """One command on a connection of its own that stays."""
        if self._client is None:
            self._client = self.client()
        try:
            return self._client(*words)
        except OSError:
            self._client = None
            raise

    def role(self) -> str:
        """master, slave; not to be asked just now: empty."""
        try:
            return str(self("ROLE")[0])
        except OSError:
            return ""

    def name(self, word: str = "stream") -> str:
        """A key nobody has used."""
        return f"{word}-{os.getpid()}-{next(self._names)}"

    def producer(self) -> "Producer":
        return Producer(self)

    def lists(self) -> "Lists":
        """As a place where a ledger produces into lists."""
        return Lists(self)

    def in_work(self, key: str) -> int:
        """Entries of that list some consumer has taken and not acknowledged."""
        units = [f[2:] for f in self("HKEYS", f"{key}:bridge") if f.startswith("u:")]
        return sum(self("LLEN", f"{key}:bridge:{u}") for u in units)

    def drained(self, key: str) -> bool:
        """The list is empty, and nothing of it is in work anywhere, known or forgotten."""
        assert self("LLEN", key) == 0, f"{self('LLEN', key)} entries wait in {key}"
        left = {k: self("LLEN", k) for k in self("KEYS", f"{key}:bridge:*") if self("TYPE", k) == "list"}
        assert not left, f"in work, still: {left}"
        return True

    def calls(self) -> dict[str, int]:
        """How often each command was called so far."""
        rows = [r.split(":", 1) for r in self("INFO", "commandstats").splitlines() if r.startswith("cmdstat_")]
        return {name.removeprefix("cmdstat_"): int(row.split("calls=")[1].split(",")[0]) for name, row in rows}

    def add(self, key: str, *fields: Any) -> str:
        return self("XADD", key, "*", *fields)

    def pending(self, key: str, group: str) -> int:
        """Delivered to some consumer and not acknowledged; no such group: -1."""
        try:
            return self("XPENDING", key, group)[0]
        except Refused:
            return -1

    def group(self, key: str, group: str) -> dict[str, Any]:
        """As XINFO tells it; no such group: empty."""
        try:
            rows = [dict(zip(r[::2], r[1::2])) for r in self("XINFO", "GROUPS", key)]
        except Refused:
            return {}
        return next((r for r in rows if r["name"] == group), {})

    def settled(self, key: str, group: str) -> bool:
        """Everything in the stream was delivered and acknowledged."""
        found, last = self.group(key, group), self("XREVRANGE", key, "+", "-", "COUNT", 1)
        assert found, f"stream {key} has no group {group}"
        assert found["pending"] == 0 and (not last or found["last-delivered-id"] == last[0][0]), f"{found}, last {last}"
        return True

    def entries(self, key: str) -> list[dict[str, Any]]:
        return [dict(zip(e[1][::2], e[1][1::2])) for e in self("XRANGE", key, "-", "+")]


class Confirmed:
    """What the ledger wants to know of a confirmed event; a stream is one partition."""

    def __init__(self, topic: str, number: int) -> None:
        self._topic, self._number = topic, number

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._number


class Producer:
    """Writes as the ledger's other producers do.  What a broken connection leaves open is written again: it may be in
    the stream twice then, and never is missing."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.waiting: list[tuple[list[Any], str, Callable[[Any, Any], None] | None]] = []
        self._client: Resp | None = None
        self._lock = threading.Lock()
        self._n = 0

    def words(self, topic: str, value: bytes | None, headers: dict[str, str]) -> list[Any]:
        fields: list[Any] = ["data", value or b""]
        if headers:
            fields += ["metadata", json.dumps(headers)]
        return ["XADD", topic, "*", *fields]

    def produce(self, topic: str, value: bytes | None, key: str | None = None, headers: dict[str, str] | None = None,
                on_delivery: Callable[[Any, Any], None] | None = None, **_: Any) -> None:
        all_headers = {**(headers or {}), **({"partitionKey": key} if key else {})}
        self.waiting.append((self.words(topic, value, all_headers), topic, on_delivery))
        if len(self.waiting) >= 200:
            self.flush(60)

    def poll(self, timeout: float = 0) -> None:
        if timeout:
            self._write()
            threading.Event().wait(timeout)

    def flush(self, timeout: float = 60) -> int:
        """How many are not confirmed."""
        eventually(lambda: self._write() or not self.waiting, timeout, "Redis confirms what was written")
        return len(self.waiting)

    def _write(self) -> None:
        batch, refused = self.waiting, []
        if not batch:
            return
        try:
            if self._client is None:
                self._client = self.redis.client()
            replies = self._client.pipeline([words for words, _, _ in batch])
        except OSError:
            self._client = None
            return
        for (words, topic, confirmed), reply in zip(batch, replies):
            if isinstance(reply, Refused):
                refused.append((words, topic, confirmed))
            elif confirmed:
                self._n += 1
                confirmed(None, Confirmed(topic, self._n))
        self.waiting = refused + self.waiting[len(batch):]


class Lists:
    """Pushes what the ledger's streams would get as entries, into a list: the bytes alone."""

    def __init__(self, redis: Redis, push: str = "LPUSH") -> None:
        self.redis, self.push = redis, push

    def producer(self) -> Producer:
        return ListProducer(self.redis, self.push)


class ListProducer(Producer):
    def __init__(self, redis: Redis, push: str) -> None:
        super().__init__(redis)
        self.push = push

    def words(self, topic: str, value: bytes | None, headers: dict[str, str]) -> list[Any]:
        return [self.push, topic, value or b""]


class Sentinel(Redis):
    """Watches over one master under a name; quorum 1."""

    def __init__(self, master: Redis, name: str = "shop", directory: Path | None = None, **settings: Any) -> None:
        super().__init__(directory, **settings)
        (self.directory / "redis.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.directory}\nsentinel monitor {name} 127.0.0.1 {master.port} 1\n"
            f"sentinel down-after-milliseconds {name} 500\nsentinel failover-timeout {name} 5000\n"
            f"sentinel parallel-syncs {name} 1\n")

    def _mode(self) -> list[str]:
        return ["--sentinel"]
