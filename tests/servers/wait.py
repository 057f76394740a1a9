"""Waiting for a fact: asked again and again until a deadline, never slept for."""
from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")


def eventually(fact: Callable[[], T], within: float = 30, why: str = "") -> T:
    """Returns the first true answer of `fact`; an AssertionError in it counts as "not yet"."""
    end = time.monotonic() + within
    said: object = None
    while True:
        try:
            answer = fact()
            if answer:
                return answer
            said = answer
        except AssertionError as e:
            said = e
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {why or fact}; last answer: {said!r}")
        time.sleep(0.05)


def throughout(fact: Callable[[], bool], seconds: float, why: str = "") -> None:
    """`fact` stays true as long as that: for what must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert fact(), f"was to hold for {seconds:g} s: {why or fact}"
        time.sleep(0.05)


def most_over(seconds: float, number: Callable[[], float]) -> float:
    """The largest answer in that time; asked at least once."""
    end, most = time.monotonic() + seconds, number()
    while time.monotonic() < end:
        time.sleep(0.1)
        most = max(most, number())
    return most
