#!/usr/bin/python3
"""Faults in random order, a real Kafka, every event accounted for: tests/chaos/chaos.py [--rounds N] [--seed S]"""
from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.chaos.account import Account  # noqa: E402
from tests.chaos.faults import FAULTS  # noqa: E402
from tests.chaos.plan import LAP, Plan, make_plan  # noqa: E402
from tests.chaos.world import World  # noqa: E402
from tests.servers.kafka import VERSIONS, Kafka  # noqa: E402
from tests.servers.proxy import Proxy  # noqa: E402

SEEDS = 1_000_000


def tried(step: Callable[[], None]) -> bool:
    """Whatever goes wrong, the account is still told and the logs are kept."""
    try:
        step()
    except Exception:
        traceback.print_exc()
        return False
    return True


def run_rounds(w: World, account: Account) -> None:
    began = time.monotonic()
    w.begin()
    w.wait_flow()
    for number, r in enumerate(w.plan.rounds, 1):
        in_flight = w.wait_in_flight(r)
        print(f"{time.monotonic() - began:7.1f} s  {number:3}  {r.fault}, {r.members} bridges, {in_flight} in flight",
              flush=True)
        FAULTS[r.fault](w, r)
        w.wait_flow()
        account.met(r.fault, in_flight)
    w.end_traffic()
    w.finish()


def run_lap(kafka: Kafka, road: Proxy, plan: Plan, directory: Path, account: Account, **bills: Any) -> bool:
    """False: something is wrong, it was said, and the directory is kept."""
    print(f"\nlap: seed {plan.seed}, {len(plan.rounds)} rounds, order {plan.order}, {plan.strategy}", flush=True)
    directory.mkdir(parents=True)
    w = World(kafka, road, plan, directory, **bills)
    steps = [lambda: run_rounds(w, account), w.end_traffic, lambda: account.settle(w), w.close]
    good = all([tried(step) for step in steps])		# each of them, whatever became of the others
    if good and account.good:
        shutil.rmtree(directory)
        return True
    print(f"\nfailed; replay: make chaos N={len(plan.rounds)} SEED={plan.seed}\nlogs: {directory}", flush=True)
    return False


def run(seed: int, rounds: int, directory: Path, version: str, **bills: Any) -> int:
    """Laps, whose seeds count up from the first; all of them on one broker.  The exit status."""
    print(f"seed {seed}: make chaos N={rounds} SEED={seed}", flush=True)
    directory = directory / f"{seed}-{os.getpid()}"
    directory.mkdir(parents=True)
    kafka = Kafka(version, directory=directory).start()
    road = Proxy(kafka.behind_proxy_port, kafka.proxy_port).start()
    account, good = Account(), True
    try:
        for first in range(0, rounds, LAP):
            plan = make_plan(seed + first // LAP, min(LAP, rounds - first))
            good = run_lap(kafka, road, plan, directory / f"lap-{plan.seed}", account, **bills)
            if not good:
                break
    finally:
        road.close()
        kafka.close(keep=not good)
    account.print()
    return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=LAP,
                        help="faults in all; %(default)s make a lap with topics, function and bridges of its own")
    parser.add_argument("--seed", type=int, help="of the first lap; none: a new one")
    parser.add_argument("--kafka", choices=VERSIONS, default=VERSIONS[0])
    parser.add_argument("--logs", type=Path, default=ROOT / "build/chaos", help="where a failed lap is kept")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else int.from_bytes(os.urandom(8), "big") % SEEDS
    return run(seed, args.rounds, args.logs, args.kafka)


if __name__ == "__main__":
    sys.exit(main())
