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

# what is changed in GOOD, the fault's place marked with @, and words its text must have
FAULTS = {
    "unknown-key": ("function: {address", "@functoin: {address", ["functoin", "function"]),
    "bad-number": ("8080}", "8080, endpointConcurrency: @many}", ["endpointConcurrency", "many"]),
    "bad-address": ("127.0.0.1:8080}", "@somewhere}", ["somewhere"]),
    "bad-word": ("value: none", "value: @kerberos", ["authType", "kerberos", "none"]),
    "bad-duration": ("value: shop}", "value: shop}\n  - {name: sessionTimeout, value: @soon}", ["sessionTimeout", "soon"]),
    "no-brokers": ('apiVersion: dapr.io/v1alpha1', '@apiVersion: dapr.io/v1alpha1', ["brokers"]),
    "unknown-type": ("bindings.kafka", "@bindings.nats", ["bindings.nats"]),
    "park-without-place": ("value: shop}", "value: shop}\n  - {name: onExhausted, value: @park}",
                           ["onExhausted", "deadLetterTopic"]),
    "broken-yaml": ("orders}\nspec:", "orders\nspec@:", []),
    "tab": ("  type:", "@\ttype:", []),
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
    before, after, words = fault
    assert before in GOOD
    marked = GOOD.replace(before, after, 1).split("\n")
    [(line, column)] = [(n, text.index("@") + 1) for n, text in enumerate(marked, 1) if "@" in text]
    text = "\n".join(marked).replace("@", "")
    file.write_text(text.replace('  - {name: brokers, value: "127.0.0.1:9092"}\n', "") if words == ["brokers"] else text)
    for args, code in ((("check", "--config", str(file)), 2), (("--config", str(file)), 1)):
        done = run(*args)
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{args[0]}: exit code {done.returncode}, expected {code}: {said}"
        lines = [t for t in said.splitlines() if f"{file.name}:{line}:{column}: " in t]
        assert lines, f"nothing is said about line {line}, column {column}: {said}"
        assert any(all(word in t for word in words) for t in lines), f"{words} are not all in {said!r}"


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
    b: Bridge = read(topic, function={"address": function.address})
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
