"""The faults: each does its harm while something is in flight, and takes back what does not pass by itself."""
from __future__ import annotations

from typing import Any, Callable

from tests.servers.proxy import Proxy
from tests.servers.wait import eventually, throughout

from .plan import Round
from .world import PARTITIONS, World

Fault = Callable[[World, Round], None]


# -- bridges

def killed(w: World, r: Round) -> None:
    b = w.members[r.member]
    b.kill9()
    b.start()


def killed_while_starting(w: World, r: Round) -> None:
    b = w.members[r.member]
    for _ in range(r.pick(2, 3)):
        b.kill9()
        b.start()
        b.metrics()
    b.kill9()
    b.start()


def stopped(w: World, r: Round) -> None:
    b = w.members[r.member]
    b.stop(60)
    b.start()


def stopped_twice(w: World, r: Round) -> None:
    """The second signal may come when the first one's drain is over already."""
    b = w.members[r.member]
    b.sigterm()
    b.sigterm()
    assert (code := b.wait(10)) in (0, 1), f"exit code {code} after two SIGTERM"
    b.start()


def frozen(w: World, r: Round) -> None:
    """Past its session, or not quite."""
    b = w.members[r.member]
    b.process.sigstop()
    throughout(b.process.alive, r.pick(1, 3, 5))
    b.process.sigcont()


def joins(w: World, r: Round) -> None:
    b = w.join()
    eventually(lambda: b.metrics().sum("bridge_function_windows") > 0, 60, "the new member has partitions")


def leaves(w: World, r: Round) -> None:
    b = w.members[r.member]
    b.stop(60)
    w.dismiss(b)


def vanishes(w: World, r: Round) -> None:
    b = w.members[r.member]
    b.kill9()
    w.dismiss(b)


# -- the function

def gone(w: World, r: Round) -> None:
    w.function.down()
    w.function_road.down()
    eventually(lambda: all(b.metrics().sum("bridge_function_capacity") == 0 for b in w.members), 60, "all notice")
    w.function.up()
    w.function_road.up()


def resets_before_reading(w: World, r: Round) -> None:
    accepted = w.function.stats()["accepted"]
    w.function.settings(accept="reset")
    w.function_road.reset()
    eventually(lambda: w.function.stats()["accepted"] >= accepted + 3, 60, "bridge keeps trying to connect")
    w.function.settings(accept="ok")


def misbehaves(**rule: Any) -> Fault:
    """So many times, spread over whatever comes."""
    def fault(w: World, r: Round) -> None:
        seen = w.function.stats()["requests"]
        n = r.pick(3, 10, 30, 80) if rule["do"] != "hang" else r.pick(2, 5, 10)
        w.misbehave({**rule, "times": n})
        eventually(lambda: w.function.stats()["requests"] >= seen + n, 90, f"{n} requests met it")
        w.misbehave()

    return fault


def resets_while_answering(w: World, r: Round) -> None:
    misbehaves(do="reset_mid", bytes=r.pick(1, 10, 40, 70))(w, r)


def closes(w: World, r: Round) -> None:
    misbehaves(do="close", said=bool(r.pick(0, 1)))(w, r)


def one_partition_stuck(w: World, r: Round) -> None:
    stuck = r.number % PARTITIONS
    w.misbehave({"do": "ok", "status": 503, "path": "/orders", "partition": stuck})
    throughout(w.alive, r.pick(1, 3, 5))
    w.wait_flow(300)
    w.misbehave()


# -- roads and the broker

def resets(road: Callable[[World], Proxy]) -> Fault:
    def fault(w: World, r: Round) -> None:
        for _ in range(r.pick(1, 2, 3)):
            road(w).reset()
            w.wait_flow(20)

    return fault


def swallows(road: Callable[[World], Proxy]) -> Fault:
    """Longer than a delivery's timeout, a session, or both."""
    def fault(w: World, r: Round) -> None:
        road(w).poison(blackhole=True)
        throughout(w.alive, r.pick(1, 3, 5))
        road(w).heal()

    return fault


def broker_stopped(w: World, r: Round) -> None:
    w.kafka.stop()
    throughout(w.alive, r.pick(0, 1, 3))
    w.kafka.start()


def broker_killed(w: World, r: Round) -> None:
    w.kafka.kill9()
    throughout(w.alive, r.pick(0, 1, 3))
    w.kafka.start()


def broker_frozen(w: World, r: Round) -> None:
    w.kafka.sigstop()
    throughout(w.alive, r.pick(1, 4, 8))
    w.kafka.sigcont()


def no_place_to_park(w: World, r: Round) -> None:
    """Nothing is small enough for it."""
    failures = w.count("park_failures_total")
    w.kafka.configure(w.dead, max_message_bytes="10")
    eventually(lambda: w.count("park_failures_total") > failures, 60, "parking fails")
    w.kafka.configure(w.dead)


FAULTS: dict[str, Fault] = {
    "bridge killed": killed, "bridge killed while starting": killed_while_starting, "bridge stopped": stopped,
    "bridge stopped twice": stopped_twice, "bridge frozen": frozen,
    "member joins": joins, "member leaves": leaves, "member vanishes": vanishes,
    "function gone": gone, "function resets before reading": resets_before_reading,
    "function answers 500": misbehaves(do="ok", status=500), "function answers 503": misbehaves(do="ok", status=503),
    "function answers 429": misbehaves(do="ok", status=429, headers={"Retry-After": "1"}),
    "function hangs": misbehaves(do="hang"), "function resets after reading": misbehaves(do="reset"),
    "function resets while answering": resets_while_answering, "function closes half": misbehaves(do="half_close"),
    "function answers garbage": misbehaves(do="garbage"), "function closes": closes,
    "function slow": misbehaves(do="slow", ms=300), "one partition stuck": one_partition_stuck,
    "road to the function resets": resets(lambda w: w.function_road),
    "road to the function swallows": swallows(lambda w: w.function_road),
    "broker stopped": broker_stopped, "broker killed": broker_killed, "broker frozen": broker_frozen,
    "road to the broker resets": resets(lambda w: w.broker_road),
    "road to the broker swallows": swallows(lambda w: w.broker_road), "no place to park": no_place_to_park,
}
