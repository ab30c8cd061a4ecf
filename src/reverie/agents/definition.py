"""An agent's definition: what is asked for with every default filled in, how it is changed, what a session takes of it.

A definition holds the fields of the wire's agent other than id, version and times. Metadata is given ready, since its
rules are those of every resource.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from reverie.agents.multiagent import merge_multiagent, shown, written_out
from reverie.agents.tools import check_servers_are_used, offers, resolve_servers, resolve_tools
from reverie.errors import InputError
from reverie.memory.briefing_size import read_size
from reverie.teams.cross_check import read_choice
from reverie.teams.draw_log import read_wish

DEFAULT_EFFORT = "high"
MOST_SKILLS = 500
MOST_MODEL_CHARACTERS = 256
LATEST = "latest"
"""The version of a skill that is not pinned."""

_TEXTS = ("description", "system")
_LISTS = ("tools", "mcp_servers", "skills")
_SNAPSHOT = ("name", "description", "system", "model", "tools", "mcp_servers", "skills", "execution_identity")

Definition = Mapping[str, Any]
Roster = Mapping[tuple[str, int], Definition]
"""Definitions of agents that are called on, by id and version."""


def new_definition(body: Mapping[str, Any], metadata: Mapping[str, str]) -> dict[str, Any]:
    """The definition that a request to make an agent asks for; references to other agents are still to be pinned.

    Raises:
        InputError: it breaks a rule; the message names the field.
    """
    definition = {
        "name": body["name"],
        **{field: body.get(field) or None for field in _TEXTS},
        "model": resolve_model(body["model"]),
        **{field: _resolve_list(field, body.get(field)) for field in _LISTS},
        "multiagent": merge_multiagent(body.get("multiagent"), None),
        "metadata": dict(metadata),
        "execution_identity": _resolve_identity(body.get("execution_identity")),
    }
    check_definition(definition)
    return definition


def changed_definition(present: Definition, body: Mapping[str, Any], metadata: Mapping[str, str]) -> dict[str, Any]:
    """``present`` with what ``body`` gives changed; what it leaves out is kept.

    Raises:
        InputError: the outcome breaks a rule; the message names the field.
    """
    changed = {**present, "metadata": dict(metadata)}
    if "name" in body:
        changed["name"] = body["name"]
    if "model" in body:
        changed["model"] = resolve_model(body["model"], present["model"])
    for field in _TEXTS:
        if field in body:
            changed[field] = body[field] or None
    for field in _LISTS:
        if field in body:
            changed[field] = _resolve_list(field, body[field])
    if "multiagent" in body:
        changed["multiagent"] = merge_multiagent(body["multiagent"], present["multiagent"])
    if "execution_identity" in body:
        changed["execution_identity"] = _resolve_identity(body["execution_identity"])
    check_definition(changed)
    return changed


def check_definition(definition: Definition) -> None:
    """Accept a definition, or an agent in a session, whose parts fit each other.

    Raises:
        InputError: MCP servers and toolsets do not match, skills lack the tool that reads them, or a size of briefings
            or what is said of routing is not of its kind.
    """
    check_servers_are_used(definition["tools"], definition["mcp_servers"])
    if definition["skills"] and not offers(definition["tools"], "read"):
        raise InputError("skills: an agent reads its skills with the read tool; enable it in an agent toolset")
    metadata = definition.get("metadata") or {}  # a session's agent has none
    read_size(metadata)
    read_wish(metadata)
    read_choice(metadata)


def resolve_model(model: str | Mapping[str, Any], present: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A model with every member there; an effort left out is kept from ``present`` while the model is the same.

    Raises:
        InputError: the id is empty or too long.
    """
    asked: Mapping[str, Any] = {"id": model} if isinstance(model, str) else model
    if not 1 <= len(asked["id"]) <= MOST_MODEL_CHARACTERS:
        raise InputError(f"model: an id has 1 to {MOST_MODEL_CHARACTERS} characters")
    effort = asked.get("effort") or DEFAULT_EFFORT
    if "effort" not in asked and present is not None and present["id"] == asked["id"]:
        effort = present["effort"]
    return {
        "id": asked["id"],
        "effort": {"type": effort} if isinstance(effort, str) else dict(effort),
        "speed": asked.get("speed") or "standard",
        "inference_geo": asked.get("inference_geo"),
    }


def shown_definition(agent_id: str, version: int, definition: Definition) -> dict[str, Any]:
    """A definition as the agent that is answered has it."""
    return {**definition, "multiagent": shown(definition["multiagent"], agent_id, version)}


def session_agent(agent_id: str, version: int, definition: Definition, roster: Roster) -> dict[str, Any]:
    """An agent as a session keeps it: a snapshot in which the agents that it calls on are written out.

    ``roster`` must have the definition of every agent that is called on.
    """

    def expand(reference: Definition) -> dict[str, Any]:
        if reference["type"] == "self":
            return thread_agent(agent_id, version, definition)
        named = reference["id"], reference["version"]
        return thread_agent(*named, roster[named])

    snapshot = thread_agent(agent_id, version, definition)
    return {**snapshot, "multiagent": written_out(definition["multiagent"], expand)}


def thread_agent(agent_id: str, version: int, definition: Definition) -> dict[str, Any]:
    """An agent as a thread of a session keeps it: without the agents that it calls on."""
    return {"type": "agent", "id": agent_id, "version": version, **{field: definition[field] for field in _SNAPSHOT}}


def with_overrides(snapshot: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A session's agent with whole fields replaced; null clears them. Copies of itself on its roster change too.

    An effort in a replaced model is not taken: the model's default is.

    Raises:
        InputError: the model would be cleared, or the outcome breaks a rule.
    """
    changes: dict[str, Any] = {}
    if "model" in overrides:
        if overrides["model"] is None:
            raise InputError(
                "agent.model: an agent needs a model; leave it out to keep it", code="agent_model_required"
            )
        model = overrides["model"]
        plain = model if isinstance(model, str) else {key: model[key] for key in model if key != "effort"}
        changes["model"] = resolve_model(plain)
    if "system" in overrides:
        changes["system"] = overrides["system"] or None
    for field in _LISTS:
        if field in overrides:
            changes[field] = _resolve_list(field, overrides[field])
    changed = {**snapshot, **changes}
    check_definition(changed)

    def copied(agent: Definition) -> dict[str, Any]:
        return {**agent, **changes} if agent["id"] == snapshot["id"] else dict(agent)

    return {**changed, "multiagent": written_out(snapshot["multiagent"], copied)}


def _resolve_list(field: str, values: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    if field == "tools":
        return resolve_tools(values)
    return resolve_servers(values) if field == "mcp_servers" else _resolve_skills(values)


def _resolve_skills(skills: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    resolved = [{**skill, "version": skill.get("version") or LATEST} for skill in skills or ()]
    if len(resolved) > MOST_SKILLS:
        raise InputError(f"skills: {len(resolved)} skills; at most {MOST_SKILLS} are allowed")
    names = [(skill["type"], skill["skill_id"]) for skill in resolved]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise InputError(f"skills: {repeated[0][1]!r} is given twice; each may be there once")
    return resolved


def _resolve_identity(identity: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(identity or {"type": "service_account"})
