"""Redis streams: from a stream to a function, acknowledged when taken; what was published is in Dapr's format."""
from __future__ import annotations

import base64
import json

import pytest

from tests.servers.wait import eventually, throughout

from .bridge import ROOT, run
from .ledger import cloudevent

pytestmark = pytest.mark.quick


def test_every_event_arrives_once_and_is_acknowledged(redis, function, redis_read, ledger, group):
    stream = redis.name()
    ledger.produce(redis, stream, 2000)
    b = redis_read(stream)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: redis.settled(stream, group), 10)
    assert b.count("delivered_total", component="orders", topic=stream) == 2000
    eventually(lambda: b.metrics().lag(stream, 0) == 0, 15, "its lag is known")


def test_an_event_carries_bytes_and_metadata(redis, function, redis_read):
    stream = redis.name()
    raw = b'{"id" : "as-written",  "n": 12345678901234567890.10}'
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    id = redis.add(stream, "data", raw, "metadata", json.dumps({"tenant": "bl\u00fce", "traceparent": trace, "n": 5}))
    redis_read(stream)
    eventually(lambda: function.requests(), 30)
    got = function.last()
    assert (got["method"], got["path"], got["body"].encode("latin-1")) == ("POST", "/orders", raw)
    headers = got["headers"]
    assert (headers["__topic"], headers["__id"], headers["__deliverycount"]) == (stream, id, "1")
    assert headers["tenant"].encode("latin-1").decode() == "bl\u00fce" and headers["n"] == "5"
    assert headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")


def test_an_entry_without_daprs_fields_is_a_json_object_of_all_it_has(redis, function, redis_read, group):
    stream = redis.name()
    redis.add(stream, "id", "x-1", "text", 'a "quoted"\nline', "bytes", b"\xff\x00")
    redis_read(stream)
    eventually(lambda: function.requests(), 30)
    assert json.loads(function.last()["body"].encode("latin-1")) == {
        "id": "x-1", "text": 'a "quoted"\nline', "bytes": "\ufffd\x00"}
    eventually(lambda: redis.settled(stream, group), 10)


def test_the_field_of_the_payload_may_have_another_name(redis, function, redis_read):
    stream = redis.name()
    redis.add(stream, "body", "plain words", "tenant", "blue")
    redis_read(stream, payloadField="body")
    eventually(lambda: function.requests(), 30)
    assert (function.last()["body"], function.last()["headers"]["tenant"]) == ("plain words", "blue")


def test_a_restart_brings_nothing_again(redis, function, redis_read, ledger):
    stream = redis.name()
    b = redis_read(stream)
    ledger.produce(redis, stream, 500)
    ledger.wait(function)
    b.stop()
    b.start()
    ledger.produce(redis, stream, 500)
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_a_binding_reads_several_streams_and_one_that_fails_leaves_the_others_alone(redis, function, redis_read, ledger):
    good, bad, late = redis.name(), redis.name(), redis.name()
    function.behave({"do": "ok", "status": 503, "topic": bad})
    redis_read(f"{good},{bad},{late}", function={"bufferEvents": 50}, retryMaxInterval="100ms")
    ledger.produce(redis, bad, 300)
    for _ in range(5):
        ledger.produce(redis, good, 100)
        ledger.produce(redis, late, 100)
    eventually(lambda: len(function.taken()) == 1000, 60)
    function.behave()
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_start_from_newest_leaves_out_the_past(redis, function, redis_read, ledger, group):
    stream = redis.name()
    redis.add(stream, "data", '{"id":"old"}')
    redis_read(stream, startFrom="newest").ready()
    eventually(lambda: redis.group(stream, group), 10)
    ledger.produce(redis, stream, 10)
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_a_string_instead_of_a_stream_is_said_and_read_once_it_is_one(redis, function, redis_read, ledger):
    stream, other = redis.name(), redis.name()
    redis("SET", stream, "x")
    b = redis_read(f"{stream},{other}")
    eventually(lambda: b.log_contains("WRONGTYPE"), 20)
    ledger.produce(redis, other, 10)
    ledger.wait(function)
    redis("DEL", stream)
    ledger.produce(redis, stream, 10)
    ledger.wait(function)
    ledger.check(function, duplicates=0)


# -- pub/sub


def test_pubsub_hands_over_the_cloudevent_as_it_was_stored(redis, function, redis_subscribe, ledger):
    stream = redis.name()
    ledger.produce(redis, stream, 500, form=cloudevent)
    redis_subscribe(stream)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    got = function.last()
    assert got["path"] == "/new" and got["headers"]["content-type"] == "application/cloudevents+json"
    assert got["body"].encode() == cloudevent(json.loads(got["body"])["id"], 0)


