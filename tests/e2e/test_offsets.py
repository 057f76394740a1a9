"""Offsets with gaps, logs that begin later, topics that come, go and grow."""
from __future__ import annotations

import pytest

from tests.servers.wait import eventually, throughout

from .ledger import Ledger


def lag_is_zero(b, topic: str, partitions: int) -> bool:
    return all(b.metrics().lag(topic, p) == 0 for p in range(partitions))


def test_the_gaps_of_compaction_are_passed(kafka, function, read, ledger, group):
    topic = kafka.create(partitions=1, cleanup_policy="compact", segment_ms="100",
                         min_cleanable_dirty_ratio="0.01")
    ids = ledger.produce(kafka, topic, 400, key=lambda i: f"k{i % 5}")

    def compacted() -> bool:
        ledger.produce(kafka, topic, 1, key=lambda i: "last")		# rolls the segment
        return len(kafka.read_all(topic)) < 200

    eventually(compacted, 60, "the log is compacted")
    left = {m.offset() for m in kafka.read_all(topic)}
    b = read(topic)
    end = kafka.watermarks(topic, 0)[1]
    eventually(lambda: kafka.committed(group, topic)[0] == end, 30, "the window moves over the gaps")
    assert left <= {r.offset for r in function.requests()} and function.taken() & set(ids)
    eventually(lambda: lag_is_zero(b, topic, 1), 30)


def transaction(kafka, producer, topic: str, ids: list[str], commit: bool) -> None:
    producer.begin_transaction()
    for i in ids:
        producer.produce(topic, ('{"id":"%s"}' % i).encode(), partition=0)
    producer.flush(10)
    producer.commit_transaction(10) if commit else producer.abort_transaction(10)


@pytest.mark.quick
def test_aborted_transactions_are_not_delivered_and_stop_nothing(kafka, function, read):
    topic = kafka.create(partitions=1)
    producer = kafka.producer(transactional_id=topic, message_timeout_ms=30000)
    producer.init_transactions(20)
    good, bad = [f"good-{i}" for i in range(60)], [f"bad-{i}" for i in range(60)]
    for i in range(0, 60, 10):
        transaction(kafka, producer, topic, good[i:i + 10], True)
        transaction(kafka, producer, topic, bad[i:i + 10], False)
    b = read(topic)
    eventually(lambda: function.taken() >= set(good), 30)
    eventually(lambda: lag_is_zero(b, topic, 1), 30, "the aborted end counts as done")
    assert not function.taken() & set(bad)
    transaction(kafka, producer, topic, ["more"], True)
    eventually(lambda: "more" in function.taken(), 30)
    b.stop()
    seen = len(function.requests())
    b.start().ready()
    eventually(lambda: lag_is_zero(b, topic, 1), 30)
    assert len(function.requests()) == seen, "nothing comes again over the control records"


@pytest.mark.quick
def test_an_open_transaction_is_waited_for(kafka, function, read):
    topic = kafka.create(partitions=1)
    producer = kafka.producer(transactional_id=topic, message_timeout_ms=30000)
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b'{"id":"open"}', partition=0)
    producer.flush(10)
    read(topic).ready()
    throughout(lambda: not function.requests(), 2)
    producer.commit_transaction(10)
    eventually(lambda: function.taken() == {"open"}, 30)


@pytest.mark.quick
def test_retention_past_the_committed_offset_goes_on_at_what_is_left(any_kafka, function, read, ledger, group):
    kafka = any_kafka
    topic = kafka.create(partitions=1)
    b = read(topic, kafka=kafka)
    ledger.produce(kafka, topic, 100)
    ledger.wait(function)
    b.stop()
    later = ledger.produce(kafka, topic, 100)
    kafka.delete_records(topic, 0, 150)
    b.start()
    eventually(lambda: set(later[50:]) <= function.taken(), 30, "what retention left is delivered")
    assert not set(later[:50]) & function.taken()
    eventually(lambda: kafka.committed(group, topic)[0] == 200, 10)


def read_newest(kafka, read, topic: str, **metadata):
    """A new group's member that stands at the end of an empty topic, and has said so to the broker."""
    b = read(topic, kafka=kafka, initialOffset="newest", **metadata)
    eventually(lambda: lag_is_zero(b, topic, kafka.partitions(topic)), 30, "it reads")
    return b


def test_retention_past_the_committed_offset_skips_nothing_for_a_group_that_began_at_the_newest(
        any_kafka, function, read, ledger, group):
    kafka = any_kafka
    topic = kafka.create(partitions=1)
    b = read_newest(kafka, read, topic)
    ledger.produce(kafka, topic, 100)
    ledger.wait(function)
    b.stop()
    later = ledger.produce(kafka, topic, 100)
    kafka.delete_records(topic, 0, 150)
    b.start()
    eventually(lambda: set(later[50:]) <= function.taken(), 30, "what retention left is delivered")
    assert not set(later[:50]) & function.taken()
    eventually(lambda: kafka.committed(group, topic)[0] == 200, 10)


