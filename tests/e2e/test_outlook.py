"""`bridge scaler`: many functions watched by one process that reads nothing of theirs."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from tests.servers.kafka import Kafka
from tests.servers.ports import free_port
from tests.servers.process import Process
from tests.servers.scaler_client import Scaler, grpc
from tests.servers.wait import eventually

from .bridge import BINARY, ENVIRONMENT, http_get
from .config import Config, resource
from .scaling import BEFORE_A_REFRESH_S, OK, UNAVAILABLE, produce, values_are


class Outlook:
    """The process, and the directory of its functions."""

    def __init__(self, directory: Path, scalers: Callable[..., Scaler]) -> None:
        self.files = directory / "functions"
        self.files.mkdir(parents=True)
        self.port, self.admin_port, self._scalers = free_port(), free_port(), scalers
        self.process = Process([BINARY, "scaler", "--config", str(self.files)], directory / "log", ENVIRONMENT)
        self.put("00-process", resource("bridge/v1", "Bridge", "process", {
            "scaler": {"port": self.port}, "admin": {"port": self.admin_port}}))

    def put(self, name: str, text: str) -> None:
        """In one step, as mounted files change."""
        new = self.files / f".{name}"
        new.write_text(text)
        new.rename(self.files / f"{name}.yaml")

    def function(self, app: str, kafka: Kafka, topic: str, **metadata: Any) -> None:
        config = Config(app=app).binding("orders", kafka.brokers, topic, app, **metadata)
        self.put(app, "---\n".join([resource("bridge/v1", "Bridge", app, {}), *config.documents]))

    def start(self) -> Scaler:
        self.process.start()
        self.scaler = self._scalers(self.port)
        return self.scaler


@pytest.fixture
def outlook(tmp_path: Path, scalers: Any) -> Any:
    o = Outlook(tmp_path / "outlook", scalers)
    yield o
    if o.process.alive():
        o.process.sigterm()
        assert o.process.wait(20) == 0, o.process.text()[-3000:]


def test_one_scaler_watches_many_functions_and_joins_no_group(kafka: Kafka, outlook: Outlook) -> None:
    topics = [kafka.create(kafka.new_name(), 2) for _ in range(5)]
    for i, topic in enumerate(topics):
        outlook.function(f"many-{i}", kafka, topic)
    s = outlook.start()
    streams = [s.stream_active(function=f"many-{i}") for i in range(5)]
    for i in range(5):
        eventually(lambda: values_are(s, 0, function=f"many-{i}"), 30, f"lag of many-{i} is known")
    produce(kafka, topics[3], [2, 1])
    eventually(lambda: streams[3].got, BEFORE_A_REFRESH_S, "its stream is told")
    eventually(lambda: values_are(s, 3, function="many-3"), 20, "its lag is 3")
    assert not any(stream.got for i, stream in enumerate(streams) if i != 3)
    kafka.commit("many-3", topics[3], 0, 2)  # taken only while nobody is in the group
    kafka.commit("many-3", topics[3], 1, 1)
    eventually(lambda: values_are(s, 0, function="many-3"), 30, "what was committed elsewhere counts")
    assert '"functions":["many-0","many-1","many-2","many-3","many-4"]' in http_get(outlook.admin_port, "/scaler/v1")[1]


def test_the_directory_of_a_scaler_is_watched(kafka: Kafka, outlook: Outlook) -> None:
    first, second = kafka.create(kafka.new_name(), 1), kafka.create(kafka.new_name(), 1)
    produce(kafka, first, [4])
    produce(kafka, second, [6])
    outlook.function("changing", kafka, first)
    s = outlook.start()
    eventually(lambda: values_are(s, 4, function="changing"), 30, "lag is 4")
    stream = s.stream_active(function="changing")
    outlook.function("changing", kafka, second)
    eventually(lambda: values_are(s, 6, function="changing"), 30, "the other topic counts")
    assert stream.code is None  # it stayed
    outlook.put("changing", "spec: [")
    outlook.function("new", kafka, first)
    eventually(lambda: values_are(s, 4, function="new"), 30, "a function that comes is watched")
    assert values_are(s, 6, function="changing"), "what was right before goes on"
    assert "changing.yaml:2:1: not YAML" in outlook.process.text()
    (outlook.files / "changing.yaml").unlink()
    eventually(lambda: s.code(function="changing") == grpc.StatusCode.NOT_FOUND, 20, "a function that goes is unknown")
    eventually(lambda: stream.code is not None, 10, "its stream has ended")
    assert stream.code == OK and values_are(s, 4, function="new")


def test_a_scaler_without_its_broker_is_unavailable(own_kafka: Kafka, outlook: Outlook) -> None:
    topic = own_kafka.create(own_kafka.new_name(), 1)
    produce(own_kafka, topic, [2])
    outlook.function("lone", own_kafka, topic)
    s = outlook.start()
    eventually(lambda: values_are(s, 2, function="lone"), 30, "lag is 2")
    own_kafka.kill9()
    eventually(lambda: s.code(function="lone") == UNAVAILABLE, 30, "lag is unknown")
    own_kafka.start()
    eventually(lambda: values_are(s, 2, function="lone"), 60, "lag is known again")
