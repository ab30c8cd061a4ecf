"""From the lines of a rollout to events, one line after the other: what comes later changes nothing before it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from reverie.sessions.event import text_content
from reverie.sessions.importers.codex.authorship import by_program, user_texts
from reverie.sessions.importers.codex.line import Line, Warn
from reverie.sessions.importers.codex.outcome import failure_told, result_of
from reverie.sessions.importers.codex.usage import Usage
from reverie.sessions.importers.draft import EventLog, as_text
from reverie.sessions.importers.open_calls import OpenCalls
from reverie.sessions.importers.parts import Called, Said, Thought, Unread, read_part, result_texts

_BOOKS = frozenset(
    {"task_started", "task_complete", "turn_started", "turn_complete", "thread_settings_applied", "session_configured"}
    | {"user_message", "agent_message", "agent_reasoning", "agent_reasoning_raw_content", "thread_name_updated"}
    | {"exec_command_begin", "exec_command_output_delta", "exec_command_end", "patch_apply_begin", "patch_apply_end"}
    | {"mcp_tool_call_begin", "mcp_tool_call_end", "web_search_begin", "web_search_end", "item_started"}
    | {"item_completed", "turn_diff", "plan_update", "context_compacted", "background_event", "view_image_tool_call"}
    | {"entered_review_mode", "exited_review_mode", "agent_reasoning_section_break", "image_generation_end"}
    | {"exec_approval_request", "apply_patch_approval_request", "thread_goal_updated", "model_reroute", "warning"}
    | {"agent_message_delta", "agent_reasoning_delta", "undo_completed", "guardian_assessment", "deprecation_notice"}
)
"""Events that repeat what the items say, or keep books."""


class Recorder:
    """Adds the lines of one rollout to the log of its session."""

    def __init__(self, log: EventLog, warn: Warn, thread: str | None) -> None:
        self.log = log
        self.warn = warn
        self.thread = thread
        """None for the session's own."""
        self.unread: Counter[str] = Counter()
        self._calls = OpenCalls()
        self._positions: dict[str, int] = {}
        """Call id → its position."""
        self._failures: dict[str, bool] = {}
        """Call id → what an event said of its run before the result came."""
        self._began: dict[str, int] = {}
        """Side agent → the call that began it."""
        self._usage = Usage()
        self._items_met = False
        """Whether the conversation itself was met: what events say of it is a repetition."""
        self._told: set[str] = set()
        """Texts and call ids that events told of before any item was met: items that repeat them are left out."""

    def record(self, line: Line) -> None:
        """Add what the line holds."""
        kind, payload = line.kind, line.payload
        if kind == "response_item":
            self._items_met = True
            self._item(line, payload)
        elif kind == "event_msg":
            self._event(line, as_text(payload.get("type")), payload)
        elif kind == "compacted":
            self._add("system.message", as_text(payload.get("message")), line)
        elif kind == "token_usage_record":
            self._used(line, self._usage.counted(payload.get("usage"), payload.get("thread_token_usage")))
        elif kind == "inter_agent_communication":
            self._between_agents(line, payload)
        elif kind not in ("turn_context", "world_state", "state", "inter_agent_communication_metadata"):
            self.unread[f"line of type {kind or 'unknown'}"] += 1

    def instructions(self, line: Line) -> None:
        """Add what the model was told first."""
        given = line.payload.get("base_instructions")
        text = given.get("text") if isinstance(given, dict) else given
        for told in (text, line.payload.get("instructions")):
            if isinstance(told, str):
                self._add("system.message", told, line)

    def call_that_began(self, agent: str) -> int | None:
        """The position of the call that began a side agent; of one that no event names, the latest that could."""
        if agent in self._began:
            return self._began[agent]
        spawning = [p for p in self._positions.values() if self.log.events[p].payload["name"] == "spawn_agent"]
        return max((p for p in spawning if p not in self._began.values()), default=None)

    def _item(self, line: Line, payload: Mapping[str, Any]) -> None:
        kind = as_text(payload.get("type"))
        if self._told and self._is_told(payload):
            return
        if kind == "message" or (not kind and "role" in payload):
            self._message(line, payload)
        elif kind.endswith("_output"):
            self._result(line, kind, payload)
        elif kind == "agent_message":
            self._between_agents(line, payload)
        elif kind in ("ghost_snapshot", "compaction", "compaction_summary", "context_compaction"):
            self.unread[f"item of type {kind}"] += 1
        else:
            self._parts(line, payload)

    def _is_told(self, payload: Mapping[str, Any]) -> bool:
        if as_text(payload.get("call_id")) in self._told:
            return True
        parts = payload.get("content") or payload.get("summary")
        texts = [text for part in (parts if isinstance(parts, list) else [parts]) for text in self._texts(part)]
        return "\n".join(texts).strip() in self._told

    def _message(self, line: Line, payload: Mapping[str, Any]) -> None:
        role = as_text(payload.get("role"))
        if role != "user":
            content = payload.get("content")
            parts = content if isinstance(content, list) else [content]
            texts = [text for part in parts for text in self._texts(part)]
            self._add("agent.message" if role == "assistant" else "system.message", texts, line)
            return
        together: list[tuple[bool, list[str]]] = []
        for part, by_person in user_texts(payload):
            if not together or together[-1][0] != by_person:
                together.append((by_person, []))
            together[-1][1].extend(self._texts(part))
        for by_person, texts in together:
            self._add("user.message" if by_person else "system.message", texts, line)

    def _texts(self, part: Any) -> Iterable[str]:
        for found in read_part(part):
            if isinstance(found, Unread):
                self.unread[found.kind] += 1
            if isinstance(found, Said | Unread) and found.text:
                yield found.text

    def _parts(self, line: Line, payload: Mapping[str, Any]) -> None:
        for part in read_part(dict(payload)):
            if isinstance(part, Called):
                self._call(line, part, as_text(payload.get("namespace")))
            elif isinstance(part, Thought):
                self.log.add("agent.thinking", {"content": text_content(part.text)}, line.at, self.thread)
            elif isinstance(part, Unread):
                self.unread[part.kind] += 1
            elif isinstance(part, Said):
                self._add("agent.message", part.text, line)

    def _call(self, line: Line, call: Called, namespace: str) -> None:
        name = f"{namespace.rstrip('_')}__{call.name}" if namespace.startswith("mcp__") else call.name
        if call.call_id and call.call_id in self._positions:
            return
        position = self.log.tool_use(name, call.arguments, call.call_id or None, line.at, self.thread)
        self._calls.opened(position, name, call.call_id)
        if call.call_id:
            self._positions.setdefault(call.call_id, position)

    def _result(self, line: Line, kind: str, payload: Mapping[str, Any]) -> None:
        call_id = as_text(payload.get("call_id") or payload.get("id"))
        texts, failed = result_of(payload.get("output", payload.get("tools", payload.get("result"))))
        call, again = self._calls.answered(call_id, "")
        if again:
            self.warn(f"a second result of call {call_id[:80]!r}; it is left out", line.number, line.path)
            return
        stated = self._failures.get(call_id)
        content = [{"type": "text", "text": text} for text in texts if text]
        name = kind.removesuffix("_call_output").removesuffix("_output")
        self.log.tool_result(call, content, failed if stated is None else stated, name, line.at, self.thread)

    def _event(self, line: Line, kind: str, payload: Mapping[str, Any]) -> None:
        told = failure_told(payload)
        if told is not None:
            self._failures[told[0]] = told[1]
        self._note_agents(payload)
        if kind == "token_count":
            info = payload.get("info")
            if isinstance(info, dict):
                used = self._usage.counted(info.get("last_token_usage"), info.get("total_token_usage"))
                self._used(line, used)
        elif kind in ("error", "stream_error"):
            retry: Literal["retrying", "exhausted"] = "retrying" if kind == "stream_error" else "exhausted"
            self.log.add("session.error", _error(as_text(payload.get("message")), retry), line.at, self.thread)
        elif kind == "turn_aborted":
            if payload.get("reason") in (None, "interrupted"):
                self.log.add("user.interrupt", {}, line.at, self.thread)
        elif kind == "thread_rolled_back":
            turns = as_text(payload.get("num_turns"))
            self.warn(f"the user took back {turns} turns; they are kept", line.number, line.path)
        elif not self._items_met:
            self._repeated(line, kind, payload)
        elif kind not in _BOOKS and not kind.startswith(("collab_", "mcp_", "hook_", "realtime_", "sub_agent_")):
            self.unread[f"event of type {kind or 'unknown'}"] += 1

    def _repeated(self, line: Line, kind: str, payload: Mapping[str, Any]) -> None:
        """What events say of the conversation, in a file that holds nothing else of it."""
        text = as_text(payload.get("message") or payload.get("text"))
        self._told |= {told for told in (text.strip(), as_text(payload.get("call_id"))) if told}
        if kind == "user_message":
            self._add("system.message" if by_program(text) else "user.message", text, line)
        elif kind == "agent_message":
            self._add("agent.message", text, line)
        elif kind == "agent_reasoning" and text:
            self.log.add("agent.thinking", {"content": text_content(text)}, line.at, self.thread)
        elif kind == "exec_command_end":
            call_id = as_text(payload.get("call_id"))
            arguments = {name: payload[name] for name in ("command", "cwd") if name in payload}
            call = self.log.tool_use("exec_command", arguments, call_id or None, line.at, self.thread)
            texts = list(result_texts(payload.get("aggregated_output") or payload.get("stdout")))
            content = [{"type": "text", "text": text} for text in texts]
            self.log.tool_result(call, content, self._failures.get(call_id), at=line.at, thread_id=self.thread)

    def _note_agents(self, payload: Mapping[str, Any]) -> None:
        """Which call began which side agent, as soon as anything says."""
        held = payload["item"] if isinstance(payload.get("item"), dict) else payload
        call = self._positions.get(as_text(held.get("id") or held.get("call_id")))
        agents = held.get("receiver_thread_ids")
        for agent in (*(agents if isinstance(agents, list) else ()), held.get("new_thread_id")):
            if call is not None and isinstance(agent, str):
                self._began.setdefault(agent, call)

    def _between_agents(self, line: Line, payload: Mapping[str, Any]) -> None:
        content = payload.get("content")
        parts = content if isinstance(content, list) else [content]
        texts = [text for part in parts for text in self._texts(part)]
        payload_out: dict[str, Any] = {"content": [{"type": "text", "text": text} for text in texts]}
        if author := as_text(payload.get("author")):
            payload_out["from_agent_name"] = author
        if texts:
            self.log.add("agent.thread_message_received", payload_out, line.at, self.thread)

    def _used(self, line: Line, payload: dict[str, Any] | None) -> None:
        if payload is not None:
            self.log.add("span.model_request_end", payload, line.at, self.thread)

    def _add(
        self, kind: Literal["user.message", "system.message", "agent.message"], said: str | list[str], line: Line
    ) -> None:
        texts = [said] if isinstance(said, str) else said
        content = [{"type": "text", "text": text} for text in texts if text.strip()]
        if content and kind == "user.message" and self.thread is not None:  # its caller speaks to a side agent
            self.log.add("agent.thread_message_received", {"content": content}, line.at, self.thread)
        elif content:
            self.log.add(kind, {"content": content}, line.at, self.thread)


def _error(message: str, retry: Literal["retrying", "exhausted"]) -> dict[str, Any]:
    return {"error": {"type": "model_request_failed_error", "message": message, "retry_status": {"type": retry}}}
