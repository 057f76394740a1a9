"""Redis lists under faults: members and servers killed, frozen, cut off: nothing that was pushed and kept is lost."""
from __future__ import annotations

import random

import pytest

from tests.servers.resp import Refused
from tests.servers.wait import eventually, throughout

from .conftest import LONG

LIST = {"kind": "list"}


def test_killed_again_and_again_under_load_nothing_is_lost(redis, function, redis_read, ledger):
    key, dice = redis.name("list"), random.Random(11)
    function.behave({"do": "ok", "status": 503, "times": 40}, {"do": "slow", "ms": 5})
    b = redis_read(key, retryInitialInterval="10ms", retryMaxInterval="20ms", **LIST)
    with ledger.steady(redis.lists(), key, 800):
        for _ in range(40 if LONG else 8):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + dice.randrange(50, 600), 60)
            b.wait_in_flight()
            b.kill9()
            b.start()
    ledger.wait(function)
    ledger.check(function)
    assert ledger.duplicates(function) >= 1, "invalid run: nothing came twice"
    eventually(lambda: redis.drained(key), 20)
    eventually(lambda: len([f for f in redis("HKEYS", f"{key}:bridge") if f.startswith("u:")]) == 1, 10,
               "what was taken over is not kept in the books")


def test_what_was_in_work_comes_at_once_after_a_kill_and_is_counted(redis, function, redis_read, ledger):
    key = redis.name("list")
    function.behave({"do": "hang"})
    b = redis_read(key, processingTimeout="1h", **LIST)
    ledger.produce(redis.lists(), key, 20)
    for count in ("2", "3"):
        b.wait_in_flight(20)
        b.kill9()
        function.behave({"do": "hang"} if count == "2" else {"do": "ok"})
        b.start()
        eventually(lambda: function.requests() and function.last()["headers"]["__deliverycount"] == count, 15)
    ledger.wait(function, within=15)
    ledger.check(function, duplicates=0)
    eventually(lambda: redis.drained(key), 10)


def test_another_member_takes_over_what_a_dead_one_left(redis, functions, redis_reader, ledger):
    key, first, second = redis.name("list"), functions().up(), functions().up()
    first.behave({"do": "hang"})
    a = redis_reader(key, function={"address": first.address}, consumerName="a", **LIST).start()
    ledger.produce(redis.lists(), key, 200)
    a.wait_in_flight(50)
    b = redis_reader(key, function={"address": second.address}, consumerName="b", **LIST).start().ready()
    a.kill9()
    ledger.wait(second, within=30)
    assert b.log_contains("took over")
    eventually(lambda: redis.drained(key), 10)
    ledger.check(second, duplicates=0)


def test_what_is_in_work_for_long_is_not_taken_over(redis, functions, redis_reader, ledger):
    key, slow, idle = redis.name("list"), functions().up(), functions().up()
    slow.behave({"do": "hang"})
    redis_reader(key, function={"address": slow.address, "timeout": "60s"}, consumerName="a", **LIST).start().ready()
    ledger.produce(redis.lists(), key, 30)
    eventually(lambda: len(slow.requests()) == 30, 20)
    redis_reader(key, function={"address": idle.address}, consumerName="b", **LIST).start().ready()
    throughout(lambda: not idle.requests(), 6, "three times processingTimeout")
    slow.release()
    ledger.wait(slow)
    ledger.check(slow, duplicates=0)
    eventually(lambda: redis.drained(key), 10)


def test_two_members_share_and_take_over_from_each_other_while_both_are_killed(redis, functions, redis_reader, ledger):
    key, function, dice = redis.name("list"), functions().up(), random.Random(5)
    function.behave({"do": "slow", "ms": 5})
    members = [redis_reader(key, function={"address": function.address}, consumerName=n, **LIST).start()
               for n in ("a", "b")]
    with ledger.steady(redis.lists(), key, 600):
        for _ in range(20 if LONG else 6):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + dice.randrange(100, 500), 60)
            m = members[dice.randrange(2)]
            m.kill9()
            m.start()
    ledger.wait(function)
    ledger.check(function)
    eventually(lambda: redis.drained(key), 20)


def test_a_member_that_was_frozen_acknowledges_nothing_that_is_not_its_own_any_more(redis, functions, redis_reader,
                                                                                   ledger):
    key, first, second = redis.name("list"), functions().up(), functions().up()
    first.behave({"do": "hang"})
    a = redis_reader(key, function={"address": first.address, "timeout": "60s"}, consumerName="a", **LIST).start()
    ledger.produce(redis.lists(), key, 30)
    a.wait_in_flight(30)
    a.process.sigstop()
    second.behave({"do": "hang"})
    b = redis_reader(key, function={"address": second.address, "timeout": "60s"}, consumerName="b", **LIST).start()
    b.wait_in_flight(30)
    first.behave()
    first.release()
    a.process.sigcont()
    eventually(lambda: len(first.taken()) == 30, 20)
    eventually(lambda: a.log_contains("others have taken over"), 20)
    throughout(lambda: redis.in_work(key) == 30, 2, "the other one's are not removed")
    second.behave()
    second.release()
    ledger.produce(redis.lists(), key, 50)
    ledger.wait(first, second)
    eventually(lambda: redis.drained(key), 10)
    ledger.check(first, second)


