"""MQTT when things go wrong: kills, brokers that restart, freeze or vanish, windows that are full, floods."""
from __future__ import annotations

import json
import random

import pytest

from tests.servers.wait import eventually, throughout

from .conftest import LONG
from .mqtt import Steady, publish

VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5"])


@VERSIONS
def test_killed_again_and_again_under_load_nothing_is_lost(mosquittos, function, listen, ledger, group, version):
    kills = 40 if LONG else 6
    dice = random.Random(7)
    broker = mosquittos(max_inflight_messages=200)
    function.behave({"do": "slow", "ms": 5})
    b = listen(f"{group}/#", broker, protocolVersion=version)
    with Steady(ledger, broker, lambda i: f"{group}/{i % 9}", 800):
        for _ in range(kills):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + dice.randrange(50, 400), 60)
            b.wait_in_flight()
            b.kill9()
            b.start()
    ledger.wait(function, within=90)
    ledger.check(function)
    assert ledger.retries(function) >= 1, "invalid run: nothing came twice, so nothing was in flight at a kill"


def test_a_stop_in_mid_flow_brings_nothing_twice(mosquitto, function, listen, ledger, group):
    b = listen(group)
    function.behave({"do": "slow", "ms": 10})
    with Steady(ledger, mosquitto, group, 500):
        for _ in range(3):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + 200)
            b.stop()
            b.start()
    ledger.wait(function)
    ledger.check(function, duplicates=0)


@VERSIONS
def test_a_broker_with_persistence_restarts_and_nothing_is_lost(mosquittos, function, listen, ledger, group, version):
    broker = mosquittos(persistence="true")
    function.behave({"do": "hang"})
    b = listen(group, broker, protocolVersion=version)
    client = broker.client()
    publish(ledger, client, group, 300)
    client.close()
    b.wait_in_flight(10)
    broker.stop()
    eventually(lambda: b.log_contains("down: "))
    function.behave()
    function.release()
    broker.start()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    assert b.log_contains("resumed its session")
    eventually(lambda: b.in_flight() == 0)
    # finished while the broker was away, known when it was brought again
    assert b.metrics().component("known_total") + b.count("taken_over_total") >= 10


def test_a_broker_without_persistence_loses_what_it_held_and_that_is_said(mosquittos, function, listen, ledger, group):
    broker = mosquittos()
    b = listen(group, broker)
    client = broker.client()
    publish(ledger, client, group, 50)
    ledger.wait(function)
    client.close()
    broker.kill9()
    broker.start()
    eventually(lambda: b.log_contains("no session of client .* any more"))
    b.ready()
    publish(ledger, broker.client(), group, 50)
    ledger.wait(function)
    ledger.check(function)


def test_events_held_here_when_the_session_is_lost_are_still_delivered(mosquittos, function, listen, ledger, group):
    broker = mosquittos()
    function.behave({"do": "ok", "status": 503})
    b = listen(group, broker)
    client = broker.client()
    publish(ledger, client, group, 10)
    eventually(lambda: ledger.retries(function) >= 10)
    client.close()
    broker.kill9()
    broker.start()
    eventually(lambda: b.log_contains("no session of client .* any more"))
    function.behave()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    publish(ledger, broker.client(), group, 10)
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_a_frozen_broker_goes_on_where_it_was(mosquittos, function, listen, ledger, group):
    broker = mosquittos()
    function.behave({"do": "slow", "ms": 20})
    b = listen(group, broker, keepAlive="1s")
    publish(ledger, broker.client(), group, 200)
    b.wait_in_flight()
    broker.process.sigstop()
    eventually(lambda: b.log_contains("down: "), 30, "silence is noticed")
    broker.process.sigcont()
    ledger.wait(function)
    ledger.check(function)
    eventually(lambda: b.in_flight() == 0)


def test_a_half_open_link_is_noticed_and_replaced(mosquittos, proxies, function, listen, ledger, group):
    broker = mosquittos()
    proxy = proxies(broker.port)
    b = listen(group, broker, url=f"mqtt://127.0.0.1:{proxy.port}", keepAlive="1s")
    publish(ledger, broker.client(), group, 20)
    ledger.wait(function)
    proxy.poison(blackhole=True)
    publish(ledger, broker.client(), group, 20)
    eventually(lambda: b.log_contains("down: "), 30, "the silence is noticed")
    proxy.heal()
    ledger.wait(function)
    ledger.check(function)


@VERSIONS
def test_resets_in_the_middle_of_packets_lose_nothing(mosquittos, proxies, function, listen, ledger, group, version):
    broker = mosquittos()
    proxy = proxies(broker.port)
    b = listen(group, broker, url=f"mqtt://127.0.0.1:{proxy.port}", protocolVersion=version)
    proxy.poison(limit=1777)
    publish(ledger, broker.client(), group, 300, size=100)
    eventually(lambda: b.metrics().component("reconnects_total") >= 2, 60)
    proxy.heal()
    ledger.wait(function)
    ledger.check(function)


@VERSIONS
def test_a_session_taken_over_by_another_client_is_fetched_back(mosquitto, function, listen, ledger, group, version):
    b = listen(group, protocolVersion=version)
    thief = mosquitto.client(f"{group}-consumer", version=5 if version == "5" else 4, clean=False)
    eventually(lambda: b.log_contains("down: "))
    thief.c.loop_stop()
    eventually(lambda: b.log().count("connected to") >= 2)
    b.ready()
    publish(ledger, mosquitto.client(), group, 20)
    ledger.wait(function)
    ledger.check(function)


