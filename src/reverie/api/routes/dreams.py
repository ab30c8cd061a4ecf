"""Dreams: asked for, watched, canceled, archived; and what they found, as a report or as data."""

from typing import Any, Literal, Required

from typing_extensions import TypedDict

from reverie.api.endpoint import Endpoint
from reverie.api.late import late, loaded
from reverie.api.service import Service
from reverie.api.wire_type import WireType

_TYPES = "anthropic.types.beta"
_DREAM = WireType(f"{_TYPES}.beta_dream:BetaDream")


class MemoryStoreInput(TypedDict, total=False):
    """The store to read."""

    type: Required[Literal["memory_store"]]
    memory_store_id: Required[str]


class SessionsInput(TypedDict, total=False):
    """Exactly these sessions, as many as there are."""

    type: Required[Literal["sessions"]]
    session_ids: Required[list[str]]


class SessionQueryInput(TypedDict, total=False):
    """The sessions that an expression chooses, such as ``agent = 'desk' and reward < 0.5``; empty is all of them."""

    type: Required[Literal["session_query"]]
    where: Required[str]


class CreateNew(TypedDict, total=False):
    """Write to a clone of the store."""

    type: Required[Literal["create_new"]]


class UpdateExisting(TypedDict, total=False):
    """Write to the store itself."""

    type: Required[Literal["update_existing"]]
    memory_store_id: Required[str]


class DreamRequestParams(TypedDict, total=False):
    """A dream over any number of sessions; the server's own model, if any, is asked."""

    inputs: Required[list[MemoryStoreInput | SessionsInput | SessionQueryInput]]
    instructions: str | None
    output_behavior: CreateNew | UpdateExisting


class DreamEstimateParams(TypedDict, total=False):
    """What a dream would read."""

    inputs: Required[list[MemoryStoreInput | SessionsInput | SessionQueryInput]]


class DreamEstimateAnswer(TypedDict):
    """What a dream would read and roughly cost; ``model`` is None without a model."""

    type: Literal["dream_estimate"]
    sessions: dict[str, int | None]
    events: int
    seconds: float
    cost_usd: float
    model: dict[str, Any] | None


class DreamResultAnswer(TypedDict):
    """All that a dream found and did; the report is drawn from it."""

    type: Literal["dream_result"]
    dream_id: str
    status: str
    sessions: dict[str, int | None]
    tested: int
    placebo: dict[str, int]
    lessons: list[dict[str, Any]]
    patterns: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    seconds: float
    store: str
    where: str | None
    revision: int | None
    strata: dict[str, Any] | None
    trend: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    usage: dict[str, Any]
    started_at: str | None
    notes: list[str]
    overview: dict[str, Any] | None
    proposals: list[dict[str, Any]]


async def run_dreams(service: Service) -> None:
    """Run dreams for as long as the server does."""
    queue = await loaded("reverie.jobs.dream_queue:DreamQueue")
    await queue(service.database, service.settings, service.clock, service.telemetry.stage).work()


_DO = "reverie.api.dream_handlers"
_HERE = "reverie.api.routes.dreams"
_ONE = "/v1/dreams/{dream_id}"
ENDPOINTS = (
    Endpoint(
        "dreams.create",
        "POST",
        "/v1/dreams",
        late(f"{_DO}:create"),
        "Learn from sessions into a memory store.",
        body=WireType(f"{_TYPES}.dream_create_params:DreamCreateParams"),
        answer=_DREAM,
    ),
    Endpoint(
        "dreams.list",
        "GET",
        "/v1/dreams",
        late(f"{_DO}:list_all"),
        "List dreams, newest first.",
        query=WireType(f"{_TYPES}.dream_list_params:DreamListParams"),
        answer=_DREAM,
        is_list=True,
    ),
    Endpoint("dreams.retrieve", "GET", _ONE, late(f"{_DO}:retrieve"), "Read a dream.", answer=_DREAM),
    Endpoint("dreams.cancel", "POST", f"{_ONE}/cancel", late(f"{_DO}:cancel"), "Cancel a dream.", answer=_DREAM),
    Endpoint("dreams.archive", "POST", f"{_ONE}/archive", late(f"{_DO}:archive"), "Archive a dream.", answer=_DREAM),
    Endpoint(
        "dream_requests.create",
        "POST",
        "/v1/dream_requests",
        late(f"{_DO}:create_request"),
        "Learn from any number of sessions, named or chosen by an expression.",
        body=WireType(f"{_HERE}:DreamRequestParams"),
        answer=_DREAM,
        extension=True,
    ),
    Endpoint(
        "dreams.estimate",
        "POST",
        "/v1/dreams/estimate",
        late(f"{_DO}:estimate"),
        "Say what a dream would read and cost.",
        body=WireType(f"{_HERE}:DreamEstimateParams"),
        answer=WireType(f"{_HERE}:DreamEstimateAnswer"),
        role="read",
        extension=True,
        transaction=False,
    ),
    Endpoint(
        "dreams.result",
        "GET",
        f"{_ONE}/result",
        late(f"{_DO}:result"),
        "Read all that a dream found and did.",
        answer=WireType(f"{_HERE}:DreamResultAnswer"),
        extension=True,
    ),
    Endpoint(
        "dreams.report",
        "GET",
        f"{_ONE}/report",
        late(f"{_DO}:report"),
        "Read a dream's report.",
        answer_media="text/html",
        extension=True,
        transaction=False,
    ),
)
