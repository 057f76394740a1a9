"""Logging in to Kafka: every way works, a wrong one is told in words and recovers when put right, secrets are never seen."""
from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Iterator

import confluent_kafka
import pytest

from tests.servers.certificates import Authority
from tests.servers.kafka import VERSIONS
from tests.servers.ports import free_port
from tests.servers.process import Process
from tests.servers.secure_kafka import PASSWORD, USER, SecureKafka
from tests.servers.tokens import CLIENT, SECRET, Provider
from tests.servers.wait import eventually, throughout

from .bridge import BINARY, ENVIRONMENT, http_get, run
from .config import Config, component, resource


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Nobody trusts it."""
    return Authority(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture(scope="session")
def secure_3(authority: Authority) -> Iterator[SecureKafka]:
    k = SecureKafka(authority, VERSIONS[0]).start()
    yield k
    k.close()


@pytest.fixture(scope="session")
def secure_4(authority: Authority) -> Iterator[SecureKafka]:
    k = SecureKafka(authority, VERSIONS[1]).start()
    yield k
    k.close()


@pytest.fixture
def secure(secure_3: SecureKafka) -> SecureKafka:
    return secure_3


@pytest.fixture(params=VERSIONS)
def any_secure(request: pytest.FixtureRequest) -> SecureKafka:
    return request.getfixturevalue("secure_3" if request.param == VERSIONS[0] else "secure_4")


@pytest.fixture
def provider() -> Iterator[Provider]:
    p = Provider()
    yield p
    p.close()


def password(mechanism: str = "PLAIN", **more: Any) -> dict[str, Any]:
    return {"authType": "password", "saslUsername": USER, "saslPassword": PASSWORD, "saslMechanism": mechanism, **more}


def oidc(provider: Provider, **more: Any) -> dict[str, Any]:
    return {"authType": "oidc", "oidcTokenEndpoint": provider.endpoint, "oidcClientID": CLIENT,
            "oidcClientSecret": SECRET, "oidcScopes": "openid,kafka", **more}


def login(way: str, authority: Authority, provider: Provider) -> tuple[str, dict[str, Any]]:
    """Listener and rows."""
    ca = {"caCert": authority.text}
    certificate, key = authority.sign("client")
    return {"plain": ("SASL", password(**ca)),
            "sha-256": ("SASL", password("SHA-256", **ca)),
            "sha-512": ("SASL", password("SHA-512", **ca)),
            "without-tls": ("CLEAR", password(disableTls="true")),
            "mtls": ("MTLS", {"authType": "mtls", "clientCert": certificate, "clientKey": key, **ca}),
            "certificate": ("TLS", {"authType": "certificate", **ca}),
            "oidc": ("SASL", oidc(provider, oidcExtensions='{"tenant":"blue"}', **ca)),
            }[way]


def quiet_about(b: Any, *secrets: str) -> None:
    for secret in (PASSWORD, SECRET, "BEGIN PRIVATE", *secrets):
        assert secret not in b.log() and secret not in b.metrics_text(), f"{secret!r} was seen"


SCRAM_MENDED = 0x020601ff		# the first librdkafka whose SCRAM Kafka 4 takes


@pytest.mark.parametrize("way", ["plain", "sha-256", "sha-512", "without-tls", "mtls", "certificate", "oidc"])
def test_every_way_to_log_in_works(any_secure, way, authority, provider, read, ledger, function):
    listener, rows = login(way, authority, provider)
    topic = any_secure.create(partitions=2)
    ledger.produce(any_secure, topic, 50)
    b = read(topic, brokers=any_secure.brokers_of(listener), **rows)
    if way.startswith("sha") and any_secure.version == VERSIONS[1] and confluent_kafka.libversion()[1] < SCRAM_MENDED:
        refused(b, "uthentication failed", "to Kafka 4 this librdkafka cannot log in by SCRAM")
        return
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    quiet_about(b, *provider.tokens)


def test_dead_letters_are_written_with_the_same_login(secure, authority, provider, read, ledger, function):
    _, rows = login("oidc", authority, provider)
    topic, dead = secure.create(partitions=1), secure.create(partitions=1)
    [event] = ledger.produce(secure, topic, 1)
    function.behave({"do": "ok", "id": event, "status": 500})
    read(topic, brokers=secure.brokers_of("SASL"), deadLetterTopic=dead, **rows)
    eventually(lambda: len(secure.read_all(dead)) == 1, 30)
    assert len(provider.asked) >= 2, "reader and writer fetch a token each"


# -- what is wrong is told, and recovers when it is put right


def refused(b: Any, *words: str, within: float = 20) -> None:
    """A line says all of it; bridge is not ready, and lives."""
    eventually(lambda: any(all(w in line for w in words) for line in b.log().splitlines()), within, f"{words} are logged")
    assert b.alive() and b.readyz() == 503


def test_a_wrong_password_is_told_and_recovers_when_the_broker_learns_it(secure, authority, read, ledger, function):
    topic = secure.create(partitions=1)
    ledger.produce(secure, topic, 20)
    rows = password("SHA-512", caCert=authority.text) | {"saslUsername": "bob", "saslPassword": "bobs-new-one"}
    b = read(topic, brokers=secure.brokers_of("SASL"), **rows)
    refused(b, "orders", "uthentication failed", "saslPassword")
    secure.set_password("bob", "bobs-new-one")
    ledger.wait(function)
    eventually(lambda: b.readyz() == 200, 20)
    quiet_about(b, "bobs-new-one")


def test_an_authority_nobody_told_us_of_is_refused(secure, other, read):
    b = read(secure.create(partitions=1), brokers=secure.brokers_of("TLS"), authType="certificate", caCert=other.text)
    refused(b, "orders", "certificate", "verif", "look at caCert")


def test_a_name_that_is_not_in_the_certificate_is_refused(secure, authority, read):
    b = read(secure.create(partitions=1), brokers=secure.brokers_of("TLS", "localhost"), authType="certificate",
             caCert=authority.text)
    refused(b, "orders", "certificate", "look at caCert")


def test_skip_verify_trusts_any_broker(secure, other, read, ledger, function):
    topic = secure.create(partitions=1)
    ledger.produce(secure, topic, 10)
    read(topic, brokers=secure.brokers_of("TLS", "localhost"), authType="certificate", caCert=other.text,
         skipVerify="true")
    ledger.wait(function)


def test_a_client_certificate_the_broker_does_not_trust_is_told(secure, authority, other, read):
    certificate, key = other.sign("client")
    b = read(secure.create(partitions=1), brokers=secure.brokers_of("MTLS"), authType="mtls", caCert=authority.text,
             clientCert=certificate, clientKey=key)
    refused(b, "orders", secure.brokers_of("MTLS"))
    quiet_about(b)


def test_a_broker_s_certificate_that_is_put_right_is_taken(authority, other, read, ledger, function):
    k = SecureKafka(authority)
    try:
        k.present(other)
        k.start()
        topic = k.create(partitions=1)
        ledger.produce(k, topic, 10)
        b = read(topic, brokers=k.brokers_of("TLS"), authType="certificate", caCert=authority.text)
        refused(b, "certificate", "look at caCert")
        k.present(authority)
        k.restart()
        ledger.wait(function)
    finally:
        k.close()


# -- tokens


def test_a_refused_client_is_told_and_recovers(secure, authority, provider, read, ledger, function):
    provider.secret = "another"
    topic = secure.create(partitions=1)
    ledger.produce(secure, topic, 10)
    b = read(topic, brokers=secure.brokers_of("SASL"), caCert=authority.text, **oidc(provider))
    refused(b, "orders", "no token from", "401 invalid_client")
    refused(b, "look at oidcTokenEndpoint")
    provider.secret = SECRET
    ledger.wait(function)
    quiet_about(b, *provider.tokens)


def test_a_provider_that_takes_the_secret_in_the_form_alone_works(secure, authority, provider, read, ledger, function):
    provider.in_header = False
    topic = secure.create(partitions=1)
    ledger.produce(secure, topic, 10)
    read(topic, brokers=secure.brokers_of("SASL"), caCert=authority.text, **oidc(provider))
    ledger.wait(function)
    assert provider.asked[-1]["scope"] == ["openid kafka"]
    assert provider.asked[-1]["grant_type"] == ["client_credentials"]


def test_tokens_are_fetched_anew_before_they_end(secure, authority, provider, read, ledger, function):
    provider.life_s = 8		# the library looks once a second whether four fifths are over
    topic = secure.create(partitions=1)
    b = read(topic, brokers=secure.brokers_of("SASL"), caCert=authority.text, **oidc(provider))
    ledger.produce(secure, topic, 20)
    ledger.wait(function)
    eventually(lambda: len(provider.tokens) >= 3, 40, "three tokens of eight seconds")
    ledger.produce(secure, topic, 20)
    ledger.wait(function)
    assert not b.log_contains("look at oidc")


def test_a_token_that_is_still_good_outlives_an_outage_of_its_provider(secure, authority, provider, read, ledger, function):
    provider.life_s = 20
    topic = secure.create(partitions=1)
    b = read(topic, brokers=secure.brokers_of("SASL"), caCert=authority.text, **oidc(provider))
    ledger.produce(secure, topic, 10)
    ledger.wait(function)
    provider.secret = "another"
    eventually(lambda: b.log_contains("the one in use is still good"), 30)
    assert b.readyz() == 200
    ledger.produce(secure, topic, 10)
    ledger.wait(function)


def test_the_token_endpoint_is_verified(secure, authority, other, tmp_path, read, ledger, function):
    for signer, trusted in ((other, False), (authority, True)):
        certificate, key = signer.sign("tokens", "IP:127.0.0.1")
        both = tmp_path / "tokens.pem"
        both.write_text(certificate + key)
        provider = Provider(both)
        topic = secure.create(partitions=1)
        # skipVerify is for brokers: the secret goes to whom we know
        b = read(topic, brokers=secure.brokers_of("SASL"), caCert=authority.text, skipVerify="true", **oidc(provider))
        try:
            if trusted:
                ledger.produce(secure, topic, 10)
                ledger.wait(function)
            else:
                refused(b, "no token from", "certificate")
                assert provider.asked == []
        finally:
            b.sigterm()
            b.wait()
            provider.close()


def test_a_provider_that_hangs_does_not_keep_bridge_from_ending(secure, authority, provider, read):
    provider.hangs = True
    b = read(secure.create(partitions=1), brokers=secure.brokers_of("SASL"), caCert=authority.text, **oidc(provider))
    eventually(lambda: provider.asked, 20)
    b.sigterm()
    assert b.wait(within=9) == 0, "sooner than the ten seconds of one request"


# -- secrets


def stores(directory: Path) -> str:
    """A file of secrets and the store that reads it."""
    (directory / "secrets.json").write_text(json.dumps({"kafka": {"pass": PASSWORD, "user": USER}}))
    rows = {"secretsFile": directory / "secrets.json", "nestedSeparator": "."}
    return component("vault", "secretstores.local.file", rows)


def referring(topic: str, secure: SecureKafka, authority: Authority, group: str) -> str:
    rows = [{"name": k, "value": v} for k, v in {
        "brokers": secure.brokers_of("SASL"), "topics": topic, "consumerGroup": group, "initialOffset": "oldest",
        "authType": "password", "saslUsername": USER, "caCert": authority.text}.items()]
    rows.append({"name": "saslPassword", "secretKeyRef": {"name": "kafka.pass"}})  # type: ignore[dict-item]
    return (resource("dapr.io/v1alpha1", "Component", "orders", {"type": "bindings.kafka", "metadata": rows}) +
            "auth: {secretStore: vault}\n")


def test_a_password_comes_from_a_store_and_is_not_printed(secure, authority, bridge, function, ledger, group, tmp_path):
    topic = secure.create(partitions=1)
    ledger.produce(secure, topic, 10)
    config = Config(function={"address": function.address}, process={"log": {"level": "debug"}})
    config.documents += [referring(topic, secure, authority, group), stores(tmp_path)]
    b = bridge(config).start()
    ledger.wait(function)
    quiet_about(b)
    printed = run("check", "--print", "--config", str(b.file))
    assert printed.returncode == 0, printed.stderr
    assert PASSWORD not in printed.stdout + printed.stderr and "kafka.pass" in printed.stdout


def test_a_secret_that_is_missing_is_told_with_its_place(tmp_path, authority, secure_3):
    file = tmp_path / "bindings.yaml"
    stores(tmp_path)
    (tmp_path / "secrets.json").write_text('{"kafka": {}}')
    store = component("vault", "secretstores.local.file", {"secretsFile": tmp_path / "secrets.json", "nestedSeparator": "."})
    file.write_text(store + "---\n" + referring("t", secure_3, authority, "g"))
    done = run("check", "--config", str(file))
    assert "1 error" in done.stderr and done.returncode == 2 and "bindings.yaml:9:" in done.stderr and "no secret kafka.pass" in done.stderr, done.stderr


@pytest.mark.parametrize("held", [True, False])
def test_a_process_that_holds_secrets_cannot_be_looked_into(held):
    """Files below /proc of a process that may not be dumped belong to root, whoever runs it."""
    directory = Path(tempfile.mkdtemp(prefix="bridge-secret-"))
    directory.chmod(0o755)
    rows = {"brokers": f"127.0.0.1:{free_port()}", "topics": "t"}
    rows |= {"authType": "password", "saslUsername": "u", "saslPassword": "p"} if held else {}
    admin = free_port()
    file = directory / "bindings.yaml"
    file.write_text(Config(documents=[component("orders", "bindings.kafka", rows)]).text(admin, free_port()))
    as_nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.getuid() == 0 else []
    p = Process([*as_nobody, shutil.copy(BINARY, directory), "--config", str(file)], directory / "log", ENVIRONMENT)
    try:
        p.start()
        eventually(lambda: http_get(admin, "/healthz")[0] == 200, 20)
        assert (os.stat(f"/proc/{p.pid}/environ").st_uid == 0) == held
    finally:
        p.end(5)
        shutil.rmtree(directory)
