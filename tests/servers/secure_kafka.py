"""A Kafka that wants to know who comes: listeners for each way to log in, beside the open one the tests use."""
from __future__ import annotations

import subprocess
from pathlib import Path

from .certificates import Authority
from .kafka import VERSIONS, Kafka
from .ports import free_port

USER, PASSWORD = "alice", "alice-secret-7f"
BEARER = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
PROTOCOLS = {"SASL": "SASL_SSL", "CLEAR": "SASL_PLAINTEXT", "MTLS": "SSL", "TLS": "SSL"}


class SecureKafka(Kafka):
    """SASL and CLEAR take PLAIN, SCRAM and unsigned OAUTHBEARER tokens; MTLS wants a client certificate; TLS nobody's name.

    Its certificate is good for 127.0.0.1 and for no name."""

    def __init__(self, authority: Authority, version: str = VERSIONS[0]) -> None:
        super().__init__(version)
        self.authority = authority
        self.ports = {name: free_port() for name in PROTOCOLS}
        self.format_args = ["--add-scram", f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]",
                            "--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"]
        self.present(authority)
        self.extra |= self._listeners() | self._logins() | {
            "ssl.keystore.type": "PEM", "ssl.keystore.location": str(self._keystore), "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(authority.file), "listener.name.mtls.ssl.client.auth": "required",
            # tokens end their connections with them
            "connections.max.reauth.ms": "3600000", "connection.failed.authentication.delay.ms": "50"}

    @property
    def _keystore(self) -> Path:
        return self.directory / "keystore.pem"

    def present(self, authority: Authority) -> None:
        """A certificate of that authority, from the next start on."""
        certificate, key = authority.sign(f"broker-{self.port}", "IP:127.0.0.1")
        self._keystore.write_text(key + certificate + authority.text)

    def brokers_of(self, listener: str, host: str = "127.0.0.1") -> str:
        return f"{host}:{self.ports[listener]}"

    def _listeners(self) -> dict[str, str]:
        ours = [f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()]
        open_ones = [f"PLAINTEXT://127.0.0.1:{self.port}"]
        controller = f"CONTROLLER://127.0.0.1:{self.controller_port}"
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **PROTOCOLS}
        return {"listeners": ",".join([*open_ones, *ours, controller]),
                "advertised.listeners": ",".join([*open_ones, *ours]),
                "listener.security.protocol.map": ",".join(f"{k}:{v}" for k, v in protocols.items())}

    @staticmethod
    def _logins() -> dict[str, str]:
        rows = {"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"}
        for listener in ("sasl", "clear"):
            prefix = f"listener.name.{listener}"
            rows[f"{prefix}.plain.sasl.jaas.config"] = f'{PLAIN} required user_{USER}="{PASSWORD}";'
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                rows[f"{prefix}.{mechanism}.sasl.jaas.config"] = f"{SCRAM} required;"
            rows[f"{prefix}.oauthbearer.sasl.jaas.config"] = f'{BEARER} required unsecuredLoginStringClaim_sub="x";'
        return rows

    def set_password(self, user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> None:
        done = subprocess.run(self._java + [
            "kafka.admin.ConfigCommand", "--bootstrap-server", self.brokers, "--alter", "--entity-type", "users",
            "--entity-name", user, "--add-config", f"{mechanism}=[password={password}]"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
