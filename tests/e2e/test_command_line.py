"""The command line people type: one line to run, a function beside, events in and out by hand, what is going on."""
from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.servers.ports import free_port
from tests.servers.process import Process
from tests.servers.wait import eventually

from .bridge import BINARY, ENVIRONMENT, ROOT, http_get, run
from .config import KAFKA, component, resource

pytestmark = pytest.mark.quick

ROWS = "&".join(f"{name}={value}" for name, value in KAFKA.items())
OFF = ["--dapr-http-port", "0"]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    """Starts bridge with those words; ended after the test."""
    made: list[Process] = []

    def start(*words: str) -> Process:
        made.append(Process([BINARY, *words], tmp_path / f"log-{len(made)}", ENVIRONMENT))
        made[-1].start()
        return made[-1]

    yield start
    for p in made:
        p.end(15)


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_component_short_form_and_url_print_the_same(tmp_path):
    url = "kafka://127.0.0.1:9092/orders?consumerGroup=g&order=key&retryMaxAttempts=3&deadLetterTopic=dead%2Dorders"
    rows = {"brokers": "127.0.0.1:9092", "topics": "orders", "direction": "input", "route": "/new", "consumerGroup": "g",
            "order": "key", "retryMaxAttempts": "3", "deadLetterTopic": "dead-orders"}
    function = {"address": "http://127.0.0.1:8080"}
    long, short = tmp_path / "long.yaml", tmp_path / "short.yaml"
    long.write_text(resource("bridge/v1", "Bridge", "shop", {"function": function}) + "---\n"
                    + component("orders", "bindings.kafka", rows))
    short.write_text(resource("bridge/v1", "Bridge", "shop", {
        "function": function, "bindings": [{"name": "orders", "from": url, "to": "/new"}]}))
    printed = [run("check", "--print", *words).stdout for words in (
        ["--config", str(long)], ["--config", str(short)],
        ["--app-id", "shop", url, "http://127.0.0.1:8080/new"])]
    assert "deadLetterTopic" in printed[0]
    assert printed[0] == printed[1] == printed[2]


def test_one_line_runs_a_source_and_a_function(kafka, function, started, group):
    topic = kafka.create(partitions=2)
    p = started("run", f"kafka://{kafka.brokers}/{topic}?{ROWS}", f"http://{function.address}/new", "--app-id", group,
                "--metrics-port", "0", *OFF)
    assert run("send", f"kafka://{kafka.brokers}/{topic}", "hello").returncode == 0
    eventually(lambda: len(function.taken()) == 1, 30, "the event arrived")
    assert (function.last()["path"], function.last()["body"]) == ("/new", "hello")
    p.sigterm()
    assert p.wait() == 0
    assert kafka.committed_sum(group, topic) == 1


def test_app_protocol_plain_sends_cloudevents(kafka, function, started, group):
    topic = kafka.create(partitions=1)
    started("run", f"kafka://{kafka.brokers}/{topic}?{ROWS}", f"http://{function.address}/new", "--app-id", group,
            "--app-protocol", "plain", "--metrics-port", "0", *OFF)
    run("send", f"kafka://{kafka.brokers}/{topic}", "hello")
    eventually(lambda: len(function.taken()) == 1, 30, "the event arrived")
    assert function.last()["headers"]["ce-specversion"] == "1.0"


def test_a_function_runs_beside_it_and_is_asked_to_end_when_all_is_done(kafka, started, group):
    topic, port = kafka.create(partitions=1), free_port()
    p = started("run", f"kafka://{kafka.brokers}/{topic}?{ROWS}", f"http://127.0.0.1:{port}/orders", "--app-id", group,
                "--metrics-port", "0", *OFF, "--", sys.executable, str(ROOT / "deploy/examples/function.py"), str(port))
    run("send", f"kafka://{kafka.brokers}/{topic}", '{"customer":"c1","amount":5}')
    eventually(lambda: f"{group} | customer c1 spent 5" in p.text(), 30, "the function's line is shown with its name")
    p.sigterm()
    assert p.wait() == 128 + signal.SIGTERM
    assert kafka.committed_sum(group, topic) == 1


