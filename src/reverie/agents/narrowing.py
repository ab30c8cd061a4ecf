"""How far tools may be used, and whether a list of them is another one made narrower by a step."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reverie.agents.tools import BUILT_IN

LEVELS = ("denied", "always_ask", "auto", "always_allow")
"""From the narrowest to the widest; ``denied`` is a tool that is not enabled, or not there."""
_SWITCHES = ("enabled", "permission_policy")

Tool = Mapping[str, Any]
ToolKey = tuple[str, str | None]
"""An MCP server's name or ``""``, and a tool's; None stands for the tools that are not named."""


def tool_name(key: ToolKey) -> str:
    """A tool as bounds name it: ``bash``, ``server.tool``, and ``server.*`` for the rest of a server's."""
    owner, name = key
    return f"{owner}.{name or '*'}" if owner else name or "*"


def moved_tools(before: Sequence[Tool], after: Sequence[Tool]) -> dict[ToolKey, tuple[str, str]]:
    """The tools whose level is another one afterwards, with both."""
    left, right = dict(_all_levels(before)), dict(_all_levels(after))
    levels = {key: (_level_in(left, key), _level_in(right, key)) for key in {**left, **right}}
    return {key: (was, becomes) for key, (was, becomes) in levels.items() if was != becomes}


def is_same_but_for_levels(before: Sequence[Tool], after: Sequence[Tool]) -> bool:
    """Whether nothing differs but how far tools may be used; a custom tool may be gone, none may be there anew."""
    custom = [tool for tool in after if tool["type"] == "custom"]
    kept = [tool for tool in before if tool["type"] != "custom" or tool in custom]
    return is_same([_rest(tool) for tool in kept], [_rest(tool) for tool in after])


def is_same(before: Any, after: Any) -> bool:
    """Whether two JSON values are written alike: to Python ``1``, ``1.0`` and ``true`` are one."""
    written = [msgspec.json.encode(value, order="deterministic") for value in (before, after)]
    return written[0] == written[1]


def is_step(before: str, after: str) -> bool:
    """Whether a level is the next narrower one: asking comes before denying."""
    if after == "denied":
        return before == "always_ask"
    return LEVELS.index(after) < LEVELS.index(before)


def _all_levels(tools: Sequence[Tool]) -> Iterator[tuple[ToolKey, str]]:
    for tool in tools:
        if tool["type"] == "custom":
            # Whoever sent the session answers its calls: that is as much as asking.
            yield ("", tool["name"]), "always_ask"
            continue
        owner = tool.get("mcp_server_name", "")
        default = _level(tool["default_config"])
        named = {config["name"]: _level(config) for config in tool["configs"]}
        yield (owner, None), default
        for name in dict.fromkeys((*named, *(() if owner else BUILT_IN))):
            yield (owner, name), named.get(name, default)


def _level_in(levels: Mapping[ToolKey, str], key: ToolKey) -> str:
    """The level of a tool: of one that an MCP server has without its being named, that of the rest."""
    unnamed = levels.get((key[0], None), "denied") if key[0] else "denied"
    return levels.get(key, unnamed)


def _level(config: Mapping[str, Any]) -> str:
    return str(config["permission_policy"]["type"]) if config["enabled"] else "denied"


def _rest(tool: Tool) -> Any:
    """A toolset without its levels, with what a tool is given beside them."""
    if tool["type"] == "custom":
        return tool
    given = {
        config["name"]: {
            name: value
            for name, value in config.items()
            if name not in (*_SWITCHES, "name", "type") and value is not None
        }
        for config in tool["configs"]
    }
    fields = {name: value for name, value in tool.items() if name not in ("default_config", "configs")}
    return fields, {name: values for name, values in given.items() if values}
