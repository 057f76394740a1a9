"""Configuration files as the tests write them: Dapr resources and the process file."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

# Short group times, so that a killed member is noticed soon; everything is read from the beginning.
KAFKA = {"authType": "none", "initialOffset": "oldest", "sessionTimeout": "3s", "heartbeatInterval": "300ms",
         "clientConnectionTopicMetadataRefreshInterval": "1s"}


def resource(version: str, kind: str, name: str, spec: dict[str, Any]) -> str:
    # JSON is YAML: no quoting rules of our own
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {json.dumps(name)}}}\nspec: {json.dumps(spec)}\n"


def component(name: str, kind: str, metadata: dict[str, Any]) -> str:
    rows = [{"name": k, "value": str(v)} for k, v in metadata.items()]
    return resource("dapr.io/v1alpha1", "Component", name, {"type": kind, "version": "v1", "metadata": rows})


@dataclass
class Config:
    """Filled in by calls that return it; process() adds what differs from one bridge to the next."""
    app: str = "shop"
    documents: list[str] = field(default_factory=list)
    function: dict[str, Any] = field(default_factory=dict)
    process: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, kind: str, **metadata: Any) -> "Config":
        self.documents.append(component(name, kind, metadata))
        return self

    def binding(self, name: str, brokers: str, topics: str, group: str, **metadata: Any) -> "Config":
        rows = {**KAFKA, "brokers": brokers, "topics": topics, "consumerGroup": group, **metadata}
        self.documents.append(component(name, "bindings.kafka", rows))
        return self

    def pubsub(self, name: str, brokers: str, group: str, **metadata: Any) -> "Config":
        rows = {**KAFKA, "brokers": brokers, "consumerGroup": group, **metadata}
        self.documents.append(component(name, "pubsub.kafka", rows))
        return self

    def redis(self, name: str, port: int, of: str = "bindings.redis", **metadata: Any) -> "Config":
        self.documents.append(component(name, of, {"redisHost": f"127.0.0.1:{port}", **metadata}))
        return self

    def subscription(self, pubsub: str, topic: str, route: str, dead_letter: str = "", **metadata: str) -> "Config":
        spec: dict[str, Any] = {"pubsubname": pubsub, "topic": topic, "routes": {"default": route}}
        if dead_letter:
            spec["deadLetterTopic"] = dead_letter
        if metadata:
            spec["metadata"] = metadata
        self.documents.append(resource("dapr.io/v2alpha1", "Subscription", f"{pubsub}-{topic}", spec))
        return self

    def beside(self, app: str, function: dict[str, Any], **spec: Any) -> "Config":
        """One more function in the process."""
        self.documents.append(resource("bridge/v1", "Bridge", app, {"function": function, "dapr": {"httpPort": 0}, **spec}))
        return self

    def scoped(self, *scopes: str) -> "Config":
        """What was added last is for those functions alone."""
        self.documents[-1] += f"scopes: {json.dumps(scopes)}\n"
        return self

    def text(self, admin_port: int, dapr_port: int) -> str:
        spec = {"function": self.function, "dapr": {"httpPort": dapr_port}, "admin": {"port": admin_port},
                **self.process}
        return "---\n".join([resource("bridge/v1", "Bridge", self.app, spec), *self.documents])
