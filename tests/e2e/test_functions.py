"""Several functions in one process: what befalls one is nothing to the others, and each has its own numbers."""
from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.servers.function import Function
from tests.servers.ports import free_port
from tests.servers.wait import eventually, throughout

from .bridge import ROOT, Bridge, http_get, run
from .config import KAFKA, Config, component, resource
from .ledger import Ledger

pytestmark = pytest.mark.quick

QUICK_RETRY = {"retryInitialInterval": "10ms", "retryMaxInterval": "100ms"}


@dataclass
class Two:
    """Function "shop", which is to suffer, and "mail", which is not to notice."""
    bridge: Bridge
    shop: Function
    mail: Function
    shop_topic: str
    mail_topic: str


@pytest.fixture
def two(kafka, functions, bridge, group):
    shop, mail = functions().up(), functions().up()
    topics = kafka.create(partitions=4), kafka.create(partitions=4)
    config = Config(app="shop", function={"address": shop.address})
    config.binding("orders", kafka.brokers, topics[0], f"{group}-shop", order="none", **QUICK_RETRY).scoped("shop")
    config.beside("mail", {"address": mail.address})
    config.binding("letters", kafka.brokers, topics[1], f"{group}-mail", order="none", **QUICK_RETRY).scoped("mail")
    return Two(bridge(config).start(), shop, mail, *topics)


def hang(f: Function) -> None:
    f.behave({"do": "hang"})


def fail(f: Function) -> None:
    f.behave({"do": "ok", "status": 500})


def reset(f: Function) -> None:
    f.behave({"do": "reset"})


def recover(f: Function) -> None:
    f.behave()
    f.release()


@pytest.mark.parametrize("fault", [hang, fail, reset, Function.down], ids=["hangs", "fails", "resets", "is-gone"])
def test_a_function_that_is_unwell_is_nothing_to_the_other(kafka, two, fault):
    sick, well = Ledger(), Ledger()
    sick.produce(kafka, two.shop_topic, 40, partition=lambda i: i % 4)
    sick.wait(two.shop)		# each partition was read once: its lag is known
    fault(two.shop)
    sick.produce(kafka, two.shop_topic, 300)
    if fault is not Function.down:
        eventually(lambda: len(two.shop.requests()) > 60, 30, "the fault is felt")
    well.produce(kafka, two.mail_topic, 2000)
    well.wait(two.mail)
    well.check(two.mail, duplicates=0)
    eventually(lambda: all(two.bridge.metrics().lag(two.mail_topic, p) == 0 for p in range(4)), 30, "all is committed")
    assert two.bridge.count("delivered_total", function="mail") == 2000
    assert two.bridge.count("retries_total", function="mail") == 0
    assert two.bridge.count("delivered_total", function="shop") == 40
    eventually(lambda: lag(two.bridge, "shop") == 300, 30, "the lag of the one is its own")
    assert lag(two.bridge, "mail") == 0
    two.shop.up()
    recover(two.shop)
    sick.wait(two.shop)
    sick.check(two.shop)


def lag(b: Bridge, function: str) -> float:
    return b.metrics().sum("bridge_partition_lag", function=function)


def test_a_process_that_dies_again_and_again_loses_nothing_of_either(kafka, two):
    ledgers = Ledger(), Ledger()
    two.shop.behave({"do": "slow", "ms": 5})
    fail(two.mail)
    with ledgers[0].steady(kafka, two.shop_topic, 300), ledgers[1].steady(kafka, two.mail_topic, 300):
        for _ in range(3):
            two.bridge.ready()
            two.bridge.wait_in_flight(20)
            two.bridge.kill9()
            recover(two.mail)
            two.bridge.start()
    for ledger, function in zip(ledgers, (two.shop, two.mail)):
        ledger.wait(function)
        ledger.check(function)


def test_sigterm_drains_both_and_nothing_comes_twice(kafka, two):
    ledgers = Ledger(), Ledger()
    for function in (two.shop, two.mail):
        function.behave({"do": "slow", "ms": 20})
    with ledgers[0].steady(kafka, two.shop_topic, 200), ledgers[1].steady(kafka, two.mail_topic, 200):
        two.bridge.ready()
        two.bridge.wait_in_flight(4)
        two.bridge.stop()
    two.bridge.start()
    for ledger, function in zip(ledgers, (two.shop, two.mail)):
        ledger.wait(function)
        ledger.check(function, duplicates=0)


def test_health_speaks_of_each(two):
    two.bridge.ready()
    assert http_get(two.bridge.admin_port, "/readyz") == (200, "ready\nfunction shop: ready\nfunction mail: ready\n")
    two.mail.down()
    eventually(lambda: two.bridge.readyz() == 503, 20, "it is noticed")
    assert http_get(two.bridge.admin_port, "/readyz")[1] == (
        "not ready\nfunction shop: ready\nfunction mail: not ready: not reachable\n")
    assert two.bridge.log_contains(r'msg="function mail: not reachable[^"]*" app_id=mail ')
    assert two.bridge.log_contains(r'msg="function shop: ready" app_id=shop ')
    assert two.bridge.log_contains(r'msg="component letters: [^"]*" app_id=mail ')
    assert not two.bridge.log_contains(r'msg="component letters: [^"]*" app_id=(shop|bridge) ')


