"""The server: checks a request, asks the policy, sends the reply, and keeps all of it for assertions."""

import asyncio
import hashlib
import hmac
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from reverie.clock import Clock, SystemClock
from reverie.errors import InputError
from reverie.testing.fake_models.delivery import Delivery
from reverie.testing.fake_models.dialect import ChatDialect, Composed, Dialect, MessagesDialect
from reverie.testing.fake_models.journal import Journal, Recorded, without_keys
from reverie.testing.fake_models.listener import Listener
from reverie.testing.fake_models.message_events import Issue
from reverie.testing.fake_models.policy import Policy, PolicyError, as_decision, decide
from reverie.testing.fake_models.problem import Problem, fault_problem, name_problem
from reverie.testing.fake_models.reply import ERRORS, Fault, Reply, ToolUse
from reverie.testing.fake_models.request import Request
from reverie.testing.fake_models.signature import IssuedReplies, Signer
from reverie.testing.fake_models.usage import PromptCache

_MOST_BYTES = 32 * 1024 * 1024
_KEY_CHARACTERS = 22
_EVENT_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_JSON = {"content-type": "application/json"}
DEFAULT_MODEL = "fake-model"


class _Asked(msgspec.Struct):
    """What is known of a request so far."""

    dialect: Dialect
    http: HttpRequest
    request_id: str
    body: Any = None
    number: int | None = None


