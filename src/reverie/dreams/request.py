"""What is asked of a dream over the wire: one store, one choice of sessions, and where the result goes."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import msgspec

from reverie.dreams.dream import DREAM_SOURCE, DreamBudget, DreamRequest
from reverie.dreams.policy import DreamPolicy
from reverie.errors import InputError
from reverie.sessions.segment import (
    Absence,
    Column,
    Comparison,
    Conjunction,
    Disjunction,
    EverySession,
    Membership,
    MetadataEntry,
    Segment,
    choose_sessions,
    parse_segment,
)
from reverie.teams.membership import TRUSTED_VALUES, UNTRUSTED

MOST_SESSIONS = 100
"""Sessions named in one standard request."""
_MOST_MODEL_CHARACTERS = 256
_MARK = MetadataEntry(UNTRUSTED)
_TRUSTED_SPELLINGS = tuple(
    dict.fromkeys(
        "".join(letters)
        for value in TRUSTED_VALUES
        for letters in product(*((letter, letter.upper()) for letter in value))
    )
)
"""Each of the values in every mix of cases, since segments compare exactly."""
TRUSTED = Disjunction((Absence(_MARK), Membership(_MARK, _TRUSTED_SPELLINGS)))
"""The sessions that are not marked untrusted."""


def read_request(body: Mapping[str, Any], most_sessions: int | None = MOST_SESSIONS) -> DreamRequest:
    """The request that the parameters of a call describe; ``most_sessions`` None sets no limit.

    Raises:
        InputError: they break a rule; the message names the field.
    """
    store_id, where, session_ids = read_inputs(body["inputs"], most_sessions)
    behaviour = body.get("output_behavior") or {"type": "create_new"}
    clone = behaviour["type"] == "create_new"
    if not clone and behaviour["memory_store_id"] != store_id:
        raise InputError(f"output_behavior.memory_store_id: must be the input store, {store_id}")
    model, instructions = body.get("model"), body.get("instructions")
    return DreamRequest(
        store=store_id,
        where=where,
        session_ids=session_ids,
        clone=clone,
        model=None if model is None else _read_model(model),
        instructions=instructions,
    )


def read_inputs(
    inputs: Sequence[Mapping[str, Any]], most_sessions: int | None
) -> tuple[str, str | None, tuple[str, ...] | None]:
    """The store's id, and either an expression that chooses sessions or their ids, sorted.

    Where ``most_sessions`` is None, as in requests of our own, nothing needs to choose: the store's policy does then.

    Raises:
        InputError: they break a rule; the message names the field.
    """
    stores = [entry["memory_store_id"] for entry in inputs if entry["type"] == "memory_store"]
    chosen = [entry for entry in inputs if entry["type"] != "memory_store"]
    if len(stores) != 1:
        raise InputError(f"inputs: {len(stores)} entries of type memory_store; give exactly one")
    if not chosen and most_sessions is None:
        return stores[0], None, None
    if len(chosen) != 1:
        raise InputError(f"inputs: {len(chosen)} entries that choose sessions; give exactly one")
    if chosen[0]["type"] == "session_query":
        return stores[0], chosen[0]["where"].strip() or None, None
    ids = list(chosen[0]["session_ids"])
    if not ids or (most_sessions is not None and len(ids) > most_sessions):
        wanted = "at least 1" if most_sessions is None else f"1 to {most_sessions}"
        raise InputError(f"inputs.session_ids: {len(ids)} ids; give {wanted}")
    if len(set(ids)) < len(ids):
        twice = next(id_ for place, id_ in enumerate(ids) if id_ in ids[:place])
        raise InputError(f"inputs.session_ids: {twice} is there twice; give each session once")
    return stores[0], None, tuple(sorted(ids))


def _read_model(model: str | Mapping[str, Any]) -> str:
    id_: str = model if isinstance(model, str) else model["id"]
    if not isinstance(model, str) and model.get("speed") == "fast":
        raise InputError("model.speed: dreams run at speed 'standard' only")
    if not 1 <= len(id_) <= _MOST_MODEL_CHARACTERS:
        raise InputError(f"model: an id of {len(id_)} characters; give 1 to {_MOST_MODEL_CHARACTERS}")
    return id_


def budgeted(policy: DreamPolicy, budget: DreamBudget | None) -> DreamPolicy:
    """The policy with the amounts of ``budget`` in place of its own."""
    if budget is None:
        return policy
    given = {name: most for name, most in msgspec.structs.asdict(budget).items() if most is not None}
    return msgspec.structs.replace(policy, budget=msgspec.structs.replace(policy.budget, **given))


def segment_of(request: DreamRequest) -> Segment:
    """The sessions to learn from. Of sessions that dreams were watched in, only those named outright.

    Raises:
        ExpressionError: ``where`` is malformed.
    """
    return reading_segment(request) if request.private else Conjunction((reading_segment(request), TRUSTED))


def reading_segment(request: DreamRequest) -> Segment:
    """The sessions to read: also those that are marked untrusted, from which no more than a private store learns.

    Raises:
        ExpressionError: ``where`` is malformed.
    """
    of = Membership(Column("agent"), request.agents) if request.agents else EverySession()
    if request.session_ids is not None:
        return Conjunction((choose_sessions(request.session_ids), of))
    return Conjunction((Comparison(Column("source"), "<>", DREAM_SOURCE), parse_segment(request.where), of))


def member_segment(request: DreamRequest, agent: str, *, untrusted: bool) -> Segment:
    """The sessions of one agent among those of a joint dream; those marked untrusted are among them where asked for."""
    return segment_of(msgspec.structs.replace(request, agents=(agent,), private=untrusted))