def test_an_orderly_stop_brings_nothing_twice_and_leaves_the_rest_to_others(redis, functions, redis_reader, ledger):
    key, first, second = redis.name("list"), functions().up(), functions().up()
    first.behave({"do": "slow", "ms": 20})
    a = redis_reader(key, function={"address": first.address, "endpointConcurrency": 4}, consumerName="a",
                     processingTimeout="1h", **LIST).start()
    ledger.produce(redis.lists(), key, 300)
    eventually(lambda: len(first.taken()) > 20, 20)
    a.stop()
    assert redis.in_work(key) > 0, "invalid run: nothing was left"
    redis_reader(key, function={"address": second.address}, consumerName="b", processingTimeout="1h", **LIST).start()
    ledger.wait(first, second, within=15)
    ledger.check(first, second, duplicates=0)
    eventually(lambda: redis.drained(key), 10)


# -- the server


def test_a_server_that_keeps_what_it_has_is_restarted_and_nothing_is_lost(redis_servers, function, redis_reader, ledger):
    server = redis_servers(durable=True).start()
    key = server.name("list")
    function.behave({"do": "slow", "ms": 5})
    b = redis_reader(key, server, **LIST).start()
    with ledger.steady(server.lists(), key, 300):
        for end in (server.kill9, server.stop, server.kill9):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + 100, 60)
            end()
            server.start()
    ledger.wait(function)
    ledger.check(function)
    eventually(lambda: server.drained(key), 10)
    assert b.metrics().component("reconnects_total") >= 3


def test_what_runs_through_a_restart_of_the_server_is_not_delivered_again(redis_servers, function, redis_reader, ledger):
    server = redis_servers(durable=True).start()
    key = server.name("list")
    function.behave({"do": "hang"})
    b = redis_reader(key, server, function={"address": function.address, "timeout": "60s"}, **LIST).start()
    ledger.produce(server.lists(), key, 30)
    eventually(lambda: len(function.requests()) == 30, 20)
    server.kill9()
    server.start()
    eventually(lambda: b.metrics().component("reconnects_total") >= 1, 20)
    eventually(lambda: b.readyz() == 200, 20)
    function.behave()
    function.release()
    ledger.produce(server.lists(), key, 10)
    ledger.wait(function)
    eventually(lambda: server.drained(key), 10)
    assert ledger.retries(function) == 0


def test_a_server_that_forgets_everything_is_read_on(redis_servers, function, redis_reader, ledger):
    """What was in work here is delivered all the same."""
    server = redis_servers().start()
    key = server.name("list")
    function.behave({"do": "hang"})
    b = redis_reader(key, server, function={"address": function.address, "timeout": "60s"}, **LIST).start()
    ledger.produce(server.lists(), key, 30)
    b.wait_in_flight(30)
    server.kill9()
    server.start()
    eventually(lambda: b.log_contains("has lost what is in work"), 20)
    function.behave()
    function.release()
    ledger.produce(server.lists(), key, 100)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: server.drained(key), 10)


def test_a_frozen_server_is_noticed_and_read_on_when_it_thaws(redis_servers, function, redis_reader, ledger):
    """The commands of the old connection are carried out then, beside the new one's."""
    server = redis_servers().start()
    key = server.name("list")
    function.behave({"do": "slow", "ms": 3})
    b = redis_reader(key, server, **LIST).start().ready()
    ledger.produce(server.lists(), key, 500)
    b.wait_in_flight()
    server.process.sigstop()
    eventually(lambda: b.readyz() != 200, 20, "it is not ready while its broker is silent")
    eventually(lambda: b.metrics().lag(key, 0) is None, 20, "lag is unknown, not 0")
    server.process.sigcont()
    ledger.produce(server.lists(), key, 50)
    ledger.wait(function)
    ledger.check(function)
    eventually(lambda: server.drained(key), 10)


@pytest.mark.parametrize("toxics", [{"slice": 1}, {"limit": 3000}, {"delay_ms": 30}], ids=lambda t: next(iter(t)))
def test_a_bad_line_loses_nothing(redis, function, proxies, redis_read, ledger, toxics):
    key, proxy = redis.name("list"), proxies(redis.port)
    proxy.poison(**toxics)
    redis_read(key, port=proxy.port, queueDepth=10, **LIST)
    ledger.produce(redis.lists(), key, 200)
    eventually(lambda: len(function.taken()) > 20, 120)
    proxy.heal()
    ledger.wait(function, within=120)
    ledger.check(function)
    eventually(lambda: redis.drained(key), 30)


def test_a_half_open_connection_is_noticed(redis, function, proxies, redis_read, ledger):
    key, proxy = redis.name("list"), proxies(redis.port)
    b = redis_read(key, port=proxy.port, **LIST)
    b.ready()
    ledger.produce(redis.lists(), key, 50)
    ledger.wait(function)
    proxy.poison(blackhole=True)
    ledger.produce(redis.lists(), key, 50)
    eventually(lambda: b.log_contains("no answer within readTimeout"), 20)
    proxy.heal()
    ledger.wait(function)
    eventually(lambda: redis.drained(key), 20)
    ledger.check(function, duplicates=0)


def test_a_full_server_is_asked_again_and_nothing_is_lost(redis_servers, function, redis_reader, ledger):
    server = redis_servers(maxmemory="3mb", maxmemory_policy="noeviction").start()
    key = server.name("list")
    ledger.produce(server.lists(), key, 10)
    filler = 0
    with pytest.raises(Refused):
        while True:
            server("SET", f"filler-{filler}", "x" * 100000)
            filler += 1
    b = redis_reader(key, server, **LIST).start()
    eventually(lambda: b.log_contains("OOM"), 20)
    for i in range(filler):
        server("DEL", f"filler-{i}")
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: server.drained(key), 10)
