"""MQTT with a real Mosquitto: the main road, the session, QoS, properties, answers."""
from __future__ import annotations

import json
import re

import pytest

from tests.servers.wait import eventually, throughout

from .mqtt import publish

VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5"])


@pytest.mark.quick
@VERSIONS
def test_events_reach_the_function_and_are_acknowledged(mosquitto, function, listen, ledger, group, version):
    b = listen(f"{group}/+/temp", protocolVersion=version)
    publish(ledger, mosquitto.client(), lambda i: f"{group}/{i % 7}/temp", 2000)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: mosquitto.acknowledged(f"{group}-consumer") == 2000, 20, "each is acknowledged once")
    assert re.fullmatch(f"{group}/\\d/temp", function.last()["headers"]["topic"])
    assert b.metrics().component("acked_total") == 2000
    b.stop()


@VERSIONS
def test_an_event_is_not_acknowledged_before_the_function_took_it(mosquitto, function, listen, ledger, group, version):
    function.behave({"do": "hang"})
    b = listen(group, protocolVersion=version)
    publish(ledger, mosquitto.client(), group, 10)
    b.wait_in_flight(10)
    throughout(lambda: mosquitto.acknowledged(f"{group}-consumer") == 0, 1)
    b.kill9()
    function.behave()
    b.start()
    ledger.wait(function)
    ledger.check(function)
    assert ledger.retries(function) == 10
    eventually(lambda: mosquitto.acknowledged(f"{group}-consumer") == 10)


def test_what_was_published_while_we_were_away_flows_at_connect(mosquitto, function, listener, ledger, group):
    b = listener(group).start().ready()
    b.stop()
    publish(ledger, mosquitto.client(), group, 500)
    b.start()
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    assert b.log_contains("resumed its session")


def test_a_clean_session_begins_anew(mosquitto, function, listener, group):
    b = listener(group, cleanSession="true").start().ready()
    b.stop()
    client = mosquitto.client()
    client.publish(group, json.dumps({"id": "old"}))
    b.start().ready()
    client.publish(group, json.dumps({"id": "new"}))
    eventually(lambda: "new" in function.taken())
    assert "old" not in function.taken()


def test_a_failed_event_is_tried_again_without_a_new_connection(mosquitto, function, listen, ledger, group):
    function.behave({"do": "ok", "status": 503, "times": 3})
    b = listen(group)
    publish(ledger, mosquitto.client(), group, 5)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    assert ledger.retries(function) == 3
    assert b.log().count("connected to") == 1
    assert b.metrics().component("reconnects_total") == 0


def test_qos_0_is_delivered_and_needs_no_acknowledgement(mosquitto, function, listen, ledger, group):
    b = listen(group, qos=0)
    publish(ledger, mosquitto.client(), group, 100, qos=0)
    ledger.wait(function)
    assert mosquitto.acknowledged(f"{group}-consumer") == 0
    b.stop()


def test_qos_2_is_read_at_1_and_says_so(mosquitto, function, listen, ledger, group):
    b = listen(group, qos=2)
    publish(ledger, mosquitto.client(), group, 15, qos=2)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    assert b.log_contains("read at QoS 1")
    eventually(lambda: mosquitto.acknowledged(f"{group}-consumer") == 15)


def test_more_qos_0_than_the_function_takes_is_dropped_and_counted(mosquitto, function, listen, ledger, group):
    function.behave({"do": "hang"})
    b = listen(group, qos=0, function={"address": function.address, "bufferEvents": 50})
    publish(ledger, mosquitto.client(), group, 400, qos=0)
    eventually(lambda: b.count("received_total") == 400, 20, "all of them are accounted for")
    assert b.count("dropped_source_total") >= 300
    assert b.log_contains("QoS 0 and no credit")


def test_shared_subscriptions_share(mosquitto, function, listener, ledger, group):
    first = listener(f"$share/g/{group}/#", consumerID=f"{group}-a").start().ready()
    second = listener(f"$share/g/{group}/#", consumerID=f"{group}-b").start().ready()
    publish(ledger, mosquitto.client(), f"{group}/x", 400)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    assert first.count("received_total") > 50 and second.count("received_total") > 50


