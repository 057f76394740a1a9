"""Bounded memory: what cannot be delivered stays at the broker, and one stuck partition stands in front of no other."""
from __future__ import annotations

import time

from tests.servers.wait import eventually, most_over


MIB = 1 << 20
STUCK = 3


def lag_of_others(b, topic: str) -> float:
    found = [b.metrics().lag(topic, p) for p in range(8) if p != STUCK]
    assert None not in found, "a lag is unknown"
    return sum(found)  # type: ignore[arg-type]


def test_one_stuck_partition_of_eight_delays_none_of_the_others(kafka, function, read, ledger):
    seconds, credit = 60, 4 * MIB
    topic = kafka.create(partitions=8)
    b = read(topic, function={"bufferBytes": "4Mi"}, order="key", retryInitialInterval="20ms", retryMaxInterval="500ms")
    with ledger.steady(kafka, topic, 1000, partition=lambda i: i % 8, key=lambda i: f"k{i}", size=1000):
        eventually(lambda: len(function.taken()) > 2000 and lag_of_others(b, topic) < 3000, 60)
        level = most_over(4, lambda: lag_of_others(b, topic))
        b.wait_in_flight()
        memory = b.rss_anon()
        function.behave({"do": "ok", "status": 503, "partition": STUCK})
        began = time.monotonic()
        eventually(lambda: (b.metrics().lag(topic, STUCK) or 0) > 500, 30, "the stuck partition's lag grows")
        eventually(lambda: lag_of_others(b, topic) <= level, began + seconds - time.monotonic(),
                   f"the lag of the other seven is back at {level:g} while the eighth is stuck")
        grown = most_over(max(0.0, began + seconds - time.monotonic()), lambda: b.rss_anon() - memory)
        last_of_others = most_over(2, lambda: lag_of_others(b, topic))
        function.behave()
    assert last_of_others <= level + 1000, f"lag of the others at the end: {last_of_others:g}, before: {level:g}"
    assert grown <= credit, f"RssAnon grew by {grown / MIB:.1f} MiB, the credit is {credit / MIB:g} MiB"
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="key")


def test_a_function_that_takes_nothing_makes_reading_stop(kafka, function, read, ledger):
    topic = kafka.create(partitions=4)
    ledger.produce(kafka, topic, 8000, size=5000)
    function.behave({"do": "hang"})
    b = read(topic, function={"bufferBytes": "4Mi"}, order="none", prefetchBytes="1Mi")
    memory = b.rss_anon()
    b.wait_in_flight(100)
    received = lambda: b.count("received_total")  # noqa: E731
    eventually(lambda: received() == most_over(1, received), 30, "reading has stopped")
    assert b.metrics().sum("bridge_function_buffered_bytes") <= 4 * MIB + 6000
    # the client's own read-ahead and connection buffers come on top of the credit
    grown = (b.rss_anon() - memory) / MIB
    assert grown <= 4 + 1 + 8, f"RssAnon grew by {grown:.1f} MiB over 40 MB of events"
    function.behave()
    function.release()
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_lag_is_not_forgotten_while_nothing_is_fetched(kafka, function, read, ledger):
    topic = kafka.create(partitions=2)
    b = read(topic, function={"bufferBytes": "1Mi"}, order="none", prefetchBytes="1Mi")
    ledger.produce(kafka, topic, 20, partition=lambda i: i % 2)
    eventually(lambda: b.metrics().lag(topic, 1) == 0 and b.count("delivered_total") == 20, 30, "both are read and known")
    function.behave({"do": "hang"})
    ledger.produce(kafka, topic, 8000, partition=lambda i: 0, size=2000)
    b.wait_in_flight(10)
    received = lambda: b.count("received_total")  # noqa: E731
    eventually(lambda: received() == most_over(1, received), 30, "reading has stopped")
    ledger.produce(kafka, topic, 300, partition=lambda i: 1)
    eventually(lambda: b.metrics().lag(topic, 1) == 300, 30, "the lag of the partition nobody fetches is told")
    function.behave()
    function.release()
    ledger.wait(function)
    ledger.check(function)