def test_what_is_in_flight_is_finished_before_the_function_is_told_to_end(kafka, function, started, group, tmp_path):
    topic, ended = kafka.create(partitions=1), tmp_path / "ended"
    function.behave({"do": "hang"})
    p = started("run", f"kafka://{kafka.brokers}/{topic}?{ROWS}", f"http://{function.address}/new", "--app-id", group,
                "--metrics-port", "0", *OFF, "--", "sh", "-c", f"trap 'touch {ended}; exit 5' TERM; while :; do sleep 0.1; done")
    run("send", f"kafka://{kafka.brokers}/{topic}", "hello")
    eventually(lambda: function.requests(), 30, "the event is in flight")
    p.sigterm()
    eventually(lambda: "draining: 1 deliveries" in p.text(), 10, "it drains")
    assert not ended.exists()
    function.release()
    assert p.wait() == 5
    assert ended.exists()
    assert kafka.committed_sum(group, topic) == 1


def test_it_ends_with_the_functions_exit_code():
    words = ["--app-port", str(free_port()), "--metrics-port", "0", *OFF]
    done = run("run", *words, "--", "sh", "-c", "echo $APP_PORT $APP_ID; exit 7", "--app-id", "x")
    assert done.returncode == 7
    assert f"sh | {words[1]} bridge\n" in done.stdout
    done = run("run", *words, "--", "/nowhere/function")
    assert done.returncode == 1
    assert "/nowhere/function: cannot be started" in done.stdout


def test_send_takes_an_argument_a_file_and_lines(kafka, tmp_path):
    topic = kafka.create(partitions=1)
    url, file = f"kafka://{kafka.brokers}/{topic}", tmp_path / "event"
    file.write_bytes(b"two\nlines\n")
    assert run("send", url, "--key", "k", "--header", "a=b=c", "one").stderr == f"1 event confirmed in {topic}\n"
    assert run("send", url, "--file", str(file)).returncode == 0
    done = run("send", f"kafka://{kafka.brokers}", topic, "-", said="x\n\ny")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"3 events confirmed in {topic}\n")
    got = kafka.read_all(topic)
    assert [m.value() for m in got] == [b"one", b"two\nlines\n", b"x", b"", b"y"]
    assert (got[0].key(), got[0].headers()) == (b"k", [("a", b"b=c")])
    assert (got[1].key(), got[1].headers()) == (None, None)


def test_many_lines_all_arrive_in_order(kafka):
    topic = kafka.create(partitions=1)
    sent = [f"line {i}" for i in range(5000)]
    assert run("send", f"kafka://{kafka.brokers}/{topic}", said="\n".join(sent)).returncode == 0
    assert [m.value().decode() for m in kafka.read_all(topic)] == sent


