"""Answers that are errors, in the words and shapes of both dialects."""

from typing import Any

import msgspec

from reverie.testing.fake_models.reply import Fault

Dialect = str
"""``messages`` or ``chat``."""


class Problem(Exception):
    """A request that is answered by an error; its text is the message."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        """The error's ``type``."""
        self.param = param
        """The field at fault; chat completions only."""
        self.code = code
        self.retry_after = retry_after
        """Seconds."""

    def body(self, dialect: Dialect, request_id: str) -> dict[str, Any]:
        """The body of the answer."""
        if dialect == "messages":
            return {
                "type": "error",
                "error": {"type": self.kind, "message": self.message},
                "request_id": request_id,
            }
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def headers(self) -> dict[str, str]:
        """Headers of the answer that only errors have."""
        return {} if self.retry_after is None else {"retry-after": f"{self.retry_after:g}"}


class _Shape(msgspec.Struct, frozen=True):
    status: int
    kind: str
    message: str
    code: str | None = None


_MESSAGES = {
    "invalid_request": _Shape(400, "invalid_request_error", "invalid request"),
    "context_overflow": _Shape(400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
    "authentication": _Shape(401, "authentication_error", "invalid x-api-key"),
    "permission": _Shape(
        403, "permission_error", "Your API key does not have permission to use the specified resource."
    ),
    "not_found": _Shape(404, "not_found_error", "Not found"),
    "request_too_large": _Shape(413, "request_too_large", "Request exceeds the maximum size"),
    "rate_limit": _Shape(
        429, "rate_limit_error", "This request would exceed your organization's rate limit. Please try again later."
    ),
    "server_error": _Shape(500, "api_error", "Internal server error"),
    "timeout": _Shape(504, "timeout_error", "Request timed out"),
    "overloaded": _Shape(529, "overloaded_error", "Overloaded"),
}
_CHAT = {
    "invalid_request": _Shape(400, "invalid_request_error", "Invalid request."),
    "context_overflow": _Shape(
        400,
        "invalid_request_error",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 140211 tokens. "
        "Please reduce the length of the messages.",
        "context_length_exceeded",
    ),
    "authentication": _Shape(401, "invalid_request_error", "Incorrect API key provided.", "invalid_api_key"),
    "permission": _Shape(403, "insufficient_permissions", "You have insufficient permissions for this operation."),
    "not_found": _Shape(404, "invalid_request_error", "The model does not exist.", "model_not_found"),
    "request_too_large": _Shape(413, "invalid_request_error", "Request too large."),
    "rate_limit": _Shape(429, "requests", "Rate limit reached for requests.", "rate_limit_exceeded"),
    "server_error": _Shape(
        500, "server_error", "The server had an error while processing your request. Sorry about that!"
    ),
    "timeout": _Shape(504, "server_error", "The request timed out."),
    "overloaded": _Shape(503, "server_error", "The engine is currently overloaded, please try again later."),
}


def name_problem(dialect: Dialect, name: str, message: str | None = None, retry_after: float | None = None) -> Problem:
    """The error of that name, as the dialect words it."""
    shape = (_MESSAGES if dialect == "messages" else _CHAT)[name]
    return Problem(
        message or shape.message, status=shape.status, kind=shape.kind, code=shape.code, retry_after=retry_after
    )


def fault_problem(dialect: Dialect, fault: Fault) -> Problem:
    """The error that a fault stands for."""
    return name_problem(dialect, fault.name, fault.message, fault.retry_after)
