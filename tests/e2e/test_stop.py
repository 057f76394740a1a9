"""The orderly end: what is in flight is finished and committed, nothing comes again."""
from __future__ import annotations

import signal
import time

import pytest

from tests.servers.wait import eventually


pytestmark = pytest.mark.quick


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_mid_flow_makes_no_duplicates(any_kafka, function, read, ledger, signo):
    topic = any_kafka.create(partitions=4)
    function.behave({"do": "slow", "ms": 20})
    b = read(topic, kafka=any_kafka, order="none")
    with ledger.steady(any_kafka, topic, 1500):
        for _ in range(3):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + 200, 30)
            b.wait_in_flight(5)
            b.ended_by_test = True
            b.process.signal(signo)
            assert b.wait() == 0
            b.start()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    assert ledger.retries(function) == 0, "nothing was even sent twice"


def test_past_the_drain_deadline_what_is_in_flight_is_named_and_comes_again(kafka, function, read, ledger):
    topic = kafka.create(partitions=1)
    ids = ledger.produce(kafka, topic, 5, partition=lambda i: 0)
    function.behave({"do": "hang", "id": ids[2]})
    b = read(topic, process={"drainTimeout": "1s"})
    eventually(lambda: function.stats()["hung"] == 1, 30)
    b.sigterm()
    b.wait(20)
    assert b.log_contains(rf"event {topic}\S*2\D.* in flight at the drain deadline"), b.log()[-2000:]
    function.behave()
    b.start()
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")


def test_a_second_signal_ends_at_once_with_1(kafka, function, read, ledger):
    topic = kafka.create(partitions=1)
    ledger.produce(kafka, topic, 1)
    function.behave({"do": "hang"})
    b = read(topic, process={"drainTimeout": "10m"})
    eventually(lambda: function.stats()["hung"] == 1, 30)
    b.sigterm()
    eventually(lambda: b.log_contains("shutting down"), 10)
    b.sigterm()
    assert b.wait(5) == 1


def test_an_idle_stop_is_quick(kafka, function, read):
    topic = kafka.create(partitions=1)
    b = read(topic).ready()
    start = time.monotonic()
    b.stop(within=3)
    assert time.monotonic() - start < 3


def test_a_stop_with_the_function_gone_returns_everything(kafka, function, read, ledger):
    topic = kafka.create(partitions=2)
    function.behave({"do": "slow", "ms": 30})
    ledger.produce(kafka, topic, 300)
    b = read(topic)
    eventually(lambda: len(function.taken()) > 10, 30)
    function.down()
    b.wait_in_flight()
    b.stop(20)
    function.up()
    b.start()
    ledger.wait(function)
    ledger.check(function, order="partition")
