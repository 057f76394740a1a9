"""KEDA's external scaler against a real Kafka: numbers, edges, outages, TLS, and connections that come and go."""
from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.servers.certificates import Authority
from tests.servers.kafka import Kafka
from tests.servers.ports import free_port
from tests.servers.scaler_client import Scaler, grpc, pb
from tests.servers.wait import eventually, throughout

from .bridge import Bridge, http_get
from .config import Config
from .ledger import Ledger
from .scaling import BEFORE_A_REFRESH_S, OK, UNAVAILABLE, produce, values_are



class Scaled:
    """A bridge with a scaler port, not started, whose function may be away."""

    def __init__(self, bridge: Bridge, port: int, scalers: Callable[..., Scaler]) -> None:
        self.bridge, self.port, self.scalers = bridge, port, scalers

    def start(self) -> "Scaled":
        self.bridge.start()
        self.scaler = self.scalers(self.port)
        return self


@pytest.fixture
def scaled(bridge: Any, functions: Any, group: str, scalers: Any) -> Callable[..., Scaled]:
    def make(topics: str, kafka: Kafka, name: str = "", address: str = "", scaler: dict[str, Any] | None = None,
             **metadata: Any) -> Scaled:
        port = free_port()
        config = Config(function={"address": address or f"127.0.0.1:{free_port()}"},
                        process={"scaler": {"port": port, **(scaler or {})}})
        return Scaled(bridge(config.binding("orders", kafka.brokers, topics, name or group, **metadata)), port, scalers)

    return make


def lag_of_group(kafka: Kafka, group: str, topic: str) -> int:
    """As Kafka's own tool reckons it: log end less what was committed, asked by clients that are not ours."""
    return sum(kafka.watermarks(topic, p)[1] - max(offset, 0) for p, offset in kafka.committed(group, topic).items())


def test_a_function_that_is_away_is_told_of_at_once_and_has_its_numbers(any_kafka: Kafka, scaled: Any) -> None:
    topic = any_kafka.create(any_kafka.new_name(), 3)
    one = scaled(topic, any_kafka).start()
    s: Scaler = one.scaler
    assert s.spec(function="shop", targetBacklog="2.5").targetSizeFloat == 2.5
    stream = s.stream_active(function="shop")
    eventually(lambda: values_are(s, 0, function="shop"), 20, "lag is known and 0")
    assert not s.is_active(function="shop") and not stream.got
    produce(any_kafka, topic, [0, 3, 1])
    eventually(lambda: stream.got, BEFORE_A_REFRESH_S, "true was pushed")
    assert stream.got[0][1].result
    eventually(lambda: values_are(s, 4, function="shop"), 20, "lag is 4")
    assert s.is_active(function="shop") and not s.is_active(function="shop", activationBacklog="4")
    assert s.metrics(function="shop", partitionLimitation="1") == 3
    # nobody takes it: told again, not more often than every two seconds, and never false
    eventually(lambda: len(stream.got) >= 3, 20, "it is told again")
    times = [at for at, _ in stream.got]
    assert all(later - before > 1.8 for before, later in zip(times, times[1:]))
    assert all(message.result for _, message in stream.got)
    assert one.bridge.metrics().sum("bridge_function_lag") == 4


def test_the_lag_goes_to_zero_as_the_function_takes_it(kafka: Kafka, functions: Any, scaled: Any, group: str) -> None:
    topic, f = kafka.create(kafka.new_name(), 4), functions()
    one = scaled(topic, kafka, address=f.address).start()
    s = one.scaler
    produce(kafka, topic, [5, 0, 7, 1])
    eventually(lambda: values_are(s, 13, function="shop"), 20, "lag is 13")
    assert lag_of_group(kafka, group, topic) == 13
    f.up()
    one.bridge.ready()
    eventually(lambda: values_are(s, 0, function="shop"), 20, "all is delivered")
    # at rest everybody says the same
    produce(kafka, topic, [3, 3, 3, 3])
    eventually(lambda: one.bridge.count("delivered_total") == 25, 20, "all is delivered")
    f.behave({"do": "ok", "status": 503})
    produce(kafka, topic, [2, 0, 0, 0])
    eventually(lambda: values_are(s, 2, function="shop") and lag_of_group(kafka, group, topic) == 2, 30, "both say 2")
    status, text = http_get(one.bridge.admin_port, "/scaler/v1/shop")
    answer = json.loads(text)
    assert status == 200 and answer["lag"] == 2 and answer["backlog"] + answer["inflight"] == 2 and answer["active"]
    assert one.bridge.metrics().subscription("lag") == 2
    f.behave()
    eventually(lambda: values_are(s, 0, function="shop"), 20, "the rest is delivered")


