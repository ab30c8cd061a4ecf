"""Models: the one that the settings name, if any."""

from datetime import UTC, datetime
from typing import Any

from reverie.api.endpoint import Call, Endpoint
from reverie.api.pages import envelope
from reverie.api.wire_type import WireType
from reverie.errors import NotFoundError

_MODEL = WireType("anthropic.types.beta.beta_model_info:BetaModelInfo")
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)


def _models(call: Call) -> list[dict[str, Any]]:
    named = call.service.settings.model
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


async def list_all(call: Call) -> dict[str, Any]:
    """The configured model; none without one, or when only others are asked for."""
    query = call.query
    if "after_id" in query or "before_id" in query or "active" not in query.get("lifecycle", ["active"]):
        return envelope([], None)
    return envelope(_models(call), None)


async def retrieve(call: Call) -> dict[str, Any]:
    """The configured model, if it has this id."""
    for model in _models(call):
        if model["id"] == call.path["model_id"]:
            return model
    raise NotFoundError(f"no model {call.path['model_id']!r} is configured; REVERIE_MODEL names the one to use")


ENDPOINTS = (
    Endpoint(
        "models.list",
        "GET",
        "/v1/models",
        list_all,
        "List the configured model.",
        query=WireType("anthropic.types.beta.model_list_params:ModelListParams"),
        answer=_MODEL,
        is_list=True,
        transaction=False,
    ),
    Endpoint(
        "models.retrieve",
        "GET",
        "/v1/models/{model_id:path}",
        retrieve,
        "Read the configured model.",
        answer=_MODEL,
        transaction=False,
    ),
)
