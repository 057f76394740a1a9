"""kill -9 of bridge: nothing is lost, what comes again is bounded."""
from __future__ import annotations

import random

from tests.servers.wait import eventually

from .conftest import LONG
from .ledger import Ledger


def parked_ids(kafka, topic: str) -> list[str]:
    import json
    return [json.loads(m.value())["id"] for m in kafka.read_all(topic)]


def check_round_was_real(ledger: Ledger, function, rebalances: float, parked: list[str]) -> None:
    """A run that met no trouble proves nothing."""
    assert ledger.duplicates(function) >= 1, "invalid run: no duplicate was seen"
    assert ledger.retries(function) >= 1, "invalid run: no retry was seen"
    assert rebalances >= 1, "invalid run: no rebalance was seen"
    assert parked, "invalid run: nothing was parked"


def test_killed_again_and_again_under_load_nothing_is_lost(kafka, function, read, ledger):
    kills = 40 if LONG else 6
    topic, dead = kafka.create(partitions=4), kafka.create(partitions=2)
    dice = random.Random(7)
    # poison events fail for good, every fourth key once in a while
    now_and_then = [{"do": "ok", "status": 503, "key": f"k{i}", "times": 5} for i in range(0, 40, 4)]
    function.behave({"do": "ok", "status": 500, "key": "poison"}, *now_and_then, {"do": "slow", "ms": 5})
    b = read(topic, order="key", deadLetterTopic=dead, retryMaxAttempts=3, retryInitialInterval="10ms",
             retryMaxInterval="20ms", sessionTimeout="1500ms")
    rebalances = 0.0
    with ledger.steady(kafka, topic, 800, key=lambda i: "poison" if i % 200 == 50 else f"k{i % 40}"):
        for _ in range(kills):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + dice.randrange(50, 600), 60)
            b.wait_in_flight()
            rebalances += b.rebalances()
            b.kill9()
            b.start()
    ledger.wait(function, parked=lambda: parked_ids(kafka, dead), within=90)
    parked = parked_ids(kafka, dead)
    ledger.check(function, parked=parked)
    check_round_was_real(ledger, function, rebalances, parked)
    poison = {s.id for s in ledger.sent.values() if s.key == "poison"}
    assert poison <= set(parked)
    eventually(lambda: b.in_flight() == 0, 30)


def test_partition_order_of_first_deliveries_survives_a_kill(kafka, function, read, ledger):
    topic = kafka.create(partitions=4)
    function.behave({"do": "slow", "ms": 2})
    b = read(topic, sessionTimeout="1500ms")
    with ledger.steady(kafka, topic, 500):
        for _ in range(2):
            before = len(function.taken())
            eventually(lambda: len(function.taken()) > before + 300, 60)
            b.wait_in_flight()
            b.kill9()
            b.start()
    ledger.wait(function)
    ledger.check(function, order="partition")