def test_lag_is_that_of_the_whole_group_whoever_is_asked(kafka: Kafka, functions: Any, bridge: Any, group: str,
                                                       scalers: Any) -> None:
    topic, f = kafka.create(kafka.new_name(), 6), functions().up()
    f.behave({"do": "ok", "status": 503})
    bridges, asked = [], []
    for _ in range(3):
        port = free_port()
        config = Config(function={"address": f.address}, process={"scaler": {"port": port}})
        bridges.append(bridge(config.binding("orders", kafka.brokers, topic, group)).start())
        asked.append(scalers(port))
    for b in bridges:
        b.ready()
    produce(kafka, topic, [4] * 6)
    eventually(lambda: all(values_are(s, 24, function="shop") for s in asked), 30, "all three say 24")
    f.behave()
    eventually(lambda: all(values_are(s, 0, function="shop") for s in asked), 60, "all three say 0")


def test_events_done_beyond_one_that_is_stuck_are_not_counted(kafka: Kafka, functions: Any, scaled: Any) -> None:
    topic, f = kafka.create(kafka.new_name(), 1), functions().up()
    f.behave({"do": "ok", "status": 503, "key": "stuck"})
    one = scaled(topic, kafka, address=f.address, order="none").start()
    one.bridge.ready()
    p = kafka.producer()
    p.produce(topic, b"stuck", key="stuck", partition=0)
    for i in range(50):
        p.produce(topic, str(i).encode(), partition=0)
    assert p.flush(30) == 0
    eventually(lambda: one.bridge.count("delivered_total") == 50, 30, "all but one are delivered")
    eventually(lambda: values_are(one.scaler, 1, function="shop"), 20, "lag is the one that is stuck")


def test_transactions_leave_no_lag_behind(kafka: Kafka, scaled: Any, functions: Any) -> None:
    topic, f = kafka.create(kafka.new_name(), 1), functions()
    one = scaled(topic, kafka, address=f.address).start()
    p = kafka.producer(transactional_id=f"tx-{topic}", message_timeout_ms=10000)
    p.init_transactions()
    p.begin_transaction()
    p.produce(topic, b"open", partition=0)
    p.flush(10)
    s = one.scaler
    eventually(lambda: values_are(s, 0, function="shop"), 20, "an open transaction is no backlog")
    p.commit_transaction()
    eventually(lambda: s.metrics(function="shop") > 0, 20, "a committed one is")
    f.up()
    eventually(lambda: values_are(s, 0, function="shop"), 30, "its marker is not waited for")
    p.begin_transaction()
    p.produce(topic, b"never", partition=0)
    p.flush(10)
    p.abort_transaction()
    eventually(lambda: values_are(s, 0, function="shop"), 20, "nor is one that was aborted")


def test_new_partitions_and_what_retention_took_are_counted_right(kafka: Kafka, scaled: Any) -> None:
    topic = kafka.create(kafka.new_name(), 1)
    produce(kafka, topic, [10])
    kafka.delete_records(topic, 0, 4)
    one = scaled(topic, kafka).start()
    eventually(lambda: values_are(one.scaler, 6, function="shop"), 20, "without a commit: what the log holds")
    kafka.add_partitions(topic, 3)
    produce(kafka, topic, [0, 2, 3])
    eventually(lambda: values_are(one.scaler, 11, function="shop"), 30, "partitions that came later count")


def test_a_newest_group_that_never_began_is_started_once(kafka: Kafka, scaled: Any, functions: Any) -> None:
    topic, f = kafka.create(kafka.new_name(), 4), functions()
    produce(kafka, topic, [5, 5, 5, 5])
    one = scaled(topic, kafka, address=f.address, initialOffset="newest").start()
    eventually(lambda: values_are(one.scaler, 1, function="shop"), 20, "one, so that it begins")
    f.up()
    eventually(lambda: values_are(one.scaler, 0, function="shop"), 30, "then nothing, until something comes")


