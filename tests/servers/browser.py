"""A headless Chromium as an actor, spoken to by its DevTools protocol over a pair of pipes."""
from __future__ import annotations

import base64
import json
import os
import select
import shutil
from pathlib import Path
from typing import Any

from .process import Process
from .wait import eventually

PROGRAM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
ANSWER_S = 30

# What a key event has to say besides its name.
KEYS = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}


class Browser:
    """start() and page(); a call reads on until its answer is there, and keeps what happened meanwhile."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._last, self._in, self.pages = 0, b"", {}  # type: ignore[var-annotated]

    def start(self) -> "Browser":
        assert PROGRAM, "no Chromium is installed; run: tools/install-packages browser"
        reads, self._to = os.pipe()
        self._from, writes = os.pipe()
        argv = [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-breakpad",
                "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={self.directory}/profile"]
        # it expects its pipes at 3 and 4
        shell = ["/bin/bash", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "bash", *argv]
        self.process = Process(shell, self.directory / "browser.log", {**os.environ, "HOME": str(self.directory)},
                               (reads, writes))
        self.process.start()
        os.close(reads)
        os.close(writes)
        return self

    def page(self) -> "Page":
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.pages[session] = Page(self, session)
        return self.pages[session].prepare()

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._last:
                assert "error" not in said, f"{method}: {said['error']}"
                return said["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._in:
            ready, _, _ = select.select([self._from], [], [], ANSWER_S)
            assert ready, f"the browser says nothing for {ANSWER_S} s; log: {self.process.text()[-2000:]}"
            more = os.read(self._from, 1 << 20)
            assert more, f"the browser is gone; log: {self.process.text()[-2000:]}"
            self._in += more
        text, self._in = self._in.split(b"\0", 1)
        said = json.loads(text)
        if said.get("sessionId") in self.pages and "method" in said:
            self.pages[said["sessionId"]].happened(said["method"], said["params"])
        return said

    def close(self) -> None:
        os.close(self._to)
        self.process.end(5)
        os.close(self._from)


class Page:
    """One tab.  `requests`: all it asked the network for; `faults`: exceptions and what the console complained of."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser, self.session = browser, session
        self.requests: list[str] = []
        self.faults: list[str] = []

    def prepare(self) -> "Page":
        for domain in ("Page", "Network", "Runtime", "Log", "Accessibility"):
            self.call(f"{domain}.enable")
        return self.size(1280, 900)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def happened(self, what: str, params: dict[str, Any]) -> None:
        if what == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif what == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(params["exceptionDetails"]))
        elif what == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.faults.append(params["entry"]["text"])

    def size(self, width: int, height: int, scale: float = 1) -> "Page":
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
                  mobile=width < 500)
        return self

    def prefer(self, **features: str) -> "Page":
        """prefer(color_scheme="dark", reduced_motion="reduce")"""
        rows = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=rows)
        return self

    def open(self, url: str) -> "Page":
        said = self.call("Page.navigate", url=url)
        assert "errorText" not in said, f"{url}: {said['errorText']}"
        eventually(lambda: self.run("document.readyState") == "complete", 20, f"{url} is loaded")
        return self

    def run(self, script: str) -> Any:
        """The value of an expression."""
        said = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, f"{script}: {said['exceptionDetails']}"
        return said["result"].get("value")

    def text(self, selector: str) -> str:
        return self.run(f"document.querySelector({json.dumps(selector)})?.textContent ?? ''")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key],
                      text="\r" if key == "Enter" and kind == "keyDown" else "")

    def names(self, role: str) -> list[str]:
        """Accessible names of everything of that role, as a screen reader has them."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [n.get("name", {}).get("value", "") for n in nodes
                if not n["ignored"] and n["role"]["value"] == role]

    def close(self) -> None:
        target = self.call("Target.getTargetInfo")["targetInfo"]["targetId"]
        self.browser.call("Target.closeTarget", targetId=target)

    def picture(self, file: Path, whole: bool = False) -> None:
        said = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(said["data"]))
