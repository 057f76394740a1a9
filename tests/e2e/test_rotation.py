"""Secrets that are rotated while bridge runs: applied without a restart, without loss, and never half."""
from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.servers.certificates import Authority
from tests.servers.secure_kafka import SecureKafka
from tests.servers.wait import eventually

from .config import KAFKA, Config, component, resource

OLD, NEW = "carols-first", "carols-second"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    k = SecureKafka(Authority(tmp_path_factory.mktemp("authority"))).start()
    k.set_password("carol", OLD)
    yield k
    k.close()


class Mounted:
    """A secret as Kubernetes mounts it: all its keys change at once, by one rename."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.version = 0

    def put(self, **keys: str) -> None:
        self.version += 1
        self.directory.mkdir(parents=True, exist_ok=True)
        data = self.directory / f"..{self.version}"
        data.mkdir()
        for key, value in keys.items():
            (data / key).write_text(value)
            if not (self.directory / key).is_symlink():
                (self.directory / key).symlink_to(f"..data/{key}")
        os.symlink(data.name, self.directory / "..next")
        os.replace(self.directory / "..next", self.directory / "..data")


def orders(topic: str, secure: SecureKafka, group: str, **auth: Any) -> str:
    rows = {**KAFKA, "brokers": secure.brokers_of("SASL"), "topics": topic, "consumerGroup": group,
            "authType": "password", "saslMechanism": "SHA-512", "saslUsername": "carol", "caCert": secure.authority.text}
    metadata: list[dict[str, Any]] = [{"name": k, "value": str(v)} for k, v in rows.items()]
    metadata.append({"name": "saslPassword", "secretKeyRef": {"name": "kafka", "key": "password"}})
    text = resource("dapr.io/v1alpha1", "Component", "orders", {"type": "bindings.kafka", "metadata": metadata})
    return text + (f"auth: {json.dumps(auth)}\n" if auth else "")


@pytest.fixture
def reading(secure, bridge, function, group, tmp_path) -> Callable[..., Any]:
    def start(topic: str, secrets: Path) -> Any:
        config = Config(function={"address": function.address}, process={"secrets": {"path": str(secrets)}})
        config.documents.append(orders(topic, secure, group))
        return bridge(config).start()

    return start


def test_a_mounted_secret_that_is_rotated_is_taken_without_loss_or_duplicate(secure, reading, function, ledger, tmp_path):
    secret = Mounted(tmp_path / "secrets" / "kafka")
    secret.put(password=OLD)
    topic = secure.create(partitions=2)
    b = reading(topic, tmp_path / "secrets").ready()
    ledger.produce(secure, topic, 200)
    ledger.wait(function)
    function.behave({"do": "slow", "ms": 20})
    ledger.produce(secure, topic, 200)
    b.wait_in_flight()
    secure.set_password("carol", NEW)
    secret.put(password=NEW)
    eventually(lambda: b.log_contains("component orders: its secrets changed"), 20)
    ledger.produce(secure, topic, 100)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    assert OLD not in b.log() and NEW not in b.log()
    secure.set_password("carol", OLD)


def test_a_wrong_secret_recovers_when_it_is_put_right(secure, reading, function, ledger, tmp_path):
    secret = Mounted(tmp_path / "secrets" / "kafka")
    secret.put(password="not-hers")
    topic = secure.create(partitions=1)
    ledger.produce(secure, topic, 50)
    b = reading(topic, tmp_path / "secrets")
    eventually(lambda: b.log_contains("uthentication failed"), 20)
    secret.put(password=OLD)
    ledger.wait(function)
    eventually(lambda: b.readyz() == 200, 20)


def test_a_secret_that_goes_away_changes_nothing(secure, reading, function, ledger, tmp_path):
    secret = Mounted(tmp_path / "secrets" / "kafka")
    secret.put(password=OLD)
    topic = secure.create(partitions=1)
    b = reading(topic, tmp_path / "secrets").ready()
    secret.put(other="x")
    eventually(lambda: b.log_contains("nothing is changed"), 20)
    ledger.produce(secure, topic, 50)
    ledger.wait(function)
    assert not b.log_contains("its secrets changed")


def test_sighup_reads_secrets_again_and_says_what_it_does_not_apply(secure, bridge, function, ledger, group, tmp_path):
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"kafka": {"password": OLD}}))
    topic = secure.create(partitions=1)
    config = Config(function={"address": function.address})
    rows = {"secretsFile": file, "multiValued": "true"}
    config.documents += [component("vault", "secretstores.local.file", rows), orders(topic, secure, group, secretStore="vault")]
    b = bridge(config).start().ready()
    os.kill(b.process.pid, signal.SIGHUP)
    eventually(lambda: b.log_contains("none changed"), 20)
    b.file.write_text(b.file.read_text().replace("20s", "21s").replace('"initialOffset", "value": "oldest"',
                                                                       '"initialOffset", "value": "newest"'))
    os.kill(b.process.pid, signal.SIGHUP)
    eventually(lambda: b.log_contains("a restart applies that"), 20)
    ledger.produce(secure, topic, 50)
    ledger.wait(function)
    ledger.check(function, duplicates=0)


def test_a_secret_two_functions_share_is_rotated_for_both(secure, bridge, functions, ledger, tmp_path):
    secret = Mounted(tmp_path / "secrets" / "kafka")
    secret.put(password=OLD)
    topic = secure.create(partitions=1)
    shop, mail = functions().up(), functions().up()
    config = Config(app="shop", function={"address": shop.address}, process={"secrets": {"path": str(tmp_path / "secrets")}})
    config.documents.append(orders(topic, secure, ""))		# the group is the app id
    config.beside("mail", {"address": mail.address})
    b = bridge(config).start().ready()
    secure.set_password("carol", NEW)
    secret.put(password=NEW)
    eventually(lambda: b.log().count("component orders: its secrets changed") == 2, 20)
    eventually(lambda: b.log().count("orders: group") == 4, 30, "each joins its group again")
    ledger.produce(secure, topic, 50)
    ledger.wait(shop)
    ledger.wait(mail)
    secure.set_password("carol", OLD)
