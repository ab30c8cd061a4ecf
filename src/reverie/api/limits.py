"""How long and how many: the limits of the wire API that the SDK's types do not state; ours state their own."""

from collections.abc import Mapping

from pydantic import Field
from pydantic.fields import FieldInfo

_PAGE = Field(ge=1, le=100)
_LONG_PAGE = Field(ge=1, le=1000)
_VERSION = Field(ge=1)
_SHA256 = Field(pattern="^[0-9a-f]{64}$")
_INITIAL_EVENTS = Field(min_length=1, max_length=50)
_RESOURCES = Field(max_length=500)
_VAULTS = Field(max_length=50)
_SECRET = Field(min_length=1, max_length=16_384)

MOST_BODY_BYTES = 32 * 1024 * 1024
MOST_FILE_BYTES = 500 * 1024 * 1024
MOST_METADATA_KEY_CHARACTERS = 64
MOST_METADATA_VALUE_CHARACTERS = 512

ECHOED: Mapping[str, tuple[str, ...]] = {
    "BetaManagedAgentsUserToolConfirmationEventParams": ("session_thread_id",),
    "BetaManagedAgentsUserToolResultEventParams": ("session_thread_id",),
    "BetaManagedAgentsUserCustomToolResultEventParams": ("session_thread_id",),
}
"""Fields that the SDK's types lack and older versions of it told clients to send back."""

LIMITS: Mapping[str, FieldInfo] = {
    "FileListQuery.limit": Field(ge=1, le=1000),
    "ModelListParams.limit": Field(ge=1, le=1000),
    "SkillListParams.limit": Field(ge=1, le=1000),
    "SkillVersionListQuery.limit": Field(ge=1, le=1000),
    "AgentCreateParams.name": Field(min_length=1, max_length=256),
    "BetaManagedAgentsPreconditionParam.content_sha256": _SHA256,
    "MemoryDeleteParams.expected_content_sha256": _SHA256,
    "MemoryListQuery.depth": Field(ge=0, le=1),
    "MemoryListQuery.limit": Field(ge=1),
    "MemoryStoreListParams.limit": Field(ge=1, le=100),
    "MemoryVersionListParams.limit": Field(ge=1),
    "AgentCreateParams.description": Field(max_length=2048),
    "AgentCreateParams.system": Field(max_length=100_000),
    "AgentUpdateParams.name": Field(min_length=1, max_length=256),
    "AgentUpdateParams.description": Field(max_length=2048),
    "AgentUpdateParams.system": Field(max_length=100_000),
    "AgentUpdateParams.version": _VERSION,
    "SessionListParams.limit": _PAGE,
    "SessionListParams.agent_version": _VERSION,
    "EventListParams.limit": _LONG_PAGE,
    "ThreadListParams.limit": _LONG_PAGE,
    "ResourceListQuery.limit": _LONG_PAGE,
    "AgentListParams.limit": _PAGE,
    "AgentRetrieveParams.version": _VERSION,
    "AgentVersionListParams.limit": _PAGE,
    "DeploymentCreateParams.name": Field(min_length=1, max_length=256),
    "DeploymentCreateParams.description": Field(max_length=2048),
    "DeploymentCreateParams.initial_events": _INITIAL_EVENTS,
    "DeploymentCreateParams.resources": _RESOURCES,
    "DeploymentCreateParams.vault_ids": _VAULTS,
    "DeploymentUpdateParams.name": Field(min_length=1, max_length=256),
    "DeploymentUpdateParams.description": Field(max_length=2048),
    "DeploymentUpdateParams.initial_events": _INITIAL_EVENTS,
    "DeploymentUpdateParams.resources": _RESOURCES,
    "DeploymentUpdateParams.vault_ids": _VAULTS,
    "DeploymentListParams.limit": _PAGE,
    "DeploymentRunListParams.limit": Field(ge=1, le=1000),
    "BetaManagedAgentsAgentParams.version": _VERSION,
    "BetaManagedAgentsMemoryStoreResourceParam.instructions": Field(max_length=4096),
    "BetaManagedAgentsAgentWithOverridesParams.system": Field(max_length=100_000),
    "BetaManagedAgentsAgentWithOverridesParams.version": _VERSION,
    "BetaManagedAgentsAWSRoleExecutionIdentityParams.role_arn": Field(min_length=1, max_length=2048),
    "DreamCreateParams.instructions": Field(min_length=1, max_length=4096),
    "BetaDreamModelConfigParam.id": Field(min_length=1, max_length=256),
    "DreamListParams.limit": _PAGE,
    "BetaManagedAgentsMCPOAuthCreateParams.access_token": _SECRET,
    "BetaManagedAgentsMCPOAuthUpdateParams.access_token": _SECRET,
    "BetaManagedAgentsMCPOAuthRefreshParams.refresh_token": _SECRET,
    "BetaManagedAgentsMCPOAuthRefreshUpdateParams.refresh_token": _SECRET,
    "BetaManagedAgentsStaticBearerCreateParams.token": _SECRET,
    "BetaManagedAgentsStaticBearerUpdateParams.token": _SECRET,
    "BetaManagedAgentsTokenEndpointAuthBasicParam.client_secret": _SECRET,
    "BetaManagedAgentsTokenEndpointAuthBasicUpdateParam.client_secret": _SECRET,
    "BetaManagedAgentsTokenEndpointAuthPostParam.client_secret": _SECRET,
    "BetaManagedAgentsTokenEndpointAuthPostUpdateParam.client_secret": _SECRET,
    "CredentialCreateParams.display_name": Field(max_length=255),
    "CredentialListParams.limit": Field(ge=1, le=100),
    "CredentialUpdateParams.display_name": Field(max_length=255),
    "EnvironmentCreateParams.name": Field(min_length=1, max_length=256),
    "EnvironmentUpdateParams.name": Field(min_length=1, max_length=256),
    "EnvironmentListParams.limit": _PAGE,
    "VaultCreateParams.display_name": Field(min_length=1, max_length=255),
    "VaultListParams.limit": Field(ge=1, le=100),
    "VaultUpdateParams.display_name": Field(min_length=1, max_length=255),
    "WebhookEndpointCreateParams.description": Field(max_length=2048),
    "WebhookEndpointCreateParams.enabled_events": Field(min_length=1, max_length=256),
    "WebhookEndpointCreateParams.name": Field(max_length=256),
    "WebhookEndpointCreateParams.url": Field(max_length=2048),
    "WebhookEndpointUpdateParams.description": Field(max_length=2048),
    "WebhookEndpointUpdateParams.enabled_events": Field(max_length=256),
    "WebhookEndpointUpdateParams.name": Field(max_length=256),
    "WebhookEndpointUpdateParams.url": Field(max_length=2048),
    "WebhookListParams.limit": Field(ge=0, le=100),
    "WorkHeartbeatParams.desired_ttl_seconds": Field(ge=5, le=3600),
    "WorkListParams.limit": Field(ge=1, le=100),
    "WorkPollParams.block_ms": Field(ge=1, le=999),
    "WorkPollParams.reclaim_older_than_ms": Field(ge=0, le=86_400_000),
}
"""By ``Type.field``."""

OPEN_TYPES = frozenset({"BetaManagedAgentsCustomToolInputSchemaParam"})
"""Types that may hold fields of the user's own."""

NULLABLE = frozenset(
    f"BetaManagedAgentsAgentWithOverridesParams.{field}" for field in ("tools", "mcp_servers", "skills", "model")
)
"""Fields that may be null on the wire though the SDK's types do not say so; what null means is the handler's."""
