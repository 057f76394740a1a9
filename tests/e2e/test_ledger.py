"""The account itself: a check that cannot fail proves nothing."""
from __future__ import annotations

import pytest

from tests.servers.function import Request
from tests.servers.wait import eventually

from .ledger import Ledger, Sent
from .metrics import Metrics

pytestmark = pytest.mark.quick


class Seen:
    """A function whose requests are written down by hand: (id, status)."""

    def __init__(self, *requests: tuple[str, int | None]) -> None:
        self._requests = [Request(n, id, "/orders", "t", 0, 0, None, float(n), 0, status)
                          for n, (id, status) in enumerate(requests)]

    def requests(self) -> list[Request]:
        return self._requests

    def taken(self) -> set[str]:
        return {r.id for r in self._requests if r.taken}


@pytest.fixture
def account() -> Ledger:
    """a, b, c in partition 0, keys x, y, x."""
    ledger = Ledger()
    for offset, (id, key) in enumerate((("a", "x"), ("b", "y"), ("c", "x"))):
        ledger.attempted.add(id)
        ledger.sent[id] = Sent(id, "t", 0, offset, key)
    return ledger


def test_all_taken_in_order_is_good(account):
    account.check(Seen(("a", 200), ("b", 200), ("c", 200)), duplicates=0, order="partition")


def test_a_retry_is_neither_a_duplicate_nor_disorder(account):
    account.check(Seen(("a", 503), ("a", 200), ("b", 200), ("c", 200)), duplicates=0, order="partition")


def test_parked_is_not_missing(account):
    account.check(Seen(("a", 200), ("b", 500), ("c", 200)), parked=["b"])


def test_disorder_of_partitions_may_be_order_of_keys(account):
    account.check(Seen(("b", 200), ("a", 200), ("c", 200)), order="key")


@pytest.mark.parametrize("seen, how, text", [
    (Seen(("a", 200), ("c", 200)), {}, "1 missing"),
    (Seen(("a", 200), ("b", 503), ("c", 200)), {}, "1 missing"),
    (Seen(("a", 200), ("b", None), ("c", 200)), {}, "1 missing"),
    (Seen(("a", 200), ("b", 200), ("c", 200), ("z", 200)), {}, "nobody sent"),
    (Seen(("a", 200), ("b", 200), ("c", 200), ("b", 200)), {"duplicates": 0}, "again"),
    (Seen(("b", 200), ("a", 200), ("c", 200)), {"order": "partition"}, "in one partition"),
    (Seen(("b", 503), ("a", 200), ("b", 200), ("c", 200)), {"order": "partition"}, "in one partition"),
    (Seen(("b", 200), ("c", 200), ("a", 200)), {"order": "key"}, "in one key"),
])
def test_what_is_wrong_is_found(account, seen, how, text):
    with pytest.raises(AssertionError, match=text):
        account.check(seen, **how)


BALANCED = """\
# HELP bridge_subscription_received_total x
bridge_subscription_received_total{component="a",topic="t \\"1\\""} 10
bridge_subscription_delivered_total{component="a",topic="t \\"1\\""} 6
bridge_subscription_dropped_function_total{component="a"} 1
bridge_subscription_dropped_exhausted_total{component="a"} 1
bridge_subscription_inflight{component="a"} 2
bridge_conservation_drift{component="a"} 0
"""


def test_metrics_that_balance_are_good():
    metrics = Metrics(BALANCED)
    metrics.check_conservation()
    assert metrics.subscription("received_total", topic='t \\"1\\"') == 10


@pytest.mark.parametrize("before, after", [("inflight{component=\"a\"} 2", "inflight{component=\"a\"} 1"),
                                           ("drift{component=\"a\"} 0", "drift{component=\"a\"} 1")])
def test_metrics_that_do_not_balance_are_found(before, after):
    with pytest.raises(AssertionError, match="received 10|drift"):
        Metrics(BALANCED.replace(before, after)).check_conservation()


class Idle:
    """A broker that confirms nothing, and its producer."""

    def producer(self) -> "Idle":
        return self

    def produce(self, *args: object, **words: object) -> None:
        pass

    def poll(self, seconds: float) -> None:
        pass

    def flush(self, seconds: float) -> int:
        return 0


def test_a_slow_steady_production_goes_on_and_two_at_once_share_no_id():
    ledger = Ledger()
    with ledger.steady(Idle(), "t", 40), ledger.steady(Idle(), "u", 40):
        eventually(lambda: len(ledger.attempted) >= 20, 20, "several turns have something to send")
    assert ledger.attempted == {f"{ledger.run}-{i}" for i in range(len(ledger.attempted))}