@pytest.mark.parametrize("window", [1, 20])
def test_small_windows_of_the_broker_flow(mosquittos, function, listen, ledger, group, window):
    broker = mosquittos(max_inflight_messages=window)
    b = listen(group, broker)
    publish(ledger, broker.client(), group, 1000)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    b.stop()


def test_a_poison_event_fills_the_window_and_that_is_said(mosquittos, function, listen, ledger, group):
    broker = mosquittos(max_inflight_messages=20)
    function.behave({"do": "ok", "status": 503, "id": f"{ledger.run}-0"})
    b = listen(group, broker, spillAfter="1s")
    publish(ledger, broker.client(), group, 100)
    eventually(lambda: len(function.taken()) == 19, 30, "what came with it is delivered")
    eventually(lambda: b.metrics().component("stalls_total") == 1 and b.log_contains("cannot be acknowledged before it"))
    eventually(lambda: b.metrics().sum("bridge_partition_saturated") == 1)
    assert b.metrics().lag(group, 0) == 20, "unacknowledged and in flight: a lower bound"
    assert broker.acknowledged(f"{group}-consumer") == 0, "nothing is acknowledged before the oldest"
    function.behave()
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_a_poison_event_with_a_place_is_parked_and_the_rest_flows(mosquittos, function, listen, ledger, group):
    broker = mosquittos(max_inflight_messages=20)
    function.behave({"do": "ok", "status": 500, "id": f"{ledger.run}-0"})
    grave = broker.client(version=5).subscribe(f"{group}/dead")
    listen(f"{group}/in", broker, protocolVersion=5, deadLetterTopic=f"{group}/dead", retryMaxAttempts=2,
           retryInitialInterval="10ms")
    publish(ledger, broker.client(), f"{group}/in", 100)
    ledger.wait(function, parked=lambda: [json.loads(m.payload)["id"] for m in grave.messages()])
    history = dict(grave.messages()[0].properties.UserProperty)
    assert history["bridge-dead-letter-attempts"] == "2" and history["bridge-origin-topic"] == f"{group}/in"


def test_a_dead_letter_nobody_subscribes_to_is_not_parked(mosquittos, function, listen, ledger, group):
    broker = mosquittos()
    function.behave({"do": "ok", "status": 500})
    b = listen(f"{group}/in", broker, protocolVersion=5, deadLetterTopic=f"{group}/dead", retryMaxAttempts=1)
    publish(ledger, broker.client(), f"{group}/in", 1)
    eventually(lambda: b.log_contains("nobody subscribes to that topic"))
    assert b.count("parked_total") == 0 and broker.acknowledged(f"{group}-consumer") == 0
    grave = broker.client().subscribe(f"{group}/dead")
    grave.wait(1)
    eventually(lambda: b.count("parked_total") == 1)


def test_a_hundred_thousand_queued_events_flow_at_connect(mosquittos, function, listener, ledger, group):
    broker = mosquittos(log_type="warning", max_inflight_messages=0)
    b = listener(group, broker).start().ready()
    b.stop()
    n = 100_000 if LONG else 20_000
    publish(ledger, broker.client(), group, n)
    b.start()
    eventually(lambda: b.count("received_total") > 0 and b.rss_anon() < 120 << 20)
    ledger.wait(function, within=170)
    ledger.check(function)
    assert b.rss_anon() < 120 << 20


def test_of_a_window_without_end_only_so_much_is_read(mosquittos, function, listen, ledger, group):
    broker = mosquittos(max_inflight_messages=0)
    function.behave({"do": "hang"})
    b = listen(group, broker, waitingEvents=200, function={"address": function.address, "bufferEvents": 100})
    publish(ledger, broker.client(), group, 2000)
    b.wait_in_flight(50)
    throughout(lambda: (b.metrics().lag(group, 0) or 0) <= 100 + 200, 3)
    function.behave()
    function.release()
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_a_connection_that_ends_for_lack_of_credit_is_made_anew_with_credit(mosquittos, function, listen, ledger, group):
    broker = mosquittos(max_inflight_messages=0)
    function.behave({"do": "hang"})
    b = listen(group, broker, waitingEvents=50, keepAlive="2s",
               function={"address": function.address, "bufferEvents": 60})
    publish(ledger, broker.client(), group, 500)
    eventually(lambda: b.log_contains("while the function takes nothing"), 40)
    assert b.metrics().lag(group, 0) is None, "nothing is known of the session while it is down"
    function.behave()
    function.release()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: b.in_flight() == 0)


def test_a_function_at_zero_for_long_costs_nothing_and_loses_nothing(mosquittos, functions, listener, ledger, group):
    broker = mosquittos()
    function = functions()
    b = listener(group, broker, function={"address": function.address}).start()
    eventually(lambda: b.log_contains("bridge .* started"))
    function.up()
    b.ready()
    function.down()
    publish(ledger, broker.client(), group, 500)
    throughout(lambda: b.alive() and broker.acknowledged(f"{group}-consumer") == 0, 5)
    function.up()
    ledger.wait(function)
    ledger.check(function)


def test_a_broker_that_is_not_there_at_the_start_is_found_when_it_comes(mosquittos, function, listener, ledger, group):
    broker = mosquittos()
    broker.stop()
    b = listener(group, broker).start()
    eventually(lambda: b.log_contains("down: tcp://127.0.0.1"))
    broker.start()
    b.ready()
    publish(ledger, broker.client(), group, 10)
    ledger.wait(function)
