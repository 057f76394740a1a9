"""The tool that makes chaos: a seed does the same again, a short run loses nothing, a loss is seen and said."""
from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.chaos import plan
from tests.chaos.chaos import run
from tests.chaos.faults import FAULTS
from tests.servers.kafka import VERSIONS

from .bridge import BINARY, ROOT

SEED, ROUNDS = 1, plan.LAP
LAP_S = 300		# most that a lap may take; about a minute on a machine of its own


def test_a_seed_is_a_plan():
    long = plan.make_plan(7, 3 * plan.LAP)
    assert long == plan.make_plan(7, 3 * plan.LAP) != plan.make_plan(8, 3 * plan.LAP)
    assert plan.make_plan(7, 10).rounds == long.rounds[:10]


def test_a_lap_meets_every_fault_and_never_strikes_a_bridge_that_is_not_there():
    for seed in range(50):
        rounds = plan.make_plan(seed, plan.LAP).rounds
        assert {r.fault for r in rounds} - set(plan.CHANGES) == set(FAULTS) - set(plan.CHANGES)
        assert all(r.member < r.members <= plan.MEMBERS_MAX for r in rounds)
        for before, after in zip(rounds, rounds[1:]):
            change = {"member joins": 1, "member leaves": -1, "member vanishes": -1}.get(before.fault, 0)
            assert after.members == before.members + change >= 1


def test_a_lap_loses_nothing_and_ends_with_a_table(tmp_path: Path):
    signal.alarm(LAP_S + 20)
    done = subprocess.run(["/usr/bin/python3", "tests/chaos/chaos.py", f"--rounds={ROUNDS}", f"--seed={SEED}",
                           f"--logs={tmp_path}"], cwd=ROOT, env={**os.environ, "BRIDGE": BINARY},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LAP_S)
    said = done.stdout
    assert done.returncode == 0, said[-6000:]
    assert said.startswith(f"seed {SEED}: make chaos N={ROUNDS} SEED={SEED}\n")
    found = {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", said, re.M)}
    assert found["all"] == ROUNDS and found["missing"] == found["spurious"] == found["disordered"] == 0, said
    assert min(found[name] for name in ("sent", "delivered", "parked", "retried", "duplicates")) > 0, said
    assert not any(tmp_path.iterdir()), "nothing is kept of a good run"


def test_a_loss_is_told_and_what_it_takes_to_look_for_it_is_kept(tmp_path: Path, capfd, monkeypatch):
    """A configuration that drops is the loss."""
    monkeypatch.setattr("tests.chaos.world.ARRIVE_S", 5)
    assert run(SEED, 1, tmp_path, VERSIONS[0], onExhausted="drop") == 1
    said = capfd.readouterr().out
    assert re.search(r"^missing +[1-9]\d*  1?\d+-\d+ \(bills-", said, re.M), said
    assert f"failed; replay: make chaos N=1 SEED={SEED}\n" in said
    [kept] = re.findall(r"^logs: (.*)$", said, re.M)
    assert (Path(kept) / "bridge-1/log").exists() and (Path(kept).parent / "log").exists()
