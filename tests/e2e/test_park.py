"""Events that cannot be delivered: parked with their history, held, or dropped only if that is written."""
from __future__ import annotations

import json

import pytest

from tests.servers.wait import eventually, throughout

from .config import Config
from .ledger import cloudevent

pytestmark = pytest.mark.quick
TWO_TRIES = {"retryMaxAttempts": 2, "retryInitialInterval": "10ms"}


@pytest.fixture
def topic(kafka) -> str:
    return kafka.create(partitions=1)


@pytest.fixture
def dead(kafka) -> str:
    return kafka.create(kafka.new_name("dead"), partitions=1)


def test_spent_attempts_are_parked_with_their_history(kafka, topic, dead, function, read, ledger):
    ids = ledger.produce(kafka, topic, 20, key=lambda i: f"k{i}", headers={"tenant": "blue"})
    function.behave({"do": "ok", "status": 500, "id": ids[4]})
    b = read(topic, deadLetterTopic=dead, **TWO_TRIES)
    eventually(lambda: b.count("parked_total") == 1, 30)
    ledger.wait(function, parked=lambda: {ids[4]})
    [m] = kafka.read_all(dead)
    headers = {k: v.decode() for k, v in m.headers()}
    assert json.loads(m.value())["id"] == ids[4] and m.key() == b"k4"
    assert headers["tenant"] == "blue"
    assert headers["bridge-dead-letter-attempts"] == "2" and "500" in headers["bridge-dead-letter-reason"]
    assert headers["bridge-origin-topic"] == topic and headers["bridge-origin-partition"] == "0"
    assert headers["bridge-origin-component"] == "orders"
    assert headers["bridge-dead-letter-time"].isdigit() and "4" in headers["bridge-origin-id"]
    assert [r.id for r in function.requests()].count(ids[4]) == 2
    ledger.check(function, parked=[ids[4]], duplicates=0, order="partition")


def test_a_dead_letter_topic_without_a_policy_parks_the_first_failure(kafka, topic, dead, function, subscribe, ledger):
    ids = ledger.produce(kafka, topic, 20, form=cloudevent)
    function.behave({"do": "ok", "status": 500, "id": ids[4]})
    b = subscribe(topic, dead_letter=dead)
    eventually(lambda: b.count("parked_total") == 1, 30)
    ledger.wait(function, parked=lambda: {ids[4]})
    assert [m.value() for m in kafka.read_all(dead)] == [cloudevent(ids[4], 0)]
    assert [r.id for r in function.requests()].count(ids[4]) == 1


def test_drop_with_a_dead_letter_topic_keeps_a_copy(kafka, topic, dead, function, subscribe, ledger):
    ids = ledger.produce(kafka, topic, 5, form=cloudevent)
    function.behave({"do": "ok", "id": ids[1], "body": '{"status":"DROP"}'})
    b = subscribe(topic, dead_letter=dead)
    eventually(lambda: b.count("received_total") == 5 and b.in_flight() == 0, 30)
    assert [m.value() for m in kafka.read_all(dead)] == [cloudevent(ids[1], 0)]


def test_rejected_by_plain_http_is_parked_at_once(kafka, topic, dead, function, read, ledger):
    ids = ledger.produce(kafka, topic, 10)
    function.behave({"do": "ok", "status": 422, "id": ids[2]})
    b = read(topic, function={"protocol": "plain"}, deadLetterTopic=dead)
    eventually(lambda: b.count("parked_total") == 1, 30)
    ledger.wait(function, parked=lambda: {ids[2]})
    assert [r.id for r in function.requests()].count(ids[2]) == 1


def test_without_a_place_the_lane_is_held_and_others_go_on(kafka, function, read, ledger, group):
    topic = kafka.create(partitions=2)
    ids = ledger.produce(kafka, topic, 20, partition=lambda i: i % 2)
    function.behave({"do": "ok", "status": 500, "id": ids[4]})
    b = read(topic, **TWO_TRIES)
    eventually(lambda: b.metrics().sum("bridge_subscription_held") == 1, 30)
    eventually(lambda: function.taken() == set(ids[1::2]) | {ids[0], ids[2]}, 30)
    throughout(lambda: kafka.committed(group, topic)[0] <= 2, 2, "the offset never passes the held event")
    assert b.log_contains(r"is held.*deadLetterTopic")
    b.stop()
    function.behave()
    b.start()
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")


