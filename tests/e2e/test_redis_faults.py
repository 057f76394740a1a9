"""Redis under faults: killed, frozen, half-open, emptied, full: nothing that was confirmed and kept is lost."""
from __future__ import annotations

import random

import pytest

from tests.servers.redis import Redis
from tests.servers.resp import Refused
from tests.servers.wait import eventually, throughout

from .conftest import LONG


def test_killed_again_and_again_under_load_nothing_is_lost(redis, function, redis_read, ledger, group):
    stream, dice = redis.name(), random.Random(7)
    function.behave({"do": "ok", "status": 503, "key": "k3", "times": 5}, {"do": "slow", "ms": 5})
    b = redis_read(stream, retryInitialInterval="10ms", retryMaxInterval="20ms")
    with ledger.steady(redis, stream, 800, key=lambda i: f"k{i % 40}"):
        for _ in range(40 if LONG else 8):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + dice.randrange(50, 600), 60)
            b.wait_in_flight()
            b.kill9()
            b.start()
    ledger.wait(function)
    ledger.check(function)
    assert ledger.duplicates(function) >= 1, "invalid run: nothing came twice"
    eventually(lambda: redis.settled(stream, group), 10)
    assert len(redis("XINFO", "CONSUMERS", stream, group)) == 1, "a restarted process is the same consumer"


def test_what_was_in_work_comes_at_once_after_a_kill(redis, function, redis_read, ledger, group):
    stream = redis.name()
    function.behave({"do": "hang"})
    b = redis_read(stream, processingTimeout="1h")
    ledger.produce(redis, stream, 20)
    b.wait_in_flight(20)
    b.kill9()
    function.behave()
    b.start()
    ledger.wait(function, within=15)
    assert function.last()["headers"]["__deliverycount"] == "2"
    ledger.check(function, duplicates=0)
    eventually(lambda: redis.settled(stream, group), 10)


def test_another_bridge_takes_over_what_a_dead_one_left(redis, functions, redis_reader, ledger, group):
    stream, first, second = redis.name(), functions().up(), functions().up()
    first.behave({"do": "hang"})
    a = redis_reader(stream, function={"address": first.address}, consumerName="a").start()
    ledger.produce(redis, stream, 200)
    a.wait_in_flight(50)
    b = redis_reader(stream, function={"address": second.address}, consumerName="b").start().ready()
    ledger.produce(redis, stream, 20)
    a.kill9()
    ledger.wait(second, within=30)
    assert b.log_contains("took over")
    eventually(lambda: redis.settled(stream, group), 10)
    ledger.check(second, duplicates=0)


def test_what_a_drained_bridge_did_not_finish_is_taken_over_without_waiting(redis, functions, redis_reader, ledger,
                                                                           group):
    stream, first, second = redis.name(), functions().up(), functions().up()
    first.behave({"do": "ok", "status": 503})
    a = redis_reader(stream, function={"address": first.address}, consumerName="a", processingTimeout="1h",
                     retryInitialInterval="30s").start()
    ledger.produce(redis, stream, 300)
    a.wait_in_flight(300)
    b = redis_reader(stream, function={"address": second.address}, consumerName="b", processingTimeout="1h").start().ready()
    a.stop()
    ledger.wait(second, within=30)
    ledger.check(second, duplicates=0)
    assert b.log_contains("took over")
    eventually(lambda: redis.settled(stream, group), 10)


def test_consumers_that_are_long_gone_are_removed_and_none_with_something_pending(redis, function, redis_read, group):
    stream = redis.name()
    for i in range(3):
        redis.add(stream, "data", f'{{"id":"{i}"}}')
    redis("XGROUP", "CREATE", stream, group, "0")
    redis("XREADGROUP", "GROUP", group, "busy", "COUNT", 1, "STREAMS", stream, ">")
    redis("XGROUP", "CREATECONSUMER", stream, group, "idle")
    redis_read(stream, consumerName="me", consumerExpiry="500ms", processingTimeout="1h")
    eventually(lambda: {c[1] for c in redis("XINFO", "CONSUMERS", stream, group)} == {"busy", "me"}, 20)
    assert redis.pending(stream, group) == 1


