"""Agents that call on others: who may be called, pinned to versions; kept within the definition of the caller.

A reference to the caller itself is kept as ``{"type": "self"}``, since its version moves on with the definition; it is
written out as id and version when the definition is shown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from reverie.errors import InputError, StateError

MOST_AGENTS = 20
SELF: dict[str, Any] = {"type": "self"}

_ENABLED: dict[str, Any] = {"type": "enabled"}
_DISABLED: dict[str, Any] = {"type": "disabled"}
_SPAWNING = ("subagents", "workflows")

Reference = tuple[str, int | None]
"""An agent's id, and its version where one is named."""
Definition = Mapping[str, Any]


class KnownAgent(Protocol):
    """What must be known of an agent that is called on."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def definition(self) -> Definition: ...
    @property
    def archived(self) -> bool: ...


def merge_multiagent(asked: Definition | None, stored: Definition | None) -> dict[str, Any] | None:
    """What is asked for, over what is stored where both are of the kind that is changed level by level.

    Raises:
        InputError: the outcome breaks the rules of its kind.
    """
    if asked is None:
        return None
    if asked["type"] == "coordinator":
        merged: dict[str, Any] = {"type": "coordinator", "agents": _roster(asked["agents"])}
        if not 1 <= len(merged["agents"]) <= MOST_AGENTS:
            raise InputError(f"multiagent.agents: {len(merged['agents'])} entries; give 1 to {MOST_AGENTS}")
        return merged
    before = stored if stored is not None and stored["type"] == asked["type"] else {}
    merged = {"type": asked["type"]}
    for member in _SPAWNING:
        merged[member] = _merge_spawning(_supplied(asked, before, member), before.get(member), member)
    merged["advisor"] = dict(_supplied(asked, before, "advisor") or _DISABLED)
    return merged


def references(multiagent: Definition | None) -> list[Reference]:
    """The other agents that are called on."""
    return [
        (entry["id"], entry.get("version"))
        for roster in _rosters(multiagent)
        for entry in roster
        if entry["type"] == "agent"
    ]


def pin(
    multiagent: Definition | None, known: Mapping[Reference, KnownAgent], own: tuple[str, int] | None
) -> dict[str, Any] | None:
    """Every reference pinned to the version that it means now; ``own`` is the caller's id and version, if it has them.

    Raises:
        InputError: an agent is named twice, or calls on others itself.
        StateError: an agent is archived.
    """

    def pinned(entry: Definition) -> dict[str, Any]:
        if entry["type"] != "agent":
            return dict(entry)
        if own is not None and (entry["id"], entry.get("version", own[1])) == own:
            return dict(SELF)
        agent = known[entry["id"], entry.get("version")]
        if agent.archived:
            raise StateError(f"multiagent: agent {agent.id} is archived; name another one", code="agent_archived")
        if agent.definition["multiagent"] is not None:
            raise InputError(f"multiagent: agent {agent.id} calls on agents itself; only one level is allowed")
        return {"type": "agent", "id": agent.id, "version": agent.version}

    for roster in _rosters(multiagent):
        _refuse_repeats(roster, own[0] if own is not None else "self")
    return _with_rosters(multiagent, lambda roster: [pinned(entry) for entry in roster])


def shown(multiagent: Definition | None, agent_id: str, version: int) -> dict[str, Any] | None:
    """As it is answered: a reference to the caller itself has its id and version."""
    own = {"type": "agent", "id": agent_id, "version": version}
    return _with_rosters(multiagent, lambda roster: [own if entry == SELF else dict(entry) for entry in roster])


def written_out(multiagent: Definition | None, expand: Callable[[Definition], dict[str, Any]]) -> dict[str, Any] | None:
    """With each agent that is called on (``self`` too) replaced by what ``expand`` makes of its reference."""
    return _with_rosters(
        multiagent,
        lambda roster: [dict(entry) if entry["type"] == "advisor" else expand(entry) for entry in roster],
    )


def _supplied(asked: Definition, before: Definition, member: str) -> Definition | None:
    """A member that is left out is kept; one that is null takes its default."""
    value: Definition | None = asked[member] if member in asked else before.get(member)
    return value


def _merge_spawning(asked: Definition | None, stored: Definition | None, member: str) -> dict[str, Any]:
    asked = asked or _ENABLED
    if asked["type"] == "disabled":
        return dict(_DISABLED)
    before = stored if stored is not None and stored["type"] == "enabled" else {}
    merged = {
        "type": "enabled",
        "inline_agents": dict(_supplied(asked, before, "inline_agents") or _ENABLED),
        "predefined_agents": _roster(_supplied(asked, before, "predefined_agents") or ()),
    }
    if len(merged["predefined_agents"]) > MOST_AGENTS:
        raise InputError(f"multiagent.{member}.predefined_agents: at most {MOST_AGENTS} agents are allowed")
    if merged["inline_agents"] == _DISABLED and not merged["predefined_agents"]:
        raise InputError(f"multiagent.{member}: with inline_agents disabled, predefined_agents must name an agent")
    return merged


def _roster(entries: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"type": "agent", "id": entry} if isinstance(entry, str) else dict(entry) for entry in entries]


def _refuse_repeats(roster: Sequence[Definition], own_id: str) -> None:
    seen = set()
    for entry in roster:
        name = own_id if entry["type"] == "self" else entry.get("id", "advisor")
        if name in seen:
            raise InputError(f"multiagent: {name} is named twice; each agent, and one advisor, may be there once")
        seen.add(name)


def _rosters(multiagent: Definition | None) -> list[Sequence[Definition]]:
    if multiagent is None:
        return []
    if multiagent["type"] == "coordinator":
        return [multiagent["agents"]]
    return [multiagent[member].get("predefined_agents", ()) for member in _SPAWNING]


def _with_rosters(
    multiagent: Definition | None, change: Callable[[Sequence[Definition]], list[dict[str, Any]]]
) -> dict[str, Any] | None:
    if multiagent is None:
        return None
    if multiagent["type"] == "coordinator":
        return {**multiagent, "agents": change(multiagent["agents"])}
    changed = dict(multiagent)
    for member in _SPAWNING:
        if multiagent[member]["type"] == "enabled":
            roster = multiagent[member]["predefined_agents"]
            changed[member] = {**multiagent[member], "predefined_agents": change(roster)}
    return changed
