"""Within which bounds an agent may change itself: a closed list of parameters, none of which may change by default."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from reverie.agents.guidance_block import MOST_CHARACTERS
from reverie.errors import InputError
from reverie.trials.policy import LivePolicy, Mode

Approval = Literal["auto", "ask", "never"]
"""``auto``: outcomes decide. ``ask``: a person does, once outcomes speak for it. ``never``: it is not tried at all."""
Parameter = Literal["guidance", "order", "briefing_tokens", "briefing_items", "effort", "model", "tools", "routing"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]
Price = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parameter that may change, and who has to agree."""

    approval: Approval = "auto"


class GuidanceBound(Bound, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The block of the system prompt: text of adopted lessons and nothing else."""

    memory_store_ids: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]
    """Whose adopted lessons may stand in it."""
    most_characters: Annotated[int, msgspec.Meta(ge=1, le=MOST_CHARACTERS)] = MOST_CHARACTERS


class OrderBound(Bound, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The order of what stands in the block."""


class RangeBound(Bound, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A number within a range, changed by so much at a time."""

    least: Count
    most: Count
    step: Count

    def __post_init__(self) -> None:
        if self.least > self.most:
            raise ValueError("least must not be more than most")


class EffortBound(Bound, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Values in their order; a change goes to the next or the one before."""

    values: Annotated[tuple[Effort, ...], msgspec.Meta(min_length=2)]

    def __post_init__(self) -> None:
        if len(set(self.values)) < len(self.values):
            raise ValueError("values: each may be there once")


class ModelBound(Bound, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Models with their prices, in any unit that is the same for all."""

    approval: Approval = "ask"
    prices: Annotated[dict[Name, Price], msgspec.Meta(min_length=1)]
    """By model id; a model that is not listed is not taken."""
    most_price: Price | None = None
    """By default the price of the present model, which then has to be listed."""


class ToolBound(Bound, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Tools that may be narrowed by a step: from allow to ask, from ask to denied. None may be widened, whatever."""

    names: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]


class RoutingBound(Bound, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a coordinator's tasks are drawn for others, and how its router learns."""

    least_floor: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    """Share of the draws that stays even at least, so that something can be learned of every agent."""


class ChangePolicy(LivePolicy, frozen=True, forbid_unknown_fields=True):
    """How a change is tried; its mode follows from the approval. No dream's gate passed it: in doubt it is rejected."""

    mode: Mode = "act"
    at_horizon: Literal["adopt_with_holdback", "keep", "reject"] = "reject"


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of an agent may change by itself; a parameter that is left out may not."""

    guidance: GuidanceBound | None = None
    order: OrderBound | None = None
    briefing_tokens: RangeBound | None = None
    briefing_items: RangeBound | None = None
    effort: EffortBound | None = None
    model: ModelBound | None = None
    tools: ToolBound | None = None
    routing: RoutingBound | None = None
    live: ChangePolicy = ChangePolicy()


def read_bounds_document(document: Mapping[str, Any]) -> Bounds:
    """Bounds as they were given.

    Raises:
        InputError: they cannot be; the message names the field.
    """
    try:
        return msgspec.convert(document, Bounds)
    except msgspec.ValidationError as error:
        raise InputError(f"bounds: {error}") from error


def bounds_document(bounds: Bounds) -> dict[str, Any]:
    """Bounds as they are shown and can be given again, without the parameters that may not change."""
    document: dict[str, Any] = msgspec.to_builtins(bounds)
    return {name: value for name, value in document.items() if value is not None}
