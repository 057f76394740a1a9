"""A broker that breaks the protocol: the process survives, says what came, and comes back."""
from __future__ import annotations

import json

import pytest

from tests.servers.hostile_mqtt import CONNACK, HostileMqtt, length, publish
from tests.servers.wait import eventually

EVENT = json.dumps({"id": "fine"}).encode()
SCRIPTS = {
    "no MQTT at all": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "nothing but zeros": b"\x00" * 300,
    "a CONNACK cut short": b"\x20\x02\x00",
    "a CONNACK of length 0": b"\x20\x00",
    "a CONNACK longer than it says": CONNACK + b"\x00\x00\x00",
    "a refusal": b"\x20\x02\x00\x05",
    "an unknown refusal": b"\x20\x02\x00\x77",
    "a length of five digits": CONNACK + b"\x30\xff\xff\xff\xff\x7f",
    "a PUBLISH of length 0": CONNACK + b"\x32\x00",
    "a PUBLISH whose topic is longer than the packet": CONNACK + b"\x32\x06\xff\xff" + b"abcd",
    "a PUBLISH without packet id": CONNACK + b"\x32\x03\x00\x01t",
    "a PUBLISH of QoS 3": CONNACK + b"\x36\x08\x00\x01t\x00\x01xyz",
    "a PUBACK for nothing": CONNACK + b"\x40\x02\x12\x34",
    "a PUBACK of length 0": CONNACK + b"\x40\x00",
    "a PUBREL for nothing": CONNACK + b"\x62\x02\x12\x34",
    "a SUBACK for nothing": CONNACK + b"\x90\x03\x7f\x7f\x01",
    "a SUBACK of length 0": CONNACK + b"\x90\x00",
    "a packet only clients send": CONNACK + b"\x82\x05\x00\x01\x00\x01t\x00",
    "a reserved packet type": CONNACK + b"\x00\x00" + b"\xf0\x00",
    "256 MB promised, nothing sent": CONNACK + b"\x32" + length(268435455) + b"\x00\x01t\x00\x01",
    "CONNACK twice": CONNACK + CONNACK,
}


@pytest.mark.parametrize("what", SCRIPTS)
def test_it_survives(function, listener, group, what):
    hostile = HostileMqtt(SCRIPTS[what], then=publish(b"t", EVENT))
    b = listener("t", url=f"mqtt://127.0.0.1:{hostile.port}", keepAlive="1s", connectTimeout="2s").start()
    eventually(lambda: "fine" in function.taken(), 30, "after the mischief it works")
    eventually(lambda: hostile.pubacks, 10)
    assert b.alive()
    hostile.close()


def test_topics_that_are_not_utf_8_and_empty_payloads_are_delivered(function, listener, group):
    events = publish(b"t/\xff\xfe", b'{"id": "bytes"}', 1) + publish(b"t/nul\x00x", b'{"id": "nul"}', 2) + publish(
        b"t/empty", b"", 3) + publish(b"t/\r\nX-Evil: 1", b'{"id": "crlf"}', 4)
    hostile = HostileMqtt(then=events)
    b = listener("t/#", url=f"mqtt://127.0.0.1:{hostile.port}").start()
    eventually(lambda: sorted(hostile.pubacks) == [1, 2, 3, 4], 20)
    assert {"bytes", "crlf"} <= function.taken()
    for seen in function.stats()["recent"]:
        assert "x-evil" not in seen["headers"]
    assert b.alive()
    hostile.close()


def test_an_event_sent_again_over_the_same_connection_is_delivered_once(function, listener, group):
    function.behave({"do": "slow", "ms": 300})
    once, again = publish(b"t", EVENT, 7), publish(b"t", EVENT, 7, dup=True)
    hostile = HostileMqtt(then=once + again)
    listener("t", url=f"mqtt://127.0.0.1:{hostile.port}").start()
    eventually(lambda: hostile.pubacks == [7], 20)
    assert len([r for r in function.requests() if r.id == "fine"]) == 1
    hostile.close()
