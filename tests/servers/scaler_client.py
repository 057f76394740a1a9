"""A foreign client of the scaler: grpcio, as KEDA's operator calls, and what it hears on its open streams."""
from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

# Before it is imported: its own handlers around fork() can stop a process that starts others.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
import grpc  # noqa: E402

HERE = Path(__file__).resolve().parent
SERVICE = "/externalscaler.ExternalScaler/"


def _messages() -> Any:
    folder = tempfile.mkdtemp(prefix="scaler-messages-")
    subprocess.run(["protoc", f"--proto_path={HERE}", f"--python_out={folder}", "scaler.proto"], check=True)
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("scaler_pb2")
    finally:
        sys.path.remove(folder)


pb = _messages()


def ref(**metadata: str) -> Any:
    return pb.ScaledObjectRef(name="orders", namespace="fn", scalerMetadata=metadata)


class Stream:
    """What came on one open stream, and when; `code` once it has ended."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.got: list[tuple[float, Any]] = []
        self.code: grpc.StatusCode | None = None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        try:
            for message in self.call:
                self.got.append((time.monotonic(), message))
            self.code = grpc.StatusCode.OK
        except grpc.RpcError as e:
            self.code = e.code()

    def cancel(self) -> None:
        self.call.cancel()
        self.thread.join(5)


class Scaler:
    def __init__(self, port: int, credentials: grpc.ChannelCredentials | None = None, name: str = "") -> None:
        options: list[tuple[str, Any]] = [("grpc.enable_http_proxy", 0), ("grpc.initial_reconnect_backoff_ms", 100),
                                          ("grpc.max_reconnect_backoff_ms", 200),
                                          ("grpc.min_reconnect_backoff_ms", 100), ("grpc.use_local_subchannel_pool", 1)]
        if name:
            options.append(("grpc.ssl_target_name_override", name))
        address = f"127.0.0.1:{port}"
        self.channel = (grpc.secure_channel(address, credentials, options) if credentials
                        else grpc.insecure_channel(address, options))

    def unary(self, path: str, request: Any, answer: Any, timeout: float | None = 5) -> Any:
        call = self.channel.unary_unary(path, type(request).SerializeToString, answer.FromString)
        return call(request, timeout=timeout)

    def is_active(self, **metadata: str) -> bool:
        return self.unary(SERVICE + "IsActive", ref(**metadata), pb.IsActiveResponse).result

    def spec(self, **metadata: str) -> Any:
        specs = self.unary(SERVICE + "GetMetricSpec", ref(**metadata), pb.GetMetricSpecResponse).metricSpecs
        assert len(specs) == 1
        return specs[0]

    def metrics(self, **metadata: str) -> float:
        """As KEDA takes it: the float, else the integer; both have to say the same."""
        request = pb.GetMetricsRequest(scaledObjectRef=ref(**metadata), metricName="backlog")
        values = self.unary(SERVICE + "GetMetrics", request, pb.GetMetricsResponse).metricValues
        assert len(values) == 1 and values[0].metricName == "backlog"
        assert values[0].metricValue == -(-values[0].metricValueFloat // 1)
        return values[0].metricValueFloat

    def code(self, **metadata: str) -> grpc.StatusCode:
        """Of GetMetrics."""
        return self.error(**metadata)[0]

    def error(self, **metadata: str) -> tuple[grpc.StatusCode, str]:
        try:
            self.metrics(**metadata)
            return grpc.StatusCode.OK, ""
        except grpc.RpcError as e:
            return e.code(), e.details()

    def stream_active(self, **metadata: str) -> Stream:
        call = self.channel.unary_stream(SERVICE + "StreamIsActive", pb.ScaledObjectRef.SerializeToString,
                                         pb.IsActiveResponse.FromString)
        return Stream(call(ref(**metadata)))

    def stream_spec(self, **metadata: str) -> Stream:
        call = self.channel.unary_stream(SERVICE + "StreamMetricSpec", pb.ScaledObjectRef.SerializeToString,
                                         pb.GetMetricSpecResponse.FromString)
        return Stream(call(ref(**metadata)))

    def health(self, service: str = "") -> int:
        return self.unary("/grpc.health.v1.Health/Check", pb.HealthCheckRequest(service=service),
                          pb.HealthCheckResponse).status

    def close(self) -> None:
        self.channel.close()
