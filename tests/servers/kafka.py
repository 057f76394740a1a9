"""A real Apache Kafka on loopback: one node, KRaft, data in a directory of its own."""
from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from . import wire
from .ports import accepts, free_port
from .process import Process
from .wait import eventually

HERE = Path(__file__).resolve().parent
VERSIONS = ("3.9.1", "4.3.1")

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{behind_proxy},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.segment.delete.delay.ms=100
log.cleaner.backoff.ms=200
log.retention.check.interval.ms=500
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=250
num.network.threads=2
num.io.threads=4
"""

LOG4J = """
log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d %p %c{1} %m%n
"""


class Kafka:
    """start() returns when the broker answers; stop() is orderly; everything else is a fault."""

    _names = itertools.count(1)

    def __init__(self, version: str = VERSIONS[0], port: int = 0, properties: dict[str, str] | None = None,
                 directory: Path | None = None) -> None:
        self.version = version
        self.port = port or free_port()
        self.controller_port, self.behind_proxy_port, self.proxy_port = free_port(), free_port(), free_port()
        self.directory = directory or Path(tempfile.mkdtemp(prefix=f"kafka-{version}-"))
        self.extra = properties or {}
        self.format_args: list[str] = []		# more words for StorageTool
        self._admin: AdminClient | None = None
        fetched = subprocess.run([str(HERE / "fetch_kafka"), version], check=True, stdout=subprocess.PIPE, text=True)
        self._java = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                      "-cp", f"{fetched.stdout.strip()}/*"]
        argv = [f"-Dlog4j.configuration=file:{self.directory}/log4j.properties", "kafka.Kafka",
                f"{self.directory}/server.properties"]
        self.process = Process(self._java + argv, self.directory / "log")

    @property
    def brokers(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def brokers_by_proxy(self) -> str:
        """Clients that begin here are sent to the proxy's port for everything."""
        return f"127.0.0.1:{self.proxy_port}"

    # -- life

    def start(self) -> "Kafka":
        properties = self.directory / "server.properties"
        if not properties.exists():
            self._format(properties)
        self.process.start()
        eventually(self._answers, 60, f"Kafka {self.version} answers on {self.port}; log: {self.process.log}")
        return self

    def _format(self, properties: Path) -> None:
        text = PROPERTIES.format(port=self.port, controller=self.controller_port, behind_proxy=self.behind_proxy_port,
                                 proxy=self.proxy_port, data=self.directory / "data")
        properties.write_text(text + "".join(f"{k}={v}\n" for k, v in self.extra.items()))
        (self.directory / "log4j.properties").write_text(LOG4J)
        done = subprocess.run(self._java + ["kafka.tools.StorageTool", "format", "-t", "bridgebridgebridgebri0",
                                            "-c", str(properties), *self.format_args], capture_output=True, text=True)
        assert done.returncode == 0, f"StorageTool format failed: {done.stdout}{done.stderr}"

    def _answers(self) -> bool:
        assert self.process.alive(), f"Kafka {self.version} ended while starting; log: {self.process.log}"
        if not accepts(self.port):
            return False
        try:
            return bool(AdminClient({"bootstrap.servers": self.brokers, "log_level": 0}).list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def stop(self) -> None:
        self.process.sigcont()
        self.process.sigterm()
        self.process.wait(30)

    def kill9(self) -> None:
        self.process.kill9()

    def sigstop(self) -> None:
        self.process.sigstop()

    def sigcont(self) -> None:
        self.process.sigcont()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self, keep: bool = False) -> None:
        """Ends the broker; its directory goes unless it is to be looked at."""
        self._admin = None
        self.process.end(5)
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    # -- topics

    @property
    def admin(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0,
                                       "topic.metadata.refresh.interval.ms": 500})
        return self._admin

    def new_name(self, word: str = "events") -> str:
        return f"{word}-{os.getpid()}-{next(self._names)}"

    def create(self, topic: str = "", partitions: int = 4, **config: str) -> str:
        topic = topic or self.new_name()
        settings = {k.replace("_", "."): v for k, v in config.items()}
        self.admin.create_topics([NewTopic(topic, partitions, 1, config=settings)])[topic].result(20)
        eventually(lambda: self.partitions(topic) == partitions, 20, f"topic {topic} has {partitions} partitions")
        return topic

    def delete(self, topic: str) -> None:
        self.admin.delete_topics([topic])[topic].result(20)
        eventually(lambda: self.partitions(topic) == 0, 20, f"topic {topic} is gone")

    def add_partitions(self, topic: str, total: int) -> None:
        self.admin.create_partitions([NewPartitions(topic, total)])[topic].result(20)
        eventually(lambda: self.partitions(topic) == total, 20, f"topic {topic} has {total} partitions")

    def partitions(self, topic: str) -> int:
        """0: no such topic."""
        found = self.admin.list_topics(timeout=10).topics.get(topic)
        return len(found.partitions) if found and found.error is None else 0

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """What retention does: the log of that partition begins at offset `before` from now on."""
        assert wire.delete_records(self.port, topic, partition, before) == 0

    def configure(self, topic: str, **config: str) -> None:
        """Topic settings; those not named go back to their defaults."""
        resource = ConfigResource("topic", topic, set_config={k.replace("_", "."): v for k, v in config.items()})
        self.admin.alter_configs([resource])[resource].result(20)

    # -- what is in it

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        c = Consumer({"bootstrap.servers": self.brokers, "group.id": "watermarks", "log_level": 0})
        try:
            return c.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        finally:
            c.close()

    def read_all(self, topic: str) -> list:
        """Every message of a topic, from its beginning to the end it has now."""
        c = Consumer({"bootstrap.servers": self.brokers, "group.id": "reader", "enable.auto.commit": False,
                      "auto.offset.reset": "earliest", "enable.partition.eof": True, "log_level": 0})
        try:
            parts = [TopicPartition(topic, p, 0) for p in range(self.partitions(topic))]
            c.assign(parts)
            messages, ended, limit = [], set(), time.monotonic() + 60
            while len(ended) < len(parts):
                assert time.monotonic() < limit, f"{topic} was not read to its end within 60 s"
                m = c.poll(1)
                if m is None:
                    continue
                if m.error() is None:
                    messages.append(m)
                else:
                    ended.add(m.partition())
            return messages
        finally:
            c.close()

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Offset per partition as the group committed it; -1: none."""
        return {p: self.note(group, topic, p)[0] for p in range(self.partitions(topic))}

    def committed_sum(self, group: str, topic: str) -> int:
        return sum(max(offset, 0) for offset in self.committed(group, topic).values())

    def note(self, group: str, topic: str, partition: int = 0) -> tuple[int, str]:
        """What the group committed there: offset and metadata."""
        return wire.committed(self.port, group, topic, partition)

    def commit(self, group: str, topic: str, partition: int, offset: int, metadata: str = "") -> None:
        """As a client outside the group, which is let in once the sessions of all members have ended."""
        eventually(lambda: wire.commit(self.port, group, topic, partition, offset, metadata) == 0, 20,
                   f"a commit for {group} is taken")
        assert self.note(group, topic, partition) == (offset, metadata)

    def producer(self, **config: object) -> Producer:
        return Producer({"bootstrap.servers": self.brokers, "log_level": 0, "acks": "all", "linger.ms": 2,
                         "message.timeout.ms": 120000, **{k.replace("_", "."): v for k, v in config.items()}})
