"""Tools of an agent as they are asked for, and as they are once every default is filled in."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reverie.agents.web_address import check_web_address
from reverie.errors import InputError

BUILT_IN = ("bash", "read", "write", "edit", "glob", "grep", "web_fetch", "web_search")
MOST_ENTRIES = 128
MOST_TOOLS = 256
MOST_SERVERS = 20
MOST_DOMAINS = 64
MOST_TOOL_REFERENCES = 128
MOST_SERVER_NAME_CHARACTERS = 255
MOST_DESCRIPTION_CHARACTERS = 4096

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
)
_MCP_PREFIX = "mcp__"
_COMBINATIONS = ("oneOf", "anyOf", "allOf")
_URL_SOURCES = ("user_input", "client_tool_results", "server_tool_results")
_WEB_TOOLS = ("web_search", "web_fetch")

Tool = Mapping[str, Any]


def resolve_tools(tools: Iterable[Tool] | None) -> list[dict[str, Any]]:
    """Tools with their defaults filled in; None means none.

    Raises:
        InputError: two tools have one name, one breaks the rules of its kind, or there are too many.
    """
    entries = list(tools or ())
    if len(entries) > MOST_ENTRIES:
        raise InputError(f"tools: {len(entries)} entries; at most {MOST_ENTRIES} are allowed")
    custom = [entry["name"] for entry in entries if entry["type"] == "custom"]
    resolved = [_resolve_tool(entry, f"tools.{number}", custom) for number, entry in enumerate(entries)]
    _refuse_repeats("tools", [name for entry in resolved for name in _claims(entry)])
    count = sum(_count(entry) for entry in resolved)
    if count > MOST_TOOLS:
        raise InputError(f"tools: {count} tools across all toolsets; at most {MOST_TOOLS} are allowed")
    return resolved


def resolve_servers(servers: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """MCP servers; None means none.

    Raises:
        InputError: there are too many, or two have one name, or a name or address cannot be one.
    """
    resolved = [dict(server) for server in servers or ()]
    if len(resolved) > MOST_SERVERS:
        raise InputError(f"mcp_servers: {len(resolved)} servers; at most {MOST_SERVERS} are allowed")
    for number, server in enumerate(resolved):
        if not 1 <= len(server["name"]) <= MOST_SERVER_NAME_CHARACTERS:
            raise InputError(f"mcp_servers.{number}.name: names have 1 to {MOST_SERVER_NAME_CHARACTERS} characters")
        check_web_address(f"mcp_servers.{number}.url", server["url"], plain=True)
    _refuse_repeats("mcp_servers", [server["name"] for server in resolved])
    return resolved


def check_servers_are_used(tools: Sequence[Tool], servers: Sequence[Mapping[str, Any]]) -> None:
    """Accept tools and MCP servers that name each other.

    Raises:
        InputError: a toolset names no server, or a server is used by no toolset.
    """
    wanted = {tool["mcp_server_name"] for tool in tools if tool["type"] == "mcp_toolset"}
    there = {server["name"] for server in servers}
    if missing := sorted(wanted - there):
        raise InputError(f"tools: an mcp_toolset names the server {missing[0]!r}; add it to mcp_servers")
    if unused := sorted(there - wanted):
        raise InputError(f"mcp_servers: no mcp_toolset in tools uses {unused[0]!r}; add one or leave the server out")


def offers(tools: Sequence[Tool], name: str) -> bool:
    """Whether resolved ``tools`` have the built-in tool ``name`` enabled."""
    for tool in tools:
        if tool["type"] == "agent_toolset_20260401":
            configured = [config["enabled"] for config in tool["configs"] if config["name"] == name]
            enabled: bool = configured[0] if configured else tool["default_config"]["enabled"]
            return enabled
    return False


def _resolve_tool(tool: Tool, place: str, custom: Sequence[str]) -> dict[str, Any]:
    if tool["type"] == "custom":
        return _resolve_custom(tool, place)
    if tool["type"] == "mcp_toolset":
        default = _resolve_default(tool.get("default_config"), "always_ask")
        configs = [_resolve_config(config, default) for config in tool.get("configs") or ()]
        named = {"mcp_server_name": tool["mcp_server_name"]}
    else:
        default = _resolve_default(tool.get("default_config"), "always_allow")
        configs = [_resolve_built_in(config, default, place, custom) for config in tool.get("configs") or ()]
        named = {}
    _refuse_repeats(f"{place}.configs", [config["name"] for config in configs])
    return {"type": tool["type"], **named, "default_config": default, "configs": configs}


def _resolve_default(default: Mapping[str, Any] | None, policy: str) -> dict[str, Any]:
    return _filled(default or {}, {"enabled": True, "permission_policy": {"type": policy}})


def _resolve_config(config: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    if not 1 <= len(config["name"]) <= 128:
        raise InputError("tools: names of MCP tools have 1 to 128 characters")
    return {"name": config["name"], **_filled(config, default)}


def _filled(config: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    return {key: default[key] if config.get(key) is None else config[key] for key in ("enabled", "permission_policy")}


def _resolve_built_in(
    config: Mapping[str, Any], default: Mapping[str, Any], place: str, custom: Sequence[str]
) -> dict[str, Any]:
    name = config["name"]
    resolved = {"name": name, "type": name, **_filled(config, default)}
    if name not in _WEB_TOOLS:
        return resolved
    place = f"{place}.configs.{name}"
    allowed, blocked = config.get("allowed_domains"), config.get("blocked_domains")
    if allowed is not None and blocked is not None:
        raise InputError(f"{place}: give allowed_domains or blocked_domains, not both")
    _check_domains(f"{place}.allowed_domains", allowed, with_path=name == "web_search")
    _check_domains(f"{place}.blocked_domains", blocked, with_path=name == "web_search")
    # Left out where not set, not null: what was answered can be sent again, and requests take no null here.
    resolved |= {key: config[key] for key in ("allowed_domains", "blocked_domains") if config.get(key) is not None}
    if name == "web_search":
        return resolved | {"user_location": config.get("user_location")}
    most = config.get("max_content_tokens")
    if most is not None and most < 1:
        raise InputError(f"{place}.max_content_tokens: give at least 1")
    sources = _resolve_url_sources(config.get("url_sources"), f"{place}.url_sources", custom)
    return resolved | {"max_content_tokens": most, "url_sources": sources}


def _check_domains(place: str, domains: Sequence[str] | None, *, with_path: bool) -> None:
    if domains is None:
        return
    if not 1 <= len(domains) <= MOST_DOMAINS:
        raise InputError(f"{place}: {len(domains)} domains; give 1 to {MOST_DOMAINS}, or leave the field out")
    for domain in domains:
        host = domain.partition("/")[0] if with_path else domain
        if not _HOST.fullmatch(host):
            raise InputError(f"{place}: {domain!r} is no plain host name such as docs.example.com")


def _resolve_url_sources(sources: Mapping[str, Any] | None, place: str, custom: Sequence[str]) -> dict[str, Any] | None:
    if sources is None:
        return None
    resolved: dict[str, Any] = {}
    for key in _URL_SOURCES:
        source = sources.get(key)
        resolved[key] = {"type": source} if isinstance(source, str) else source
    for key, known in (("client_tool_results", custom), ("server_tool_results", _WEB_TOOLS)):
        _check_references(f"{place}.{key}", resolved[key], known)
    if all(source is not None and source["type"] == "none" for source in resolved.values()):
        raise InputError(f"{place}: with all three set to none nothing could be fetched; disable the tool instead")
    return resolved


def _check_references(place: str, source: Mapping[str, Any] | None, known: Sequence[str]) -> None:
    if source is None or source["type"] not in ("only", "except"):
        return
    names = [reference["name"] for reference in source["tools"]]
    if not 1 <= len(names) <= MOST_TOOL_REFERENCES:
        raise InputError(f"{place}.tools: {len(names)} tools; give 1 to {MOST_TOOL_REFERENCES}")
    _refuse_repeats(f"{place}.tools", names)
    if unknown := [name for name in names if name not in known]:
        raise InputError(
            f"{place}.tools: there is no tool {unknown[0]!r} here; known are: {', '.join(known) or 'none'}"
        )


def _resolve_custom(tool: Tool, place: str) -> dict[str, Any]:
    name = tool["name"]
    if not _NAME.fullmatch(name):
        raise InputError(f"{place}.name: {name!r}; use 1 to 128 letters, digits, underscores and hyphens")
    if name in BUILT_IN or name.startswith(_MCP_PREFIX):
        raise InputError(f"{place}.name: {name!r} is kept for the server's own tools; choose another name")
    if not tool["description"].strip():
        raise InputError(f"{place}.description: say what the tool does; it is all that the agent knows of it")
    if len(tool["description"]) > MOST_DESCRIPTION_CHARACTERS:
        raise InputError(
            f"{place}.description: {len(tool['description']):,} characters; at most {MOST_DESCRIPTION_CHARACTERS:,}"
            " are allowed"
        )
    schema = tool["input_schema"]
    if combined := [key for key in _COMBINATIONS if key in schema]:
        raise InputError(f"{place}.input_schema: {combined[0]} is not allowed at the top; describe one object")
    if any("$ref" in part for part in _objects(schema)):
        raise InputError(f"{place}.input_schema: $ref is not allowed; write the schema out")
    return {"type": "custom", "name": name, "description": tool["description"], "input_schema": schema}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object inside of a JSON value, itself included."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _claims(tool: Tool) -> list[str]:
    """The names that an entry takes for itself."""
    if tool["type"] == "custom":
        return [tool["name"]]
    if tool["type"] == "mcp_toolset":
        return [f"mcp_toolset of {tool['mcp_server_name']}"]
    return [tool["type"]]


def _count(tool: Tool) -> int:
    if tool["type"] == "custom":
        return 1
    return len(tool["configs"]) if tool["type"] == "mcp_toolset" else len(BUILT_IN)


def _refuse_repeats(place: str, names: Sequence[str]) -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise InputError(f"{place}: {repeated[0]!r} is given twice; each may be there once")
