"""bridge as an actor: started, looked at from outside, stopped or killed."""
from __future__ import annotations

import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from tests.servers.ports import free_port
from tests.servers.process import Process
from tests.servers.wait import eventually

from .config import Config
from .metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BRIDGE", str(ROOT / "build/bridge"))
ENVIRONMENT = {"PATH": "/usr/bin:/bin", **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}


def run(*args: str, within: float = 30, said: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """A call that ends by itself: check, help, send, a start that fails; `said` on its standard input."""
    return subprocess.run([BINARY, *args], input=said, capture_output=True, text=True, timeout=within,
                          env={**ENVIRONMENT, **env})


def http_get(port: int, path: str) -> tuple[int, str]:
    """Status 0: nobody answered."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()
    except OSError:
        return 0, ""


class Bridge:
    """One process with ports of its own; start() again after its end goes on with the same configuration."""

    def __init__(self, directory: Path, config: Config) -> None:
        self.admin_port, self.dapr_port = free_port(), free_port()
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "bindings.yaml"
        self.configure(config)
        self.process = Process([BINARY, "--config", str(self.file)], directory / "log", ENVIRONMENT)
        self.ended_by_test = True

    def configure(self, config: Config) -> None:
        """Takes effect with the next start()."""
        self.file.write_text(config.text(self.admin_port, self.dapr_port))

    # -- life

    def start(self) -> "Bridge":
        assert os.path.exists(BINARY), f"{BINARY} is not built: run make, or say where it is with BRIDGE=…"
        self.process.start()
        self.ended_by_test = False
        return self

    def ready(self, within: float = 30) -> "Bridge":
        """Everything works: the function is there, subscriptions are made."""
        eventually(lambda: self.alive() and self.healthz() == 204, within, f"bridge is ready; log: {self.process.log}")
        return self

    def alive(self) -> bool:
        assert self.ended_by_test or self.process.alive(), f"bridge ended by itself:\n{self.log()[-3000:]}"
        return self.process.alive()

    def sigterm(self) -> None:
        self.ended_by_test = True
        self.process.sigterm()

    def wait(self, within: float = 30) -> int:
        return self.process.wait(within)

    def stop(self, within: float = 30) -> None:
        """Orderly, and it has to end well."""
        self.metrics().check_conservation()
        self.sigterm()
        code = self.wait(within)
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.log()[-3000:]}"

    def kill9(self) -> None:
        assert self.alive()
        self.ended_by_test = True
        self.process.kill9()

    def end(self) -> None:
        """After a test: what is alive has to balance, then it goes."""
        try:
            if self.process.alive() and not self.process.stopped and self.metrics_text():
                self.metrics().check_conservation()
            assert self.ended_by_test or self.process.alive(), f"bridge ended by itself:\n{self.log()[-3000:]}"
        finally:
            self.ended_by_test = True
            self.process.end(15)

    # -- what can be seen

    def log(self) -> str:
        return self.process.text()

    def log_contains(self, pattern: str) -> bool:
        return re.search(pattern, self.log()) is not None

    def metrics_text(self) -> str:
        status, text = http_get(self.admin_port, "/metrics")
        return text if status == 200 else ""

    def metrics(self) -> Metrics:
        assert self.alive()
        return Metrics(eventually(self.metrics_text, 10, f"/metrics answers on {self.admin_port}"))

    def count(self, what: str, **labels: str) -> float:
        """A metric of its subscriptions: "delivered_total", "inflight"."""
        return self.metrics().subscription(what, **labels)

    def in_flight(self) -> float:
        return self.count("inflight")

    def wait_in_flight(self, n: int = 1, within: float = 30) -> float:
        """A fault counts only if something was in flight when it came."""
        return eventually(lambda: (found := self.in_flight()) >= n and found, within,
                          f"at least {n} events are in flight")

    def rebalances(self) -> float:
        return self.metrics().component("rebalances_total")

    def healthz(self) -> int:
        return http_get(self.dapr_port, "/v1.0/healthz")[0]

    def readyz(self) -> int:
        return http_get(self.admin_port, "/readyz")[0]

    def rss_anon(self) -> int:
        """Bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]
