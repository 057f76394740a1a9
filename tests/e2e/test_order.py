"""Order of first deliveries within a lane, kept across retries; nothing waits that need not."""
from __future__ import annotations

import random

import pytest

from tests.servers.wait import eventually

from .config import Config

pytestmark = pytest.mark.quick
QUICK_RETRY = {"retryInitialInterval": "5ms", "retryMaxInterval": "20ms"}


def fail_some(ids: list[str], n: int) -> list[dict[str, object]]:
    """Rules: so many random events get a 503 before they are taken."""
    chosen = random.Random(1).sample(ids, n)
    return [{"do": "ok", "id": id, "status": 503, "times": 1 + i % 2} for i, id in enumerate(chosen)]


@pytest.mark.parametrize("order", ["partition", "key"])
def test_order_survives_retries(kafka, function, read, ledger, order):
    topic = kafka.create(partitions=4)
    ids = ledger.produce(kafka, topic, 1500, key=lambda i: f"k{i % 40}")
    function.behave(*fail_some(ids, 100))
    b = read(topic, order=order, **QUICK_RETRY)
    ledger.wait(function)
    ledger.check(function, duplicates=0, order=order)
    assert b.count("retries_total") >= 100


def test_partition_order_delivers_one_at_a_time_per_partition(kafka, function, read, ledger):
    topic = kafka.create(partitions=3)
    ledger.produce(kafka, topic, 300, partition=lambda i: i % 3)
    function.behave({"do": "slow", "ms": 5})
    read(topic)
    ledger.wait(function)
    assert function.stats()["most_in_flight"] == 3


def test_key_order_runs_keys_beside_each_other(kafka, function, read, ledger):
    topic = kafka.create(partitions=1)
    ids = ledger.produce(kafka, topic, 200, key=lambda i: f"k{i % 20}")
    function.behave({"do": "hang", "key": "k7"}, {"do": "slow", "ms": 5})
    read(topic, order="key")
    others = {i for n, i in enumerate(ids) if n % 20 != 7}
    eventually(lambda: function.taken() == others, 30, "every key but the one that hangs is done")
    assert function.stats()["hung"] == 1, "of a key only one is out at a time"
    function.behave({"do": "slow", "ms": 5})
    function.release()
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="key")
    assert 2 <= function.stats()["most_in_flight"] <= 20


def test_order_none_lets_nothing_wait(kafka, function, read, ledger):
    topic = kafka.create(partitions=1)
    ids = ledger.produce(kafka, topic, 200, key=lambda i: "same")
    function.behave({"do": "hang", "id": ids[0]})
    read(topic, order="none")
    eventually(lambda: function.taken() == set(ids[1:]), 30, "all but the first are done")
    function.release()
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_max_in_flight_bounds_what_is_out(kafka, function, read, ledger):
    topic = kafka.create(partitions=2)
    ledger.produce(kafka, topic, 300)
    function.behave({"do": "slow", "ms": 3})
    read(topic, order="none", maxInFlight=5)
    ledger.wait(function)
    assert function.stats()["most_in_flight"] == 5


def test_endpoint_concurrency_bounds_all_subscriptions_together(kafka, function, bridge, ledger, group):
    one, two = kafka.create(partitions=2), kafka.create(partitions=2)
    ledger.produce(kafka, one, 200)
    ledger.produce(kafka, two, 200)
    function.behave({"do": "slow", "ms": 3})
    config = Config(function={"address": function.address, "endpointConcurrency": 6})
    config.binding("one", kafka.brokers, one, group, order="none")
    config.binding("two", kafka.brokers, two, group + "-2", order="none")
    bridge(config).start()
    ledger.wait(function)
    assert function.stats()["most_in_flight"] == 6