def test_what_is_in_work_for_long_is_not_taken_over(redis, functions, redis_reader, ledger, group):
    stream, slow, idle = redis.name(), functions().up(), functions().up()
    slow.behave({"do": "hang"})
    redis_reader(stream, function={"address": slow.address, "timeout": "60s"}, consumerName="a").start().ready()
    ledger.produce(redis, stream, 30)
    eventually(lambda: len(slow.requests()) == 30, 20)
    redis_reader(stream, function={"address": idle.address}, consumerName="b").start().ready()
    throughout(lambda: not idle.requests(), 6, "three times processingTimeout")
    slow.release()
    ledger.wait(slow)
    ledger.check(slow, duplicates=0)
    eventually(lambda: redis.settled(stream, group), 10)


def test_two_processes_of_a_host_are_two_consumers(redis, function, redis_reader, ledger, group):
    stream = redis.name()
    function.behave({"do": "slow", "ms": 5})
    for _ in range(2):
        redis_reader(stream, function={"address": function.address, "endpointConcurrency": 1}).start().ready()
    ledger.produce(redis, stream, 400)
    ledger.wait(function)
    eventually(lambda: len(redis("XINFO", "CONSUMERS", stream, group)) == 2, 20)
    ledger.check(function, duplicates=0)


def test_daprs_consumer_that_died_is_taken_over(redis, function, redis_read, ledger, group):
    """daprd reads as consumer = group."""
    stream = redis.name()
    ledger.produce(redis, stream, 50)
    redis("XGROUP", "CREATE", stream, group, "0", "MKSTREAM")
    assert len(redis("XREADGROUP", "GROUP", group, group, "COUNT", 50, "STREAMS", stream, ">")[0][1]) == 50
    redis_read(stream)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: redis.settled(stream, group), 10)


def test_entries_cut_off_while_pending_are_acknowledged_and_counted(redis, function, redis_read, ledger, group):
    stream = redis.name()
    ids = [redis.add(stream, "data", '{"id":"cut"}') for _ in range(10)]
    ledger.produce(redis, stream, 10)
    redis("XGROUP", "CREATE", stream, group, "0")
    redis("XREADGROUP", "GROUP", group, "dead", "COUNT", 15, "STREAMS", stream, ">")
    redis("XDEL", stream, *ids)
    b = redis_read(stream)
    ledger.wait(function)
    eventually(lambda: redis.settled(stream, group), 20)
    assert b.count("dropped_source_total") == 10
    ledger.check(function, duplicates=0)


# -- the server


def test_a_server_that_keeps_what_it_has_is_restarted_and_nothing_is_lost(redis_servers, function, redis_reader, ledger,
                                                                        group):
    server = redis_servers(durable=True).start()
    stream = server.name()
    function.behave({"do": "slow", "ms": 5})
    b = redis_reader(stream, server).start()
    with ledger.steady(server, stream, 300):
        for end in (server.kill9, server.stop, server.kill9):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + 100, 60)
            end()
            server.start()
    ledger.wait(function)
    ledger.check(function)
    eventually(lambda: server.settled(stream, group), 10)
    assert b.metrics().component("reconnects_total") >= 3


def test_a_server_that_forgets_everything_is_read_on(redis_servers, function, redis_reader, ledger, group):
    """What it had and nobody had read is lost by the server; what is written from then on arrives."""
    server = redis_servers().start()
    stream = server.name()
    b = redis_reader(stream, server).start()
    ledger.produce(server, stream, 100)
    ledger.wait(function)
    server.kill9()
    server.start()
    ledger.produce(server, stream, 100)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: server.settled(stream, group), 10)
    assert b.metrics().component("reconnects_total") >= 1


