"""The main road: from Kafka to a function by each binding, acknowledged when taken, not brought again."""
from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.servers.wait import eventually, throughout

from .config import Config
from .ledger import Ledger, cloudevent

pytestmark = pytest.mark.quick


def taken_up_to_end(kafka: Any, group: str, topic: str) -> bool:
    """Everything in the topic is committed."""
    ends = sum(kafka.watermarks(topic, p)[1] for p in range(kafka.partitions(topic)))
    committed = kafka.committed_sum(group, topic)
    assert committed == ends, f"committed {kafka.committed(group, topic)}, ends sum up to {ends}"
    return True


def test_every_event_of_a_binding_arrives_once_and_is_committed(any_kafka, function, read, ledger, group):
    topic = any_kafka.create(partitions=4)
    ledger.produce(any_kafka, topic, 2000, key=lambda i: f"k{i % 50}")
    b = read(topic, kafka=any_kafka)
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")
    eventually(lambda: taken_up_to_end(any_kafka, group, topic), 10)
    assert b.count("delivered_total", component="orders", topic=topic) == 2000
    assert b.metrics().lag(topic, 0) is not None


def test_a_binding_event_carries_bytes_metadata_and_the_brokers_headers(any_kafka, function, read):
    topic = any_kafka.create(partitions=1)
    producer = any_kafka.producer()
    raw = b'{"id" : "as-written",  "n": 12345678901234567890.10}'
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    producer.produce(topic, raw, key="kunde", headers={"tenant": "blue", "traceparent": trace})
    producer.flush(10)
    read(topic, kafka=any_kafka)
    eventually(lambda: function.requests(), 30)
    got = function.last()
    assert (got["method"], got["path"], got["body"].encode("latin-1")) == ("POST", "/orders", raw)
    headers = got["headers"]
    assert headers["content-type"] == "application/json"
    assert (headers["__key"], headers["__offset"]) == ("kunde", "0")
    assert (headers["__topic"], headers["__partition"]) == (topic, "0")
    assert headers["__timestamp"].isdigit() and headers["tenant"] == "blue"
    assert headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")


def test_a_tombstone_arrives_as_the_json_text_null(kafka, function, read):
    topic = kafka.create(partitions=1)
    producer = kafka.producer()
    producer.produce(topic, None, key="gone")
    producer.flush(10)
    read(topic)
    eventually(lambda: function.requests(), 30)
    assert function.last()["body"] == "null"


def test_a_restart_brings_nothing_again(any_kafka, function, read, ledger):
    topic = any_kafka.create(partitions=4)
    b = read(topic, kafka=any_kafka)
    ledger.produce(any_kafka, topic, 500)
    ledger.wait(function)
    b.stop()
    b.start()
    ledger.produce(any_kafka, topic, 500)
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_a_binding_reads_several_topics(kafka, function, read, ledger):
    one, two = kafka.create(partitions=2), kafka.create(partitions=3)
    ledger.produce(kafka, one, 100)
    ledger.produce(kafka, two, 100)
    read(f"{one}, {two}")
    ledger.wait(function)
    assert {r.topic for r in function.requests()} == {one, two}


@pytest.mark.parametrize("status, subscribed", [(200, True), (405, True), (404, False)])
def test_a_binding_is_read_only_if_the_function_wants_it(kafka, function, read, ledger, status, subscribed):
    function.settings(options_status=status)
    topic = kafka.create(partitions=1)
    ledger.produce(kafka, topic, 10)
    b = read(topic)
    if subscribed:
        ledger.wait(function)
    else:
        b.ready()
        throughout(lambda: not function.requests(), 2, "a function that answered 404 gets nothing")


def test_a_binding_with_direction_input_is_not_probed(kafka, function, read, ledger):
    function.settings(options_status=404)
    topic = kafka.create(partitions=1)
    ledger.produce(kafka, topic, 10)
    read(topic, direction="input")
    ledger.wait(function)


def test_a_binding_with_direction_output_is_not_read(kafka, function, bridge, ledger, group):
    inward, outward = kafka.create(partitions=1), kafka.create(partitions=1)
    ledger.produce(kafka, inward, 10)
    Ledger().produce(kafka, outward, 10)
    config = Config(function={"address": function.address}).binding("orders", kafka.brokers, inward, group)
    bridge(config.binding("out", kafka.brokers, outward, group + "-out", direction="output")).start().ready()
    ledger.wait(function)
    assert all(r.topic == inward for r in function.requests())


