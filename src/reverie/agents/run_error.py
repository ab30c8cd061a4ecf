"""Why a deployment's run made no session, in the wire API's terms, and whether more runs would be of use."""

from reverie.errors import (
    InputError,
    NotFoundError,
    RateError,
    ReverieError,
    SizeError,
    StateError,
    StoreArchivedError,
)

_CODES = frozenset(
    {
        "agent_archived",
        "environment_archived",
        "environment_not_found",
        "file_not_found",
        "mcp_egress_blocked",
        "memory_store_archived",
        "self_hosted_resources_unsupported",
        "skill_not_found",
        "vault_archived",
        "vault_not_found",
    }
)
"""Codes of errors that the wire API has a type of run error for."""
_BY_KIND: tuple[tuple[type[ReverieError], str], ...] = (
    (StoreArchivedError, "memory_store_archived_error"),
    (NotFoundError, "session_resource_not_found_error"),
    (RateError, "session_rate_limited_error"),
    (InputError, "session_creation_rejected_error"),
    (StateError, "session_creation_rejected_error"),
    (SizeError, "session_creation_rejected_error"),
)
_PASSING = ("session_rate_limited_error", "session_creation_rejected_error")
UNKNOWN = {"type": "unknown_error", "message": "the session could not be made; the server's log has the reason"}


def run_error(error: ReverieError) -> dict[str, str]:
    """What a run records when making its session fails with ``error``."""
    code = getattr(error, "code", None)
    kind = next((name for kind, name in _BY_KIND if isinstance(error, kind)), "unknown_error")
    return {"type": f"{code}_error" if code in _CODES else kind, "message": str(error)}


def stops_schedule(error_type: str) -> bool:
    """Whether an error stays until someone does something about it, so that the schedule is paused."""
    return error_type not in _PASSING
