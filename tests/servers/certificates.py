"""A certificate authority of a test, made by openssl in a directory of its own."""
from __future__ import annotations

import subprocess
from pathlib import Path

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(*args: str) -> None:
    done = subprocess.run(["openssl", *args], capture_output=True, text=True)
    assert done.returncode == 0, f"openssl {args[0]}: {done.stderr}"


class Authority:
    """Its certificate is `file`; what it signs is put beside it."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self.directory, self.name = directory, name
        self.file, self._key = directory / f"{name}.pem", directory / f"{name}.key"
        directory.mkdir(parents=True, exist_ok=True)
        _openssl("req", "-x509", *NEW_KEY, "-keyout", str(self._key), "-out", str(self.file), "-days", "2",
                 "-subj", f"/CN={name}")

    @property
    def text(self) -> str:
        return self.file.read_text()

    def sign(self, name: str, *hosts: str) -> tuple[str, str]:
        """Certificate and key as PEM text; hosts as "IP:127.0.0.1", "DNS:localhost"."""
        key, request, signed, extra = (self.directory / f"{self.name}-{name}.{e}" for e in ("key", "csr", "crt", "ext"))
        extra.write_text(f"subjectAltName={','.join(hosts)}\n" if hosts else "basicConstraints=CA:FALSE\n")
        _openssl("req", *NEW_KEY, "-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}")
        _openssl("x509", "-req", "-in", str(request), "-CA", str(self.file), "-CAkey", str(self._key),
                 "-CAcreateserial", "-out", str(signed), "-days", "2", "-extfile", str(extra))
        return signed.read_text(), key.read_text()
