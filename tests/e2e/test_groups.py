"""Several members of one group, ours and others', come and go under load; partitions change hands without loss."""
from __future__ import annotations

import json

import pytest
from confluent_kafka import Consumer

from tests.servers.wait import eventually


pytestmark = pytest.mark.groups
STRATEGIES = ["range", "roundrobin", "cooperative-sticky"]


@pytest.fixture
def topic(kafka) -> str:
    return kafka.create(partitions=6)


def windows(b) -> float:
    """Partitions this member has."""
    return b.metrics().sum("bridge_function_windows")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_members_that_join_and_leave_in_order_make_no_duplicates(kafka, topic, function, reader, ledger, strategy):
    function.behave({"do": "slow", "ms": 4})
    first, second, third = (reader(topic, consumerGroupRebalanceStrategy=strategy) for _ in range(3))
    first.start()
    with ledger.steady(kafka, topic, 500, partition=lambda i: i % 6):
        eventually(lambda: windows(first) == 6 and len(function.taken()) > 100, 30)
        first.wait_in_flight()
        second.start()
        eventually(lambda: windows(first) == 3 and windows(second) == 3, 40, "two members share")
        first.wait_in_flight()
        third.start()
        eventually(lambda: windows(first) == windows(second) == windows(third) == 2, 40, "three members share")
        third.wait_in_flight()
        third.stop()
        eventually(lambda: windows(first) + windows(second) == 6, 40, "the leaver's partitions are taken over")
        first.wait_in_flight()
        first.stop()
        eventually(lambda: windows(second) == 6, 40)
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")
    assert second.rebalances() >= 3


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_partitions_of_a_killed_member_are_taken_over(kafka, topic, function, read, ledger, strategy):
    function.behave({"do": "slow", "ms": 4})
    first, second = (read(topic, consumerGroupRebalanceStrategy=strategy, sessionTimeout="2s") for _ in range(2))
    with ledger.steady(kafka, topic, 500, partition=lambda i: i % 6):
        eventually(lambda: windows(first) == 3 and windows(second) == 3, 40)
        first.wait_in_flight()
        first.kill9()
        eventually(lambda: windows(second) == 6, 40, "the survivor has all partitions")
    ledger.wait(function)
    ledger.check(function, order="partition")


def test_a_member_that_was_frozen_past_its_session_does_no_harm(kafka, topic, function, read, ledger, group):
    function.behave({"do": "slow", "ms": 4})
    first, second = (read(topic, sessionTimeout="2s") for _ in range(2))
    with ledger.steady(kafka, topic, 500, partition=lambda i: i % 6):
        eventually(lambda: windows(first) == 3 and windows(second) == 3, 40)
        first.wait_in_flight()
        first.process.sigstop()
        eventually(lambda: windows(second) == 6, 40, "the group goes on without it")
        committed = kafka.committed(group, topic)
        first.process.sigcont()
        eventually(lambda: windows(first) == 3 and windows(second) == 3, 40, "it comes back as a member")
        now = kafka.committed(group, topic)
        assert all(now[p] >= committed[p] for p in committed), f"a stale commit went back: {committed}, {now}"
    ledger.wait(function)
    ledger.check(function)


def test_a_static_member_that_restarts_disturbs_nobody(kafka, topic, function, read, ledger):
    function.behave({"do": "slow", "ms": 4})
    first, second = (read(topic, groupInstanceId=name, sessionTimeout="20s") for name in ("one", "two"))
    with ledger.steady(kafka, topic, 300, partition=lambda i: i % 6):
        eventually(lambda: windows(first) == 3 and windows(second) == 3, 40)
        second.wait_in_flight()
        before = first.rebalances()
        second.stop()
        second.start()
        eventually(lambda: windows(second) == 3, 30, "the static member has its partitions again")
        assert first.rebalances() == before, "the other member did not notice"
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")


def sarama(kafka, group: str, topic: str) -> Consumer:
    """As a Dapr sidecar is in the group: range, plain offsets without metadata."""
    c = Consumer({"bootstrap.servers": kafka.brokers, "group.id": group, "client.id": "sarama", "log_level": 0,
                  "partition.assignment.strategy": "range", "auto.offset.reset": "earliest",
                  "enable.auto.commit": False, "session.timeout.ms": 6000})
    c.subscribe([topic])
    return c


def consume(c: Consumer, n: int) -> set[str]:
    ids: set[str] = set()

    def more() -> bool:
        for m in c.consume(min(50, n - len(ids)), 0.5):
            assert m.error() is None
            ids.add(json.loads(m.value())["id"])
        return len(ids) >= n

    eventually(more, 30, f"the other client reads {n} events")
    return ids


def test_a_group_of_another_client_is_taken_over_where_it_stood(any_kafka, function, read, ledger, group):
    kafka = any_kafka
    topic = kafka.create(partitions=4)
    ledger.produce(kafka, topic, 400)
    other = sarama(kafka, group, topic)
    theirs = consume(other, 250)
    other.commit(asynchronous=False)
    other.close()
    assert all(kafka.note(group, topic, p)[1] == "" for p in range(4))
    read(topic, kafka=kafka)
    ledger.wait(function, parked=lambda: theirs)
    assert not theirs & function.taken(), "what the other client committed does not come again"


def test_a_group_is_taken_over_member_by_member(kafka, topic, function, read, ledger, group):
    ledger.produce(kafka, topic, 200, partition=lambda i: i % 6)
    other = sarama(kafka, group, topic)
    theirs = consume(other, 100)
    other.commit(asynchronous=False)
    b = read(topic)

    def shared() -> bool:
        for m in other.consume(50, 0.1):
            theirs.add(json.loads(m.value())["id"])
            other.commit(m, asynchronous=False)
        return windows(b) == 3 and len(other.assignment()) == 3

    eventually(shared, 40, "both read side by side")
    other.close()
    eventually(lambda: windows(b) == 6, 40)
    ledger.wait(function, parked=lambda: theirs)
