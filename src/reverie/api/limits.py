"""How long and how many: the limits of the wire API that the SDK's types do not state."""

from collections.abc import Mapping

from pydantic import Field
from pydantic.fields import FieldInfo

_METADATA = Field(max_length=16)
_SHA256 = Field(pattern="^[0-9a-f]{64}$")

MOST_BODY_BYTES = 32 * 1024 * 1024
MOST_FILE_BYTES = 500 * 1024 * 1024
MOST_METADATA_KEY_CHARACTERS = 64
MOST_METADATA_VALUE_CHARACTERS = 512

LIMITS: Mapping[str, FieldInfo] = {
    "AgentCreateParams.name": Field(min_length=1, max_length=256),
    "BetaManagedAgentsPreconditionParam.content_sha256": _SHA256,
    "MemoryDeleteParams.expected_content_sha256": _SHA256,
    "MemoryListQuery.depth": Field(ge=0, le=1),
    "MemoryListQuery.limit": Field(ge=1),
    "MemoryStoreListParams.limit": Field(ge=1, le=100),
    "MemoryVersionListParams.limit": Field(ge=1),
}
"""By ``Type.field``."""

OPEN_TYPES = frozenset({"BetaManagedAgentsCustomToolInputSchemaParams"})
"""Types that may hold fields of the user's own."""