def test_pubsub_wraps_raw_payloads(redis, function, redis_subscribe, ledger):
    stream = redis.name()
    ledger.produce(redis, stream, 20)
    redis_subscribe(stream, subscription={"rawPayload": "true"})
    ledger.wait(function)
    event = json.loads(function.last()["body"])
    assert event["topic"] == stream and json.loads(base64.b64decode(event["data_base64"]))["id"] in ledger.sent


def test_a_failed_event_stays_pending_and_comes_again(redis, function, redis_subscribe, ledger, group):
    stream = redis.name()
    first = ledger.produce(redis, stream, 10, form=cloudevent)[0]
    function.behave({"do": "ok", "id": first, "status": 500})
    redis_subscribe(stream, retryInitialInterval="10ms", retryMaxInterval="100ms")
    eventually(lambda: len([r for r in function.requests() if r.id == first]) >= 5, 30)
    eventually(lambda: redis.pending(stream, group) == 1, 10)
    function.behave()
    ledger.wait(function)
    eventually(lambda: redis.settled(stream, group), 10)
    ledger.check(function, duplicates=0)


def test_a_poison_entry_is_parked_with_its_history_and_then_acknowledged(redis, function, redis_subscribe, ledger,
                                                                        group):
    stream, dead = redis.name(), redis.name("dead")
    first = ledger.produce(redis, stream, 10, form=cloudevent, headers={"tenant": "blue"})[0]
    function.behave({"do": "ok", "id": first, "status": 500})
    redis_subscribe(stream, dead_letter=dead, retryMaxAttempts="3", retryInitialInterval="10ms")
    ledger.wait(function, parked=lambda: [json.loads(e["data"])["id"] for e in redis.entries(dead)])
    entry, = redis.entries(dead)
    metadata = json.loads(entry["metadata"])
    assert entry["data"].encode() == cloudevent(first, 0) and metadata["tenant"] == "blue"
    assert metadata["bridge-origin-topic"] == stream and metadata["bridge-dead-letter-attempts"] == "3"
    assert metadata["bridge-origin-id"].startswith(f"{stream}/")
    eventually(lambda: redis.settled(stream, group), 10)


def test_what_all_groups_have_acknowledged_is_cut_off_if_asked_for(redis, function, redis_read, ledger, group):
    stream = redis.name()
    ledger.produce(redis, stream, 1000)
    redis("XGROUP", "CREATE", stream, "slow", "0")
    kept = redis("XREADGROUP", "GROUP", "slow", "c", "COUNT", 600, "STREAMS", stream, ">")[0][1][-1][0]
    redis_read(stream, trimAcknowledged="true")
    ledger.wait(function)
    throughout(lambda: redis("XLEN", stream) == 1000, 1, "another group has not acknowledged anything")
    pending = redis("XPENDING", stream, "slow", "-", kept, 600)
    redis("XACK", stream, "slow", *[p[0] for p in pending])
    # whole nodes of a hundred entries are cut
    eventually(lambda: 400 <= redis("XLEN", stream) < 520, 30, "what both have acknowledged is gone")


# -- in one line


def test_the_short_form_is_the_component_it_stands_for():
    done = run("check", "--print", "--app-id", "shop", "rediss://127.0.0.1:6379/jobs?kind=stream&queueDepth=7",
               "http://127.0.0.1:8080/jobs")
    assert done.returncode == 0 and "bindings.redis" in done.stdout
    for row in ("enableTLS", "queueDepth", "topics", "redisHost"):
        assert row in done.stdout
    assert "enableTLS does not stand behind" in run("check", "redis://h/s?enableTLS=true", "http://h:1").stderr


def test_the_example_is_clean():
    assert run("check", "--config", str(ROOT / "deploy/examples/redis.yaml")).returncode == 0


# -- writing


def test_send_writes_in_daprs_format(redis):
    stream = redis.name()
    url = f"redis://127.0.0.1:{redis.port}/{stream}"
    done = run("send", url, "--key", "k", "--header", "a=b", "one")
    assert done.stderr.endswith(f"1 event confirmed in {stream}\n") and "appendonly no" in done.stderr
    entry, = redis.entries(stream)
    assert entry["data"] == "one" and json.loads(entry["metadata"]) == {"a": "b", "partitionKey": "k"}
    assert run("send", url + "?maxLenApprox=100", said="x\n" * 2000).returncode == 0
    assert redis("XLEN", stream) < 400


def test_tail_shows_without_a_group(redis):
    stream = redis.name()
    redis.add(stream, "data", '{"n":1}', "metadata", '{"a":"b"}')
    done = run("tail", f"redis://127.0.0.1:{redis.port}/{stream}?startFrom=oldest", "--count", "1")
    line = json.loads(done.stdout)
    assert (line["topic"], line["data"], line["headers"]) == (stream, {"n": 1}, {"a": "b"})
    assert redis("XINFO", "GROUPS", stream) == []
