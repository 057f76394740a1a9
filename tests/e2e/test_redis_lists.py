"""Redis lists as reliable queues: an entry is in the list, or in work of somebody alive or to be taken over, or done."""
from __future__ import annotations

import json
import subprocess
from collections import Counter

import pytest

from tests.servers.redis import Lists
from tests.servers.wait import eventually, throughout

from .bridge import ROOT, run
from .config import Config

pytestmark = pytest.mark.quick
LIST = {"kind": "list"}
MIB = 1 << 20


# -- the main road


def test_every_entry_arrives_once_and_is_removed(redis, function, redis_read, ledger):
    key = redis.name("list")
    ledger.produce(redis.lists(), key, 2000)
    b = redis_read(key, **LIST)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: redis.drained(key), 10)
    assert b.count("delivered_total", component="orders", topic=key) == 2000
    eventually(lambda: b.metrics().lag(key, 0) == 0, 15, "its lag is known")
    got = function.last()["headers"]
    assert (got["__topic"], got["__deliverycount"]) == (key, "1")


def test_bytes_come_as_they_were_pushed(redis, function, redis_read):
    key = redis.name("list")
    raw = [b'{"id" : "as-written",  "n": 12345678901234567890.10}', b"\x00\xff\r\n", b""]
    redis_read(key, function={"endpointConcurrency": 1}, order="partition", **LIST)
    for data in raw:
        redis("LPUSH", key, data)
    eventually(lambda: len(function.requests()) == 3, 30)
    assert [r["body"].encode("latin-1") for r in function.stats()["recent"]] == raw


@pytest.mark.parametrize("side, push", [("right", "LPUSH"), ("left", "RPUSH")])
def test_the_oldest_is_taken_first(redis, function, redis_read, ledger, side, push):
    key = redis.name("list")
    ids = ledger.produce(Lists(redis, push), key, 300)
    redis_read(key, order="partition", takeFrom=side, **LIST)
    ledger.wait(function)
    assert [r.id for r in function.requests()] == ids


def test_equal_entries_are_entries_of_their_own(redis, function, redis_read):
    """Some of them fail, some are done before others that came earlier: none is taken for another one."""
    key = redis.name("list")
    function.behave({"do": "ok", "status": 503, "times": 7}, {"do": "slow", "ms": 3})
    for _ in range(100):
        redis("LPUSH", key, b'{"id":"same"}')
    b = redis_read(key, retryInitialInterval="10ms", **LIST)
    eventually(lambda: b.count("delivered_total") == 100, 30)
    eventually(lambda: redis.drained(key), 10)
    assert len(function.requests()) == 107


def test_what_fails_stays_in_work_while_others_are_removed(redis, function, redis_read, ledger):
    key = redis.name("list")
    first = ledger.produce(redis.lists(), key, 10)[0]
    function.behave({"do": "ok", "id": first, "status": 503})
    b = redis_read(key, retryInitialInterval="10ms", retryMaxInterval="50ms", **LIST)
    ledger.produce(redis.lists(), key, 2000)
    eventually(lambda: len(function.taken()) == 2009, 60)
    eventually(lambda: redis.in_work(key) == 1, 10)
    assert redis("LLEN", key) == 0 and b.count("inflight") == 1
    eventually(lambda: b.metrics().lag(key, 0) == 1, 15)
    function.behave()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: redis.drained(key), 10)


def test_several_lists_and_one_that_fails_leaves_the_others_alone(redis, function, redis_read, ledger):
    good, bad = redis.name("list"), redis.name("list")
    function.behave({"do": "ok", "status": 503, "topic": bad})
    redis_read(f"{bad},{good}", function={"bufferEvents": 50}, retryMaxInterval="100ms", **LIST)
    ledger.produce(redis.lists(), bad, 300)
    for _ in range(5):
        ledger.produce(redis.lists(), good, 100)
    eventually(lambda: len(function.taken()) == 500, 60)
    function.behave()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: redis.drained(good) and redis.drained(bad), 10)


def test_an_empty_list_costs_next_to_nothing_and_an_entry_is_noticed_at_once(redis_servers, function, redis_reader,
                                                                            ledger):
    server = redis_servers().start()
    key = server.name("list")
    redis_reader(key, server, processingTimeout="60s", redeliverInterval="15s", readTimeout="3s", **LIST).start().ready()
    ledger.produce(server.lists(), key, 1)
    ledger.wait(function)
    eventually(lambda: server.drained(key), 10)
    before = server.calls()
    throughout(lambda: server("LLEN", key) == 0, 6, "nothing comes")
    after = server.calls()
    ours = {c: n - before.get(c, 0) for c, n in after.items() if n > before.get(c, 0) and c not in ("info",)}
    ours["llen"] -= 1 + ours.get("exec", 0)     # all of them but one a look at its lag are ours
    assert ours.pop("blmove", 0) <= 3, "it blocks on the server"
    assert sum(n for c, n in ours.items() if c not in ("llen", "multi", "exec", "hkeys", "hgetall", "exists", "set")) == 0, ours
    ledger.produce(server.lists(), key, 1)
    ledger.wait(function, within=2)


