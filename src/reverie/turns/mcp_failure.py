"""Why an MCP server cannot be used, as sessions are told."""

from typing import Any, Literal

from reverie.errors import ReverieError

Kind = Literal["connection", "authentication"]


class McpFailure(ReverieError):
    """A server cannot be reached, or does not let the session in."""

    def __init__(self, message: str, kind: Kind = "connection", *, may_have_run: bool = True) -> None:
        """``may_have_run``: whether the call that failed may have reached the tool."""
        super().__init__(message)
        self.kind = kind
        self.may_have_run = may_have_run


def failure_event(server: str, failure: McpFailure) -> dict[str, Any]:
    """The ``session.error`` of a server that a turn goes on without; it is tried again when the next turn begins."""
    error = {
        "type": f"mcp_{failure.kind}_failed_error",
        "mcp_server_name": server,
        "message": str(failure),
        "retry_status": {"type": "retrying"},
    }
    return {"type": "session.error", "error": error}
