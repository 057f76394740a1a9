"""MQTT as a place to write to, its TLS, and any to any with Kafka."""
from __future__ import annotations

import json

import pytest

from tests.servers.certificates import Authority
from tests.servers.kafka import Kafka
from tests.servers.wait import eventually

from .bridge import run
from .config import Config
from .mqtt import publish

QOS = pytest.mark.parametrize("qos", [0, 1, 2])


@QOS
def test_send_publishes_with_the_qos_asked_for(mosquitto, bridge, group, qos):
    reader = mosquitto.client(version=5).subscribe(group, qos=2)
    config = Config().add("out", "bindings.mqtt3", url=mosquitto.url, topic=group, qos=qos, protocolVersion=5)
    file = bridge(config).file
    done = run("send", "--config", str(file), "out", "hello")
    assert done.returncode == 0, done.stderr
    m = reader.wait(1)[0]
    assert m.payload == b"hello" and m.qos == qos


def test_send_says_what_is_wrong_with_a_topic_and_a_broker_that_is_gone(mosquitto, bridge, group):
    config = Config().add("out", "bindings.mqtt3", url=mosquitto.url, topic=f"{group}/+")
    done = run("send", "--config", str(bridge(config).file), "out", "x")
    assert done.returncode == 1 and "cannot be published to" in done.stderr
    config = Config().add("out", "bindings.mqtt3", url="mqtt://127.0.0.1:1", topic=group)
    done = run("send", "--config", str(bridge(config).file), "out", "x", within=60)
    assert done.returncode == 1 and "127.0.0.1:1" in done.stderr


@QOS
def test_answers_go_to_a_response_topic_at_each_qos(mosquitto, function, listen, ledger, group, qos):
    function.behave({"do": "ok", "body": '{"a": 1}'})
    reader = mosquitto.client().subscribe(f"{group}/out", qos=2)
    listen(f"{group}/in", qos=qos, responseTopic=f"{group}/out")
    publish(ledger, mosquitto.client(), f"{group}/in", 300)
    ledger.wait(function)
    assert len(reader.wait(300)) == 300
    assert {m.qos for m in reader.got} == {qos}


def test_a_broker_that_goes_away_while_answers_are_written_gets_them_all_later(mosquittos, function, listen, ledger, group):
    broker = mosquittos(persistence="true")
    function.behave({"do": "ok", "body": "x"})
    reader = broker.client(f"{group}-r", clean=False).subscribe(f"{group}/out")
    b = listen(f"{group}/in", broker, responseTopic=f"{group}/out")
    publish(ledger, broker.client(), f"{group}/in", 200)
    eventually(lambda: b.count("delivered_total") > 20)
    reader.close()
    broker.stop()
    broker.start()
    reader = broker.client(f"{group}-r", clean=False)
    ledger.wait(function)
    eventually(lambda: b.count("answers_total") >= 200 and b.in_flight() == 0, 60)


def tls_broker(mosquittos, directory, *extra: str):
    authority = Authority(directory)
    cert, key = authority.sign("broker", "IP:127.0.0.1")
    (directory / "b.crt").write_text(cert)
    (directory / "b.key").write_text(key)
    lines = (f"cafile {authority.file}", f"certfile {directory}/b.crt", f"keyfile {directory}/b.key", *extra)
    broker = mosquittos(listener=lines)
    broker.tls = str(authority.file)
    return broker, authority


def test_tls_and_a_client_certificate(mosquittos, function, listener, ledger, group, tmp_path):
    broker, authority = tls_broker(mosquittos, tmp_path / "tls", "require_certificate true")
    cert, key = authority.sign("bridge")
    url = f"mqtts://127.0.0.1:{broker.port}"
    b = listener(group, url=url, caCert=authority.text, clientCert=cert, clientKey=key).start().ready()
    done = run("send", "--config", str(b.file), "orders", json.dumps({"id": "tls"}))
    assert done.returncode == 0, done.stderr
    eventually(lambda: "tls" in function.taken())
    naked = listener(group, url=url, caCert=authority.text, consumerID=f"{group}-n").start()
    eventually(lambda: naked.log_contains("down: ssl://"))


def test_a_broker_of_another_authority_or_name_is_not_trusted(mosquittos, function, listener, group, tmp_path):
    broker, authority = tls_broker(mosquittos, tmp_path / "tls")
    other = Authority(tmp_path / "other", "stranger")
    url = f"mqtts://127.0.0.1:{broker.port}"
    stranger = listener(group, url=url, caCert=other.text).start()
    eventually(lambda: stranger.log_contains("down: ssl://.*certificate verify failed"))
    name = listener(group, url=f"mqtts://localhost:{broker.port}", caCert=authority.text, consumerID="n").start()
    eventually(lambda: name.log_contains("down: ssl://"))
    assert name.healthz() != 204
    listener(group, url=url, skipVerify="true", consumerID="s").start().ready()


def test_the_last_will_is_published_when_the_process_dies(mosquitto, function, listen, group):
    reader = mosquitto.client().subscribe(f"{group}/will")
    b = listen(group, willTopic=f"{group}/will", willPayload="gone")
    b.kill9()
    assert reader.wait(1)[0].payload == b"gone"


def test_a_kafka_event_is_parked_in_mqtt(kafka: Kafka, mosquitto, function, bridge, ledger, group):
    topic = kafka.create()
    function.behave({"do": "ok", "status": 500})
    grave = mosquitto.client(version=5).subscribe(f"{group}/dead")
    config = Config(function={"address": function.address}).binding(
        "orders", kafka.brokers, topic, group, deadLetterTopic=f"{group}/dead", deadLetterComponent="graves",
        retryMaxAttempts=1).add("graves", "pubsub.mqtt3", url=mosquitto.url, protocolVersion=5)
    b = bridge(config).start().ready()
    ledger.produce(kafka, topic, 20, headers={"tenant": "blue"})
    messages = grave.wait(20)
    assert {json.loads(m.payload)["id"] for m in messages} == set(ledger.sent)
    assert dict(messages[0].properties.UserProperty)["tenant"] == "blue"
    eventually(lambda: b.count("parked_total") == 20)


def test_an_answer_to_mqtt_goes_to_kafka(kafka: Kafka, mosquitto, function, bridge, group):
    topic = kafka.create()
    function.behave({"do": "ok", "body": '{"done": true}'})
    config = Config(function={"address": function.address}).add(
        "sensors", "bindings.mqtt3", url=mosquitto.url, topic=group, consumerID=group, responseTopic=topic,
        responseComponent="stream").add("stream", "pubsub.kafka", brokers=kafka.brokers, authType="none")
    bridge(config).start().ready()
    client = mosquitto.client()
    for i in range(10):
        client.publish(group, json.dumps({"id": f"a{i}"}))
    eventually(lambda: len(kafka.read_all(topic)) == 10)
    assert {m.value() for m in kafka.read_all(topic)} == {b'{"done": true}'}
