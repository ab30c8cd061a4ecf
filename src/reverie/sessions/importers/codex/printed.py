"""What ``codex exec --json`` prints: one item of the conversation to a line, when it is complete."""

from collections.abc import Mapping
from typing import Any

from reverie.sessions.event import text_content
from reverie.sessions.importers.codex.line import Line
from reverie.sessions.importers.codex.recording import Recorder
from reverie.sessions.importers.draft import as_text, usage_payload
from reverie.sessions.importers.parts import result_texts

_TOOLS: Mapping[str, tuple[str, str]] = {
    "command_execution": ("command", "aggregated_output"),
    "file_change": ("changes", ""),
    "web_search": ("query", ""),
    "todo_list": ("items", ""),
    "collab_tool_call": ("prompt", "agents_states"),
}
"""Item → where its arguments and its result are."""


class Printed:
    """Adds printed lines to a session's log."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._log = recorder.log

    def record(self, line: Line) -> None:
        """Add what the line holds."""
        kind, payload = line.kind.removeprefix("printed "), line.payload
        item = payload.get("item")
        if kind == "item.completed" and isinstance(item, dict):
            self._item(line, as_text(item.get("type") or item.get("item_type")), item)
        elif kind == "turn.completed" and isinstance(payload.get("usage"), dict):
            self._log.add("span.model_request_end", _usage(payload["usage"]), line.at)
        elif kind in ("turn.failed", "error"):
            failure = payload.get("error")
            message = failure.get("message") if isinstance(failure, dict) else payload.get("message")
            self._fail(line, as_text(message))

    def _item(self, line: Line, kind: str, item: Mapping[str, Any]) -> None:
        text = as_text(item.get("text"))
        if kind in ("agent_message", "assistant_message"):
            self._log.add("agent.message", {"content": text_content(text)}, line.at)
        elif kind == "reasoning" and text:
            self._log.add("agent.thinking", {"content": text_content(text)}, line.at)
        elif kind == "error":
            self._fail(line, as_text(item.get("message")))
        elif kind == "mcp_tool_call":
            name = f"mcp__{as_text(item.get('server'))}__{as_text(item.get('tool'))}"
            given = item.get("arguments")
            result = item.get("result")
            content = result.get("content") if isinstance(result, dict) else result
            self._ran(
                line, name, given if isinstance(given, dict) else {"raw": given}, item, item.get("error") or content
            )
        elif kind in _TOOLS:
            given, result = _TOOLS[kind]
            self._ran(line, kind, {given: item.get(given)}, item, item.get(result))
        else:
            self._recorder.unread[f"item of type {kind or 'unknown'}"] += 1

    def _ran(self, line: Line, name: str, arguments: dict[str, Any], item: Mapping[str, Any], result: Any) -> None:
        call = self._log.tool_use(name, arguments, as_text(item.get("id")) or None, line.at)
        code, status = item.get("exit_code"), item.get("status")
        failed = code != 0 if isinstance(code, int) else status == "failed" if isinstance(status, str) else None
        content = [{"type": "text", "text": text} for text in result_texts(result)]
        self._log.tool_result(call, content, failed, at=line.at)

    def _fail(self, line: Line, message: str) -> None:
        error = {"type": "unknown_error", "message": message, "retry_status": {"type": "exhausted"}}
        self._log.add("session.error", {"error": error}, line.at)


def _usage(given: Mapping[str, Any]) -> dict[str, Any]:
    return usage_payload(
        {
            "prompt_tokens": given.get("input_tokens"),
            "completion_tokens": given.get("output_tokens"),
            "prompt_tokens_details": {"cached_tokens": given.get("cached_input_tokens")},
        }
    )
