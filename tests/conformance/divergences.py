"""Where the server differs from the hosted service or from what the SDK's types allow, each with its reason."""

MAY_BE_ABSENT: dict[str, str] = {
    "BetaManagedAgentsSessionUsage.list_cost": "no price is known of the session's models",
    "BetaFileMetadata.scope": "a file that belongs to no session has none",
}
"""Members that an answer may leave out where the SDK's type lets it, as ``Type.member``."""
