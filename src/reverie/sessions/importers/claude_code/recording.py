"""From the ordered lines of a session to its events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from reverie.sessions.event import text_content
from reverie.sessions.importers.claude_code.content import failed, part_blocks, result_blocks
from reverie.sessions.importers.claude_code.injection import authors
from reverie.sessions.importers.claude_code.line import Line, Warn
from reverie.sessions.importers.draft import EventLog, as_text

NO_MODEL = "<synthetic>"
"""The model named on lines that the client wrote in the model's place."""


class Recorder:
    """Adds a session's lines to its log, one after the other."""

    def __init__(self, log: EventLog, warn: Warn) -> None:
        self._log = log
        self._warn = warn
        self._calls: dict[str, list[int]] = {}
        """Tool call id → positions of the calls that bear it."""
        self._answered: set[int] = set()
        self._last_text = ""

    def call_of(self, call_id: str) -> int | None:
        """The position of the first call of that id, if it was met."""
        return next(iter(self._calls.get(call_id, ())), None)

    def begin_thread(self, thread: str, name: str, call: int | None, at: datetime | None) -> None:
        """A side agent begins, called for by the call at position ``call``."""
        position = self._log.add("session.thread_created", {"session_thread_id": thread, "agent_name": name}, at)
        if call is not None:
            self._log.answered[position] = call

    def record(self, line: Line, thread: str | None) -> None:
        """Add what the line holds."""
        content = (line.message or {}).get("content")
        if line.type == "system":
            self._system(line, thread)
        elif line.type == "result":
            self._result_of_run(line, thread)
        elif line.type == "attachment":
            self._attachment(line, thread)
        elif line.is_api_error_message:
            text = "\n".join(block["text"] for block in result_blocks(content))
            self._log.add("session.error", _error(text, "exhausted"), line.at, thread)
        else:
            blocks = content if isinstance(content, list) else [content]
            if content is not None and not isinstance(content, str | list):
                self._warn(
                    "message.content is neither text nor a list of blocks; it is left out", line.number, line.part
                )
                return
            for number, block in enumerate(blocks):
                self._block(line, block, f"message.content[{number}]", thread)

    def _system(self, line: Line, thread: str | None) -> None:
        if line.subtype == "api_error":
            self._log.add("session.error", _error(as_text(line.error), "retrying"), line.at, thread)
        elif content := part_blocks(line.content or ""):
            self._log.add("system.message", {"content": content}, line.at, thread)

    def _result_of_run(self, line: Line, thread: str | None) -> None:
        text = line.result if isinstance(line.result, str) else ""
        if line.result is not None and not isinstance(line.result, str):
            self._warn("result is no text; it is left out", line.number, line.part)
        if line.is_error is True or (line.subtype or "").startswith("error"):
            message = text or as_text(line.subtype)
            self._log.add("session.error", _error(message, "exhausted"), line.at, thread)
        elif text.strip() and text.strip() != self._last_text:
            self._log.add("agent.message", {"content": text_content(text)}, line.at, thread)

    def _attachment(self, line: Line, thread: str | None) -> None:
        """A prompt that the user typed while the agent worked; other attachments are the program's."""
        prompt = line.attachment.get("prompt")
        for block in prompt if isinstance(prompt, list) else [prompt]:
            self._block(line, block, "attachment.prompt", thread)

    def _block(self, line: Line, block: Any, field: str, thread: str | None) -> None:
        if block is None or block == "":
            return
        if not isinstance(block, str | dict):
            self._warn(f"{field} is no block of content; it is left out", line.number, line.part)
            return
        fields = block if isinstance(block, dict) else {"type": "text", "text": block}
        kind = as_text(fields.get("type"))
        if kind.endswith("tool_use"):
            self._tool_use(line, fields, field, thread)
        elif kind.endswith("tool_result"):
            self._tool_result(line, fields, field, thread)
        elif kind.endswith("thinking"):
            thought = fields.get("thinking")
            if isinstance(thought, str) and thought:  # a redacted thought has no text
                self._log.add("agent.thinking", {"content": text_content(thought)}, line.at, thread)
            elif thought is not None and not isinstance(thought, str):
                self._warn(f"{field}.thinking is no text; it is left out", line.number, line.part)
        elif kind == "text" and not isinstance(fields.get("text"), str):
            self._warn(f"{field}.text is no text; it is left out", line.number, line.part)
        elif content := part_blocks(fields):
            self._message(line, content, thread)

    def _message(self, line: Line, content: list[dict[str, str]], thread: str | None) -> None:
        if line.type == "assistant":
            self._last_text = content[-1]["text"].strip()
            self._log.add("agent.message", {"content": content}, line.at, thread)
        elif is_injected(line):
            self._log.add("system.message", {"content": content}, line.at, thread)
        else:
            for author, text in authors(content[0]["text"]):
                self._said_by(author, text, line, thread)

    def _said_by(self, author: str, text: str, line: Line, thread: str | None) -> None:
        if author == "interruption":
            self._log.add("user.interrupt", {}, line.at, thread)
        elif author == "program":
            self._log.add("system.message", {"content": text_content(text)}, line.at, thread)
        elif line.aside:  # Its caller speaks to a side agent, nobody else does.
            self._log.add("agent.thread_message_received", {"content": text_content(text)}, line.at, thread)
        else:
            self._log.add("user.message", {"content": text_content(text)}, line.at, thread)

    def _tool_use(self, line: Line, fields: Mapping[str, Any], field: str, thread: str | None) -> None:
        call_id, name, arguments = (fields.get(key) for key in ("id", "name", "input"))
        if not isinstance(name, str) or not name:
            self._warn(f"{field}.name is no text; the tool is called 'unknown'", line.number, line.part)
            name = "unknown"
        if call_id is not None and not isinstance(call_id, str):
            self._warn(f"{field}.id is no text; it is left out", line.number, line.part)
            call_id = None
        if arguments is not None and not isinstance(arguments, dict):
            self._warn(f"{field}.input is no object; it is kept as raw", line.number, line.part)
            arguments = {"raw": arguments}
        position = self._log.tool_use(name, arguments or {}, call_id, line.at, thread)
        if call_id:
            self._calls.setdefault(call_id, []).append(position)

    def _tool_result(self, line: Line, fields: Mapping[str, Any], field: str, thread: str | None) -> None:
        call_id, content, is_error = (fields.get(key) for key in ("tool_use_id", "content", "is_error"))
        if not isinstance(call_id, str):
            self._warn(f"{field}.tool_use_id is no text; the result belongs to no known call", line.number, line.part)
            call_id = ""
        if is_error is not None and not isinstance(is_error, bool):
            self._warn(f"{field}.is_error is neither true nor false; it is left out", line.number, line.part)
            said = None
        else:
            said = is_error is True or failed(content)  # The wire format's own default is false.
        calls = self._calls.get(call_id, [])
        call = next((position for position in calls if position not in self._answered), None)
        blocks = result_blocks(content)
        if calls and call is None:
            self._warn(f"a second result of call {call_id!r}; it is kept as a system message", line.number, line.part)
            self._log.add("system.message", {"content": blocks}, line.at, thread)
            return
        if call is not None:
            self._answered.add(call)
        self._log.tool_result(call, blocks, said, at=line.at, thread_id=thread)