def test_a_frozen_server_is_noticed_and_read_on_when_it_thaws(redis_servers, function, redis_reader, ledger, group):
    server = redis_servers().start()
    stream = server.name()
    b = redis_reader(stream, server).start().ready()
    ledger.produce(server, stream, 50)
    ledger.wait(function)
    server.process.sigstop()
    eventually(lambda: b.readyz() != 200, 20, "it is not ready while its broker is silent")
    eventually(lambda: b.metrics().lag(stream, 0) is None, 20, "lag is unknown, not 0")
    server.process.sigcont()
    ledger.produce(server, stream, 50)
    ledger.wait(function)
    eventually(lambda: b.readyz() == 200, 20)
    ledger.check(function, duplicates=0)


def test_a_half_open_connection_is_noticed(redis, function, proxies, redis_read, ledger, group):
    stream, proxy = redis.name(), proxies(redis.port)
    b = redis_read(stream, port=proxy.port)
    b.ready()
    ledger.produce(redis, stream, 50)
    ledger.wait(function)
    proxy.poison(blackhole=True)
    ledger.produce(redis, stream, 50)
    eventually(lambda: b.log_contains("no answer within readTimeout"), 20)
    proxy.heal()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: redis.settled(stream, group), 10)


@pytest.mark.parametrize("toxics", [{"slice": 1}, {"limit": 3000}, {"delay_ms": 30}], ids=lambda t: next(iter(t)))
def test_a_bad_line_loses_nothing(redis, function, proxies, redis_read, ledger, group, toxics):
    stream, proxy = redis.name(), proxies(redis.port)
    proxy.poison(**toxics)
    redis_read(stream, port=proxy.port, queueDepth=10)
    ledger.produce(redis, stream, 200)
    ledger.wait(function, within=120)
    ledger.check(function)
    proxy.heal()
    eventually(lambda: redis.settled(stream, group), 30)


# -- the stream


def test_a_group_that_is_taken_away_is_made_again_and_nothing_in_work_comes_twice(redis, function, redis_read, ledger,
                                                                                 group):
    stream = redis.name()
    b = redis_read(stream)
    ledger.produce(redis, stream, 10)
    ledger.wait(function)
    function.behave({"do": "hang"})
    ledger.produce(redis, stream, 10)
    b.wait_in_flight(10)
    redis("XGROUP", "DESTROY", stream, group)
    eventually(lambda: redis.group(stream, group), 20)
    eventually(lambda: len(function.requests()) == 30, 20, "those that were done come again")
    function.release()
    function.behave()
    ledger.wait(function)
    eventually(lambda: redis.settled(stream, group), 10)
    ledger.check(function, duplicates=10)


@pytest.mark.parametrize("first_id", ["*", "1-1"])
def test_a_stream_that_is_deleted_and_made_again_is_read_on(redis, function, redis_read, ledger, group, first_id):
    stream = redis.name()
    b = redis_read(stream)
    redis("XADD", stream, first_id, "data", '{"id":"first"}')
    ledger.produce(redis, stream, 20)
    ledger.wait(function)
    redis("DEL", stream)
    eventually(lambda: b.log_contains("is made again"), 20)
    redis("XADD", stream, first_id, "data", '{"id":"second"}')
    ledger.produce(redis, stream, 20)
    ledger.wait(function)
    eventually(lambda: "second" in function.taken(), 10)
    eventually(lambda: redis.settled(stream, group), 10)


def test_a_full_server_is_asked_again(redis_servers, function, bridge, ledger):
    """Parking into a server without memory: held, not lost."""
    from .config import Config
    server = redis_servers(maxmemory="3mb", maxmemory_policy="noeviction").start()
    stream, dead = server.name(), server.name("dead")
    ledger.produce(server, stream, 10)
    filler = 0
    with pytest.raises(Refused):
        while True:
            server("SET", f"filler-{filler}", "x" * 100000)
            filler += 1
    function.behave({"do": "ok", "status": 400})
    config = Config(function={"address": function.address, "protocol": "plain"})
    b = bridge(config.redis("orders", server.port, topics=stream, consumerID="g", deadLetterTopic=dead)).start()
    eventually(lambda: b.log_contains("OOM"), 20)
    for i in range(filler):
        server("DEL", f"filler-{i}")
    eventually(lambda: b.count("parked_total") == 10, 60)
    assert len(server.entries(dead)) == 10
    eventually(lambda: server.settled(stream, "g"), 10)
