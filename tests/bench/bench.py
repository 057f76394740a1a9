#!/usr/bin/python3
"""Measures bridge against the bare limit, in turns: tests/bench/bench.py [--case NAME]... [--quick] [--long] [--rounds N]"""
from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.bench.actors import Bench, Function  # noqa: E402
from tests.bench.measure import Peak, cpu_seconds, status, switches, watch  # noqa: E402
from tests.bench.table import compare, print_case  # noqa: E402
from tests.servers.ports import free_port  # noqa: E402
from tests.servers.process import Process  # noqa: E402
from tests.servers.wait import eventually  # noqa: E402

Figures = dict[str, float]
KIB = 1024


# --- one run ---

def drain(process: Process, function: Function, events: int, within: float) -> Figures:
    """A topic that is full already, to its end: events a second between the first and the last one the function saw."""
    stats, peak = watch(process.pid, function.counters, lambda s: s["events"] >= events, within, process.alive)
    seconds = (stats["last_ns"] - stats["first_ns"]) / 1e9
    cpu = cpu_seconds(process.pid)
    return {"events_per_s": (stats["events"] - 1) / max(seconds, 1e-9), "cpu_us": cpu / stats["events"] * 1e6, **memory(peak)}


def memory(peak: Peak) -> Figures:
    return {"vm_rss_mib": peak.vm_rss / KIB, "rss_anon_mib": peak.rss_anon / KIB, "threads": peak.threads}


def once(bench: Bench, make: Callable[[], Process], function: Function, events: int, within: float = 300) -> Figures:
    function.counters.reset()
    process = make()
    figures = drain(process, function, events, within)
    process.end(15)
    return figures


def medians(rounds: list[Figures]) -> Figures:
    return {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}


def in_turns(bench: Bench, programs: dict[str, Callable[[], Figures]]) -> dict[str, Any]:
    """limit, bridge, limit, bridge …: what disturbs the machine disturbs both."""
    rounds: dict[str, list[Figures]] = {name: [] for name in programs}
    for _ in range(bench.rounds):
        for name, run in programs.items():
            rounds[name].append(run())
    result: dict[str, Any] = {name: medians(found) for name, found in rounds.items()}
    result["rounds"] = rounds
    if "limit" in result and "events_per_s" in result["limit"]:
        result["ratio"] = result["bridge"]["events_per_s"] / result["limit"]["events_per_s"]
    return result


def both(bench: Bench, function: Function, events: int, limit: Callable[[], Process],
         bridge: Callable[[], Process]) -> dict[str, Any]:
    result = in_turns(bench, {"limit": lambda: once(bench, limit, function, events),
                              "bridge": lambda: once(bench, bridge, function, events)})
    function.close()
    return {"events": events, **result}


def against_limit(bench: Bench, events: int, partitions: int = 1, delay: int = 0, connections: int = 64, size: int = 256,
                  concurrency: int = 64, **metadata: Any) -> dict[str, Any]:
    topic = bench.kafka.create(bench.kafka.new_name(), partitions, max_message_bytes="4000000")
    bench.load(topic, events, size=size, partitions=partitions)
    function = bench.function(delay=delay)
    result = both(bench, function, events, lambda: bench.limit(topic, function.port, connections=connections),
                  lambda: bench.bridge(topic, function.address, function={"endpointConcurrency": concurrency}, **metadata))
    bench.kafka.delete(topic)
    return result


def alone(bench: Bench, topic: str, function: Function, events: int, settings: dict[str, Any] | None = None,
          **metadata: Any) -> dict[str, Any]:
    result = in_turns(bench, {"bridge": lambda: once(
        bench, lambda: bench.bridge(topic, function.address, function=settings, **metadata), function, events)})
    function.close()
    return {"events": events, **result}


# --- the cases ---

def case_main(bench: Bench) -> dict[str, Any]:
    """256 B, order none, 64 in flight, 4 partitions"""
    return against_limit(bench, bench.events(400_000), partitions=4, order="none")


def case_slow(bench: Bench) -> dict[str, Any]:
    """one partition, a function that takes 5 ms, order key, 256 in flight"""
    return against_limit(bench, bench.events(200_000), delay=5000, connections=256, concurrency=256, order="key")


def case_partition(bench: Bench) -> dict[str, Any]:
    """default order, one partition: one event at a time"""
    return against_limit(bench, bench.events(50_000), connections=1, order="partition")


