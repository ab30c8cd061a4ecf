"""How long and how many: the limits of the wire API that the SDK's types do not state."""

from collections.abc import Mapping

from pydantic import Field
from pydantic.fields import FieldInfo

_METADATA = Field(max_length=16)
_SECRET = Field(min_length=1, max_length=16_384)

MOST_BODY_BYTES = 32 * 1024 * 1024
MOST_FILE_BYTES = 500 * 1024 * 1024
MOST_METADATA_KEY_CHARACTERS = 64
MOST_METADATA_VALUE_CHARACTERS = 512

LIMITS: Mapping[str, FieldInfo] = {
    "AgentCreateParams.name": Field(min_length=1, max_length=256),
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
    "EnvironmentKeyCreateParams.expires_in_days": Field(ge=1, le=3650),
    "EnvironmentKeyCreateParams.name": Field(max_length=256),
    "EnvironmentKeyListParams.limit": Field(ge=1, le=100),
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

OPEN_TYPES = frozenset({"BetaManagedAgentsCustomToolInputSchemaParams"})
"""Types that may hold fields of the user's own."""
