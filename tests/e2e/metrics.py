"""Prometheus text, parsed and added up."""
from __future__ import annotations

import re
from dataclasses import dataclass

LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
FATE = re.compile(r"bridge_subscription_((delivered|parked|dropped_\w+|expired|returned)_total|inflight)$")


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


class Metrics:
    """One look at /metrics: all of it from one moment."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: list[Sample] = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                found = LINE.match(line)
                assert found, f"no Prometheus line: {line!r}"
                self.samples.append(Sample(found[1], dict(LABEL.findall(found[2] or "")), float(found[3])))

    def select(self, name: str, **labels: str) -> list[Sample]:
        return [s for s in self.samples if s.name == name and all(s.labels.get(k) == v for k, v in labels.items())]

    def sum(self, name: str, **labels: str) -> float:
        return sum(s.value for s in self.select(name, **labels))

    def subscription(self, what: str, **labels: str) -> float:
        return self.sum(f"bridge_subscription_{what}", **labels)

    def component(self, what: str, **labels: str) -> float:
        return self.sum(f"bridge_component_{what}", **labels)

    def lag(self, topic: str, partition: int) -> float | None:
        """None: unknown."""
        found = self.select("bridge_partition_lag", topic=topic, partition=str(partition))
        return found[0].value if found else None

    def check_conservation(self) -> None:
        """received = delivered + parked + dropped + expired + returned + inflight; and the process says so itself."""
        received = self.subscription("received_total")
        parts = {s.name: self.sum(s.name) for s in self.samples if FATE.match(s.name)}
        assert received == sum(parts.values()), f"received {received:g} is not the sum of {parts}"
        drift = self.select("bridge_conservation_drift")
        assert all(s.value == 0 for s in drift), f"bridge_conservation_drift: {drift}"