@VERSIONS
def test_a_retained_event_comes_to_a_plain_subscription(mosquitto, function, listener, group, version):
    client = mosquitto.client()
    client.publish(f"{group}/kept", json.dumps({"id": f"kept-{group}"}), retain=True)
    listener(f"{group}/#", protocolVersion=version).start().ready()
    eventually(lambda: f"kept-{group}" in function.taken())
    assert function.last()["headers"]["retained"] == "true"
    client.publish(f"{group}/kept", b"", retain=True)


def test_pubsub_wraps_the_payload_in_a_cloudevent(mosquitto, function, bridge, group):
    from .config import Config
    config = Config(function={"address": function.address}).add(
        "shop", "pubsub.mqtt3", url=mosquitto.url, consumerID=group).subscription("shop", f"{group}/#", "/new")
    bridge(config).start().ready()
    mosquitto.client().publish(f"{group}/a", json.dumps({"id": "inner"}))
    eventually(lambda: "inner" in function.taken())
    assert function.requests()[-1].path == "/new"
    assert mosquitto.log().count(f" as {group} ") == 1, "the client id is consumerID itself, as in Dapr"


def test_an_answer_goes_to_the_response_topic_with_its_correlation(mosquitto, function, listen, group):
    function.behave({"do": "ok", "body": '{"sum": 3}'})
    listen(f"{group}/ask", protocolVersion=5)
    asker = mosquitto.client(version=5).subscribe(f"{group}/answers")
    asker.publish(f"{group}/ask", json.dumps({"id": "q"}), ResponseTopic=f"{group}/answers", CorrelationData=b"\x01\x00z")
    m = asker.wait(1)[0]
    assert m.payload == b'{"sum": 3}' and m.properties.CorrelationData == b"\x01\x00z"


def test_a_response_topic_that_cannot_be_written_to_holds_nothing(mosquitto, function, listen, ledger, group):
    function.behave({"do": "ok", "body": "x"})
    b = listen(group, protocolVersion=5)
    client = mosquitto.client(version=5)
    client.publish(group, json.dumps({"id": "q"}), ResponseTopic="$SYS/no")
    client.publish(group, json.dumps({"id": "r"}), ResponseTopic=f"{group}/gone")
    eventually(lambda: b.metrics().component("acked_total") == 2)
    eventually(lambda: b.metrics().component("unheard_total") >= 1)


def test_properties_come_as_headers_and_an_expired_event_is_not_delivered(mosquitto, function, listen, group):
    function.behave({"do": "ok", "status": 503, "id": "late"})
    b = listen(group, protocolVersion=5, retryInitialInterval="200ms")
    client = mosquitto.client(version=5)
    client.publish(group, json.dumps({"id": "h"}), UserProperty=[("tenant", "blue"), ("traceparent", TRACE)],
                   ContentType="application/json")
    client.publish(group, json.dumps({"id": "late"}), MessageExpiryInterval=1)
    eventually(lambda: "h" in function.taken())
    eventually(lambda: b.count("expired_total") == 1)
    seen = [r for r in function.stats()["recent"] if '"h"' in r["body"]][0]["headers"]
    assert seen["tenant"] == "blue" and seen["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c")


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_bad_topics_are_refused_by_check(listener, group):
    from .bridge import run
    b = listener(f"{group}/#/x")
    done = run("check", "--config", str(b.file))
    assert done.returncode == 2 and re.search(r"bindings.yaml:\d+:\d+: topic: # only stands at the end", done.stdout +
                                              done.stderr)


def test_a_user_and_its_password_in_the_url_are_taken_and_not_printed(mosquittos, function, listener, group, tmp_path):
    import subprocess
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "ann", "s3cret"], check=True)
    broker = mosquittos(allow_anonymous="false", password_file=passwords)
    url = f"mqtt://ann:s3cret@127.0.0.1:{broker.port}"
    b = listener(group, url=url).start().ready()
    broker.client(user="ann", password="s3cret").publish(group, json.dumps({"id": "x"}))
    eventually(lambda: "x" in function.taken())
    from .bridge import run
    printed = run("check", "--print", "--config", str(b.file))
    assert "s3cret" not in printed.stdout + printed.stderr + b.log()
    wrong = listener(group, url=url.replace("s3cret", "other")).start()
    eventually(lambda: wrong.log_contains("does not take this username and password|does not allow this client"))


def test_a_client_id_with_a_uuid_and_a_kept_session_is_warned_of(mosquitto, listen, group):
    b = listen(group, consumerID=group + "-{uuid}")
    assert b.log_contains("what waits for this one is never fetched")
