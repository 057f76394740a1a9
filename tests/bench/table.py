"""Figures as tables: one case with its targets, and two runs beside each other."""
from __future__ import annotations

from typing import Any

UNITS = {"events_per_s": ("ev/s", 0), "requests_per_s": ("req/s", 0), "cpu_us": ("CPU µs/event", 1), "vm_rss_mib": ("VmRSS MiB", 1),
         "rss_anon_mib": ("RssAnon MiB", 1), "threads": ("threads", 0), "p50_ms": ("p50 ms", 2), "p99_ms": ("p99 ms", 2),
         "third_taken": ("3rd: taken", 0), "third_refused": ("3rd: refused", 0),
         "idle_cpu_ms_per_s": ("idle CPU ms/s", 1), "switches_per_s": ("switches/s", 0)}

# case, figure, what it may be: ">=" least, "<=" most
TARGETS = [
    ("main", "ratio", ">=", 0.7), ("main", "cpu_us", "<=", 10), ("slow", "ratio", ">=", 0.8), ("partition", "cpu_us", "<=", 15),
    ("latency", "added_p50_ms", "<=", 0.3), ("latency", "added_p99_ms", "<=", 2), ("idle", "vm_rss_mib", "<=", 15),
    ("backlog", "rss_anon_mib", "<=", 40), ("scaler", "requests_per_s", ">=", 50_000), ("scaler", "p99_ms", "<=", 5),
    ("functions", "hangs_ratio", "<=", 2), ("functions", "fails_ratio", "<=", 2),
]
WORSE = 1.10  # a tenth is noise
RATIOS = ["ratio", "hangs_ratio", "fails_ratio", "floods_ratio"]
SMALLER_IS_BETTER = {name for name in [*UNITS, *RATIOS[1:]] if name not in ("events_per_s", "requests_per_s")}


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
    """Status 1 if a figure of bridge is more than a tenth worse, 2 if nothing can be compared.  Rates are compared as
    parts of the limit, where there is one."""
    if base.get("quick") != now.get("quick"):
        print("one of the two was made with --quick, the other without: they do not compare")
        return 2
    worse = compared = 0
    print(f"{'case':12}{'figure':18}{'base':>12}{'now':>12}{'change':>9}")
    for name in [*base["cases"], *(n for n in now["cases"] if n not in base["cases"])]:
        before, after = base["cases"].get(name), now["cases"].get(name)
        if before is None or after is None:
            print(f"{name:12}only {'now' if before is None else 'in the base'}")
            continue
        for wanted in [*RATIOS, *UNITS]:
            found = changed(name, wanted, before, after)
            compared += found is not None
            worse += bool(found)
    return 1 if worse else 0 if compared else 2


def changed(name: str, wanted: str, before: dict[str, Any], after: dict[str, Any]) -> bool | None:
    """Prints one figure.  True: it is worse; None: it is in neither, or stands for nothing by itself."""
    old, new = figure(before, wanted), figure(after, wanted)
    by_ratio = wanted == "events_per_s" and "ratio" in before and "ratio" in after
    if by_ratio or (old is None and new is None):
        return None
    if old is None or new is None:
        print(f"{name:12}{wanted:18}only {'now' if old is None else 'in the base'}")
        return None
    bad = new > old * WORSE if wanted in SMALLER_IS_BETTER else new < old / WORSE
    change = f"{(new / old - 1) * 100:+8.1f}%" if old else ""
    print(f"{name:12}{wanted:18}{old:12.2f}{new:12.2f}{change:>9}{'  WORSE' if bad else ''}")
    return bad