class FakeModels:
    """A model server whose replies a policy gives: an ASGI application (``app``), or a server on a free port::

        with FakeModels([call("bash", {"command": "ls"}), say("Done.")]) as server:
            client = anthropic.Anthropic(base_url=server.url, api_key="any")

    ``async with`` does the same. The server runs in a thread, so that clients of any kind can be used beside it.

    Args:
        policy: replies in order, or a function of the request.
        latency: seconds before the first byte of an answer.
        jitter: seconds by which latency may be longer or shorter; chosen by ``seed`` and the request.
        seed: decides ids, signatures and jitter. The same seed, requests and policy give the same answers.
        record_to: a file to which a line is added for each request.
        models: names that are known; any, when there are none.
        context_tokens: the longest prompt.
        cache_minimum: tokens below which a prefix is not cached.
        prefill: whether a conversation may end with the assistant, which the newest real models refuse.
        host: the address to listen at.
        port: the port to listen at; 0 for a free one.
        clock: tells the time.

    Raises:
        InputError: latency or jitter is below 0.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        latency: float = 0.0,
        jitter: float = 0.0,
        seed: int = 0,
        record_to: Path | str | None = None,
        models: Sequence[str] = (),
        context_tokens: int = 200_000,
        cache_minimum: int = 1_024,
        prefill: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
    ) -> None:
        if min(latency, jitter) < 0:
            raise InputError("latency and jitter must be 0 or more seconds")
        self._latency, self._jitter, self._seed = latency, jitter, seed
        self._models = tuple(models)
        self._context_tokens = context_tokens
        self._address = (host, port)
        self._clock = clock or SystemClock()
        self._journal = Journal(Path(record_to) if record_to is not None else None)
        signer = Signer(hmac.digest(b"fake models", str(seed).encode(), "sha256"))
        self._issued = IssuedReplies(signer)
        self._cache = PromptCache(cache_minimum)
        self._messages = MessagesDialect(signer, self._issued, prefill)
        self._chat = ChatDialect(self._issued)
        self._closing = asyncio.Event()
        self._seen: Counter[str] = Counter()
        self._server: Listener | None = None
        self._abandoning = threading.Condition()
        self.abandoned: list[int] = []
        """Numbers of the requests whose client went away before the end of the answer."""
        self.url = ""
        """Where the server is, such as ``http://127.0.0.1:40123``; empty when it does not run."""
        self.app = self._make_app()
        self.follow(policy)

    def follow(self, policy: Policy) -> None:
        """From now on have this policy; its first request has number 1 again."""
        self._decision = as_decision(policy)
        self._number = 0

    @property
    def requests(self) -> list[Recorded]:
        """What was asked and answered so far, in the order of the answers."""
        return self._journal.requests

    def wait_abandoned(self, seconds: float) -> list[int]:
        """Wait until a client went away before the end of its answer; the numbers of the requests where one did."""
        with self._abandoning:
            self._abandoning.wait_for(lambda: self.abandoned, seconds)
            return list(self.abandoned)

    def _abandon(self, number: int) -> None:
        with self._abandoning:
            self.abandoned.append(number)
            self._abandoning.notify_all()

    def __enter__(self) -> "FakeModels":
        """Start to listen.

        Raises:
            OSError: the port is taken.
            InputError: the file to record to cannot be opened.
        """
        listener = socket.create_server(self._address)
        try:
            self._journal.__enter__()
        except InputError:
            listener.close()
            raise
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        self._closing = asyncio.Event()
        self._server = Listener(self.app, listener, self._closing)
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None
            self.url = ""
        self._journal.__exit__(kind, error, trace)

    async def __aenter__(self) -> "FakeModels":
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def _make_app(self) -> Starlette:
        routes = [
            Route("/v1/messages", self._create_message, methods=["POST"]),
            Route("/v1/messages/count_tokens", self._count_tokens, methods=["POST"]),
            Route("/v1/chat/completions", self._create_completion, methods=["POST"]),
            Route("/v1/models", self._list_models, methods=["GET"]),
            Route("/v1/models/{name:path}", self._get_model, methods=["GET"]),
        ]
        return Starlette(
            routes=routes,
            exception_handlers={
                HTTPException: self._no_route,
                ClientDisconnect: self._gone,
                Exception: self._policy_failed,
            },
        )

    async def _create_message(self, http: HttpRequest) -> Delivery:
        return await self._create(self._ask(http, self._messages))

    async def _create_completion(self, http: HttpRequest) -> Delivery:
        return await self._create(self._ask(http, self._chat))

    async def _create(self, asked: _Asked) -> Delivery:
        try:
            request = await self._admit(asked)
            reply = await self._decide(asked, request)
            return self._reply(asked, request, reply)
        except Problem as problem:
            return self._refuse(asked, problem, self._latency if asked.number else 0.0)

    async def _count_tokens(self, http: HttpRequest) -> Delivery:
        asked = self._ask(http, self._messages)
        try:
            await self._read(asked)
            asked.dialect.check(asked.body, counting=True)
            answer = {"input_tokens": asked.dialect.check_size(asked.body, self._context_tokens)}
        except Problem as problem:
            return self._refuse(asked, problem)
        return self._send(asked, Composed(answer))

    def _ask(self, http: HttpRequest, dialect: Dialect) -> _Asked:
        asked = _Asked(dialect, http, f"req_{len(self.requests) + 1:024d}")
        http.state.asked = asked
        return asked

    async def _read(self, asked: _Asked) -> None:
        """Read headers and body."""
        asked.dialect.check_access(asked.http.headers)
        data = await asked.http.body()
        if len(data) > _MOST_BYTES:
            raise name_problem(asked.dialect.name, "request_too_large")
        try:
            asked.body = json.loads(data)
        except ValueError as error:
            raise Problem(f"The request body is not valid JSON: {error}") from error
        if not isinstance(asked.body, dict):
            raise Problem("The request body is not valid JSON: it must be an object")

    async def _admit(self, asked: _Asked) -> Request:
        """The request, when the real server would take it."""
        await self._read(asked)
        asked.dialect.check(asked.body)
        self._check_model(asked, asked.body["model"])
        asked.dialect.check_size(asked.body, self._context_tokens)
        self._number += 1
        asked.number = self._number
        return asked.dialect.read(asked.body, self._number)

    def _check_model(self, asked: _Asked, name: str) -> None:
        if self._models and name not in self._models:
            message = f"model: {name}" if asked.dialect.name == "messages" else f"The model `{name}` does not exist"
            raise name_problem(asked.dialect.name, "not_found", message)

    async def _decide(self, asked: _Asked, request: Request) -> Reply:
        try:
            reply = await decide(self._decision, request)
            self._check_declared(asked.body, request, reply)
        except PolicyError as error:
            raise Problem(str(error)) from error
        if reply.fault is not None and reply.fault.name in ERRORS:
            raise fault_problem(asked.dialect.name, reply.fault)
        if reply.has_fault("stream_error") and not asked.body.get("stream"):
            raise name_problem(asked.dialect.name, "overloaded")
        return reply

    def _check_declared(self, body: dict[str, Any], request: Request, reply: Reply) -> None:
        if reply.has_fault("undeclared_tool") or len(request.tools) < len(body.get("tools") or ()):
            return
        for block in reply.blocks:
            if isinstance(block, ToolUse) and block.name not in request.tools:
                raise PolicyError(
                    f"the policy calls {block.name!r} at request {request.number}, which declares "
                    f"{', '.join(request.tools) or 'no tools'}; use fault('undeclared_tool', …) if that is meant"
                )

    def _reply(self, asked: _Asked, request: Request, reply: Reply) -> Delivery:
        now = self._clock.now()
        prompt = asked.dialect.count(self._cache, asked.body, now)
        issue = Issue(request.model, self._key(asked), prompt, int(now.timestamp()))
        composed = asked.dialect.compose(reply, issue, asked.body)
        if reply.has_fault("undeclared_tool"):
            self._issued.undeclared.update(_call_ids(composed.body))
        if reply.fault is not None and reply.fault.name == "stream_error" and composed.events is not None:
            problem = name_problem(asked.dialect.name, "overloaded", reply.fault.message)
            event = asked.dialect.error_event(problem, asked.request_id)
            composed = Composed(composed.body, [*composed.events[: reply.fault.after], event])
        latency = self._latency + random.Random(issue.key).uniform(-self._jitter, self._jitter)
        return self._send(asked, composed, latency=max(latency, 0.0), fault=reply.fault)

    def _key(self, asked: _Asked) -> str:
        """Letters and digits that no other answer has, also when the server was started anew in mid-conversation."""
        text = json.dumps([self._seed, asked.http.url.path, asked.body])
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._seen[digest] += 1
        return hashlib.sha256(f"{digest}{self._seen[digest]}".encode()).hexdigest()[:_KEY_CHARACTERS]

    def _refuse(self, asked: _Asked, problem: Problem, latency: float = 0.0) -> Delivery:
        body = problem.body(asked.dialect.name, asked.request_id)
        return self._send(asked, Composed(body), problem.status, latency=latency, headers=problem.headers())

    def _send(
        self,
        asked: _Asked,
        composed: Composed,
        status: int = 200,
        *,
        latency: float = 0.0,
        fault: Fault | None = None,
        headers: dict[str, str] | None = None,
    ) -> Delivery:
        streamed = composed.events is not None
        mute = fault is not None and fault.name in ("cut", "silence") and (fault.after == 0 or not streamed)
        recorded = Recorded(
            at=self._clock.now(),
            number=asked.number,
            method=asked.http.method,
            path=asked.http.url.path,
            headers=without_keys(asked.http.headers),
            body=asked.body,
            status=None if mute else status,
            fault=fault.name if fault is not None else None,
            answer=composed.body,
        )
        self._journal.add(recorded)
        parts = (
            composed.events if composed.events is not None else [json.dumps(composed.body, ensure_ascii=False).encode()]
        )
        name = "request-id" if asked.dialect.name == "messages" else "x-request-id"
        head = (_EVENT_STREAM if streamed else _JSON) | {name: asked.request_id} | (headers or {})
        number = asked.number or 0
        return Delivery(
            status,
            head,
            parts,
            streamed=streamed,
            latency=latency,
            fault=fault,
            closing=self._closing,
            abandoned=lambda: self._abandon(number),
        )

    async def _list_models(self, http: HttpRequest) -> Delivery:
        asked = self._ask(http, self._dialect_of(http))
        names = self._models or (DEFAULT_MODEL,)
        entries = [_model(asked.dialect, name) for name in names]
        if asked.dialect.name == "chat":
            return self._send(asked, Composed({"object": "list", "data": entries}))
        page = {"data": entries, "has_more": False, "first_id": names[0], "last_id": names[-1]}
        return self._send(asked, Composed(page))

    async def _get_model(self, http: HttpRequest) -> Delivery:
        asked = self._ask(http, self._dialect_of(http))
        name = http.path_params["name"]
        try:
            self._check_model(asked, name)
        except Problem as problem:
            return self._refuse(asked, problem)
        return self._send(asked, Composed(_model(asked.dialect, name)))

    def _dialect_of(self, http: HttpRequest) -> Dialect:
        """Which of the two a path that both have is asked in."""
        return self._messages if "anthropic-version" in http.headers else self._chat

    async def _no_route(self, http: HttpRequest, error: Exception) -> Delivery:
        asked = self._ask(http, self._dialect_of(http))
        status = error.status_code if isinstance(error, HTTPException) else 404
        kind = "not_found_error" if status == 404 else "invalid_request_error"
        return self._refuse(asked, Problem(f"{http.method} {http.url.path}: not found", status=status, kind=kind))

    async def _gone(self, http: HttpRequest, error: Exception) -> Response:  # noqa: ARG002 - a handler's signature
        """A client that went in the middle of its request has asked nothing, and reads nothing."""
        return Response(status_code=400)

    async def _policy_failed(self, http: HttpRequest, error: Exception) -> Delivery:
        """An error of the policy's own: told to the client, who will not try again, and raised in the server's log."""
        asked: _Asked = http.state.asked
        problem = Problem(f"the policy failed at request {asked.number}: {type(error).__name__}: {error}")
        body = problem.body(asked.dialect.name, asked.request_id)
        # uvicorn closes the connection when an error is raised on: no client must send its next request into it.
        return self._send(asked, Composed(body), problem.status, headers={"connection": "close"})


def _call_ids(body: dict[str, Any]) -> list[str]:
    """Ids of the calls in a message or a completion."""
    if "content" in body:
        return [block["id"] for block in body["content"] if block["type"] == "tool_use"]
    return [call["id"] for call in body["choices"][0]["message"].get("tool_calls") or () if "id" in call]


def _model(dialect: Dialect, name: str) -> dict[str, Any]:
    if dialect.name == "chat":
        return {"id": name, "object": "model", "created": 0, "owned_by": "fake-models"}
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }
