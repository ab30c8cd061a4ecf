"""How long and how many: the limits of the wire API that the SDK's types do not state."""

from collections.abc import Mapping

from pydantic import Field
from pydantic.fields import FieldInfo

_PAGE = Field(ge=1, le=100)
_VERSION = Field(ge=1)
_METADATA = Field(max_length=16)

MOST_BODY_BYTES = 32 * 1024 * 1024
MOST_FILE_BYTES = 500 * 1024 * 1024
MOST_METADATA_KEY_CHARACTERS = 64
MOST_METADATA_VALUE_CHARACTERS = 512

LIMITS: Mapping[str, FieldInfo] = {
    "FileListQuery.limit": Field(ge=1, le=1000),
    "AgentCreateParams.name": Field(min_length=1, max_length=256),
    "AgentCreateParams.description": Field(max_length=2048),
    "AgentCreateParams.system": Field(max_length=100_000),
    "AgentUpdateParams.name": Field(min_length=1, max_length=256),
    "AgentUpdateParams.description": Field(max_length=2048),
    "AgentUpdateParams.system": Field(max_length=100_000),
    "AgentUpdateParams.version": _VERSION,
    "AgentListParams.limit": _PAGE,
    "AgentRetrieveParams.version": _VERSION,
    "AgentVersionListParams.limit": _PAGE,
    "BetaManagedAgentsAgentParams.version": _VERSION,
    "BetaManagedAgentsAgentWithOverridesParams.system": Field(max_length=100_000),
    "BetaManagedAgentsAgentWithOverridesParams.version": _VERSION,
    "BetaManagedAgentsAWSRoleExecutionIdentityParams.role_arn": Field(min_length=1, max_length=2048),
}
"""By ``Type.field``."""

OPEN_TYPES = frozenset({"BetaManagedAgentsCustomToolInputSchemaParam"})
"""Types that may hold fields of the user's own."""