def test_send_says_what_was_not_written_by_its_exit_code(kafka, tmp_path):
    done = run("send", f"kafka://{kafka.brokers}/{kafka.new_name()}?messageTimeout=2s", "x")
    assert done.returncode == 1
    assert "event 1 is not written: topic" in done.stderr
    done = run("send", f"kafka://127.0.0.1:{free_port()}/t?messageTimeout=1s", "x")
    assert done.returncode == 1
    assert "not confirmed within messageTimeout" in done.stderr
    done = run("send", f"kafka://{kafka.brokers}/a,b", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert '"a,b" are several topics, expected one' in done.stderr
    done = run("send", f"kafka://{kafka.brokers}/t", "--file", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "No such file" in done.stderr


def test_tail_prints_events_and_commits_nothing(kafka, group):
    topic = kafka.create(partitions=2)
    url = f"kafka://{kafka.brokers}/{topic}?{ROWS}&consumerGroup={group}"
    run("send", url, "--key", "k", "--header", "a=b", '{"n": 1}')
    run("send", url, said="x\ny\n")
    for _ in range(2):		# the second time all is there again
        done = run("tail", url, "--count", "3")
        assert done.returncode == 0
        got = lines(done)
        assert sorted(str(e["data"]) for e in got) == ["x", "y", "{'n': 1}"]
        keyed = next(e for e in got if e["key"] == "k")
        assert (keyed["topic"], keyed["headers"], keyed["data"]) == (topic, {"a": "b"}, {"n": 1})
        assert isinstance(keyed["offset"], int)
    assert set(kafka.committed(group, topic).values()) == {-1}


def test_tail_ends_cleanly_when_interrupted_or_nobody_reads(kafka, started):
    topic = kafka.create(partitions=1)
    url = f"kafka://{kafka.brokers}/{topic}?{ROWS}"
    run("send", url, "x")
    p = started("tail", url)
    eventually(lambda: '"data":"x"' in p.text(), 30, "the event is shown")
    p.signal(signal.SIGINT)
    assert p.wait() == 0
    run("send", url, said="\n".join(map(str, range(1000))))
    done = subprocess.run(["bash", "-o", "pipefail", "-c", f"{BINARY} tail '{url}' | head -1"], capture_output=True,
                          timeout=30, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, b"")


def test_components_of_a_file_can_be_sent_to_and_looked_at(kafka, tmp_path, group):
    topic, file = kafka.create(partitions=1), tmp_path / "bindings.yaml"
    file.write_text(component("orders", "bindings.kafka", {**KAFKA, "brokers": kafka.brokers, "topics": topic}) + "---\n"
                    + component("shop", "pubsub.kafka", {**KAFKA, "brokers": kafka.brokers, "consumerGroup": group}))
    assert run("send", "--config", str(file), "orders", "one").returncode == 0
    assert run("send", "--config", str(file), "shop", topic, "two").returncode == 0
    assert [e["data"] for e in lines(run("tail", "--config", str(file), "shop", topic, "--count", "2"))] == ["one", "two"]
    assert [e["data"] for e in lines(run("tail", "--config", str(file), "orders", "--count", "2"))] == ["one", "two"]
    done = run("tail", "--config", str(file), "shop")
    assert done.returncode == 1
    assert "no topic, expected one behind the component" in done.stderr
    done = run("send", "--config", str(file), "oders", "x")
    assert done.returncode == 1
    assert 'no component "oders", did you mean "orders"?' in done.stderr


def test_top_shows_a_running_bridge(kafka, function, read, ledger, started):
    topic = kafka.create(partitions=1)
    ledger.produce(kafka, topic, 50)
    b = read(topic)
    ledger.wait(function)
    eventually(lambda: b.metrics().lag(topic, 0) == 0, 30, "everything is committed")
    admin = f"127.0.0.1:{b.admin_port}"
    row = lines(run("top", "--admin", admin, "--once"))[0]["subscriptions"][0]
    assert (row["component"], row["topic"], row["route"]) == ("orders", topic, "/orders")
    assert (row["delivered"], row["inflight"], row["lag"], row["held"]) == (50, 0, 0, 0)
    assert row["events_per_second"] is None
    p = started("top", "--admin", admin)
    eventually(lambda: p.text().count("\n") >= 2, 30, "a line a second")
    assert json.loads(p.text().splitlines()[1])["subscriptions"][0]["events_per_second"] == 0
    p.signal(signal.SIGINT)
    assert p.wait() == 0
    done = run("top", "--admin", f"127.0.0.1:{free_port()}", "--once")
    assert done.returncode == 1
    assert "does it run? --admin says where" in done.stderr


def on_a_terminal(*words: str, **env: str) -> str:
    """What it writes to a terminal until it ends."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([BINARY, *words], stdin=theirs, stdout=theirs, stderr=theirs,
                          env={**ENVIRONMENT, "TERM": "xterm", **env}) as p:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:			# the other end is closed
            pass
        p.wait(30)
    os.close(ours)
    return said.decode()


def test_colours_are_for_terminals_without_no_color(kafka, read, function):
    words = ["check", "--app-id", "a", "kafka://127.0.0.1:1/t", "http://127.0.0.1:2"]
    assert "\x1b[1mt\x1b[0m" in on_a_terminal(*words)
    assert "\x1b[" not in on_a_terminal(*words, NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal(*words, TERM="dumb")
    assert "\x1b[" not in run(*words, TERM="xterm").stderr
    b = read(kafka.create(partitions=1)).ready()
    table = on_a_terminal("top", "--admin", f"127.0.0.1:{b.admin_port}", "--once", NO_COLOR="1")
    assert "component/topic" in table and "\x1b[" not in table
    assert http_get(b.admin_port, "/healthz")[0] == 200