def test_route_names_the_path_of_a_binding(kafka, function, read, ledger):
    topic = kafka.create(partitions=1)
    ledger.produce(kafka, topic, 10)
    read(topic, route="/in/new")
    ledger.wait(function)
    assert {r.path for r in function.requests()} == {"/in/new"}


# -- pub/sub


def test_pubsub_hands_over_the_cloudevent_as_it_was_stored(any_kafka, function, subscribe, ledger):
    topic = any_kafka.create(partitions=4)
    ledger.produce(any_kafka, topic, 1000, form=cloudevent)
    subscribe(topic, kafka=any_kafka)
    ledger.wait(function)
    ledger.check(function, duplicates=0, order="partition")
    got = function.last()
    assert got["path"] == "/new" and got["headers"]["content-type"] == "application/cloudevents+json"
    assert got["body"].encode() == cloudevent(json.loads(got["body"])["id"], 0)


def test_pubsub_wraps_raw_payloads(kafka, function, subscribe, ledger):
    topic = kafka.create(partitions=1)
    ledger.produce(kafka, topic, 50)
    subscribe(topic, subscription={"rawPayload": "true"})
    ledger.wait(function)
    event = json.loads(function.last()["body"])
    assert event["specversion"] == "1.0" and event["topic"] == topic and event["pubsubname"] == "shop"
    assert json.loads(base64.b64decode(event["data_base64"]))["id"] in ledger.sent


def test_the_answer_retry_brings_the_event_again(kafka, function, subscribe, ledger):
    topic = kafka.create(partitions=1)
    first = ledger.produce(kafka, topic, 10, form=cloudevent)[0]
    function.behave({"do": "ok", "id": first, "times": 2, "body": '{"status":"RETRY"}'})
    subscribe(topic, retryInitialInterval="10ms")
    ledger.wait(function)
    eventually(lambda: len([r for r in function.requests() if r.id == first]) == 3, 10)
    ledger.check(function, order="partition")


def test_the_answer_drop_and_404_acknowledge_without_delivery(kafka, function, subscribe, ledger, group):
    topic = kafka.create(partitions=1)
    ids = ledger.produce(kafka, topic, 10, form=cloudevent)
    function.behave({"do": "ok", "id": ids[3], "body": '{"status":"DROP"}'}, {"do": "ok", "id": ids[5], "status": 404})
    b = subscribe(topic)
    eventually(lambda: taken_up_to_end(kafka, group, topic), 30)
    assert b.count("dropped_function_total") == 2 and b.count("delivered_total") == 8
    assert ledger.retries(function) == 0


# -- plain HTTP


def test_plain_http_binary_is_the_default_of_protocol_plain(any_kafka, function, read, ledger):
    topic = any_kafka.create(partitions=2)
    ledger.produce(any_kafka, topic, 200, key=lambda i: f"k{i}")
    read(topic, kafka=any_kafka, function={"protocol": "plain"})
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    headers = function.last()["headers"]
    assert headers["ce-specversion"] == "1.0" and headers["ce-id"] and headers["ce-source"] and headers["ce-type"]
    assert json.loads(function.last()["body"])["id"] in ledger.sent


@pytest.mark.parametrize("headers", [{"content-type": "application/json"}, None], ids=["json", "bytes"])
def test_plain_http_structured_wraps_into_a_cloudevent(kafka, function, read, ledger, headers):
    topic = kafka.create(partitions=2)
    ledger.produce(kafka, topic, 100, headers=headers)
    read(topic, function={"protocol": "plain", "format": "structured"})
    ledger.wait(function)
    got = function.last()
    event = json.loads(got["body"])
    assert got["headers"]["content-type"].startswith("application/cloudevents+json") and event["specversion"] == "1.0"
    data = event["data"] if headers else json.loads(base64.b64decode(event["data_base64"]))
    assert data["id"] in ledger.sent


def test_plain_http_raw_sends_the_bytes_alone(kafka, function, read, ledger):
    topic = kafka.create(partitions=2)
    ledger.produce(kafka, topic, 100)
    read(topic, function={"protocol": "plain", "format": "raw"})
    ledger.wait(function)
    assert "ce-id" not in function.last()["headers"]
