"""Models: the one that the settings name, if any."""

from datetime import UTC, datetime
from typing import Any

from reverie.api.endpoint import endpoint
from reverie.api.pages import envelope
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import SdkType
from reverie.errors import NotFoundError

_MODEL = SdkType("beta.BetaModelInfo")
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)


def _models(context: RequestContext) -> list[dict[str, Any]]:
    named = context.service.settings.model
    if named is None:
        return []
    return [
        {
            "id": named.model,
            "type": "model",
            "display_name": named.model,
            "created_at": _UNKNOWN,
            "lifecycle": "active",
            "line": None,
            "capabilities": None,
            "allowed_fallback_models": [],
            "max_input_tokens": None,
            "max_tokens": None,
            "deprecated_at": None,
            "retires_at": None,
        }
    ]


@endpoint(
    "models.list",
    "GET",
    "/v1/models",
    query=SdkType("beta.ModelListParams"),
    answer=_MODEL,
    is_list=True,
    transaction=False,
)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List the configured model.

    There is none without one, or when only others are asked for.
    """
    query = context.query
    if "after_id" in query or "before_id" in query or "active" not in query.get("lifecycle", ["active"]):
        return envelope([], None)
    return envelope(_models(context), None)


@endpoint("models.retrieve", "GET", "/v1/models/{model_id:path}", answer=_MODEL, transaction=False)
async def retrieve(context: RequestContext) -> dict[str, Any]:
    """Read the configured model.

    Any other id is unknown.
    """
    for model in _models(context):
        if model["id"] == context.path["model_id"]:
            return model
    raise NotFoundError(f"no model {context.path['model_id']!r} is configured; REVERIE_MODEL names the one to use")
