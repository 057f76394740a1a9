"""The actors of the benchmark: a broker, a function, load, and the two programs that are compared."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from confluent_kafka.admin import NewTopic

from tests.servers.kafka import Kafka
from tests.servers.ports import free_port
from tests.servers.process import Process
from tests.servers.redis import Redis
from tests.servers.wait import eventually

from .measure import Counters


class Bench:
    """What all cases share: the build, one broker, one directory for logs and files."""

    def __init__(self, build: Path, rounds: int, quick: bool, long: bool) -> None:
        self.build, self.rounds, self.quick, self.long = build.resolve(), rounds, quick, long
        self.directory = Path(tempfile.mkdtemp(prefix="bench-"))
        self._kafka: Kafka | None = None
        self._redis: Redis | None = None
        self._processes: list[Process] = []
        self._n = 0

    @property
    def kafka(self) -> Kafka:
        if self._kafka is None:
            print("starting Kafka …", file=sys.stderr)
            self._kafka = Kafka(properties={"message.max.bytes": "4000000", "log.segment.bytes": "1073741824"}).start()
        return self._kafka

    @property
    def redis(self) -> Redis:
        if self._redis is None:
            self._redis = Redis(self.directory / "redis").start()
        return self._redis

    def events(self, n: int) -> int:
        return max(n // 10, 1) if self.quick else n

    def name(self, word: str) -> str:
        self._n += 1
        return f"{word}-{self._n}"

    def start(self, argv: list[str], word: str) -> Process:
        process = Process(argv, self.directory / self.name(word), dict(os.environ))
        process.start()
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self._processes):
            process.end(10)
        if self._kafka:
            self._kafka.close()
        if self._redis:
            self._redis.close()

    def create_many(self, topics: list[str]) -> None:
        for made in self.kafka.admin.create_topics([NewTopic(name, 1, 1) for name in topics]).values():
            made.result(120)

    # -- actors

    def load(self, topic: str, count: int, brokers: str = "", **words: Any) -> None:
        assert self.load_beside(topic, count, brokers, **words).wait() == 0, "bench: the load was not written"

    def load_beside(self, topic: str, count: int, brokers: str = "", **words: Any) -> "subprocess.Popen[bytes]":
        argv = [str(self.build / "bench/load"), "--brokers", brokers or self.kafka.brokers, "--topic", topic,
                "--count", str(count)]
        for name, value in words.items():
            argv += [f"--{name}", str(value)]
        return subprocess.Popen(argv, stdout=subprocess.DEVNULL)

    def function(self, **words: Any) -> "Function":
        return Function(self, words)

    def mock(self, topics: list[str]) -> "Mock":
        return Mock(self, topics)

    def limit(self, topic: str, port: int, brokers: str = "", **words: int) -> Process:
        argv = [str(self.build / "bench/limit"), "--brokers", brokers or self.kafka.brokers, "--topic", topic,
                "--group", self.name("limit"), "--port", str(port)]
        for name, value in words.items():
            argv += [f"--{name}", str(value)]
        return self.start(argv, "limit.log")

    def bridge(self, topics: str, address: str, brokers: str = "", function: dict[str, Any] | None = None,
               process: dict[str, Any] | None = None, **metadata: Any) -> Process:
        return self.bridge_of([{"topics": topics, "address": address, "brokers": brokers, "function": function,
                                "process": process, **metadata}])

    def bridge_of(self, functions: list[dict[str, Any]]) -> Process:
        """One process; of each function topics and address, what else is said of it, and rows of its component."""
        return self._run([text for i, f in enumerate(functions) for text in self._documents(f"bench-{i}", **f)])

    def _run(self, documents: list[str]) -> Process:
        file = self.directory / f"{self.name('bridge')}.yaml"
        file.write_text("---\n".join(documents))
        return self.start([str(self.build / "bridge"), "--config", str(file)], "bridge.log")

    def _documents(self, app: str, topics: str, address: str, brokers: str = "", function: dict[str, Any] | None = None,
                   process: dict[str, Any] | None = None, **metadata: Any) -> list[str]:
        rows = {"brokers": brokers or self.kafka.brokers, "topics": topics, "consumerGroup": self.name("bridge"),
                "initialOffset": "oldest", "authType": "none", **metadata}
        return function_documents(app, "bindings.kafka", rows, address, function, process)

    def limit_redis(self, stream: str, port: int, connections: int = 64) -> Process:
        return self.start([str(self.build / "bench/limit_redis"), "--redis", str(self.redis.port), "--topic", stream,
                           "--group", self.name("limit"), "--port", str(port), "--connections", str(connections)],
                          "limit.log")

    def bridge_redis(self, stream: str, address: str, **metadata: Any) -> Process:
        rows = {"redisHost": f"127.0.0.1:{self.redis.port}", "topics": stream, "consumerID": self.name("bridge"), **metadata}
        return self._run(function_documents("bench", "bindings.redis", rows, address, {"endpointConcurrency": 64}))


def function_documents(app: str, kind: str, rows: dict[str, Any], address: str, function: dict[str, Any] | None,
                       process: dict[str, Any] | None = None) -> list[str]:
    """Of one function with one component, which is its alone."""
    spec = {"function": {"address": address, "tls": {"skipVerify": True}, **(function or {})},
            "dapr": {"httpPort": 0}, "admin": {"port": 0}, **(process or {})}
    if not address.startswith("https"):
        del spec["function"]["tls"]
    component = {"type": kind, "version": "v1", "metadata": [{"name": k, "value": str(v)} for k, v in rows.items()]}
    return [document("bridge/v1", "Bridge", app, spec),
            document("dapr.io/v1alpha1", "Component", "orders", component) + f"scopes: [{app}]\n"]


def document(version: str, kind: str, name: str, spec: dict[str, Any]) -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {json.dumps(spec)}\n"


class Function:
    """The function program, and its counters."""

    def __init__(self, bench: Bench, words: dict[str, Any]) -> None:
        self.port, tls = free_port(), bool(words.get("tls"))
        argv = [str(bench.build / "bench/function"), "--port", str(self.port)]
        for name, value in words.items():
            argv += [f"--{name}", str(value)]
        self.process = bench.start(argv, "function.log")
        eventually(lambda: "ready" in self.process.text(), 10, "the function listens")
        self.counters = Counters(self.port, tls)
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.process.end(5)


class Mock:
    """librdkafka's mock cluster: many partitions are cheap there."""

    def __init__(self, bench: Bench, topics: list[str]) -> None:
        argv = [str(bench.build / "tools/mock_kafka")]
        for topic in topics:
            argv += ["--topic", topic]
        self._child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout
        self.brokers = self._child.stdout.readline().split()[1]

    def close(self) -> None:
        """It ends with its input."""
        self._child.communicate()
