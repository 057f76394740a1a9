"""What the MQTT stories need: events with ids, published and noted in the ledger, at once or at a rate."""
from __future__ import annotations

import threading
import time
from typing import Any, Callable

from tests.servers.mosquitto import Client, Mosquitto, publish_all

from .ledger import Ledger, Sent, plain

Topic = Callable[[int], str]


def publish(ledger: Ledger, client: Client, topic: str | Topic, n: int, qos: int = 1, size: int = 0) -> list[str]:
    """n events, all confirmed by the broker; their ids in order."""
    ids, messages = [], []
    for i in range(n):
        id = f"{ledger.run}-{len(ledger.attempted)}"
        ledger.attempted.add(id)
        ids.append(id)
        messages.append((topic(i) if callable(topic) else topic, plain(id, size)))

    def confirmed(i: int) -> None:
        ledger.sent[ids[i]] = Sent(ids[i], messages[i][0], 0, len(ledger.sent), None)

    publish_all(client, messages, qos, confirmed)
    return ids


class Steady:
    """Published at a rate, on a thread; at the end everything the broker confirmed is in the ledger."""

    def __init__(self, ledger: Ledger, broker: Mosquitto, topic: str | Topic, rate: int, **client: Any) -> None:
        self.ledger, self.topic, self.rate = ledger, topic, rate
        self.client = broker.client(**client)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Steady":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(90)
        self.client.close()
        assert not self._thread.is_alive()

    def _run(self) -> None:
        start, done = time.monotonic(), 0
        while not self._stop.is_set():
            due = int((time.monotonic() - start) * self.rate) - done
            if due > 0:
                publish(self.ledger, self.client, self.topic, due)
                done += due
            self._stop.wait(0.01)