@pytest.mark.quick
def test_a_topic_that_is_made_later_is_read_from_its_beginning(kafka, function, read, ledger):
    topic = kafka.new_name()
    b = read(topic)
    eventually(lambda: b.log_contains(topic), 30, "the log names the topic that is missing")
    kafka.create(topic, partitions=3)
    ledger.produce(kafka, topic, 50)
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")


def test_a_topic_that_is_deleted_and_made_anew_is_read_from_its_beginning(kafka, function, read, ledger):
    topic = kafka.create(partitions=2)
    b = read(topic)
    ledger.produce(kafka, topic, 200, partition=lambda i: i % 2)
    ledger.wait(function)
    kafka.delete(topic)
    kafka.create(topic, partitions=2)
    anew = Ledger()
    anew.produce(kafka, topic, 40, partition=lambda i: i % 2)
    anew.wait(function, within=90)
    assert b.alive()


# Metadata that is looked at every second may show the gap between the two topics, and the group joins anew; metadata
# that is not looked at shows nothing.  As long as before: there is no event at the position that could wake anybody.
@pytest.mark.parametrize("length, refresh", [(100, "1s"), (300, "1s"), (300, "10m")])
def test_a_topic_made_anew_that_is_as_long_as_before_is_read_from_its_beginning(
        any_kafka, function, read, ledger, group, length, refresh):
    kafka = any_kafka
    topic = kafka.create(partitions=2)
    b = read_newest(kafka, read, topic, clientConnectionTopicMetadataRefreshInterval=refresh)
    ledger.produce(kafka, topic, 200, partition=lambda i: i % 2)
    ledger.wait(function)
    eventually(lambda: kafka.committed_sum(group, topic) == 200, 30)
    kafka.delete(topic)
    kafka.create(topic, partitions=2)
    anew = Ledger()
    anew.produce(kafka, topic, 2 * length, partition=lambda i: i % 2)
    anew.wait(function, within=60)
    eventually(lambda: kafka.committed_sum(group, topic) == 2 * length, 30, "all of it is committed")
    b.stop()


def test_a_topic_made_anew_under_load_is_read_from_its_beginning(any_kafka, function, read, ledger, group):
    kafka = any_kafka
    topic = kafka.create(partitions=2)
    b = read_newest(kafka, read, topic, clientConnectionTopicMetadataRefreshInterval="10m")
    function.behave({"do": "slow", "ms": 20})
    ledger.produce(kafka, topic, 400, partition=lambda i: i % 2)
    eventually(lambda: kafka.committed_sum(group, topic) > 50, 30)
    b.wait_in_flight()
    kafka.delete(topic)
    kafka.create(topic, partitions=2)
    anew = Ledger()
    anew.produce(kafka, topic, 600, partition=lambda i: i % 2)
    function.behave()
    anew.wait(function, within=60)
    eventually(lambda: kafka.committed_sum(group, topic) == 600, 30, "all of it is committed")


def test_new_partitions_are_read_from_their_beginning_by_a_group_that_began_at_the_newest(kafka, function, read, ledger):
    topic = kafka.create(partitions=2)
    read_newest(kafka, read, topic, clientConnectionTopicMetadataRefreshInterval="3s")
    kafka.add_partitions(topic, 6)
    ledger.produce(kafka, topic, 120, partition=lambda i: i % 6)
    ledger.wait(function)
    ledger.check(function, order="partition")


@pytest.mark.quick
def test_new_partitions_are_found_and_read_from_their_beginning(kafka, function, read, ledger):
    topic = kafka.create(partitions=2)
    b = read(topic)
    ledger.produce(kafka, topic, 50)
    ledger.wait(function)
    kafka.add_partitions(topic, 6)
    ledger.produce(kafka, topic, 120, partition=lambda i: i % 6)
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")
    assert b.metrics().sum("bridge_function_windows") == 6


@pytest.mark.quick
def test_initial_offset_newest_begins_at_the_end(kafka, function, read, ledger):
    topic = kafka.create(partitions=1)
    old = ledger.produce(kafka, topic, 50)
    b = read(topic, initialOffset="newest")
    eventually(lambda: b.metrics().sum("bridge_function_windows") == 1 and b.metrics().lag(topic, 0) == 0, 30)
    new = ledger.produce(kafka, topic, 50)
    eventually(lambda: function.taken() >= set(new), 30)
    assert not function.taken() & set(old)