def is_injected(line: Line) -> bool:
    """Whether the program wrote this line of the user's."""
    origin = line.origin.get("kind") if isinstance(line.origin, dict) else None
    return bool(
        line.is_meta
        or line.is_synthetic
        or line.is_compact_summary
        or line.is_visible_in_transcript_only
        or line.prompt_source == "system"
        or (isinstance(origin, str) and origin != "human")
    )


def is_prompt(line: Line) -> bool:
    """Whether a person wrote something in this line."""
    if line.type != "user" or line.aside or is_injected(line):
        return False
    content = (line.message or {}).get("content")
    for block in content if isinstance(content, list) else [content]:
        text = block.get("text") if isinstance(block, dict) and block.get("type") == "text" else block
        if isinstance(text, str) and any(author == "person" for author, _ in authors(text)):
            return True
    return False


def is_recorded(line: Line) -> bool:
    """Whether the line becomes part of the session; the others only keep books."""
    if line.type == "system":
        return line.subtype in ("api_error", "compact_boundary", "local_command")
    if line.type == "attachment":
        kept = isinstance(line.attachment, dict) and line.attachment.get("type") == "queued_command"
        return kept and line.attachment.get("commandMode", "prompt") == "prompt"
    if line.type == "result":
        return line.result is not None or line.usage is not None or line.total_cost is not None
    if line.type not in ("user", "assistant") or line.message is None:
        return False
    return bool(line.is_api_error_message) or line.message.get("model") != NO_MODEL


def _error(message: str, retry: Literal["retrying", "exhausted"]) -> dict[str, Any]:
    return {"error": {"type": "model_request_failed_error", "message": message, "retry_status": {"type": retry}}}
