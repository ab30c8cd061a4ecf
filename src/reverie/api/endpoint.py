"""What an endpoint is, and the decorator that declares one where its handler stands."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from reverie.api.request_context import RequestContext
from reverie.api.wire_type import WireType

Method = Literal["GET", "POST", "DELETE"]
Role = Literal["read", "write", "admin", "open"]
"""The least role that may call; ``open`` needs no key."""
Handler = Callable[[RequestContext], Awaitable[Any]]
"""Gives what is answered: JSON-able data with status 200, or a response of its own."""

ErrorForm = Callable[[Request, Exception, Response], Response]
"""Puts the answer to an error into the form that the clients of a path read."""

Declared = TypeVar("Declared", bound=Handler)
Fields = ParamSpec("Fields")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path."""

    handler: Handler
    name: str
    """``resource.verb``, as the SDK calls it; the audit log's action and the OpenAPI operation id."""
    method: Method
    path: str
    older_paths: tuple[str, ...] = ()
    """Paths that were documented before, and are answered still."""
    body: WireType | None = None
    query: WireType | None = None
    answer: WireType | None = None
    """What is answered; of a list, what it lists."""
    is_list: bool = False
    answer_media: str = "application/json"
    role: Role | None = None
    """By default ``read`` for GET and ``write`` for the rest."""
    worker: bool = False
    """Whether keys of environments and tokens of work may call it, each within its scope."""
    worker_key: bool = False
    """Whether keys of environments may call it, but no tokens of work."""
    extension: bool = False
    """Whether it is ours, not of the Managed Agents API."""
    audited: bool = True
    """Whether its acts are in the audit log; signs of life and passing previews are not acts."""
    transaction: bool = True
    """Whether the handler works in one transaction; streams and long work open their own."""
    raw_body: bool = False
    """Whether the handler reads the body itself."""
    body_media: str = "application/json"
    """Another one goes with ``raw_body``; ``body`` then only describes."""
    error_form: ErrorForm | None = None
    """Such as a ``google.rpc.Status``; None answers errors in the API's envelope."""

    @property
    def summary(self) -> str:
        """A sentence for the documentation: the first line of the handler's docstring."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[0]

    @property
    def least_role(self) -> Role:
        """The least role that may call it."""
        return self.role or ("read" if self.method == "GET" else "write")


_declared: dict[str, list[Endpoint]] = {}
"""By the name of the module that declares them."""


def _declaring(
    make: Callable[Concatenate[Handler, Fields], Endpoint],
) -> Callable[Fields, Callable[[Declared], Declared]]:
    """A decorator that takes the fields of an endpoint but for its handler, which is what it decorates."""

    def declare(*given: Fields.args, **named: Fields.kwargs) -> Callable[[Declared], Declared]:
        def keep(handler: Declared) -> Declared:
            _declared.setdefault(handler.__module__, []).append(make(handler, *given, **named))
            return handler

        return keep

    return declare


endpoint = _declaring(Endpoint)
"""Declares a handler as an endpoint: ``@endpoint("agents.create", "POST", "/v1/agents", …)``; see :class:`Endpoint`."""


def endpoints_of(module: ModuleType) -> tuple[Endpoint, ...]:
    """The endpoints that a module declares, in the order in which they stand there."""
    return tuple(_declared[module.__name__])
