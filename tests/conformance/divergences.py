"""Where the server differs from the hosted service or from what the SDK's types allow, each with its reason."""

_PRIMARY = "events of the session's own thread name no thread"
_UNPRICED = "no price is known of the session's models"
MAY_BE_ABSENT: dict[str, str] = {
    "BetaManagedAgentsSessionUsage.list_cost": _UNPRICED,
    "BetaManagedAgentsSessionUsageSnapshot.list_cost": _UNPRICED,
    "BetaManagedAgentsAgentToolUseEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsAgentMCPToolUseEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsAgentCustomToolUseEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsUserInterruptEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsUserToolConfirmationEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsUserToolResultEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsUserCustomToolResultEvent.session_thread_id": _PRIMARY,
    "BetaManagedAgentsAgentToolUseEvent.evaluation": "permissions are not judged call by call",
    "BetaManagedAgentsAgentMCPToolUseEvent.evaluation": "permissions are not judged call by call",
    "BetaFileMetadata.scope": "a file that belongs to no session has none",
}
"""Members that an answer may leave out where the SDK's type lets it, as ``Type.member``."""
