"""The names by which rules speak of a tool."""

import fnmatch
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from reverie.runtime.rule import Globs
from reverie.runtime.tool_catalogue import remote_name

ToolNames = tuple[str, ...]
"""One name; of a tool of an MCP server, both."""


def names_of(name: str, server: str | None = None) -> ToolNames:
    """The names of a tool, of an MCP server or not."""
    return (name,) if server is None else (name, remote_name(server, name))


def names_in(payload: Mapping[str, Any]) -> ToolNames:
    """The names of the tool that an event's payload tells of."""
    server = payload.get("mcp_server_name")
    return names_of(str(payload.get("name") or ""), server if isinstance(server, str) and server else None)


def matcher(globs: Globs) -> Callable[[ToolNames], bool]:
    """Whether a tool has a name that one of the patterns matches, whatever its case."""
    patterns = (globs,) if isinstance(globs, str) else globs
    compiled = [_compiled(pattern.casefold()) for pattern in patterns]
    return lambda names: any(one.match(name.casefold()) for one in compiled for name in names)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))
