"""make bench-compare: what became worse is said, and what is in one file alone is not passed over."""
from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .bridge import ROOT

pytestmark = pytest.mark.quick


def case(rate: float, limit: float = 0, **bridge: float) -> dict[str, Any]:
    made: dict[str, Any] = {"events": 10, "bridge": {"events_per_s": rate, **bridge}}
    if limit:
        made.update(limit={"events_per_s": limit}, ratio=rate / limit)
    return made


def compare(directory: Path, base: object, now: object, quick: str = "") -> subprocess.CompletedProcess[str]:
    for name, cases in (("base", base), ("now", now)):
        text = json.dumps({"quick": quick == name, "cases": cases}) if isinstance(cases, dict) else str(cases)
        (directory / f"{name}.json").write_text(text)
    return subprocess.run(["/usr/bin/python3", "tests/bench/bench.py", f"--out={directory}/now.json",
                           f"--compare={directory}/base.json"], cwd=ROOT, capture_output=True, text=True, timeout=30)


def test_a_tenth_is_noise(tmp_path):
    done = compare(tmp_path, {"main": case(100, 200, cpu_us=10.0)}, {"main": case(52, 110, cpu_us=10.9)})
    assert done.returncode == 0 and "WORSE" not in done.stdout
    assert done.stdout.splitlines()[1:] == ["main        ratio                     0.50        0.47    -5.5%",
                                            "main        cpu_us                   10.00       10.90    +9.0%"]


SLOWER, DEARER = case(80, 200, cpu_us=10.0), case(100, 200, cpu_us=12.0)


@pytest.mark.parametrize("now, figure", [(SLOWER, "ratio"), (DEARER, "cpu_us")])
def test_more_is_worse_and_ends_with_1(tmp_path, now, figure):
    done = compare(tmp_path, {"main": case(100, 200, cpu_us=10.0)}, {"main": now})
    assert done.returncode == 1
    assert [line.split()[1] for line in done.stdout.splitlines() if line.endswith("WORSE")] == [figure]


def test_a_rate_counts_by_itself_where_there_is_no_limit(tmp_path):
    done = compare(tmp_path, {"held": case(100)}, {"held": case(80)})
    assert done.returncode == 1 and "events_per_s" in done.stdout


def test_from_nothing_to_something_is_worse(tmp_path):
    done = compare(tmp_path, {"idle": case(1, idle_cpu_ms_per_s=0)}, {"idle": case(1, idle_cpu_ms_per_s=5)})
    assert done.returncode == 1


def test_what_is_in_one_file_alone_is_named(tmp_path):
    done = compare(tmp_path, {"main": case(1), "slow": case(1)}, {"main": case(1, vm_rss_mib=3.0), "held": case(1)})
    assert done.returncode == 0
    for line in ("slow        only in the base", "held        only now", "main        vm_rss_mib        only now"):
        assert line in done.stdout.splitlines()


def test_what_cannot_be_compared_is_no_success(tmp_path):
    assert compare(tmp_path, {"main": case(1)}, {"slow": case(1)}).returncode == 2
    done = compare(tmp_path, {"main": case(1)}, {"main": case(1)}, quick="now")
    assert done.returncode == 2 and "--quick" in done.stdout
    for broken in ("", "[]", "{}"):
        done = compare(tmp_path, broken, {"main": case(1)})
        assert done.returncode == 2 and "base.json: " in done.stderr and "Traceback" not in done.stderr
