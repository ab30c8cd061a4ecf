"""The tools that an agent has: as a model is shown them, and as the log and whoever runs them know them."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from reverie.runtime.built_in_tool import BUILT_IN_TOOLS
from reverie.turn_model import ToolDefinition

ToolKind = Literal["built_in", "custom", "mcp", "delegation"]
WEB_TOOLS = frozenset({"web_search", "web_fetch"})
_PURE = frozenset({"read", "glob", "grep", "web_search", "web_fetch"})
"""Built-in tools that change nothing, so that they may run twice."""
_MOST_NAME = 64
"""What providers allow for a tool's name."""
_NOT_NAME = re.compile(r"[^A-Za-z0-9_-]+")


class RemoteTool(msgspec.Struct, frozen=True):
    """A tool as an MCP server lists it."""

    name: str
    description: str = ""
    input_schema: Mapping[str, Any] = msgspec.field(default_factory=lambda: {"type": "object"})
    read_only: bool = False
    """Whether the server says that it changes nothing (``readOnlyHint``)."""
    keyed: bool = False
    """Whether the server says that a repeated call does no more than one (``idempotentHint``)."""


class AgentTool(msgspec.Struct, frozen=True):
    """A tool that an agent may call."""

    kind: ToolKind
    name: str
    """As the log has it."""
    definition: ToolDefinition
    """As the model is shown it; its name is another one for tools of MCP servers."""
    policy: str = "always_allow"
    """``always_allow``, ``always_ask`` or ``auto``."""
    server: str | None = None
    """The MCP server whose tool it is."""
    repeatable: bool = False
    """Whether it may run again when nobody knows whether it ran: it changes nothing, or says that a repetition does."""
    config: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Of a built-in tool, as in the agent's definition."""


def missing_tool(name: str) -> str:
    """What an agent is told that calls a tool which it was not given."""
    setting = {"web_search": "REVERIE_WEB_SEARCH_URL", "web_fetch": "REVERIE_WEB_FETCH"}.get(name)
    if setting is None:
        return f"There is no tool {name!r}. Use one of those that are given."
    return f"The tool {name!r} is not enabled: the agent does not have it, or {setting} does not set it up here."


def changes_nothing(name: str) -> bool:
    """Whether a built-in tool only reads, so that its calls may run twice."""
    return name in _PURE


def list_tools(
    tools: Sequence[Mapping[str, Any]],
    remote: Mapping[str, Sequence[RemoteTool]] | None = None,
    delegation: Iterable[ToolDefinition] = (),
    unavailable: Collection[str] = (),
) -> tuple[AgentTool, ...]:
    """All tools of an agent, in the order of their names so that a provider's cache holds.

    Args:
        tools: resolved, as in the agent's definition.
        remote: what each MCP server lists; one that could not be reached is left out.
        delegation: tools to work with other agents.
        unavailable: built-in tools that nothing runs, so that no model is shown them.
    """
    found = [AgentTool("delegation", tool.name, tool, repeatable=True) for tool in delegation]
    for entry in tools:
        if entry["type"] == "custom":
            found.append(_custom(entry))
        elif entry["type"] == "mcp_toolset":
            listed = (remote or {}).get(entry["mcp_server_name"], ())
            found.extend(_remote(entry, tool) for tool in listed if _config(entry, tool.name)["enabled"])
        else:
            found.extend(tool for tool in _built_in(entry) if tool.name not in unavailable)
    return tuple(sorted(found, key=lambda tool: tool.definition.name))


def _custom(entry: Mapping[str, Any]) -> AgentTool:
    definition = ToolDefinition(entry["name"], entry["description"], entry["input_schema"])
    return AgentTool("custom", entry["name"], definition)


def _built_in(entry: Mapping[str, Any]) -> list[AgentTool]:
    found = []
    for name, definition in BUILT_IN_TOOLS.items():
        config = _config(entry, name)
        if config["enabled"]:
            policy = config["permission_policy"]["type"]
            found.append(AgentTool("built_in", name, definition, policy, repeatable=name in _PURE, config=config))
    return found


def _remote(entry: Mapping[str, Any], tool: RemoteTool) -> AgentTool:
    server = entry["mcp_server_name"]
    definition = ToolDefinition(remote_name(server, tool.name), tool.description or tool.name, tool.input_schema)
    policy = _config(entry, tool.name)["permission_policy"]["type"]
    return AgentTool("mcp", tool.name, definition, policy, server, repeatable=tool.read_only or tool.keyed)


def _config(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    default: Mapping[str, Any] = entry["default_config"]
    return next((config for config in entry["configs"] if config["name"] == name), default)


def with_tools_alone(agent: Mapping[str, Any], allowed: Sequence[str]) -> dict[str, Any]:
    """An agent that has of its own tools those that are named, and no others; servers that are left without go, too.

    Args:
        allowed: names; ``mcp__SERVER__TOOL`` and ``mcp__SERVER__*`` for tools of MCP servers.
    """
    kept = [one for one in (_alone(entry, allowed) for entry in agent.get("tools") or ()) if one is not None]
    used = {entry["mcp_server_name"] for entry in kept if entry["type"] == "mcp_toolset"}
    servers = [server for server in agent.get("mcp_servers") or () if server["name"] in used]
    return {**agent, "tools": kept, "mcp_servers": servers}


def _alone(entry: Mapping[str, Any], allowed: Sequence[str]) -> dict[str, Any] | None:
    """A tool or toolset without what is not allowed; None where nothing is left."""
    if entry["type"] == "custom":
        return dict(entry) if entry["name"] in allowed else None
    if entry["type"] == "mcp_toolset":
        prefix = f"mcp__{entry['mcp_server_name']}__"
        named = [name.removeprefix(prefix) for name in allowed if name.startswith(prefix)]
        if not named or "*" in named:
            return dict(entry) if named else None
    else:
        named = [name for name in allowed if name in BUILT_IN_TOOLS]
        if not named:
            return None
    configs = [{**_config(entry, name), "name": name} for name in named]
    if entry["type"] != "mcp_toolset":
        configs = [{**config, "type": config["name"]} for config in configs]
    return {**entry, "default_config": {**entry["default_config"], "enabled": False}, "configs": configs}


def remote_name(server: str, tool: str) -> str:
    """What a model calls a tool of an MCP server: ``mcp__server__tool``, made to fit what providers allow."""
    plain = f"mcp__{server}__{tool}"
    fitting = _NOT_NAME.sub("_", plain)
    if fitting == plain and len(plain) <= _MOST_NAME:
        return plain
    mark = hashlib.sha256(plain.encode()).hexdigest()[:8]
    return f"{fitting[: _MOST_NAME - len(mark) - 1]}_{mark}"
