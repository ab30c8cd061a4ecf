"""One fake server for all tests of this folder: each test gives it its own policy."""

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from reverie.testing.fake_models import FakeModels, Request
from reverie.testing.patience import PATIENCE_SECONDS


class Asking:
    """Both official clients of one server, and the least that a request needs."""

    def __init__(self, server: FakeModels) -> None:
        self.server = server
        limits: dict[str, Any] = {"api_key": "any", "max_retries": 0, "timeout": PATIENCE_SECONDS}
        self.claude = anthropic.Anthropic(base_url=server.url, **limits)
        self.gpt = openai.OpenAI(base_url=f"{server.url}/v1", **limits)

    def message(self, *messages: dict[str, Any], **options: Any) -> Any:
        """A message of the Messages API, not streamed."""
        return self.claude.messages.create(**_body(messages, {"max_tokens": 4_096}, options))

    def completion(self, *messages: dict[str, Any], **options: Any) -> Any:
        """A chat completion, not streamed."""
        return self.gpt.chat.completions.create(**_body(messages, {}, options))

    def completion_stream(self, *messages: dict[str, Any], **options: Any) -> Any:
        """The chunks of a chat completion."""
        return self.gpt.chat.completions.create(**_body(messages, {"stream": True}, options))

    def close(self) -> None:
        self.claude.close()
        self.gpt.close()


def _body(messages: tuple[dict[str, Any], ...], least: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {"model": "some-model", "messages": list(messages) or [user("hello")], **least, **options}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def tool_use(name: str, tool: str = "bash") -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": tool, "input": {}}


def tool_result(name: str, content: Any = "fine", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": name, "content": content, **more}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


BASH: dict[str, Any] = {"name": "bash", "description": "Run a command.", "input_schema": {"type": "object"}}
TOOLS = [BASH, {"name": "read", "input_schema": {"type": "object"}}]
FUNCTIONS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("bash", "read")
]


def echo(request: Request) -> str:
    """A policy that says what it was told."""
    return request.text or "nothing"


@pytest.fixture(scope="session")
def shared_asking() -> Iterator[Asking]:
    with FakeModels(echo) as server:
        asking = Asking(server)
        yield asking
        asking.close()


@pytest.fixture
def asking(shared_asking: Asking) -> Asking:
    """The clients of a server that echoes, with no requests in its journal."""
    shared_asking.server.follow(echo)
    shared_asking.server.requests.clear()
    shared_asking.server.abandoned.clear()
    return shared_asking
