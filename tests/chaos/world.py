"""The actors of a lap: a function and a broker behind proxies, one to three bridges, events that do not stop coming."""
from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.e2e.bridge import Bridge
from tests.e2e.config import Config
from tests.e2e.ledger import Ledger
from tests.servers.function import Function
from tests.servers.kafka import Kafka
from tests.servers.proxy import Proxy
from tests.servers.wait import eventually

from .plan import Plan, Round

PARTITIONS = 8
ARRIVE_S = 120		# until the last event has arrived
POISON = {"do": "ok", "status": 500, "path": "/bills", "key": "poison"}
USUAL = [POISON, {"do": "slow", "ms": 4}]


class World:
    """Orders are retried without end; bills three times, then they are parked: those of one key always."""

    def __init__(self, kafka: Kafka, road: Proxy, plan: Plan, directory: Path, **bills: Any) -> None:
        self.kafka, self.broker_road, self.plan, self.directory = kafka, road, plan, directory
        self.ledger = Ledger()
        self.function = Function(directory).start().up()
        self.function.behave(*USUAL)
        self.function_road = Proxy(self.function.port).start()
        self.orders = kafka.create(kafka.new_name("orders"), PARTITIONS)
        self.bills = kafka.create(kafka.new_name("bills"), 2)
        self.dead = kafka.create(kafka.new_name("dead"), 1)
        self.group = kafka.new_name("chaos")
        self._bills_words = bills
        self._traffic = ExitStack()
        self.members: list[Bridge] = []
        self._gone: list[Bridge] = []
        self.join()

    def config(self) -> Config:
        words = {"order": self.plan.order, "consumerGroupRebalanceStrategy": self.plan.strategy, "sessionTimeout": "2s",
                 "readTimeout": "3s", "retryInitialInterval": "20ms", "retryMaxInterval": "300ms"}
        place = {"deadLetterTopic": self.dead, "retryMaxAttempts": 3, "messageTimeout": "2s", **self._bills_words}
        brokers = self.kafka.brokers_by_proxy
        config = Config(function={"address": f"127.0.0.1:{self.function_road.port}", "timeout": "1s"})
        config.binding("orders", brokers, self.orders, self.group, direction="input", **words)
        return config.binding("bills", brokers, self.bills, f"{self.group}-bills", direction="input", **words, **place)

    # -- members

    def join(self) -> Bridge:
        made = len(self.members) + len(self._gone)
        self.members.append(Bridge(self.directory / f"bridge-{made + 1}", self.config()).start())
        return self.members[-1]

    def dismiss(self, b: Bridge) -> None:
        """It has ended and does not come back."""
        self.members.remove(b)
        self._gone.append(b)

    # -- what happens

    def begin(self) -> None:
        self._traffic.enter_context(self.ledger.steady(self.kafka, self.orders, 240, key=lambda i: f"k{i % 60}"))
        self._traffic.enter_context(self.ledger.steady(
            self.kafka, self.bills, 60, key=lambda i: "poison" if i % 20 == 7 else f"b{i % 10}"))

    def misbehave(self, *rules: dict[str, Any]) -> None:
        self.function.behave(*rules, *USUAL)

    def count(self, what: str) -> float:
        return sum(b.count(what) for b in self.members)

    def wait_in_flight(self, r: Round) -> int:
        """Where the fault is going to strike: it counts only then."""
        struck = [self.members[r.member]] if r.strikes_member else self.members
        return int(eventually(lambda: sum(b.in_flight() for b in struck), 60, "something is in flight"))

    def wait_flow(self, n: int = 60) -> None:
        """Events are taken again."""
        before = len(self.function.taken())
        eventually(lambda: self.alive() and len(self.function.taken()) >= before + n, 90, "events flow again")

    def alive(self) -> bool:
        return all(b.alive() for b in self.members)

    # -- the account

    def parked(self) -> list[str]:
        return [json.loads(m.value())["id"] for m in self.kafka.read_all(self.dead)]

    def end_traffic(self) -> None:
        """All that was sent is confirmed; the ledger rests."""
        self._traffic.close()

    def finish(self) -> None:
        """Everything that was sent arrives, and every member balances."""
        self.ledger.wait(self.function, within=ARRIVE_S, parked=self.parked)
        eventually(lambda: self.count("inflight") == 0, 60, "nothing is in flight at the end")
        for b in self.members:
            b.metrics().check_conservation()

    def close(self) -> None:
        for b in self.members:
            b.process.end(15)
        self.function_road.close()
        self.function.close()
