"""Starting and refusing to start: every fault says where, what, and what was expected."""
from __future__ import annotations

import re
import socket

import pytest

from tests.servers.ports import free_port
from tests.servers.wait import eventually

from .bridge import Bridge, http_get, run
from .config import KAFKA, Config, component

pytestmark = pytest.mark.quick

GOOD = """\
apiVersion: bridge/v1
kind: Bridge
metadata: {name: shop}
spec:
  function: {address: 127.0.0.1:8080}
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: orders}
spec:
  type: bindings.kafka
  version: v1
  metadata:
  - {name: brokers, value: "127.0.0.1:9092"}
  - {name: topics, value: orders}
  - {name: consumerGroup, value: shop}
  - {name: authType, value: none}
"""

# what is changed in GOOD, the line and column of the fault, words its text must have
FAULTS = {
    "unknown-key": ("function: {address", "functoin: {address", 5, 3, ["functoin", "function"]),
    "bad-number": ("8080}", "8080, endpointConcurrency: many}", 5, 59, ["endpointConcurrency", "many"]),
    "bad-address": ("127.0.0.1:8080}", "somewhere}", 5, 23, ["somewhere"]),
    "bad-word": ("value: none", "value: kerberos", 17, 29, ["authType", "kerberos", "none"]),
    "bad-duration": ("value: shop}", "value: shop}\n  - {name: sessionTimeout, value: soon}", 17, 36,
                     ["sessionTimeout", "soon"]),
    "no-brokers": ('  - {name: brokers, value: "127.0.0.1:9092"}\n', "", 7, 1, ["brokers"]),
    "unknown-type": ("bindings.kafka", "bindings.nats", 11, 9, ["bindings.nats"]),
    "park-without-place": ("value: shop}", "value: shop}\n  - {name: onExhausted, value: park}", 17, 33,
                           ["onExhausted", "deadLetterTopic"]),
    "broken-yaml": ("metadata: {name: orders}", "metadata: {name: orders", 10, 1, []),
    "tab": ("  type:", "\ttype:", 11, 1, []),
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "bindings.yaml"


def test_check_accepts_what_is_right(file):
    file.write_text(GOOD)
    done = run("check", "--config", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_with_file_line_and_column(file, fault):
    before, after, line, column, words = fault
    assert before in GOOD
    file.write_text(GOOD.replace(before, after, 1))
    for args, code in ((("check", "--config", str(file)), 2), (("--config", str(file)), 1)):
        done = run(*args)
        text = done.stdout + done.stderr
        assert done.returncode == code, f"{args[0]}: exit code {done.returncode}, expected {code}: {text}"
        place = re.search(rf"{re.escape(file.name)}:(\d+):(\d+): (.*)", text)
        assert place, f"no file:line:column in {text!r}"
        assert (int(place[1]), int(place[2])) == (line, column), text
        assert all(word in text for word in words), f"{words} are not all in {text!r}"


def test_check_print_shows_effective_settings_that_mean_the_same(file, tmp_path):
    file.write_text(GOOD)
    first = run("check", "--print", "--config", str(file))
    assert first.returncode == 0 and "sessionTimeout" in first.stdout, first.stdout + first.stderr
    again = tmp_path / "again.yaml"
    again.write_text(first.stdout)
    second = run("check", "--print", "--config", str(again))
    assert second.stdout == first.stdout, second.stderr


def test_a_file_that_is_not_there_is_named(tmp_path):
    done = run("--config", str(tmp_path / "nowhere.yaml"))
    assert done.returncode == 1 and "nowhere.yaml" in done.stdout + done.stderr


def test_an_unknown_flag_is_fatal(file):
    done = run("--app-prot", "8080")
    assert done.returncode == 1 and "app-prot" in done.stdout + done.stderr and "app-port" in done.stdout + done.stderr


@pytest.mark.parametrize("which", ["admin", "dapr"])
def test_a_port_that_is_taken_stops_the_start_and_is_named(file, which):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        ports = {"admin": free_port(), "dapr": free_port(), which: port}
        file.write_text(Config().text(ports["admin"], ports["dapr"]))
        done = run("--config", str(file))
    assert done.returncode == 1
    assert re.search(rf"{which}.*{port}.*in use", done.stdout + done.stderr), done.stdout + done.stderr


def test_healthz_is_500_until_everything_works_and_204_from_then_on(kafka, functions, read):
    function, topic = functions(), kafka.create(partitions=1)
    b: Bridge = read(topic)
    eventually(lambda: http_get(b.dapr_port, "/v1.0/healthz/outbound")[0] == 204, 10)
    assert b.healthz() == 500 and "ERR_HEALTH_NOT_READY" in http_get(b.dapr_port, "/v1.0/healthz")[1]
    assert b.readyz() == 503 and http_get(b.admin_port, "/healthz")[0] == 200
    function.up()
    eventually(lambda: b.healthz() == 204 and b.readyz() == 200, 30)
    function.down()
    eventually(lambda: b.readyz() == 503, 30)
    assert b.healthz() == 204, "as daprd: 204 stays while the app is unhealthy"


def test_the_command_line_of_daprd_works(kafka, function, bridge, ledger, group, tmp_path):
    topic = kafka.create(partitions=1)
    resources = tmp_path / "resources"
    resources.mkdir()
    rows = {**KAFKA, "brokers": kafka.brokers, "topics": topic, "consumerGroup": group}
    (resources / "orders.yaml").write_text(component("orders", "bindings.kafka", rows))
    b = bridge(Config())
    b.process.argv[1:] = ["--app-id", "shop", "--app-port", str(function.port), "--app-protocol=http",
                          "-dapr-http-port", str(b.dapr_port), "--metrics-port", str(b.admin_port), "--enable-metrics",
                          "--resources-path", str(resources), "--log-level", "debug",
                          "--placement-host-address", "127.0.0.1:50006"]
    b.start()
    ledger.produce(kafka, topic, 20)
    ledger.wait(function)
    assert b.log_contains(r"level=debug") and b.log_contains(r"app_id=shop")
