"""What a lap of chaos is going to do: everything that is chosen, from its seed alone."""
from __future__ import annotations

import random
from dataclasses import dataclass

MEMBERS_MAX = 3
# How often a fault is in the deck of a lap.
FAULTS = {
    "bridge killed": 3, "bridge killed while starting": 1, "bridge stopped": 2, "bridge stopped twice": 1,
    "bridge frozen": 1, "member comes or goes": 4,
    "function gone": 1, "function resets before reading": 1, "function answers 500": 1, "function answers 503": 1,
    "function answers 429": 1, "function hangs": 1, "function resets after reading": 1,
    "function resets while answering": 1, "function closes half": 1, "function answers garbage": 1,
    "function closes": 1, "function slow": 1, "one partition stuck": 1,
    "road to the function resets": 1, "road to the function swallows": 1,
    "broker stopped": 1, "broker killed": 1, "broker frozen": 1,
    "road to the broker resets": 1, "road to the broker swallows": 1, "no place to park": 1,
}
LAP = sum(FAULTS.values())	# rounds: a whole lap meets all of them
CHANGES = ("member joins", "member leaves", "member vanishes")


@dataclass(frozen=True)
class Round:
    fault: str
    members: int		# bridges there are when it comes
    member: int		# the one it is about, if it is about one
    number: int		# 0 to 999: how many, how long, which; the fault decides

    @property
    def strikes_member(self) -> bool:
        return self.fault.startswith("bridge ") or self.fault in CHANGES[1:]

    def pick(self, *choices: int) -> int:
        return choices[self.number % len(choices)]


@dataclass(frozen=True)
class Plan:
    seed: int
    order: str
    strategy: str
    rounds: list[Round]


def make_plan(seed: int, rounds: int) -> Plan:
    """The same seed gives the same rounds; fewer of them are the first of more."""
    dice = random.Random(seed)
    order = dice.choice(("partition", "key", "none"))
    strategy = dice.choice(("range", "roundrobin", "cooperative-sticky"))
    made: list[Round] = []
    deck: list[str] = []
    members = 1
    for _ in range(rounds):
        if not deck:
            deck = [name for name, times in FAULTS.items() for _ in range(times)]
            dice.shuffle(deck)
        fault = deck.pop()
        if fault == "member comes or goes":
            fault = dice.choice(CHANGES[:1] if members == 1 else CHANGES[1:] if members == MEMBERS_MAX else CHANGES)
        made.append(Round(fault, members, dice.randrange(members), dice.randrange(1000)))
        members += {"member joins": 1, "member leaves": -1, "member vanishes": -1}.get(fault, 0)
    return Plan(seed, order, strategy, made)
