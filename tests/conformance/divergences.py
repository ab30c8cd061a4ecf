"""Where the server differs from the hosted service or from what the SDK's types allow, each with its reason."""

MAY_BE_ABSENT: dict[str, str] = {}
"""Members that an answer may leave out where the SDK's type lets it, as ``Type.member``."""
