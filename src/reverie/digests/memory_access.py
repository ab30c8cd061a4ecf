"""Whether a tool call looks into the agent's memory."""

from collections.abc import Mapping
from typing import Any

from reverie.digests.code import Code
from reverie.digests.tool_name import remembers, writes

_MOUNT = "/mnt/memory"
"""Where memory stores are mounted in an agent's environment."""
_FILE_COMMANDS = {
    "view": True, "create": False, "str_replace": False, "insert": False, "delete": False, "rename": False,
}  # fmt: skip
"""What a tool with one ``command`` argument for all file work does, and whether that reads."""


def reads_memory(tool: str, arguments: Mapping[str, Any], code: Code | None) -> bool:
    """A tool named like memory or recall, or one that reads below ``/mnt/memory``; never one that writes."""
    if not remembers(tool) and not any(isinstance(value, str) and _MOUNT in value for value in arguments.values()):
        return False
    if code is not None:
        return not code.commands.silent
    command = arguments.get("command")
    known = _FILE_COMMANDS.get(command) if isinstance(command, str) else None
    return not writes(tool) if known is None else known