def case_lanes(bench: Bench) -> dict[str, Any]:
    """default order, 8 partitions, a function that takes 5 ms: 8 at a time is the most; the limit has 8 connections"""
    return against_limit(bench, bench.events(8_000), partitions=8, delay=5000, connections=8, order="partition")


def steady(bench: Bench, make: Callable[[], Process], function: Function, topic: str, seconds: int) -> Figures:
    """Added latency: a second of events to warm up, then 1,000 a second."""
    function.counters.reset()
    process = make()
    bench.load(topic, 1000, rate=1000)
    watch(process.pid, function.counters, lambda s: s["events"] >= 1000, 60, process.alive)
    function.counters.reset()
    before = cpu_seconds(process.pid)
    bench.load(topic, 1000 * seconds, rate=1000)
    stats, peak = watch(process.pid, function.counters, lambda s: s["events"] >= 1000 * seconds, 60, process.alive)
    cpu = cpu_seconds(process.pid) - before
    process.end(15)
    return {"p50_ms": stats["p50_ms"], "p99_ms": stats["p99_ms"], "cpu_us": cpu / (1000 * seconds) * 1e6, **memory(peak)}


def case_latency(bench: Bench) -> dict[str, Any]:
    """1,000 events a second, from the producer's clock to the function's"""
    seconds, function, rows = (2 if bench.quick else 10), bench.function(), {}

    def run(word: str) -> Figures:
        topic = bench.kafka.create(bench.kafka.new_name(), 1)
        make = {"limit": lambda: bench.limit(topic, function.port),
                "bridge": lambda: bench.bridge(topic, function.address, order="none")}[word]
        return steady(bench, make, function, topic, seconds)

    rows = in_turns(bench, {"limit": lambda: run("limit"), "bridge": lambda: run("bridge")})
    function.close()
    rows["added_p50_ms"] = rows["bridge"]["p50_ms"] - rows["limit"]["p50_ms"]
    rows["added_p99_ms"] = rows["bridge"]["p99_ms"] - rows["limit"]["p99_ms"]
    return rows


def at_rest(process: Process, seconds: float) -> Figures:
    cpu, turns, began = cpu_seconds(process.pid), switches(process.pid), time.monotonic()
    time.sleep(seconds)
    took, now = time.monotonic() - began, status(process.pid)
    return {"vm_rss_mib": now["VmRSS"] / KIB, "rss_anon_mib": now["RssAnon"] / KIB, "threads": now["Threads"],
            "idle_cpu_ms_per_s": (cpu_seconds(process.pid) - cpu) / took * 1000,
            "switches_per_s": (switches(process.pid) - turns) / took}


def case_idle(bench: Bench) -> dict[str, Any]:
    """connected, subscribed, one event delivered, then nothing to do"""
    seconds, function = (3 if bench.quick else 15), bench.function()
    topic = bench.kafka.create(bench.kafka.new_name(), 4)
    bench.load(topic, 1)

    def run(make: Callable[[], Process]) -> Figures:
        function.counters.reset()
        process = make()
        watch(process.pid, function.counters, lambda s: s["events"] >= 1, 60, process.alive)
        time.sleep(2)  # what starting left behind
        figures = at_rest(process, seconds)
        process.end(15)
        return figures

    rows = in_turns(bench, {"limit": lambda: run(lambda: bench.limit(topic, function.port)),
                            "bridge": lambda: run(lambda: bench.bridge(topic, function.address))})
    function.close()
    return rows


def case_backlog(bench: Bench) -> dict[str, Any]:
    """memory with a long backlog: 16 partitions, order key"""
    events = 10_000_000 if bench.long else bench.events(2_000_000)
    topic = bench.kafka.create(bench.kafka.new_name(), 16)
    bench.load(topic, events, partitions=16)
    function = bench.function()
    function.counters.reset()
    process = bench.bridge(topic, function.address, order="key")
    figures = drain(process, function, events, 900)
    process.end(15)
    function.close()
    bench.kafka.delete(topic)
    return {"events": events, "bridge": figures}


def large(bench: Bench, size: int, events: int) -> dict[str, Any]:
    return against_limit(bench, events, partitions=4, size=size, order="none")


