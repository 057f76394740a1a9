"""Redis behind TLS, passwords and ACL, in a numbered database, and behind Sentinels that change the master."""
from __future__ import annotations

from typing import Any

import pytest

from tests.servers.certificates import Authority
from tests.servers.redis import Redis, Sentinel
from tests.servers.wait import eventually

from .bridge import run
from .config import Config


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("redis-authority"))


def files(authority: Authority, name: str, **more: str) -> dict[str, str]:
    authority.sign(name, "IP:127.0.0.1", "DNS:localhost")
    beside = authority.directory / f"authority-{name}"
    return {"cert": f"{beside}.crt", "key": f"{beside}.key", "ca": str(authority.file), **more}


@pytest.fixture
def secure(authority: Authority, redis_servers: Any) -> Redis:
    """TLS with client certificates, a user with rights to a few streams, and no other."""
    server = redis_servers(tls=files(authority, "server", clients="yes"))
    with open(server.directory / "redis.conf", "a") as f:
        f.write("user default off\n"
                "user admin on >secret ~* &* +@all\n"
                "user shop on >geheim ~shop-* +@stream +@connection +@read\n")
    server.login = ("admin", "secret")
    return server.start()


def rows(authority: Authority, **more: str) -> dict[str, str]:
    cert, key = authority.sign("client")
    return {"enableTLS": "true", "caCert": authority.text, "clientCert": cert, "clientKey": key,
            "redisUsername": "shop", "redisPassword": "geheim", **more}


def test_tls_with_a_client_certificate_and_an_acl_user(authority, secure, redis_read, function, ledger, group):
    stream = secure.name("shop")
    ledger.produce(secure, stream, 200)
    b = redis_read(stream, secure, **rows(authority))
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: secure.settled(stream, group), 10)
    assert "geheim" not in b.log()


@pytest.mark.parametrize("wrong, said", [({"redisPassword": "falsch"}, "WRONGPASS"), ({"caCert": ""}, "certificate"),
                                         ({"clientCert": "", "clientKey": ""}, "")])
def test_a_wrong_login_is_said_and_right_ones_work_later(authority, secure, redis_reader, function, ledger, wrong, said):
    b = redis_reader(secure.name("shop"), secure, **rows(authority, **wrong)).start()
    eventually(lambda: b.log_contains(f"component orders: down: .*{said}"), 20)
    assert "geheim" not in b.log() and "falsch" not in b.log()


def test_a_stream_the_user_has_no_right_to_is_said(authority, secure, redis_read, ledger, function):
    other, own = secure.name("other"), secure.name("shop")
    ledger.produce(secure, own, 20)
    b = redis_read(f"{other},{own}", secure, **rows(authority))
    eventually(lambda: b.log_contains("NOPERM"), 20)
    ledger.wait(function)


def test_rediss_is_redis_with_tls(authority, redis_servers):
    server = redis_servers(tls=files(authority, "plain")).start()
    url = f"rediss://127.0.0.1:{server.port}/orders"
    assert "certificate" in run("send", url, "x").stderr
    assert run("send", url + "?insecureSkipTLSVerify=true", "x").returncode == 0
    assert [e["data"] for e in server.entries("orders")] == ["x"]


def test_a_numbered_database(redis_servers, redis_read, function, ledger):
    server = redis_servers().start()
    server("SELECT", 3)
    server("XADD", "s", "*", "data", '{"id":"in 3"}')
    redis_read("s", server, redisDB=3)
    eventually(lambda: function.taken() == {"in 3"}, 20)


# -- Sentinel


@pytest.fixture
def watched(redis_servers: Any) -> tuple[Redis, Redis, Redis]:
    """A master, its replica, a sentinel that knows both."""
    master = redis_servers(durable=True).start()
    replica = redis_servers(durable=True, replicaof=f"127.0.0.1 {master.port}").start()
    sentinel = redis_servers(Sentinel, master).start()
    eventually(lambda: len(sentinel("SENTINEL", "replicas", "shop")) == 1, 30, "the sentinel knows the replica")
    eventually(lambda: "slave0" in master("INFO", "replication"), 10)
    return master, replica, sentinel


def failover(config: Config, sentinel: Redis, stream: str, **more: Any) -> Config:
    return config.redis("orders", sentinel.port, topics=stream, consumerID="g", failover="true",
                        sentinelMasterName="shop", readTimeout="1s", **more)


def test_the_master_changes_while_it_is_read(watched, bridge, function, ledger):
    master, replica, sentinel = watched
    stream = master.name()
    function.behave({"do": "hang"})
    b = bridge(failover(Config(function={"address": function.address}), sentinel, stream)).start()
    ledger.produce(master, stream, 300)
    master("WAIT", 1, 10000)
    b.wait_in_flight(300)
    master.kill9()
    function.behave()
    function.release()
    eventually(lambda: replica.role() == "master", 30, "the replica is the master")
    ledger.produce(replica, stream, 300)
    ledger.wait(function, within=90)
    ledger.check(function)
    eventually(lambda: replica.settled(stream, "g"), 10)


def test_an_ordered_failover_under_load(watched, bridge, function, ledger):
    """The old master lives on as a replica: whoever stays with it is told so."""
    master, replica, sentinel = watched
    stream = master.name()
    b = bridge(failover(Config(function={"address": function.address}), sentinel, stream)).start()
    ledger.produce(master, stream, 200)
    ledger.wait(function)
    sentinel("SENTINEL", "failover", "shop")
    eventually(lambda: (replica.role(), master.role()) == ("master", "slave"), 60)
    ledger.produce(replica, stream, 200)
    ledger.wait(function, within=60)
    ledger.check(function)
    assert b.metrics().component("reconnects_total") >= 1


def test_a_master_no_sentinel_knows_is_said(watched, bridge, function):
    _, _, sentinel = watched
    config = Config(function={"address": function.address}).redis(
        "orders", sentinel.port, topics="s", failover="true", sentinelMasterName="other")
    b = bridge(config).start()
    eventually(lambda: b.log_contains("knows no master other"), 20)
