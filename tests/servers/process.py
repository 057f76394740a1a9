"""A child process of the tests: started, signalled and ended by its pid, its output kept in a file."""
from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path


_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Between fork and exec: a test run that is killed leaves nothing behind."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One program and its log file; every run appends to it."""

    def __init__(self, argv: list[str], log: Path, env: dict[str, str] | None = None, fds: tuple[int, ...] = ()) -> None:
        self.argv, self.log, self.env, self.fds = argv, log, env, fds
        self.child: subprocess.Popen[bytes] | None = None
        self.stopped = False

    def start(self) -> None:
        assert not self.alive(), f"{self.argv[0]} runs already"
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                          env=self.env, pass_fds=self.fds, start_new_session=True,
                                          preexec_fn=_end_with_parent)

    @property
    def pid(self) -> int:
        assert self.child, f"{self.argv[0]} was never started"
        return self.child.pid

    def alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def signal(self, signo: int) -> None:
        if self.alive():
            os.kill(self.pid, signo)

    def sigterm(self) -> None:
        self.signal(signal.SIGTERM)

    def sigstop(self) -> None:
        self.signal(signal.SIGSTOP)
        self.stopped = True

    def sigcont(self) -> None:
        self.signal(signal.SIGCONT)
        self.stopped = False

    def kill9(self) -> None:
        if self.alive():
            self.signal(signal.SIGKILL)
            self.wait(10)

    def wait(self, within: float = 30) -> int:
        """The exit code; a process that does not end in time is an error, and is left running for end()."""
        assert self.child
        try:
            return self.child.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"pid {self.pid} ({self.argv[0]}) did not end within {within:g} s; log: {self.log}")

    def end(self, grace: float = 10) -> None:
        """Ends it whatever its state: asked first, then killed."""
        if not self.alive():
            return
        if self.stopped:
            self.kill9()
            return
        self.sigterm()
        limit = time.monotonic() + grace
        while self.alive() and time.monotonic() < limit:
            time.sleep(0.02)
        self.kill9()

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""