def case_large64k(bench: Bench) -> dict[str, Any]:
    """64 KiB each"""
    return large(bench, 64 * KIB, bench.events(10_000))


def case_large1m(bench: Bench) -> dict[str, Any]:
    """1 MiB each; buffers as they are by default"""
    return large(bench, KIB * KIB, bench.events(1_000))


def case_https(bench: Bench) -> dict[str, Any]:
    """as main, the function speaks TLS 1.3; without a limit beside it"""
    events = bench.events(200_000)
    topic = bench.kafka.create(bench.kafka.new_name(), 4)
    bench.load(topic, events, partitions=4)
    return alone(bench, topic, bench.function(tls=1), events, order="none")


def case_topics(bench: Bench) -> dict[str, Any]:
    """1,000 topics of one component, one partition each"""
    events, n = bench.events(100_000), 100 if bench.quick else 1000
    name = bench.kafka.new_name()
    topics = [f"{name}-{i}" for i in range(n)]
    bench.create_many(topics)
    bench.load(name, events, topics=n)
    function = bench.function()
    return both(bench, function, events, lambda: bench.limit(name, function.port, topics=n, partitions=1),
                lambda: bench.bridge(",".join(topics), function.address))


def case_partitions(bench: Bench) -> dict[str, Any]:
    """10,000 partitions (10 topics) on the library's mock cluster; 10 events each"""
    names, per = [f"t-{i}" for i in range(10)], 100 if bench.quick else 1000
    mock = bench.mock([f"{name}:{per}" for name in names])
    events = len(names) * per * 10
    bench.load("t", events, mock.brokers, topics=len(names), partitions=per)
    function = bench.function()
    rows = both(bench, function, events,
                lambda: bench.limit("t", function.port, mock.brokers, topics=len(names), partitions=per),
                lambda: bench.bridge(",".join(names), function.address, mock.brokers))
    mock.close()
    return rows


