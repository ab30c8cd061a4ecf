"""The tools of ``agent_toolset_20260401`` as a model is shown them; whoever runs them keeps to the same inputs."""

from collections.abc import Mapping
from typing import Any

from reverie.turn_model import ToolDefinition


def _tool(name: str, description: str, required: tuple[str, ...], **properties: Mapping[str, Any]) -> ToolDefinition:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return ToolDefinition(name, description, schema)


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


_PATH = _text("Path of the file, relative to the working directory or absolute.")

BUILT_IN_TOOLS: Mapping[str, ToolDefinition] = {
    tool.name: tool
    for tool in (
        _tool(
            "bash",
            "Run a command in a shell that keeps its state between calls. Give restart to begin with a fresh shell.",
            (),
            command=_text("The command."),
            restart={"type": "boolean", "description": "Begin with a fresh shell; give no command then."},
            timeout_ms={"type": "integer", "description": "Longest run in milliseconds."},
        ),
        _tool(
            "read",
            "Read a text file, an image or a PDF.",
            ("file_path",),
            file_path=_PATH,
            view_range={
                "type": "array",
                "items": {"type": "integer"},
                "description": "First and last line to read, from 1; -1 as the last is the end.",
            },
        ),
        _tool(
            "write",
            "Write a file, replacing what is there; folders are made as needed.",
            ("file_path", "content"),
            file_path=_PATH,
            content=_text("All that the file is to hold."),
        ),
        _tool(
            "edit",
            "Replace text in a file. The old text must be in the file exactly once, unless replace_all is given.",
            ("file_path", "old_string", "new_string"),
            file_path=_PATH,
            old_string=_text("The text to replace, exactly as it stands."),
            new_string=_text("What to put in its place."),
            replace_all={"type": "boolean", "description": "Replace it wherever it is."},
        ),
        _tool(
            "glob",
            "List files whose paths match a pattern, newest first.",
            ("pattern",),
            pattern=_text("Such as **/*.py."),
            path=_text("Folder to look in; the working directory by default."),
        ),
        _tool(
            "grep",
            "Find lines that match a regular expression.",
            ("pattern",),
            pattern=_text("A regular expression."),
            path=_text("File or folder to look in; the working directory by default."),
        ),
        _tool("web_search", "Search the web.", ("query",), query=_text("What to look for.")),
        _tool("web_fetch", "Read a web page.", ("url",), url=_text("Address of the page.")),
    )
}