def test_an_entry_of_64_mib_among_small_ones(redis, function, redis_read, ledger):
    key = redis.name("list")
    function.behave({"do": "slow", "ms": 2})
    ledger.produce(redis.lists(), key, 50)
    redis("LPUSH", key, b'{"id":"large","pad":"' + b"x" * (64 * MIB) + b'"}')
    ledger.produce(redis.lists(), key, 50)
    b = redis_read(key, **LIST)
    ledger.wait(function)
    eventually(lambda: "large" in function.taken(), 60)
    eventually(lambda: redis.drained(key), 10)
    ledger.attempted.add("large")
    ledger.check(function, duplicates=0)
    assert b.count("delivered_total") == 101


def test_a_small_buffer_bounds_what_is_taken(redis, function, redis_read, ledger):
    key = redis.name("list")
    function.behave({"do": "hang"})
    b = redis_read(key, function={"bufferEvents": 20, "timeout": "60s"}, **LIST)
    ledger.produce(redis.lists(), key, 500)
    b.wait_in_flight(10)
    throughout(lambda: redis("LLEN", key) >= 450, 2, "the rest stays in the list")
    function.behave()
    function.release()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: redis.drained(key), 10)


def test_a_poison_entry_is_parked_in_a_stream_and_then_removed(redis, function, bridge, ledger):
    key, dead = redis.name("list"), redis.name("dead")
    first = ledger.produce(redis.lists(), key, 10)[0]
    function.behave({"do": "ok", "id": first, "status": 503})
    config = Config(function={"address": function.address}).redis("kept", redis.port)
    bridge(config.redis("orders", redis.port, topics=key, deadLetterTopic=dead, deadLetterComponent="kept",
                        retryMaxAttempts=2, retryInitialInterval="10ms", **LIST)).start()
    ledger.wait(function, parked=lambda: [json.loads(e["data"])["id"] for e in redis.entries(dead)])
    entry, = redis.entries(dead)
    assert json.loads(entry["metadata"])["bridge-origin-topic"] == key
    eventually(lambda: redis.drained(key), 10)


def test_a_string_instead_of_a_list_is_said_and_read_once_it_is_one(redis, function, redis_read, ledger):
    key, other = redis.name("list"), redis.name("list")
    redis("SET", key, "x")
    b = redis_read(f"{key},{other}", **LIST)
    eventually(lambda: b.log_contains("WRONGTYPE: it is a string"), 20)
    ledger.produce(redis.lists(), other, 10)
    ledger.wait(function)
    redis("DEL", key)
    ledger.produce(redis.lists(), key, 10)
    ledger.wait(function)
    ledger.check(function, duplicates=0)


# What docs/configuration.md says a reader of lists needs.
RIGHTS = ("ping blmove lmove lrange lset lrem llen hset hget hdel hgetall hkeys set del exists rename type multi exec").split()


def test_the_rights_that_are_documented_are_enough_and_each_is_needed(redis_servers, function, redis_reader, ledger):
    server = redis_servers().start()
    key = server.name("list")
    server("ACL", "SETUSER", "anna", "on", ">pw", f"~{key}*", *[f"+{c}" for c in RIGHTS])
    login = {"redisUsername": "anna", "redisPassword": "pw"}
    function.behave({"do": "hang"})
    dead = redis_reader(key, server, consumerName="a", **login, **LIST).start()
    ledger.produce(server.lists(), key, 50)
    dead.wait_in_flight(50)
    dead.kill9()
    function.behave()
    b = redis_reader(key, server, consumerName="b", **login, **LIST).start()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: server.drained(key), 10)
    eventually(lambda: b.metrics().lag(key, 0) == 0, 15)
    b.stop()
    assert "NOPERM" not in b.log()
    assert {c.split("|")[0] for c in server.calls()} >= set(RIGHTS)


def test_a_right_that_is_missing_is_said(redis_servers, function, redis_reader, ledger):
    server = redis_servers().start()
    key = server.name("list")
    server("ACL", "SETUSER", "anna", "on", ">pw", f"~{key}", *[f"+{c}" for c in RIGHTS])
    b = redis_reader(key, server, redisUsername="anna", redisPassword="pw", **LIST).start()
    ledger.produce(server.lists(), key, 5)
    eventually(lambda: b.log_contains("the list cannot be read: NOPERM"), 20)
    assert server("LLEN", key) == 5
    server("ACL", "SETUSER", "anna", f"~{key}:bridge*")
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_the_example_is_clean():
    done = run("check", "--config", str(ROOT / "deploy/examples/redis-lists.yaml"))
    assert done.returncode == 0 and "ok: 3 components, 2 subscriptions" in done.stdout + done.stderr


# -- writing


def test_send_pushes_the_bytes(redis, function, redis_read):
    key = redis.name("list")
    url = f"redis://127.0.0.1:{redis.port}/{key}?kind=list"
    assert run("send", url, said="one\ntwo\n").returncode == 0
    assert redis("LRANGE", key, 0, -1) == ["two", "one"]
    assert run("send", url + "&takeFrom=left", "three").returncode == 0
    assert redis("LRANGE", key, 0, -1) == ["two", "one", "three"]
    with pytest.raises(subprocess.TimeoutExpired) as tail:
        run("tail", url, within=2)
    assert b"cannot be looked at" in tail.value.stderr
    assert Counter(redis("LRANGE", key, 0, -1)) == {"one": 1, "two": 1, "three": 1}