def case_held(bench: Bench) -> dict[str, Any]:
    """one of 8 partitions is always answered 503: the other seven, order key"""
    events = bench.events(400_000)
    topic = bench.kafka.create(bench.kafka.new_name(), 8)
    bench.load(topic, events, partitions=8)
    return alone(bench, topic, bench.function(refuse=3), events // 8 * 7, order="key")


def asked(bench: Bench, process: Process, port: int, seconds: int) -> Figures:
    """64 calls of GetMetrics at once on one connection, as long as that."""
    cpu = cpu_seconds(process.pid)
    said = json.loads(subprocess.run([str(bench.build / "bench/scaler_load"), "--port", str(port), "--seconds", str(seconds)],
                                     check=True, capture_output=True, text=True).stdout)
    assert said["failed"] == 0, said
    now = status(process.pid)
    return {"requests_per_s": said["requests"] / said["seconds"], "p50_ms": said["p50_ms"], "p99_ms": said["p99_ms"],
            "cpu_us": (cpu_seconds(process.pid) - cpu) / said["requests"] * 1e6, "vm_rss_mib": now["VmRSS"] / KIB,
            "rss_anon_mib": now["RssAnon"] / KIB}


def case_scaler(bench: Bench) -> dict[str, Any]:
    """KEDA's GetMetrics, one function of 100 partitions with a backlog, 64 calls at once"""
    port, mock = free_port(), bench.mock(["t:100"])
    bench.load("t", 1000, mock.brokers, partitions=100)
    process = bench.bridge("t", f"127.0.0.1:{free_port()}", mock.brokers, process={"scaler": {"port": port}})
    eventually(lambda: "external scaler" in process.text(), 10, "it listens")
    time.sleep(3)  # its lag is known by then; if not, the calls fail
    rows = in_turns(bench, {"bridge": lambda: asked(bench, process, port, 2 if bench.quick else 10)})
    process.end(15)
    mock.close()
    return rows


def others(bench: Bench, seconds: int, **troubled: Any) -> Figures:
    """Added latency of two functions at 500 events a second each, beside a third with a backlog from the start."""
    name, rate = bench.kafka.new_name(), 1000
    for i in range(3):
        bench.kafka.create(f"{name}-{i}", 4)
    backlog, settings = troubled.pop("backlog"), [{}, {}, troubled.pop("settings", {})]
    if backlog:
        bench.load(f"{name}-2", backlog, partitions=4)
    functions = [bench.function(), bench.function(), bench.function(**troubled)]
    process = bench.bridge_of([{"topics": f"{name}-{i}", "address": f.address, "order": "none", "function": settings[i]}
                               for i, f in enumerate(functions)])
    calm = functions[:2]

    def feed(n: int) -> list[dict[str, Any]]:
        for f in calm:
            f.counters.reset()
        bench.load(name, n, topics=2, partitions=4, rate=rate)
        return [watch(process.pid, f.counters, lambda s: s["events"] >= n // 2, 60, process.alive)[0] for f in calm]

    feed(rate)
    stats = feed(rate * seconds)
    taken = functions[2].counters.stats()
    for actor in (process, *(f.process for f in functions)):
        actor.end(15)
    for i in range(3):
        bench.kafka.delete(f"{name}-{i}")
    return {"p50_ms": max(s["p50_ms"] for s in stats), "p99_ms": max(s["p99_ms"] for s in stats),
            "third_taken": taken["events"], "third_refused": taken["refused"]}


def case_functions(bench: Bench) -> dict[str, Any]:
    """three functions in a process: latency of two at 500 events a second each while the third is quiet, hangs, fails, floods"""
    seconds, backlog = (3 if bench.quick else 10), bench.events(2_000_000)
    troubles = {"quiet": {"backlog": 0}, "hangs": {"backlog": 20_000, "answer": 0}, "fails": {"backlog": 20_000, "answer": 503},
                "floods": {"backlog": backlog, "settings": {"endpointConcurrency": 1000, "bufferEvents": 10_000}}}
    result = in_turns(bench, {word: lambda trouble=trouble: others(bench, seconds, **trouble)
                              for word, trouble in troubles.items()})
    for word in ("hangs", "fails", "floods"):
        result[f"{word}_ratio"] = result[word]["p99_ms"] / max(result["quiet"]["p99_ms"], 0.001)
    return result


def case_redis(bench: Bench) -> dict[str, Any]:
    """a Redis stream, 256 B, 64 in flight"""
    events, stream, function = bench.events(400_000), "orders", bench.function()
    client, head = bench.redis.client(), f"{0:019d} {0:05d} ".encode()
    for _ in range(0, events, 1000):
        client.pipeline([("XADD", stream, "*", "data", head + b"x" * (256 - len(head)))] * 1000)
    result = in_turns(bench, {
        "limit": lambda: once(bench, lambda: bench.limit_redis(stream, function.port), function, events),
        "bridge": lambda: once(bench, lambda: bench.bridge_redis(stream, function.address), function, events),
    })
    function.close()
    client("DEL", stream)
    return {"events": events, **result}


# --- the whole ---

CASES: dict[str, Callable[[Bench], dict[str, Any]]] = {
    name.removeprefix("case_"): made for name, made in list(globals().items()) if name.startswith("case_")}


def read_figures(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        if not isinstance(found.get("cases"), dict):
            raise ValueError("no cases in it")
        return found
    except (OSError, ValueError, AttributeError) as e:
        print(f"{path}: {e}; expected figures as make bench writes them", file=sys.stderr)
        sys.exit(2)


def machine() -> dict[str, Any]:
    model = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False)
    return {"cpus": os.cpu_count(), "model": model[0] if model else "", "kernel": os.uname().release,
            "load_before": os.getloadavg()[0], "commit": commit.stdout.strip(),
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", choices=CASES, help="one case; again for more; none: all of them")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events: shows that it works, not how fast it is")
    parser.add_argument("--long", action="store_true", help="the backlog of 10 million events")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--out", type=Path, help="where the figures go as JSON; default: bench.json in the build folder")
    parser.add_argument("--compare", type=Path, metavar="BASE", help="measures nothing: compares --out with an earlier file")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    out = args.out or args.build / "bench.json"
    if args.compare:
        return compare(read_figures(args.compare), read_figures(out))
    bench = Bench(args.build, args.rounds, args.quick, args.long)
    found: dict[str, Any] = {"machine": machine(), "quick": args.quick, "cases": {}}
    try:
        for name in args.case or CASES:
            found["cases"][name] = CASES[name](bench)
            print_case(name, CASES[name].__doc__ or "", found["cases"][name])
            out.write_text(json.dumps(found, indent=1) + "\n")
    finally:
        bench.close()
    print(f"\n{out}")
    return 0


sys.exit(main())
