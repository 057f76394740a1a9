#!/usr/bin/env python3
"""A function for bridge: every event arrives as a POST, a 2xx answer says it is done, anything else brings it again later.

    python3 function.py 8080
"""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def handle(event, headers):
    """Your code.  Raise an exception and the event comes again."""
    print("customer", event.get("customer"), "spent", event.get("amount"), "offset", headers.get("__offset"), flush=True)


class Function(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"       # keeps connections open between events
    handler = staticmethod(handle)

    def do_OPTIONS(self):               # bridge asks once whether this path wants events
        self.answer(200)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.handler(json.loads(body), self.headers)
            self.answer(200)
        except Exception as error:
            self.log_error("not done: %s", error)
            self.answer(500)

    def answer(self, status):
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def serve(port, handler=handle):
    Function.handler = staticmethod(handler)
    Server(("127.0.0.1", port), Function).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
