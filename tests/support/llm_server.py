"""A server that speaks the chat protocol of OpenAI, well or badly, as a test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What a server sends.

    Attributes:
        body: Bytes, or an object that is sent as JSON.
        status: HTTP's.
        headers: Besides the usual ones.
        length: What it says that the body's length is; None for the truth.
        drip: Seconds between single bytes; None to send all at once.
        repeat: So many times the body, one after the other.
        hang: Send nothing until the server is closed.
    """

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    drip: float | None = None
    repeat: int = 1
    hang: bool = False


def completion(text: Any, **changes: Any) -> dict[str, Any]:
    """A well-formed answer with this text."""
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage} | changes


class Server:
    """Answers each request with what `answer` makes of it: a text, or a reply of its own making.

    Attributes:
        requests: The bodies that came, in order; each with its headers under `headers`.
    """

    def __init__(self, answer: Callable[[dict[str, Any]], str | Reply]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append(
                    request | {"headers": {name.lower(): value for name, value in self.headers.items()}}
                )
                said = answer(request)
                with suppress(OSError):  # a client that has heard enough
                    self._send(Reply(completion(said)) if isinstance(said, str) else said)

            def _send(self, reply: Reply) -> None:
                if reply.hang:
                    server.closing.wait()
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                length = len(body) * reply.repeat if reply.length is None else reply.length
                self.send_response(reply.status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": length,
                    **reply.headers,
                }.items():
                    self.send_header(name, str(value))
                self.end_headers()
                if reply.length is not None:
                    self.close_connection = True
                for _ in range(reply.repeat):
                    if reply.drip is None:
                        self.wfile.write(body)
                        continue
                    for byte in body:
                        if server.closing.wait(reply.drip):
                            return
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()

            def log_message(self, *_: object) -> None:
                """Be silent."""

        class Http(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that has gone is nothing to report."""

        self._http = Http(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def start(self) -> None:
        """Listen."""
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Be gone: connections are refused from now on."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def serving(answer: Callable[[dict[str, Any]], str | Reply]) -> Iterator[Server]:
    """A server until the end of the block."""
    server = Server(answer)
    server.start()
    try:
        yield server
    finally:
        if not server.closing.is_set():
            server.stop()


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for something that happens in another thread."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