def test_drop_is_done_only_because_it_is_written(kafka, topic, function, read, ledger, group):
    ids = ledger.produce(kafka, topic, 20)
    function.behave({"do": "ok", "status": 500, "id": ids[4]})
    b = read(topic, onExhausted="drop", **TWO_TRIES)
    eventually(lambda: b.count("delivered_total") == 19, 30)
    assert b.count("dropped_exhausted_total") == 1
    eventually(lambda: kafka.committed_sum(group, topic) == 20, 10)


def test_consume_retry_false_drops_after_one_attempt(kafka, topic, function, read, ledger):
    ids = ledger.produce(kafka, topic, 20)
    function.behave({"do": "ok", "status": 500, "id": ids[4]})
    b = read(topic, consumeRetryEnabled="false")
    eventually(lambda: b.count("delivered_total") == 19, 30)
    assert b.count("dropped_exhausted_total") == 1 and ledger.retries(function) == 0


def test_on_exhausted_hold_wins_over_a_dead_letter_topic(kafka, topic, dead, function, read, ledger, group):
    ids = ledger.produce(kafka, topic, 5)
    function.behave({"do": "ok", "status": 500, "id": ids[2]})
    b = read(topic, deadLetterTopic=dead, onExhausted="hold", **TWO_TRIES)
    eventually(lambda: b.metrics().sum("bridge_subscription_held") == 1, 30)
    throughout(lambda: kafka.committed(group, topic)[0] <= 2, 1)
    assert kafka.read_all(dead) == []


def test_a_dead_letter_topic_that_is_missing_holds_until_it_is_there(kafka, topic, function, read, ledger, group):
    dead = kafka.new_name("dead")
    ids = ledger.produce(kafka, topic, 10)
    function.behave({"do": "ok", "status": 500, "id": ids[4]})
    b = read(topic, deadLetterTopic=dead, messageTimeout="1s", **TWO_TRIES)
    eventually(lambda: b.count("park_failures_total") >= 1, 60)
    assert kafka.committed(group, topic)[0] <= 4 and b.count("parked_total") == 0
    kafka.create(dead, partitions=1)
    eventually(lambda: b.count("parked_total") == 1, 60)
    ledger.wait(function, parked=lambda: {ids[4]})
    ledger.check(function, parked=[ids[4]], order="partition")


def test_an_event_too_large_for_the_dead_letter_topic_is_held_not_lost(kafka, topic, function, read, ledger, group):
    dead = kafka.create(kafka.new_name("dead"), partitions=1, max_message_bytes="1000")
    ids = ledger.produce(kafka, topic, 3, size=5000)
    function.behave({"do": "ok", "status": 500, "id": ids[1]})
    b = read(topic, deadLetterTopic=dead, **TWO_TRIES)
    eventually(lambda: b.count("park_failures_total") >= 1, 60)
    throughout(lambda: kafka.committed(group, topic)[0] <= 1 and b.count("parked_total") == 0, 1)
    assert b.log_contains(rf"held.*{dead}")
    kafka.configure(dead, max_message_bytes="100000")
    eventually(lambda: b.count("parked_total") == 1, 60)
    ledger.wait(function, parked=lambda: {ids[1]})


def test_dead_letters_go_to_another_component_if_that_is_written(kafka, topic, dead, function, bridge, ledger, group):
    ids = ledger.produce(kafka, topic, 5)
    function.behave({"do": "ok", "status": 500, "id": ids[2]})
    config = Config(function={"address": function.address}).binding("orders", kafka.brokers, topic, group,
        deadLetterTopic=dead, deadLetterComponent="graveyard", **TWO_TRIES)
    config.pubsub("graveyard", kafka.brokers, group + "-none")
    b = bridge(config).start()
    eventually(lambda: b.count("parked_total") == 1, 30)
    assert [json.loads(m.value())["id"] for m in kafka.read_all(dead)] == [ids[2]]
