"""What a process costs, read from /proc; and the function's own counters."""
from __future__ import annotations

import http.client
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of the whole process, threads that ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def status(pid: int) -> dict[str, int]:
    """The numbers of /proc/PID/status: VmRSS and RssAnon in KiB, Threads."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdigit():
            found[name] = int(words[0])
    return found


def switches(pid: int) -> int:
    """Context switches of all threads so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


@dataclass
class Peak:
    """The most memory seen so far."""
    vm_rss: int = 0
    rss_anon: int = 0
    threads: int = 0

    def look(self, pid: int) -> None:
        now = status(pid)
        self.vm_rss = max(self.vm_rss, now.get("VmRSS", 0))
        self.rss_anon = max(self.rss_anon, now.get("RssAnon", 0))
        self.threads = max(self.threads, now.get("Threads", 0))


class Counters:
    """GET /stats and /reset of the function program."""

    def __init__(self, port: int, tls: bool) -> None:
        if tls:
            import ssl
            self._http: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=60, context=ssl._create_unverified_context())
        else:
            self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str) -> bytes:
        self._http.request("GET", path)
        return self._http.getresponse().read()

    def stats(self) -> dict[str, Any]:
        return json.loads(self.get("/stats"))

    def reset(self) -> None:
        self.get("/reset")


def watch(pid: int, counters: Counters, done: Callable[[dict[str, Any]], bool], within: float,
          alive: Callable[[], bool]) -> tuple[dict[str, Any], Peak]:
    """Looks at the process and the function again and again until `done` holds of the function's counters."""
    peak, end = Peak(), time.monotonic() + within
    while True:
        if not alive():
            raise SystemExit("bench: the program under measurement ended by itself")
        peak.look(pid)
        stats = counters.stats()
        if done(stats):
            return stats, peak
        if time.monotonic() > end:
            raise SystemExit(f"bench: not done within {within:g} s; the function saw {stats}")
        time.sleep(0.05)
