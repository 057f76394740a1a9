"""Redis channels: what is published while bridge listens, at most once; nothing of it is ever in the way."""
from __future__ import annotations

import json
import threading

import pytest

from tests.servers.redis import Redis
from tests.servers.wait import eventually

from .bridge import run
from .config import Config

pytestmark = pytest.mark.quick
CHANNEL = {"kind": "channel"}


def listeners(redis: Redis, channel: str) -> int:
    return redis("PUBSUB", "NUMSUB", channel)[1]


def event(i: object) -> str:
    return json.dumps({"id": f"e{i}"})


def test_what_is_published_arrives(redis, function, redis_read):
    channel, other = redis.name("channel"), redis.name("channel")
    b = redis_read(f"{channel},{other}", **CHANNEL)
    eventually(lambda: listeners(redis, channel) == listeners(redis, other) == 1, 20)
    for i in range(500):
        redis("PUBLISH", channel if i % 2 else other, event(i))
    eventually(lambda: len(function.taken()) == 500, 30)
    assert b.count("delivered_total", topic=channel) == b.count("delivered_total", topic=other) == 250
    assert function.last()["headers"]["__topic"] in (channel, other)


def test_a_pattern_hears_all_that_fit(redis, function, redis_read):
    name = redis.name("channel")
    redis_read(f"{name}.*", **CHANNEL)
    eventually(lambda: redis("PUBSUB", "NUMPAT") == 1, 20)
    redis("PUBLISH", f"{name}.a", event(1))
    redis("PUBLISH", f"{name}", event(2))
    redis("PUBLISH", f"{name}.b", event(3))
    eventually(lambda: function.taken() == {"e1", "e3"}, 30)
    headers = function.last()["headers"]
    assert (headers["__topic"], headers["__pattern"]) == (f"{name}.b", f"{name}.*")


def test_a_flood_over_credit_is_dropped_and_counted_and_memory_stays(redis, function, redis_read):
    channel = redis.name("channel")
    function.behave({"do": "hang"})
    b = redis_read(channel, function={"bufferEvents": 100, "timeout": "60s"}, **CHANNEL)
    eventually(lambda: listeners(redis, channel) == 1, 20)
    client, before = redis.client(), b.rss_anon()
    for _ in range(40):
        client.pipeline([("PUBLISH", channel, event(0) + "x" * 10000)] * 500)
    eventually(lambda: b.count("received_total") == 20000, 60)
    in_flight, dropped = b.count("inflight"), b.count("dropped_source_total")
    assert 0 < in_flight <= 100 and in_flight + dropped == 20000
    assert b.rss_anon() < before + 50 * (1 << 20)
    assert b.log_contains("no room for it")
    function.behave()
    function.release()
    eventually(lambda: b.count("inflight") == 0, 30)
    redis("PUBLISH", channel, event("after"))
    eventually(lambda: "eafter" in function.taken(), 20, "it goes on")


def test_it_listens_again_after_the_server_was_gone_and_says_what_that_means(redis_servers, function, redis_reader):
    server = redis_servers().start()
    channel = server.name("channel")
    b = redis_reader(channel, server, **CHANNEL).start()
    eventually(lambda: listeners(server, channel) == 1, 20)
    server.kill9()
    server.start()
    eventually(lambda: listeners(server, channel) == 1, 20)
    server("PUBLISH", channel, event(1))
    eventually(lambda: function.taken() == {"e1"}, 20)
    assert b.log_contains("what was published to its channels meanwhile is not received")


def test_a_channel_that_is_forbidden_is_said_and_heard_once_it_is_not(redis_servers, function, redis_reader):
    server = redis_servers().start()
    good, bad = server.name("good"), server.name("bad")
    server("ACL", "SETUSER", "anna", "on", ">pw", "+@all", "~*", "resetchannels", f"&{good}")
    b = redis_reader(f"{bad},{good}", server, redisUsername="anna", redisPassword="pw", **CHANNEL).start()
    eventually(lambda: b.log_contains("cannot be listened to: NOPERM"), 20)
    eventually(lambda: listeners(server, good) == 1, 20)
    server("PUBLISH", good, event(1))
    eventually(lambda: function.taken() == {"e1"}, 20)
    server("ACL", "SETUSER", "anna", f"&{bad}")
    eventually(lambda: listeners(server, bad) == 1, 20)
    server("PUBLISH", bad, event(2))
    eventually(lambda: function.taken() == {"e1", "e2"}, 20)


def test_an_orderly_stop_ends_well(redis, function, redis_read):
    channel = redis.name("channel")
    function.behave({"do": "slow", "ms": 200})
    b = redis_read(channel, **CHANNEL)
    eventually(lambda: listeners(redis, channel) == 1, 20)
    for i in range(20):
        redis("PUBLISH", channel, event(i))
    eventually(lambda: len(function.requests()) > 0, 20)
    b.stop()
    assert listeners(redis, channel) == 0


def test_send_publishes_and_tail_listens(redis):
    channel = redis.name("channel")
    url = f"redis://127.0.0.1:{redis.port}/{channel}?kind=channel"
    heard: list[str] = []
    thread = threading.Thread(target=lambda: heard.append(run("tail", url, "--count", "1").stdout))
    thread.start()
    eventually(lambda: listeners(redis, channel) == 1, 20)
    assert run("send", url, '{"n":1}').returncode == 0
    thread.join(20)
    assert (json.loads(heard[0])["topic"], json.loads(heard[0])["data"]) == (channel, {"n": 1})


def test_dead_letters_are_not_entrusted_to_a_channel(redis, function, bridge):
    stream, dead = redis.name(), redis.name("dead")
    redis.add(stream, "data", event(1))
    function.behave({"do": "ok", "status": 400})
    config = Config(function={"address": function.address, "protocol": "plain"}).redis("gone", redis.port, **CHANNEL)
    b = bridge(config.redis("orders", redis.port, topics=stream, consumerID="g", deadLetterTopic=dead,
                            deadLetterComponent="gone")).start()
    eventually(lambda: b.log_contains("it is no place for dead letters"), 20)
    eventually(lambda: redis.pending(stream, "g") == 1, 10)
    assert b.count("parked_total") == 0
