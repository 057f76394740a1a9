"""Takes the pictures of the live page for the documentation: a real Kafka, a function that is not always well, minutes of flow."""
from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.servers.browser import Browser
from tests.servers.function import Function
from tests.servers.kafka import Kafka
from tests.servers.wait import eventually

from .bridge import ROOT, Bridge
from .config import Config

PICTURES = ROOT / "docs/pictures"
FLOW_S = 200
REFUSED = {"do": "ok", "status": 422, "id": "refused"}
WELL = (REFUSED, {"do": "slow", "ms": 8})


class Flow:
    """Orders in waves, now and then one the function refuses; payments at an even pace."""

    def __init__(self, kafka: Kafka) -> None:
        self.producer, self.over, self.began = kafka.producer(), threading.Event(), time.monotonic()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def orders(self) -> int:
        t = time.monotonic() - self.began
        return int(500 + 350 * math.sin(t / 20) + (1600 if 40 < t % 75 < 58 else 0))

    def run(self) -> None:
        n = 0
        while not self.over.wait(0.1):
            for topic, rate in (("orders", self.orders()), ("payments", 40)):
                for n in range(n + 1, n + 1 + rate // 10):
                    event = {"id": "refused" if topic == "orders" and n % 1500 == 7 else f"{topic}-{n}"}
                    self.producer.produce(topic, json.dumps(event).encode(), key=f"k{n % 97}")
            self.producer.poll(0)

    def end(self) -> None:
        self.over.set()
        self.thread.join()


def config(kafka: Kafka, function: Function) -> Config:
    c = Config(function={"address": function.address, "endpointConcurrency": 16})
    c.binding("orders", kafka.brokers, "orders", "shop", order="key", deadLetterTopic="orders-dead", retryMaxAttempts=3,
              retryInitialInterval="50ms")
    return c.binding("payments", kafka.brokers, "payments", "shop-payments")


def take(browser: Browser, port: int) -> None:
    for name, scheme, width, height, scale in (("light", "light", 1180, 1100, 1), ("dark", "dark", 1180, 1100, 1),
                                               ("phone", "light", 360, 1000, 2)):
        page = browser.page().size(width, height, scale).prefer(color_scheme=scheme).open(f"http://127.0.0.1:{port}/")
        eventually(lambda: page.run("document.querySelector('path.line')?.getAttribute('d')?.length > 100"), 20)
        file = PICTURES / f"live-{name}.png"
        page.size(width, height if name == "phone" else page.run("document.documentElement.scrollHeight"), scale)
        eventually(lambda: page.run("[...document.querySelectorAll('path.line')].every(l => l.getAttribute('d'))")
                   or name == "phone", 10)
        eventually(lambda: page.run("document.getAnimations().every((a) => !(a instanceof CSSTransition))"), 10)
        page.picture(file)
        if shutil.which("optipng"):
            subprocess.run(["optipng", "-quiet", "-o5", "-strip", "all", str(file)], check=True)
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} KiB")


def main() -> None:
    directory = Path(tempfile.mkdtemp(prefix="pictures-"))
    kafka, function = Kafka(directory=directory).start(), Function(directory).start().up()
    function.behave(*WELL)
    for topic, partitions in (("orders", 4), ("payments", 2), ("orders-dead", 1)):
        kafka.create(topic, partitions=partitions)
    bridge = Bridge(directory / "bridge", config(kafka, function)).start().ready()
    browser = Browser(directory).start()
    flow = Flow(kafka)
    try:
        time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else FLOW_S)
        take(browser, bridge.admin_port)
    finally:
        flow.end()
        browser.close()
        bridge.end()
        function.close()
        kafka.close()


if __name__ == "__main__":
    main()
