"""The actors of the end-to-end tests, as fixtures; what they leave behind is checked and ended here."""
from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.servers.function import Function
from tests.servers.kafka import VERSIONS, Kafka
from tests.servers.mosquitto import Mosquitto
from tests.servers.ports import accepts
from tests.servers.proxy import Proxy
from tests.servers.redis import Redis
from tests.servers.wait import eventually

from .bridge import Bridge
from .config import Config
from .ledger import Ledger

_numbers = itertools.count(1)
LONG = os.environ.get("BRIDGE_LONG") == "1"
DEADLINE_S = 900 if LONG else 180		# of one test, whatever it waits for


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        item.session.config.stash.setdefault(_failed, set()).add(item.nodeid)
        for b in getattr(item, "bridges", []):
            report.sections.append((f"log of {b.process.log.parent.name}", b.log()[-6000:]))


_failed: pytest.StashKey[set[str]] = pytest.StashKey()


def _anything_failed(config: pytest.Config) -> bool:
    return bool(config.stash.get(_failed, set()))


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    """No test hangs for ever."""
    def over(signo: int, frame: object) -> None:
        raise TimeoutError(f"the test took longer than {DEADLINE_S} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(DEADLINE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _broker(version: str, request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """Its directory is pytest's, which keeps those of the last runs; only after a failure there is something in it."""
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    k = Kafka(version, directory=factory.mktemp(f"kafka-{version}")).start()
    yield k
    k.process.sigcont()
    k.close(keep=_anything_failed(request.config))


@pytest.fixture(scope="session")
def kafka_3(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    yield from _broker(VERSIONS[0], request)


@pytest.fixture(scope="session")
def kafka_4(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    yield from _broker(VERSIONS[1], request)


@pytest.fixture
def kafka(kafka_3: Kafka) -> Kafka:
    """The broker most tests share; a test that stops it takes own_kafka."""
    return kafka_3


@pytest.fixture(params=VERSIONS)
def any_kafka(request: pytest.FixtureRequest) -> Kafka:
    """Once with each version."""
    return request.getfixturevalue("kafka_3" if request.param == VERSIONS[0] else "kafka_4")


@pytest.fixture
def own_kafka(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """A broker of this test alone, to be stopped, frozen and killed."""
    yield from _broker(VERSIONS[0], request)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """The Redis most tests share, without persistence."""
    r = Redis(tmp_path_factory.mktemp("redis")).start()
    yield r
    r.close()


@pytest.fixture
def redis_servers(tmp_path: Path) -> Iterator[Callable[..., Redis]]:
    """Makes servers of this test alone, not started: to be stopped, frozen and killed."""
    made: list[Redis] = []

    def make(kind: type[Redis] = Redis, *args: Any, **words: Any) -> Redis:
        made.append(kind(*args, directory=tmp_path / f"redis-{len(made) + 1}", **words))
        return made[-1]

    yield make
    for r in made:
        r.close()


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """The MQTT broker most tests share; a test that stops it makes its own."""
    m = Mosquitto(tmp_path_factory.mktemp("mosquitto")).start()
    yield m
    m.close()


@pytest.fixture
def mosquittos(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Makes brokers of this test alone, with lines of their configuration."""
    made: list[Mosquitto] = []

    def make(**options: Any) -> Mosquitto:
        made.append(Mosquitto(tmp_path / f"mosquitto-{len(made) + 1}", **options).start())
        return made[-1]

    yield make
    for m in made:
        m.close()


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Callable[[], Function]]:
    """Makes functions that do not listen yet."""
    made: list[Function] = []

    def make() -> Function:
        made.append(Function(tmp_path).start())
        return made[-1]

    yield make
    for f in made:
        f.close()


@pytest.fixture
def function(functions: Callable[[], Function]) -> Function:
    """A function that listens and answers 200."""
    return functions().up()


@pytest.fixture
def proxies() -> Iterator[Callable[..., Proxy]]:
    made: list[Proxy] = []

    def make(target: int, port: int = 0) -> Proxy:
        made.append(Proxy(target, port).start())
        return made[-1]

    yield make
    for p in made:
        p.close()


@pytest.fixture
def scalers() -> Iterator[Callable[..., Any]]:
    """Makes clients of a scaler's port, once something listens there."""
    from tests.servers.scaler_client import Scaler  # makes its messages: only for those that need them

    made: list[Scaler] = []

    def make(port: int, **more: Any) -> Scaler:
        eventually(lambda: accepts(port), 20, f"something listens on {port}")
        made.append(Scaler(port, **more))
        return made[-1]

    yield make
    for s in made:
        s.close()


@pytest.fixture
def bridge(tmp_path: Path, request: pytest.FixtureRequest, functions: Any) -> Iterator[Callable[[Config], Bridge]]:
    """Makes a bridge, not started.  It ends before the functions do, and its metrics must balance then."""
    made: list[Bridge] = []
    request.node.bridges = made

    def make(config: Config) -> Bridge:
        made.append(Bridge(tmp_path / f"bridge-{len(made) + 1}", config))
        return made[-1]

    yield make
    faults = []
    for b in made:
        try:
            b.end()
        except AssertionError as e:
            faults.append(e)
    if faults:
        raise faults[0]


Made = Callable[..., Bridge]


def _config(request: pytest.FixtureRequest, function: dict[str, Any] | None, process: dict[str, Any] | None) -> Config:
    settings = function or {}
    if "address" not in settings:
        settings = {"address": request.getfixturevalue("function").address, **settings}
    return Config(function=settings, process=process or {})


@pytest.fixture
def reader(bridge: Callable[[Config], Bridge], group: str, request: pytest.FixtureRequest) -> Made:
    """Makes a bridge whose binding "orders" reads a topic, not started.  Further words are metadata."""
    def make(topics: str, kafka: Kafka | None = None, brokers: str = "", function: dict[str, Any] | None = None,
             process: dict[str, Any] | None = None, **metadata: Any) -> Bridge:
        brokers = brokers or (kafka or request.getfixturevalue("kafka")).brokers
        return bridge(_config(request, function, process).binding("orders", brokers, topics, group, **metadata))

    return make


@pytest.fixture
def read(reader: Made) -> Made:
    """As reader, and started."""
    return lambda *args, **words: reader(*args, **words).start()


@pytest.fixture
def subscribe(bridge: Callable[[Config], Bridge], group: str, request: pytest.FixtureRequest) -> Made:
    """A started bridge with one pub/sub subscription of the function, route /new."""
    def make(topic: str, kafka: Kafka | None = None, dead_letter: str = "", subscription: dict[str, str] | None = None,
             **metadata: Any) -> Bridge:
        brokers = (kafka or request.getfixturevalue("kafka")).brokers
        config = _config(request, None, None).pubsub("shop", brokers, group, **metadata)
        return bridge(config.subscription("shop", topic, "/new", dead_letter, **(subscription or {}))).start()

    return make


# Short times, so that what a dead consumer left is taken over soon, and a silent server noticed.
REDIS = {"processingTimeout": "2s", "redeliverInterval": "500ms", "readTimeout": "1s"}


@pytest.fixture
def redis_reader(bridge: Callable[[Config], Bridge], group: str, request: pytest.FixtureRequest) -> Made:
    """Makes a bridge whose binding "orders" reads streams, not started.  Further words are metadata."""
    def make(topics: str, server: Redis | None = None, port: int = 0, function: dict[str, Any] | None = None,
             process: dict[str, Any] | None = None, **metadata: Any) -> Bridge:
        port = port or (server or request.getfixturevalue("redis")).port
        config = _config(request, function, process)
        return bridge(config.redis("orders", port, topics=topics, consumerID=group, **{**REDIS, **metadata}))

    return make


@pytest.fixture
def redis_read(redis_reader: Made) -> Made:
    """As redis_reader, and started."""
    return lambda *args, **words: redis_reader(*args, **words).start()


@pytest.fixture
def redis_subscribe(bridge: Callable[[Config], Bridge], group: str, request: pytest.FixtureRequest) -> Made:
    """A started bridge with one pub/sub subscription of the function, route /new."""
    def make(topic: str, dead_letter: str = "", subscription: dict[str, str] | None = None, **metadata: Any) -> Bridge:
        port = request.getfixturevalue("redis").port
        config = _config(request, None, None).redis("shop", port, "pubsub.redis", consumerID=group,
                                                    **{**REDIS, **metadata})
        return bridge(config.subscription("shop", topic, "/new", dead_letter, **(subscription or {}))).start()

    return make


@pytest.fixture
def listener(bridge: Callable[[Config], Bridge], group: str, request: pytest.FixtureRequest) -> Made:
    """Makes a bridge whose binding "orders" reads a topic of an MQTT broker, not started; its session is new."""
    def make(topic: str, broker: Mosquitto | None = None, url: str = "", function: dict[str, Any] | None = None,
             process: dict[str, Any] | None = None, **metadata: Any) -> Bridge:
        url = url or (broker or request.getfixturevalue("mosquitto")).url
        rows = {"url": url, "topic": topic, "consumerID": group, "route": "/orders", **metadata}
        return bridge(_config(request, function, process).add("orders", "bindings.mqtt3", **rows))

    return make


@pytest.fixture
def listen(listener: Made) -> Made:
    """As listener, started and subscribed: what is published from now on is kept for it."""
    return lambda *args, **words: listener(*args, **words).start().ready()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def group() -> str:
    """A consumer group nobody has used."""
    return f"group-{os.getpid()}-{next(_numbers)}"