def test_top_tells_them_apart(kafka, two):
    ledger = Ledger()
    ledger.produce(kafka, two.mail_topic, 30)
    ledger.wait(two.mail)
    eventually(lambda: two.bridge.count("delivered_total") == 30, 20)
    done = run("top", "--admin", f"127.0.0.1:{two.bridge.admin_port}", "--once")
    rows = {r["function"]: r for r in json.loads(done.stdout)["subscriptions"]}
    assert (rows["mail"]["delivered"], rows["shop"]["delivered"]) == (30, 0)


def test_each_has_its_own_port_of_the_dapr_api(kafka, functions, bridge, group):
    shop, mail, port = functions().up(), functions(), free_port()
    config = Config(app="shop", function={"address": shop.address})
    config.beside("mail", {"address": mail.address}, dapr={"httpPort": port})
    config.binding("in", kafka.brokers, kafka.create(partitions=1), group)
    b = bridge(config).start().ready()
    assert http_get(port, "/v1.0/healthz")[0] == 500
    assert http_get(port, "/v1.0/healthz/outbound")[0] == 204
    mail.up()
    eventually(lambda: http_get(port, "/v1.0/healthz")[0] == 204, 30)
    assert b.healthz() == 204


def test_a_directory_of_dapr_resources_with_scopes(kafka, functions, bridge, group, tmp_path):
    """One component for all, each function with an instance and a group of its own; one that is scoped."""
    directory, apps = tmp_path / "resources", (f"{group}-a", f"{group}-b")
    a, b = functions().up(), functions().up()
    topics = kafka.create(partitions=2), kafka.create(partitions=2)
    rows = {**KAFKA, "brokers": kafka.brokers}
    directory.mkdir()
    (directory / "shop.yaml").write_text(component("shop", "pubsub.kafka", rows))
    (directory / "both.yaml").write_text(subscription("both", topics[0]))
    (directory / "one.yaml").write_text(subscription("one", topics[1]) + f"scopes: [{apps[1]}]\n")
    config = Config(app=apps[0], function={"address": a.address}).beside(apps[1], {"address": b.address})
    bridged = bridge(config)
    bridged.process.argv += ["--resources-path", str(directory)]
    bridged.start()
    both, one = Ledger(), Ledger()
    both.produce(kafka, topics[0], 200)
    one.produce(kafka, topics[1], 100)
    both.wait(a)
    both.wait(b)
    one.wait(b)
    assert {r.topic for r in a.requests()} == {topics[0]}
    for app in apps:
        eventually(lambda: kafka.committed_sum(app, topics[0]) == 200, 20, f"group {app} has committed")
    assert kafka.committed_sum(apps[0], topics[1]) == 0


def subscription(name: str, topic: str) -> str:
    return resource("dapr.io/v2alpha1", "Subscription", name,
                    {"pubsubname": "shop", "topic": topic, "routes": {"default": f"/{name}"}})


FINDINGS = {
    "port": ("dapr: {httpPort: 3500}", ["14:20", "dapr.httpPort: 3500 is used already", "6:20"]),
    "name": ("# {name}", ["11:18", 'a second function "a"', "3:18"]),
    "process": ("dapr: {httpPort: 0}\n  drainTimeout: 3s", ["15:17", "drainTimeout: 3s here, 2s at", "7:17"]),
}


@pytest.mark.parametrize("what", FINDINGS)
def test_what_two_functions_must_not_share_is_told_with_both_places(tmp_path, what):
    more, words = FINDINGS[what]
    file = tmp_path / "two.yaml"
    names = ("a", "a") if what == "name" else ("a", "b")
    more = "dapr: {httpPort: 0}" if what == "name" else more
    file.write_text(document(names[0], "dapr: {httpPort: 3500}\n  drainTimeout: 2s") + "---\n" + document(names[1], more))
    for args, code in ((("check", "--config", str(file)), 2), (("--config", str(file)), 1)):
        done = run(*args)
        assert done.returncode == code and len(done.stderr.splitlines()) == (2 if code == 2 else 1), done.stderr
        assert all(word in done.stderr for word in words), done.stderr


def document(name: str, more: str) -> str:
    return (f"apiVersion: bridge/v1\nkind: Bridge\nmetadata: {{name: {name}}}\nspec:\n"
            f"  function: {{address: 127.0.0.1:8080}}\n  {more}\n")


def test_the_example_is_right():
    done = run("check", "--config", str(ROOT / "deploy/examples/functions.yaml"))
    assert done.returncode == 0 and "ok: 2 functions, 4 components, 5 subscriptions\n" in done.stderr, done.stderr


def test_a_command_beside_needs_one_function(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text(document("a", "log: {level: info}") + "---\n" + document("b", "dapr: {httpPort: 0}"))
    done = run("run", "--config", str(file), "--", "true")
    assert done.returncode == 1 and "-- COMMAND is the program of one function, and there are 2" in done.stderr


def test_while_one_waits_for_its_broker_the_other_works(kafka, functions, bridge, group):
    lost, well = functions().up(), functions().up()
    topic, ledger = kafka.create(partitions=2), Ledger()
    config = Config(app="lost", function={"address": lost.address})
    config.binding("nowhere", "127.0.0.1:1", "t", group).scoped("lost")
    config.beside("well", {"address": well.address}).binding("in", kafka.brokers, topic, group).scoped("well")
    b = bridge(config).start()
    ledger.produce(kafka, topic, 200)
    ledger.wait(well)
    ledger.check(well, duplicates=0)
    throughout(lambda: b.alive() and b.readyz() == 503, 1, "alive, and one is not ready")
    ready = http_get(b.admin_port, "/readyz")[1].splitlines()
    assert ready[2] == "function well: ready" and ready[1].startswith("function lost: not ready: component nowhere: ")
