"""Everything a function and the network before it can do wrong: every event arrives all the same, none is burnt."""
from __future__ import annotations

import pytest

from tests.servers.wait import eventually, throughout


QUICK_RETRY = {"retryInitialInterval": "10ms", "retryMaxInterval": "100ms"}


@pytest.fixture
def topic(kafka) -> str:
    return kafka.create(partitions=4)


@pytest.mark.quick
def test_a_function_that_is_not_there_yet_costs_no_event(kafka, topic, functions, read, ledger):
    function, dead = functions(), kafka.create(partitions=1)
    ledger.produce(kafka, topic, 500)
    b = read(topic, function={"address": function.address}, deadLetterTopic=dead)
    throughout(lambda: b.count("parked_total") == b.count("retries_total") == 0, 3, "nothing is tried or parked")
    function.up()
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")
    assert kafka.read_all(dead) == []


@pytest.mark.quick
def test_a_function_that_goes_away_and_comes_back_gets_everything(kafka, topic, function, read, ledger):
    function.behave({"do": "slow", "ms": 10})
    b = read(topic, order="none", **QUICK_RETRY)
    with ledger.steady(kafka, topic, 500):
        for _ in range(2):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + 200, 30)
            b.wait_in_flight()
            function.down()
            seen = len(function.requests())
            eventually(lambda: b.metrics().sum("bridge_function_capacity") == 0, 20, "bridge notices")
            received = b.count("received_total")
            throughout(lambda: b.count("received_total") == received, 1, "reading stops")
            assert len(function.requests()) == seen
            function.up()
    ledger.wait(function)
    ledger.check(function)


def test_an_outage_parks_nothing_though_the_first_failure_would(kafka, topic, function, read, ledger):
    dead = kafka.create(partitions=1)
    # one at a time, so that at most one event per partition is unsure when the function goes
    b = read(topic, deadLetterTopic=dead)
    ledger.produce(kafka, topic, 100)
    ledger.wait(function)
    function.down()
    ledger.produce(kafka, topic, 500)
    throughout(lambda: b.count("parked_total") == 0, 2, "nothing is parked while nobody listens")
    function.up()
    ledger.wait(function)
    assert kafka.read_all(dead) == []


@pytest.mark.quick
def test_errors_are_retried_until_they_end(kafka, topic, function, read, ledger):
    ledger.produce(kafka, topic, 200)
    function.behave({"do": "ok", "status": 500, "times": 30}, {"do": "ok", "status": 503, "times": 30})
    b = read(topic, **QUICK_RETRY)
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")
    assert ledger.retries(function) == 60 == b.count("retries_total")


@pytest.mark.quick
def test_retry_after_is_kept(kafka, topic, function, read, ledger):
    first = ledger.produce(kafka, topic, 1)[0]
    function.behave({"do": "ok", "status": 429, "headers": {"Retry-After": "2"}, "times": 1})
    read(topic, **QUICK_RETRY)
    ledger.wait(function)
    one, two = [r for r in function.requests() if r.id == first]
    assert two.arrived - one.arrived >= 1.99


@pytest.mark.quick
def test_a_function_that_hangs_is_tried_again_after_the_timeout(kafka, topic, function, read, ledger):
    ledger.produce(kafka, topic, 40)
    function.behave({"do": "hang", "times": 4})
    b = read(topic, function={"timeout": "500ms"}, **QUICK_RETRY)
    ledger.wait(function)
    ledger.check(function, order="partition")
    assert b.count("timeouts_total") == 4 and b.count("unsure_total") == 4
    assert function.stats()["hung"] == 0, "a timed-out request's connection is closed"


