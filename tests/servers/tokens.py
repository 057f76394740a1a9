"""An OIDC provider of a test: answers client credentials with unsigned tokens, or as it is told."""
from __future__ import annotations

import base64
import json
import ssl
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CLIENT, SECRET = "bridge-client", "s3cret & more+%"


def _part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned_token(life_s: float) -> str:
    now = time.time()
    return f'{_part({"alg": "none"})}.{_part({"sub": CLIENT, "iat": int(now), "exp": int(now + life_s) + 1, "scope": "x"})}.'


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_POST(self) -> None:
        provider = self.server.provider
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("content-length", 0))).decode())
        provider.asked.append(form)
        if provider.hangs:
            provider.released.wait(60)
            return
        if provider.known(form, self.headers.get("authorization")):
            provider.tokens.append(unsigned_token(provider.life_s))
            self.answer(200, {"access_token": provider.tokens[-1], "token_type": "Bearer", "expires_in": provider.life_s})
        else:
            self.answer(401, {"error": "invalid_client", "error_description": f"not {form}"})

    def answer(self, status: int, value: dict[str, object]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: "Provider"

    def handle_error(self, request: object, client_address: object) -> None:
        pass		# a client that does not trust us hangs up


class Provider:
    """Set its fields at any time: what counts as the secret, where it may stand, how long tokens live, whether it hangs."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.secret, self.life_s, self.in_header, self.in_body = SECRET, 3600, True, True
        self.hangs, self.released = False, threading.Event()
        self.asked: list[dict[str, list[str]]] = []
        self.tokens: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.provider = self
        self._scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
            self._scheme = "https"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/token"

    def known(self, form: dict[str, list[str]], header: str | None) -> bool:
        if header and self.in_header:
            words = base64.b64decode(header.removeprefix("Basic ")).decode().split(":")
            return [urllib.parse.unquote(w) for w in words] == [CLIENT, self.secret]
        return self.in_body and form.get("client_id") == [CLIENT] and form.get("client_secret") == [self.secret]

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
