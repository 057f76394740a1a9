"""Figures as tables: one case with its targets, and two runs beside each other."""
from __future__ import annotations

from typing import Any

UNITS = {"events_per_s": ("ev/s", 0), "cpu_us": ("CPU µs/event", 1), "vm_rss_mib": ("VmRSS MiB", 1),
         "rss_anon_mib": ("RssAnon MiB", 1), "threads": ("threads", 0), "p50_ms": ("p50 ms", 2), "p99_ms": ("p99 ms", 2),
         "third_taken": ("3rd: taken", 0), "third_refused": ("3rd: refused", 0),
         "idle_cpu_ms_per_s": ("idle CPU ms/s", 1), "switches_per_s": ("switches/s", 0)}

# case, figure, what it may be: ">=" least, "<=" most
TARGETS = [
    ("main", "ratio", ">=", 0.7), ("main", "cpu_us", "<=", 10), ("slow", "ratio", ">=", 0.8), ("partition", "cpu_us", "<=", 15),
    ("latency", "added_p50_ms", "<=", 0.3), ("latency", "added_p99_ms", "<=", 2), ("idle", "vm_rss_mib", "<=", 15),
    ("backlog", "rss_anon_mib", "<=", 40), ("functions", "hangs_ratio", "<=", 2), ("functions", "fails_ratio", "<=", 2),
]
WORSE = 1.10  # a tenth is noise
RATIOS = ["ratio", "hangs_ratio", "fails_ratio", "floods_ratio"]
SMALLER_IS_BETTER = {name for name in [*UNITS, *RATIOS[1:]] if name != "events_per_s"}


def figure(case: dict[str, Any], name: str) -> float | None:
    return case.get(name, case.get("bridge", {}).get(name))


def print_case(name: str, what: str, case: dict[str, Any]) -> None:
    print(f"\n{name}: {what}")
    programs = [p for p in ("limit", "bridge", "quiet", "hangs", "fails", "floods") if p in case]
    columns = [c for c in UNITS if c in case[programs[-1]]]
    print("  " + "".join(f"{UNITS[c][0]:>15}" for c in columns))
    for program in programs:
        cells = "".join(f"{case[program][c]:>15.{UNITS[c][1]}f}" for c in columns)
        print(f"  {cells}  {program}")
    for target, wanted, relation, bound in TARGETS:
        got = figure(case, wanted) if target == name else None
        if got is not None:
            met = got >= bound if relation == ">=" else got <= bound
            print(f"  {wanted} {got:.2f}, wanted {relation} {bound:g}: {'met' if met else 'MISSED'}", flush=True)


def compare(base: dict[str, Any], now: dict[str, Any]) -> int:
    """Status 1 if a figure of bridge is more than a tenth worse.  Rates are compared as parts of the limit, where there is one."""
    worse = 0
    print(f"{'case':12}{'figure':16}{'base':>12}{'now':>12}{'change':>9}")
    for name, case in now["cases"].items():
        before = base["cases"].get(name)
        for wanted in [*RATIOS, *UNITS] if before else []:
            old, new = figure(before, wanted), figure(case, wanted)
            if not old or new is None or (wanted == "events_per_s" and "ratio" in case):
                continue
            change = new / old
            bad = change > WORSE if wanted in SMALLER_IS_BETTER else change < 1 / WORSE
            worse += bad
            print(f"{name:12}{wanted:16}{old:12.2f}{new:12.2f}{(change - 1) * 100:+8.1f}%{'  WORSE' if bad else ''}")
    return 1 if worse else 0