BAD_ANSWERS = {
    "reset-after-reading": {"do": "reset"},
    "reset-in-the-head": {"do": "reset_mid", "bytes": 10},
    "reset-in-the-body": {"do": "reset_mid"},
    "half-close": {"do": "half_close"},
    "garbage": {"do": "garbage"},
    "no-status": {"do": "garbage", "text": "HTTP/1.1 OK\r\n\r\n"},
    "two-lengths": {"do": "garbage", "text": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
    "endless-head": {"do": "garbage", "text": "HTTP/1.1 200 OK\r\nX: " + "y" * 200000},
}


@pytest.mark.quick
@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_an_answer_that_is_none_is_unsure_and_the_event_comes_again(kafka, topic, function, read, ledger, answer):
    ledger.produce(kafka, topic, 80)
    function.behave({**answer, "times": 10})
    b = read(topic, **QUICK_RETRY)
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")
    # a connection that was reused and died before any answer may be tried once more without counting
    assert b.count("unsure_total") >= 1 and 1 <= ledger.retries(function) <= 10


GOOD_ANSWERS = {
    "close-said": {"do": "close"},
    "close-unsaid": {"do": "close", "said": False},
    "chunked": {"do": "chunked"},
    "informational-first": {"do": "informational"},
    "no-content": {"do": "ok", "status": 204},
    "slow": {"do": "slow", "ms": 50},
    "large-body": {"do": "ok", "body": "x" * 100000},
}


@pytest.mark.quick
@pytest.mark.parametrize("answer", GOOD_ANSWERS.values(), ids=GOOD_ANSWERS.keys())
def test_an_unusual_but_good_answer_is_taken_for_what_it_says(kafka, topic, function, read, ledger, answer):
    ledger.produce(kafka, topic, 100)
    function.behave(answer)
    b = read(topic, **QUICK_RETRY)
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")
    eventually(lambda: b.count("delivered_total") == 100, 10)
    assert b.count("retries_total") == 0


@pytest.mark.quick
def test_connections_reset_before_a_byte_is_read_burn_nothing(kafka, topic, function, read, ledger):
    dead = kafka.create(partitions=1)
    function.settings(accept="reset")
    ledger.produce(kafka, topic, 100)
    b = read(topic, direction="input", retryMaxAge="1h", deadLetterTopic=dead, **QUICK_RETRY)
    eventually(lambda: function.stats()["accepted"] >= 3, 20, "bridge keeps trying to connect")
    function.settings(accept="ok")
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")
    assert b.count("parked_total") == 0


@pytest.mark.quick
def test_a_keep_alive_connection_that_dies_idle_is_no_failure(kafka, topic, function, read, ledger):
    function.settings(idle_ms=30)
    b = read(topic).ready()
    for _ in range(15):
        ledger.produce(kafka, topic, 1)
        ledger.wait(function)
        eventually(lambda: function.stats()["connections"] == 0, 10, "the function closed its idle connections")
    ledger.check(function, duplicates=0)
    assert b.count("retries_total") == 0


# -- the network between


TOXICS = {
    "one-byte-slices": {"slice": 1},
    "delay": {"delay_ms": 20},
    "cut-after-1500-bytes": {"limit": 1500},
}


@pytest.mark.parametrize("toxic", TOXICS.values(), ids=TOXICS.keys())
def test_a_bad_network_to_the_function_loses_nothing(kafka, topic, function, proxies, read, ledger, toxic):
    proxy = proxies(function.port)
    proxy.poison(**toxic)
    ledger.produce(kafka, topic, 100)
    read(topic, function={"address": f"127.0.0.1:{proxy.port}"}, **QUICK_RETRY)
    ledger.wait(function)
    ledger.check(function, order="partition")


def test_a_half_open_network_is_noticed_by_the_timeout(kafka, topic, function, proxies, read, ledger):
    proxy = proxies(function.port)
    b = read(topic, function={"address": f"127.0.0.1:{proxy.port}", "timeout": "500ms"}, **QUICK_RETRY)
    with ledger.steady(kafka, topic, 200):
        eventually(lambda: len(function.taken()) > 100, 30)
        proxy.poison(blackhole=True)
        eventually(lambda: b.count("timeouts_total") >= 2, 20)
        proxy.heal()
    ledger.wait(function)
    ledger.check(function, order="partition")


def test_resets_in_mid_flow_lose_nothing(kafka, topic, function, proxies, read, ledger):
    proxy = proxies(function.port)
    function.behave({"do": "slow", "ms": 3})
    b = read(topic, function={"address": f"127.0.0.1:{proxy.port}"}, order="none", **QUICK_RETRY)
    with ledger.steady(kafka, topic, 600):
        for _ in range(8):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + 60, 30)
            b.wait_in_flight()
            proxy.reset()
    ledger.wait(function)
    ledger.check(function)
    assert ledger.retries(function) >= 1, "invalid run: no request was lost"
