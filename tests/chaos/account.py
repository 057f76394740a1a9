"""What a run of chaos did and what came of it, added up over its laps and printed as a table."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .world import World


@dataclass
class Account:
    rounds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    in_flight: dict[str, int] = field(default_factory=dict)	# the least when that fault came
    sent: int = 0
    delivered: int = 0
    parked: int = 0
    retried: int = 0
    duplicates: int = 0
    missing: list[str] = field(default_factory=list)
    spurious: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)

    def met(self, fault: str, in_flight: int) -> None:
        self.rounds += 1
        self.faults[fault] += 1
        self.in_flight[fault] = min(in_flight, self.in_flight.get(fault, in_flight))

    def settle(self, w: World) -> None:
        """At the end of a lap, whatever its end was."""
        requests, parked = w.function.requests(), set(w.parked())
        taken = {r.id for r in requests if r.taken}
        self.sent += len(w.ledger.sent)
        self.delivered += len(taken)
        self.parked += len(parked)
        self.retried += w.ledger.retries(w.function)
        self.duplicates += w.ledger.duplicates(w.function)
        self.missing += [f"{s.id} ({s.topic}/{s.partition}/{s.offset})" for s in w.ledger.sent.values()
                         if s.id not in taken | parked]
        self.spurious += sorted(({r.id for r in requests} | parked) - w.ledger.attempted)
        if w.plan.order != "none":
            try:
                w.ledger.check_order(requests, w.plan.order)
            except AssertionError as e:
                self.disordered.append(str(e))

    @property
    def good(self) -> bool:
        return not (self.missing or self.spurious or self.disordered)

    def print(self) -> None:
        print(f"\n{'fault':36}{'rounds':>8}{'least in flight':>18}")
        for name in sorted(self.faults):
            print(f"{name:36}{self.faults[name]:>8}{self.in_flight[name]:>18}")
        print(f"{'all':36}{self.rounds:>8}\n")
        for name in ("sent", "delivered", "parked", "retried", "duplicates"):
            print(f"{name:12}{getattr(self, name):>10}")
        for name in ("missing", "spurious", "disordered"):
            found = getattr(self, name)
            print(f"{name:12}{len(found):>10}{'  ' + ', '.join(found[:5]) if found else ''}", flush=True)