def test_an_outage_is_unavailable_and_never_zero(own_kafka: Kafka, scaled: Any) -> None:
    topic = own_kafka.create(own_kafka.new_name(), 2)
    produce(own_kafka, topic, [7, 0])
    one = scaled(topic, own_kafka).start()
    s = one.scaler
    stream = s.stream_active(function="shop")
    eventually(lambda: values_are(s, 7, function="shop") and stream.got, 20, "lag is 7")
    own_kafka.kill9()
    codes: set[Any] = set()

    def until_unknown() -> bool:
        try:
            value = s.metrics(function="shop")
            assert value == 7, f"{value} during an outage"
            return False
        except grpc.RpcError as e:
            codes.add(e.code())
            return True

    eventually(until_unknown, 30, "lag is unknown")
    assert codes == {UNAVAILABLE}
    throughout(lambda: s.code(function="shop") == UNAVAILABLE, 3, "unknown stays unknown")
    assert s.metrics(function="shop", staleFor="10m") == 7
    assert s.spec(function="shop").targetSize == 10  # whatever the broker does
    assert http_get(one.bridge.admin_port, "/scaler/v1/shop")[0] == 503
    assert not one.bridge.metrics().select("bridge_function_lag")
    own_kafka.start()
    eventually(lambda: values_are(s, 7, function="shop"), 60, "lag is known again")
    assert all(message.result for _, message in stream.got) and stream.code is None


def test_a_broker_that_is_not_there_at_start_is_unknown(own_kafka: Kafka, scaled: Any) -> None:
    topic = own_kafka.create(own_kafka.new_name(), 1)
    produce(own_kafka, topic, [3])
    own_kafka.stop()
    one = scaled(topic, own_kafka).start()
    throughout(lambda: one.scaler.code(function="shop") == UNAVAILABLE, 3, "unknown from the first moment")
    assert one.scaler.spec(function="shop").targetSize == 10
    own_kafka.start()
    eventually(lambda: values_are(one.scaler, 3, function="shop"), 60, "lag is known")


def test_a_topic_that_is_not_there_is_unknown_until_it_is(kafka: Kafka, scaled: Any) -> None:
    topic = kafka.new_name("later")
    one = scaled(topic, kafka).start()
    eventually(lambda: "does not exist" in one.scaler.error(function="shop")[1], 20, "it is said to be missing")
    kafka.create(topic, 2)
    eventually(lambda: values_are(one.scaler, 0, function="shop"), 30, "lag is known")


def test_names_and_metadata_nobody_can_mean_are_refused(kafka: Kafka, scaled: Any) -> None:
    topic = kafka.create(kafka.new_name(), 1)
    s = scaled(topic, kafka).start().scaler
    invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    assert s.code(function="nobody") == missing
    assert s.code(subscription="nobody") == invalid
    assert s.code(targetBacklog="0") == invalid
    assert s.code(targetBaklog="5") == invalid
    assert s.code(targetBacklog="\x01\n") == invalid
    assert s.code(function="\n\x00\x7f") == missing
    assert s.code(**{f"key{i}": "x" * 500 for i in range(100)}) == invalid
    assert s.code(key="x" * 100_000) == grpc.StatusCode.RESOURCE_EXHAUSTED
    eventually(lambda: values_are(s, 0, somethingElse="of KEDA", scalerAddress="a:1"), 20, "other keys are let pass")
    bad = s.stream_active(function="nobody")
    eventually(lambda: bad.code is not None, 5, "a stream of nobody ends")
    assert bad.code == missing


def test_streams_come_back_after_a_restart_and_end_well(kafka: Kafka, scaled: Any, scalers: Any) -> None:
    topic = kafka.create(kafka.new_name(), 1)
    produce(kafka, topic, [2])
    one = scaled(topic, kafka).start()
    stream = one.scaler.stream_active(function="shop")
    eventually(lambda: stream.got, 20, "what waits is told at open")
    one.bridge.stop()
    eventually(lambda: stream.code is not None, 10, "the stream has ended")
    assert stream.code == OK
    one.bridge.start()
    again = scalers(one.port).stream_active(function="shop")
    eventually(lambda: again.got, 20, "and again on reconnect")
    one.bridge.kill9()
    eventually(lambda: again.code is not None, 10, "the stream is gone")
    assert again.code == UNAVAILABLE


