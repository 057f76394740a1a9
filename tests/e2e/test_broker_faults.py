"""The broker stops, dies, freezes, is far away or out of reach: reading goes on where it was, nothing is lost."""
from __future__ import annotations

import pytest

from tests.servers.kafka import Kafka
from tests.servers.wait import eventually, throughout


@pytest.fixture
def own_topic(own_kafka: Kafka) -> str:
    return own_kafka.create(partitions=4)


@pytest.mark.parametrize("fault", ["stop", "kill9"])
def test_a_broker_that_goes_and_comes_back_is_read_on(own_kafka, own_topic, function, read, ledger, fault):
    function.behave({"do": "slow", "ms": 5})
    b = read(own_topic, kafka=own_kafka, order="none")
    with ledger.steady(own_kafka, own_topic, 300):
        eventually(lambda: len(function.taken()) > 200, 30)
        b.wait_in_flight()
        getattr(own_kafka, fault)()
        eventually(lambda: not b.metrics().select("bridge_partition_lag"), 40, "an outage is not zero: lag unknown")
        own_kafka.start()
        before = len(function.taken())
        eventually(lambda: len(function.taken()) > before + 200, 60, "events flow again")
    ledger.wait(function, within=90)
    ledger.check(function)
    eventually(lambda: b.in_flight() == 0, 20)


def test_a_broker_that_freezes_is_waited_for(own_kafka, own_topic, function, read, ledger):
    function.behave({"do": "slow", "ms": 5})
    b = read(own_topic, kafka=own_kafka)
    with ledger.steady(own_kafka, own_topic, 300):
        eventually(lambda: len(function.taken()) > 200, 30)
        b.wait_in_flight()
        own_kafka.sigstop()
        throughout(b.alive, 30, "bridge lives on")
        own_kafka.sigcont()
        before = len(function.taken())
        eventually(lambda: len(function.taken()) > before + 200, 60, "events flow again")
    ledger.wait(function, within=90)
    ledger.check(function, order="partition")


def test_a_broker_that_is_not_there_at_the_start_is_waited_for(own_kafka, own_topic, function, read, ledger):
    ledger.produce(own_kafka, own_topic, 200)
    own_kafka.stop()
    b = read(own_topic, kafka=own_kafka)
    throughout(lambda: b.alive() and b.readyz() != 200, 3, "alive, and not ready")
    assert b.metrics().select("bridge_partition_lag") == [], "an outage is not zero: the lag is unknown"
    whom = rf"orders.*127\.0\.0\.1:{own_kafka.port}"
    eventually(lambda: b.log_contains(whom), 30, "the log says whom it cannot reach, and for which component")
    own_kafka.start()
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")


TOXICS = {"delay": {"delay_ms": 50}, "one-byte-slices": {"slice": 7}}


@pytest.mark.parametrize("toxic", TOXICS.values(), ids=TOXICS.keys())
def test_a_slow_network_to_the_broker_loses_nothing(own_kafka, own_topic, function, proxies, read, ledger, toxic):
    proxy = proxies(own_kafka.behind_proxy_port, own_kafka.proxy_port)
    proxy.poison(**toxic)
    ledger.produce(own_kafka, own_topic, 300)
    read(own_topic, brokers=own_kafka.brokers_by_proxy)
    ledger.wait(function)
    ledger.check(function, order="partition")
    assert proxy.accepted >= 1


def test_a_network_that_breaks_and_swallows_loses_nothing(own_kafka, own_topic, function, proxies, read, ledger):
    proxy = proxies(own_kafka.behind_proxy_port, own_kafka.proxy_port)
    function.behave({"do": "slow", "ms": 5})
    b = read(own_topic, brokers=own_kafka.brokers_by_proxy, order="none", readTimeout="3s")
    with ledger.steady(own_kafka, own_topic, 300):
        for fault in (proxy.reset, proxy.reset, lambda: proxy.poison(blackhole=True), proxy.down):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + 200, 60, "events flow")
            b.wait_in_flight()
            fault()
            if fault is not proxy.reset:
                throughout(b.alive, 5)
            proxy.heal()
            proxy.up()
    ledger.wait(function, within=90)
    ledger.check(function)

