"""The account of a test: what the broker confirmed, what the function took, what was parked; does it add up?"""
from __future__ import annotations

import itertools
import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable

from tests.servers.function import Function, Request
from tests.servers.kafka import Kafka
from tests.servers.wait import eventually

Pick = Callable[[int], Any]
_runs = itertools.count(1)


@dataclass(frozen=True)
class Sent:
    """Confirmed by the broker."""
    id: str
    topic: str
    partition: int
    offset: int
    key: str | None


def plain(id: str, size: int) -> bytes:
    return json.dumps({"id": id, "pad": "x" * size} if size else {"id": id}).encode()


def cloudevent(id: str, size: int) -> bytes:
    event = {"id": id, "specversion": "1.0", "type": "test", "source": "tests", "datacontenttype": "application/json",
             "data": {"id": id, "pad": "x" * size}}
    return json.dumps(event).encode()


class Ledger:
    """Every event has an id of its own; ids are never used twice in a run."""

    def __init__(self) -> None:
        self.run = next(_runs)
        self._naming = threading.Lock()	# several steady productions may run at once
        self.attempted: set[str] = set()
        self.sent: dict[str, Sent] = {}
        self.failed: list[str] = []

    # -- producing

    def produce(self, kafka: Kafka, topic: str, n: int, key: Pick | None = None, partition: Pick | None = None,
                size: int = 0, form: Callable[[str, int], bytes] = plain,
                headers: dict[str, str] | None = None) -> list[str]:
        """n events, all confirmed; their ids in order."""
        producer = kafka.producer()
        ids = [self._hand_over(producer, topic, i, key, partition, size, form, headers) for i in range(n)]
        assert producer.flush(60) == 0 and not self.failed, f"the broker did not confirm {self.failed[:5]} in 60 s"
        return ids

    def _hand_over(self, producer: Any, topic: str, i: int, key: Pick | None, partition: Pick | None, size: int,
                   form: Callable[[str, int], bytes], headers: dict[str, str] | None = None) -> str:
        with self._naming:
            id = f"{self.run}-{len(self.attempted)}"
            self.attempted.add(id)
        k = str(key(i)) if key else None

        def confirmed(error: Any, m: Any) -> None:
            if error:
                self.failed.append(f"{id}: {error}")
            else:
                self.sent[id] = Sent(id, topic, m.partition(), m.offset(), k)

        where = {"partition": partition(i)} if partition else {}
        while True:
            try:
                producer.produce(topic, form(id, size), key=k, headers=headers, on_delivery=confirmed, **where)
                producer.poll(0)
                return id
            except BufferError:
                producer.poll(0.1)

    def steady(self, kafka: Kafka, topic: str, rate: int, **how: Any) -> "Steady":
        """Goes on until its end: `with ledger.steady(…):`."""
        return Steady(self, kafka, topic, rate, how)

    # -- the account

    def arrived(self, *functions: Function, parked: Iterable[str] = ()) -> bool:
        taken = set(parked).union(*(f.taken() for f in functions))
        return set(self.sent) <= taken

    def wait(self, *functions: Function, within: float = 60, parked: Callable[[], Iterable[str]] = tuple) -> None:
        def missing() -> set[str]:
            return set(self.sent) - set(parked()).union(*(f.taken() for f in functions))

        def nothing_missing() -> bool:
            left = missing()
            some = [self.sent[i] for i in sorted(left)[:5]]
            assert not left, f"{len(left)} of {len(self.sent)} events have not arrived, e.g. {some}"
            return True

        eventually(nothing_missing, within, "every event arrives")

    def duplicates(self, *functions: Function) -> int:
        """Events the function took more than once, counted by their further times."""
        taken = [r.id for f in functions for r in f.requests() if r.taken]
        return len(taken) - len(set(taken))

    def retries(self, *functions: Function) -> int:
        seen = [r.id for f in functions for r in f.requests()]
        return len(seen) - len(set(seen))

    def check(self, *functions: Function, parked: Iterable[str] = (), duplicates: int | None = None,
              order: str = "none") -> None:
        """missing 0, spurious 0; order of first deliveries per partition or key; duplicates if a number is given."""
        requests = [r for f in functions for r in f.requests()]
        parked = list(parked)
        taken = {r.id for r in requests if r.taken}
        missing = set(self.sent) - taken - set(parked)
        assert not missing, f"{len(missing)} missing, e.g. {[self.sent[i] for i in sorted(missing)[:5]]}"
        spurious = ({r.id for r in requests} | set(parked)) - self.attempted
        assert not spurious, f"{len(spurious)} events nobody sent, e.g. {sorted(spurious)[:5]}"
        if duplicates is not None:
            found = self.duplicates(*functions)
            assert found <= duplicates, f"{found} events were delivered again, expected at most {duplicates}"
        if order != "none":
            self.check_order(requests, order)

    def check_order(self, requests: list[Request], by: str) -> None:
        last: dict[Any, Sent] = {}
        seen: set[str] = set()
        for r in requests:
            if r.id in seen or r.id not in self.sent:
                continue
            seen.add(r.id)
            s = self.sent[r.id]
            lane = (s.topic, s.partition) if by == "partition" else (s.topic, s.partition, s.key)
            before = last.get(lane)
            assert before is None or before.offset < s.offset, f"first delivered {before}, then {s}, in one {by}"
            last[lane] = s


class Steady:
    """Production at a rate, on a thread, with everything confirmed at the end."""

    def __init__(self, ledger: Ledger, kafka: Kafka, topic: str, rate: int, how: dict[str, Any]) -> None:
        self.ledger, self.kafka, self.topic, self.rate = ledger, kafka, topic, rate
        self.how = {"key": None, "partition": None, "size": 0, "form": plain, **how}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Steady":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(90)
        assert not self._thread.is_alive() and not self.ledger.failed, f"not confirmed: {self.ledger.failed[:5]}"

    def _run(self) -> None:
        producer, start, i = self.kafka.producer(), time.monotonic(), 0
        while not self._stop.is_set():
            while i <= (time.monotonic() - start) * self.rate and not self._stop.is_set():
                self.ledger._hand_over(producer, self.topic, i, self.how["key"], self.how["partition"],
                                        self.how["size"], self.how["form"])
                i += 1
            producer.poll(0.01)
        if producer.flush(60):
            self.ledger.failed.append("the last of a steady production")
