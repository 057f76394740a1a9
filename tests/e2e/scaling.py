"""What the tests of scaling share: events by partition, and what the scaler says of them."""
from __future__ import annotations

from tests.servers.kafka import Kafka
from tests.servers.scaler_client import Scaler, grpc

UNAVAILABLE, OK = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.OK
BEFORE_A_REFRESH_S = 4  # which comes every 5 s: what is noticed within was pushed


def produce(kafka: Kafka, topic: str, counts: list[int]) -> None:
    p = kafka.producer()
    for partition, n in enumerate(counts):
        for i in range(n):
            p.produce(topic, str(i).encode(), partition=partition)
    assert p.flush(30) == 0


def values_are(s: Scaler, value: float, **metadata: str) -> bool:
    return s.error(**metadata) == (OK, "") and s.metrics(**metadata) == value