def test_two_thousand_streams_are_told_by_one_process(kafka: Kafka, scaled: Any) -> None:
    topic = kafka.create(kafka.new_name(), 1)
    one = scaled(topic, kafka).start()
    s = one.scaler
    eventually(lambda: values_are(s, 0, function="shop"), 20, "lag is known")
    path = "/externalscaler.ExternalScaler/StreamIsActive"
    call = s.channel.unary_stream(path, pb.ScaledObjectRef.SerializeToString, pb.IsActiveResponse.FromString)
    ref = pb.ScaledObjectRef(name="o", scalerMetadata={"function": "shop"})
    streams = [call(ref) for _ in range(2000)]
    assert s.metrics(function="shop") == 0  # a poll is not held up behind them
    produce(kafka, topic, [1])
    assert all(next(stream).result for stream in streams)
    assert s.health() == 1
    for stream in streams:
        stream.cancel()
    assert one.bridge.rss_anon() < 60 << 20


def test_tls_takes_whom_it_knows_and_nobody_else(kafka: Kafka, scaled: Any, scalers: Any, tmp_path: Path) -> None:
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others", "others")
    cert, key = ours.sign("scaler", "DNS:bridge", "IP:127.0.0.1")
    files = {name: tmp_path / name for name in ("cert.pem", "key.pem")}
    files["cert.pem"].write_text(cert)
    files["key.pem"].write_text(key)
    topic = kafka.create(kafka.new_name(), 1)
    one = scaled(topic, kafka, scaler={"tls": {"cert": str(files["cert.pem"]), "key": str(files["key.pem"]),
                                               "clientCa": str(ours.file)}})
    one.bridge.start()

    def client(ca: Authority, signer: Authority | None) -> Scaler:
        pair = signer.sign("keda") if signer else None
        credentials = grpc.ssl_channel_credentials(ca.text.encode(), pair and pair[1].encode(),
                                                   pair and pair[0].encode())
        return scalers(one.port, credentials=credentials)

    good = client(ours, ours)
    eventually(lambda: values_are(good, 0, function="shop"), 20, "who is known is let in")
    assert client(ours, None).code(function="shop") == UNAVAILABLE
    assert client(ours, others).code(function="shop") == UNAVAILABLE
    assert client(others, ours).code(function="shop") == UNAVAILABLE
    assert scalers(one.port).code(function="shop") == UNAVAILABLE
    assert values_are(good, 0, function="shop")


def test_a_peer_that_hangs_or_floods_leaves_the_others_alone(kafka: Kafka, scaled: Any) -> None:
    from h2.config import H2Configuration
    from h2.connection import H2Connection

    topic = kafka.create(kafka.new_name(), 1)
    one = scaled(topic, kafka).start()
    s = one.scaler
    eventually(lambda: values_are(s, 0, function="shop"), 20, "lag is known")
    silent = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(100)]
    flood = socket.create_connection(("127.0.0.1", one.port))
    flood.settimeout(2)
    h2 = H2Connection(H2Configuration(client_side=True))
    h2.initiate_connection()
    try:
        for _ in range(200_000):  # answers to pings that are never read
            h2.ping(b"12345678")
            flood.sendall(h2.data_to_send())
    except OSError:
        pass
    assert values_are(s, 0, function="shop")
    assert one.bridge.rss_anon() < 60 << 20
    for connection in [flood, *silent]:
        connection.close()
    assert values_are(s, 0, function="shop")


def test_scaling_from_zero_loses_nothing(kafka: Kafka, functions: Any, scaled: Any, ledger: Ledger, group: str) -> None:
    """The function comes when it is called, goes when nothing waits, three times over."""
    topic, f = kafka.create(kafka.new_name(), 3), functions()
    one = scaled(topic, kafka, address=f.address).start()
    stream = one.scaler.stream_active(function="shop")
    for n in range(1, 4):
        before = len(stream.got)
        ledger.produce(kafka, topic, 100)
        eventually(lambda: len(stream.got) > before, 20, "it is called")
        f.up()
        eventually(lambda: values_are(one.scaler, 0, function="shop"), 30, "nothing waits any more")
        f.down()
    ledger.check(f)
