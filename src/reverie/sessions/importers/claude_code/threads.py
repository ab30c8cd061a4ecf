"""Side agents of a session: which lines are theirs, and which call began each."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from reverie.sessions.importers.claude_code.line import Line, Outcome


class Beginning(msgspec.Struct, frozen=True):
    """How a side agent came to be."""

    call_id: str | None = None
    """The id of the tool call that began it; None where no call of the session did."""
    name: str = ""
    """What kind of agent was asked for."""


def threads_of(lines: Sequence[Line]) -> list[str | None]:
    """The thread of each line; None is the session's own.

    Newer lines name their agent, printed ones the call that began it; older ones are told apart by their first line.
    """
    if not any(line.aside for line in lines):
        return [None] * len(lines)
    roots: dict[str, str] = {}
    found: list[str | None] = []
    unnamed = 0
    for line in lines:
        thread = None
        if line.aside:
            thread = (
                line.agent_id or line.parent_tool_use_id or _agent_in(line.part) or roots.get(line.parent_uuid or "")
            )
            if thread is None:
                if line.uuid or not unnamed:
                    unnamed += 1
                thread = "sidechain" if unnamed == 1 else f"sidechain-{unnamed}"
            if line.uuid:
                roots[line.uuid] = thread
        found.append(thread)
    return found


def beginnings(lines: Sequence[Line], threads: Sequence[str | None]) -> dict[str, Beginning]:
    """Each thread's beginning: by the agent that the call's result names, else by what the agent was asked."""
    calls = {
        call["id"]: call for line in lines for call in _blocks(line, "tool_use") if isinstance(call.get("id"), str)
    }
    by_agent: dict[str, str] = {}
    for line in lines:
        if isinstance(line.tool_use_result, Outcome) and isinstance(line.tool_use_result.agent_id, str):
            for result in _blocks(line, "tool_result"):
                if isinstance(answered := result.get("tool_use_id"), str):
                    by_agent.setdefault(line.tool_use_result.agent_id, answered)
    by_prompt: dict[str, list[str]] = {}
    for call_id, call in calls.items():
        if isinstance(prompt := _input(call).get("prompt"), str):
            by_prompt.setdefault(prompt.strip(), []).append(call_id)
    taken = {by_agent[thread] for thread in threads if thread in by_agent}
    found: dict[str, Beginning] = {}
    for line, thread in zip(lines, threads, strict=True):
        if thread is None or thread in found:
            continue
        call_id = by_agent.get(thread, thread)
        if call_id not in calls:
            call_id = next((one for one in by_prompt.get(_text(line).strip(), ()) if one not in taken), "")
        taken.add(call_id)
        kind = _input(calls.get(call_id, {})).get("subagent_type")
        found[thread] = Beginning(call_id or None, kind if isinstance(kind, str) else "")
    return found


def _agent_in(part: str) -> str:
    """The agent's id, which is in the name of its file."""
    return PurePath(part).name.partition(".")[0].removeprefix("agent-")


def _input(call: Mapping[str, Any]) -> Mapping[str, Any]:
    given = call.get("input")
    return given if isinstance(given, dict) else {}


def _blocks(line: Line, kind: str) -> Iterator[dict[str, Any]]:
    content = (line.message or {}).get("content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == kind and ("id" in block or "tool_use_id" in block):
            yield block


def _text(line: Line) -> str:
    content = (line.message or {}).get("content")
    if isinstance(content, str):
        return content
    texts = (block.get("text") for block in content if isinstance(block, dict)) if isinstance(content, list) else ()
    return "\n".join(text for text in texts if isinstance(text, str))
