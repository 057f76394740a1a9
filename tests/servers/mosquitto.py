"""A real Mosquitto on loopback, in a directory of its own, and clients beside the program under test."""
from __future__ import annotations

import itertools
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .ports import accepts, free_port
from .process import Process
from .wait import eventually

_names = itertools.count(1)
CHUNK = 5000		# the client holds no more than packet ids allow
IN_FLIGHT = 500		# published by a client at once; the broker reads on while it answers


class Mosquitto:
    """Options are lines of its configuration: Mosquitto(max_inflight_messages=1, persistence="true")."""

    def __init__(self, directory: Path | None = None, listener: tuple[str, ...] = (), **options: Any) -> None:
        self.directory = directory or Path(tempfile.mkdtemp(prefix="mosquitto-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.tls: str | None = None		# the authority's file, for our own clients
        given = {"allow_anonymous": "true", "persistence": "false", "max_queued_messages": 0, "log_type": "all",
                 "persistence_location": f"{self.directory}/", "autosave_interval": 1, "user": "root", **options}
        lines = [f"{k} {v}" for k, v in given.items()] + [f"listener {self.port} 127.0.0.1", *listener]
        self.conf = self.directory / "mosquitto.conf"
        self.conf.write_text("\n".join(lines) + "\n")
        self.process = Process(["/usr/sbin/mosquitto", "-c", str(self.conf)], self.directory / "log")

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> "Mosquitto":
        self.process.start()
        eventually(lambda: self.process.alive() and accepts(self.port), 20,
                   f"mosquitto listens; log: {self.process.text()[-500:]}")
        return self

    def stop(self) -> None:
        """In order: with persistence it writes its state down."""
        self.process.sigterm()
        self.process.wait(20)

    def kill9(self) -> None:
        self.process.kill9()

    def close(self) -> None:
        self.process.sigcont()
        self.process.end()

    def client(self, name: str = "", version: int = 4, **words: Any) -> "Client":
        return Client(self.port, name, version, tls=self.tls, **words)

    def log(self) -> str:
        return self.process.text()

    def acknowledged(self, client: str) -> int:
        """PUBACKs the broker says it had from that client."""
        return self.log().count(f"Received PUBACK from {client} ")


class Client:
    """One connection of Debian's Python client, on a thread of its own."""

    def __init__(self, port: int, name: str = "", version: int = 4, clean: bool = True, tls: str | None = None,
                 user: str = "", password: str = "") -> None:
        self.version = version
        self.name = name or f"test-{next(_names)}-{port}"
        words = {} if version == 5 else {"clean_session": clean}
        self.c = mqtt.Client(self.name, protocol=version, **words)
        self.c.max_inflight_messages_set(IN_FLIGHT)
        self.c.max_queued_messages_set(0)
        if tls:
            self.c.tls_set(tls)
        if user:
            self.c.username_pw_set(user, password)
        self.got: list[mqtt.MQTTMessage] = []
        self.up, self.subscribed = threading.Event(), threading.Event()
        self.refused: Any = None
        self.c.on_connect = self._on_connect
        self.c.on_message = lambda _c, _u, m: self.got.append(m)
        self.c.on_subscribe = lambda *_: self.subscribed.set()
        self.c.connect("127.0.0.1", port, keepalive=60)
        self.c.loop_start()
        assert self.up.wait(20), "no CONNACK in 20 s"

    def _on_connect(self, _c: Any, _u: Any, _flags: Any, rc: Any, *_: Any) -> None:
        self.refused = rc
        self.up.set()

    def subscribe(self, topic: str, qos: int = 1) -> "Client":
        self.subscribed.clear()
        self.c.subscribe(topic, qos=qos)
        assert self.subscribed.wait(20), "no SUBACK in 20 s"
        return self

    def publish(self, topic: str, payload: bytes | str, qos: int = 1, retain: bool = False, confirm: bool = True,
                **properties: Any) -> mqtt.MQTTMessageInfo:
        """properties: UserProperty=[("a", "b")], ContentType="…", ResponseTopic, CorrelationData, MessageExpiryInterval."""
        said = None
        if properties:
            said = Properties(PacketTypes.PUBLISH)
            for k, v in properties.items():
                setattr(said, k, v)
        info = self.c.publish(topic, payload, qos=qos, retain=retain, properties=said)
        if confirm:
            info.wait_for_publish(30)
            assert info.is_published(), f"{topic}: not confirmed in 30 s"
        return info

    def messages(self, topic: str = "") -> list[mqtt.MQTTMessage]:
        return [m for m in list(self.got) if not topic or m.topic == topic]

    def wait(self, n: int, within: float = 30) -> list[mqtt.MQTTMessage]:
        eventually(lambda: len(self.got) >= n, within, f"{n} messages come to {self.name}; {len(self.got)} came")
        return list(self.got)

    def close(self) -> None:
        self.c.disconnect()
        self.c.loop_stop()


def publish_all(client: Client, messages: list[tuple[str, bytes]], qos: int = 1,
                each: Callable[[int], None] = lambda _: None) -> None:
    """All of them confirmed; each(i) as soon as the i-th is."""
    limit = time.monotonic() + 170
    for begin in range(0, len(messages), CHUNK):
        infos = [client.publish(topic, payload, qos, confirm=False)
                 for topic, payload in messages[begin:begin + CHUNK]]
        for i, info in enumerate(infos):
            info.wait_for_publish(max(0.1, limit - time.monotonic()))
            assert info.is_published(), f"{client.name}: event {begin + i} was not confirmed"
            each(begin + i)
