"""Other versions than Debian's: Redis 6.2, whose pending entries and lag are told differently, and hiredis 1.x."""
from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.servers.fetched import HIREDIS_1, REDIS_6, hiredis_1, redis_6
from tests.servers.redis import Redis
from tests.servers.wait import eventually

from .bridge import ROOT


@pytest.fixture
def old(redis_servers: Any) -> Redis:
    server = redis_6()
    if server is None:
        pytest.skip(f"{REDIS_6} cannot be fetched: Redis 6.2 is not tested here")
    return redis_servers(server=server).start()


def test_redis_6_main_road_and_lag(old, function, redis_read, ledger, group):
    stream = old.name()
    b = redis_read(stream, old)
    ledger.produce(old, stream, 1000)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: old.settled(stream, group), 10)
    function.behave({"do": "hang"})
    ledger.produce(old, stream, 20)
    eventually(lambda: b.metrics().lag(stream, 0) == 20, 20, "pending and not delivered, counted")
    function.release()
    function.behave()
    ledger.wait(function)


def test_redis_6_takeover_and_entries_that_are_gone(old, function, redis_read, ledger, group):
    stream = old.name()
    ids = [old.add(stream, "data", '{"id":"cut"}') for _ in range(5)]
    ledger.produce(old, stream, 50)
    old("XGROUP", "CREATE", stream, group, "0")
    old("XREADGROUP", "GROUP", group, "dead", "COUNT", 55, "STREAMS", stream, ">")
    old("XDEL", stream, *ids)
    b = redis_read(stream, old)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    eventually(lambda: old.settled(stream, group), 20)
    assert b.count("dropped_source_total") == 5


def test_redis_6_kill_and_group_taken_away(old, function, redis_read, ledger, group):
    stream = old.name()
    b = redis_read(stream, old, processingTimeout="1h")
    function.behave({"do": "hang"})
    ledger.produce(old, stream, 20)
    b.wait_in_flight(20)
    b.kill9()
    function.behave()
    b.start()
    ledger.wait(function, within=20)
    old("DEL", stream)
    ledger.produce(old, stream, 20)
    ledger.wait(function)
    eventually(lambda: old.settled(stream, group), 10)


def test_hiredis_1_reads_the_same(tmp_path):
    home = hiredis_1()
    if home is None:
        pytest.skip(f"{HIREDIS_1} cannot be fetched: hiredis 1.x is not tested here")
    units = ["tests/unit/test_redis_reply.c", "connectors/redis_reply.c", "bridge/bytes.c", "bridge/error.c"]
    library = [str(home / "hiredis" / name) for name in ("read.c", "sds.c", "alloc.c")]
    objects = []
    for i, source in enumerate(units + library):
        objects.append(str(tmp_path / f"{i}.o"))
        warnings = ["-Wall", "-Wextra", "-Werror", "-Wno-format-truncation"] if source in units else ["-w"]
        subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", *warnings, "-I.", f"-I{home}", f"-I{home}/hiredis", "-c",
                        source, "-o", objects[-1]], cwd=ROOT, check=True)
    program = str(tmp_path / "test_redis_reply")
    subprocess.run(["gcc", "-o", program, *objects, "-lcmocka"], check=True)
    subprocess.run([program], check=True, timeout=60)
