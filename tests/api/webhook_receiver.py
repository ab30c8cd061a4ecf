"""A real HTTP server that takes webhooks, for tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import msgspec

from reverie.testing.patience import PATIENCE_SECONDS


class Received(msgspec.Struct, frozen=True):
    """A delivery as it arrived."""

    headers: dict[str, str]
    body: str


class Receiver:
    """Answers with each of ``statuses`` in turn, then with 204."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: list[int] = []
        self.received: Queue[Received] = Queue()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def next(self) -> Received:
        """The next delivery, waited for."""
        return self.received.get(timeout=PATIENCE_SECONDS)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of the loopback address, for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            receiver.received.put(Received({name.lower(): value for name, value in self.headers.items()}, body))
            receiver.may_answer.wait(PATIENCE_SECONDS)
            try:
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("location", "/elsewhere")
                self.end_headers()
            except OSError:
                self.close_connection = True  # Whoever sent it is gone.

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join()
