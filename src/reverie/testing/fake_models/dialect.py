"""The two ways of asking: the Messages API and chat completions. One policy serves both."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from reverie.testing.fake_models.chat_chunks import DONE, encode_chunk, make_chunks, make_completion
from reverie.testing.fake_models.chat_rules import check_chat_request
from reverie.testing.fake_models.message_events import Issue, encode_event, make_content, make_events, make_message
from reverie.testing.fake_models.message_rules import check_messages_request
from reverie.testing.fake_models.problem import Problem, name_problem
from reverie.testing.fake_models.reply import RedactedThinking, Reply, Thinking
from reverie.testing.fake_models.request import Request, read_chat_request, read_messages_request
from reverie.testing.fake_models.signature import IssuedReplies, Signer
from reverie.testing.fake_models.usage import PromptCache, PromptUsage, count_chat_tokens, count_tokens


class Composed(msgspec.Struct, frozen=True):
    """A reply as it goes out."""

    body: dict[str, Any]
    events: list[bytes] | None = None
    """The stream's events; none when the body is sent as a whole."""


class Dialect(Protocol):
    """What differs between the two."""

    name: str

    def check_access(self, headers: Mapping[str, str]) -> None:
        """Say nothing when the headers are right.

        Raises:
            Problem: one is missing.
        """

    def check(self, body: dict[str, Any], *, counting: bool = False) -> None:
        """Say nothing when the body is right.

        Raises:
            Problem: it is not.
        """

    def read(self, body: dict[str, Any], number: int) -> Request:
        """What the policy is asked."""

    def check_size(self, body: dict[str, Any], limit: int) -> int:
        """Tokens of the prompt.

        Raises:
            Problem: it is longer than the limit.
        """

    def count(self, cache: PromptCache, body: dict[str, Any], now: datetime) -> PromptUsage:
        """What the prompt costs."""

    def compose(self, reply: Reply, issue: Issue, body: dict[str, Any]) -> Composed:
        """The answer."""

    def error_event(self, problem: Problem, request_id: str) -> bytes:
        """An error in mid-stream."""


class MessagesDialect:
    """``/v1/messages``."""

    name = "messages"

    def __init__(self, signer: Signer, issued: IssuedReplies, prefill: bool) -> None:
        self._signer = signer
        self._issued = issued
        self._prefill = prefill

    def check_access(self, headers: Mapping[str, str]) -> None:
        if not headers.get("x-api-key") and not headers.get("authorization"):
            raise name_problem(self.name, "authentication", "x-api-key header is required")
        if not headers.get("anthropic-version"):
            raise Problem("anthropic-version: header is required")

    def check(self, body: dict[str, Any], *, counting: bool = False) -> None:
        check_messages_request(body, self._issued, counting=counting, prefill=self._prefill)

    def read(self, body: dict[str, Any], number: int) -> Request:
        return read_messages_request(body, number)

    def check_size(self, body: dict[str, Any], limit: int) -> int:
        tokens = count_tokens(body)
        if tokens > limit:
            raise name_problem(self.name, "context_overflow", f"prompt is too long: {tokens} tokens > {limit} maximum")
        return tokens

    def count(self, cache: PromptCache, body: dict[str, Any], now: datetime) -> PromptUsage:
        return cache.count_messages(body, now)

    def compose(self, reply: Reply, issue: Issue, body: dict[str, Any]) -> Composed:
        setting = body.get("thinking") or {}
        if setting.get("type") == "disabled":
            kept = tuple(block for block in reply.blocks if not isinstance(block, Thinking | RedactedThinking))
            reply = msgspec.structs.replace(reply, blocks=kept)
        content = make_content(reply, issue, self._signer, setting.get("display"))
        self._issued.add(issue.model, content)
        message = make_message(reply, issue, content)
        events = [encode_event(event) for event in make_events(reply, issue, content)] if body.get("stream") else None
        return Composed(message, events)

    def error_event(self, problem: Problem, request_id: str) -> bytes:
        return encode_event(problem.body(self.name, request_id))


class ChatDialect:
    """``/v1/chat/completions``."""

    name = "chat"

    def __init__(self, issued: IssuedReplies) -> None:
        self._issued = issued

    def check_access(self, headers: Mapping[str, str]) -> None:
        if not headers.get("authorization", "").removeprefix("Bearer").strip():
            raise name_problem(
                self.name,
                "authentication",
                "You didn't provide an API key. You need to provide your API key in an Authorization header using "
                "Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            )

    def check(self, body: dict[str, Any], *, counting: bool = False) -> None:  # noqa: ARG002 - the protocol's signature
        check_chat_request(body, self._issued)

    def read(self, body: dict[str, Any], number: int) -> Request:
        return read_chat_request(body, number)

    def check_size(self, body: dict[str, Any], limit: int) -> int:
        tokens = count_chat_tokens(body)
        if tokens > limit:
            raise name_problem(
                self.name,
                "context_overflow",
                f"This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} "
                "tokens. Please reduce the length of the messages.",
            )
        return tokens

    def count(self, cache: PromptCache, body: dict[str, Any], now: datetime) -> PromptUsage:
        return cache.count_chat(body, now)

    def compose(self, reply: Reply, issue: Issue, body: dict[str, Any]) -> Composed:
        completion = make_completion(reply, issue)
        if not body.get("stream"):
            return Composed(completion)
        include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        chunks = make_chunks(reply, issue, include_usage=include_usage)
        return Composed(completion, [*(encode_chunk(chunk) for chunk in chunks), DONE])

    def error_event(self, problem: Problem, request_id: str) -> bytes:
        return encode_chunk(problem.body(self.name, request_id))
