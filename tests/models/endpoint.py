"""A real HTTP server on this machine that answers like a model's endpoint, from a script."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """One HTTP response; ``body`` is sent as it is when it is bytes, else as JSON."""

    body: Any
    status: int = 200
    headers: dict[str, str] = {}


class Endpoint:
    """Gives its answers in order, the last one over and over, and keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []

    def next_answer(self) -> Answer:
        """The answer to the request that has just come."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serve(*answers: Answer) -> Iterator[Endpoint]:
    """The endpoint, listening at ``endpoint.url``."""
    endpoint = Endpoint(*answers)

    class Conversation(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            endpoint.paths.append(self.path)
            endpoint.headers.append({name.lower(): value for name, value in self.headers.items()})
            endpoint.requests.append(msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = endpoint.next_answer()
            body = answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)
            self.send_response(answer.status)
            # The SDKs' own pauses between tries are for real providers.
            headers = {"Content-Type": "application/json", "retry-after-ms": "1", "Content-Length": str(len(body))}
            for name, value in {**headers, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Conversation)
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def message(text: str, **changes: Any) -> Answer:
    """A reply of the Messages API."""
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 11,
            "output_tokens": 7,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 3,
        },
    }
    return Answer({**body, **changes})


def completion(text: str | None, finish_reason: str = "stop", refusal: str | None = None, **changes: Any) -> Answer:
    """A reply of chat completions."""
    body = {
        "id": "c_1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": text, "refusal": refusal},
            }
        ],
        "usage": {
            "prompt_tokens": 16,
            "completion_tokens": 7,
            "total_tokens": 23,
            "prompt_tokens_details": {"cached_tokens": 5},
        },
    }
    return Answer({**body, **changes})
