"""responseTopic: what the function answers is in its topic before the event is acknowledged."""
from __future__ import annotations

import pytest

from tests.servers.wait import eventually

pytestmark = pytest.mark.quick


def test_answers_are_published_with_the_key_of_the_event(kafka, function, read, ledger):
    topic, out = kafka.create(partitions=1), kafka.create(kafka.new_name("out"), partitions=1)
    ids = ledger.produce(kafka, topic, 10, key=lambda i: f"k{i}")
    function.behave({"do": "ok", "body": "thanks"})
    b = read(topic, responseTopic=out)
    eventually(lambda: b.count("answers_total") == 10, 30)
    ledger.wait(function)
    found = kafka.read_all(out)
    assert [(m.key(), m.value()) for m in found] == [(f"k{i}".encode(), b"thanks") for i in range(10)]
    assert [dict(m.headers())["bridge-origin-id"] for m in found] == [f"{topic}/0/{i}".encode() for i in range(10)]
    assert len(ids) == len(function.requests()) == 10
    ledger.check(function, duplicates=0, order="partition")


def test_a_response_topic_that_is_not_there_holds_the_event_and_calls_the_function_once(kafka, function, read, ledger):
    topic, out = kafka.create(partitions=1), kafka.new_name("out")
    ledger.produce(kafka, topic, 3)
    function.behave({"do": "ok", "body": "thanks"})
    b = read(topic, responseTopic=out, messageTimeout="2s")
    eventually(lambda: b.count("answer_failures_total") >= 1, 40)
    assert b.metrics().sum("bridge_subscription_answering") == 1 and b.count("delivered_total") == 0
    kafka.create(out, partitions=1)
    eventually(lambda: b.count("answers_total") == 3, 60)
    assert len(function.requests()) == 3
    assert len(kafka.read_all(out)) == 3
    ledger.check(function, duplicates=0)
