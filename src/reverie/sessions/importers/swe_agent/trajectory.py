"""A ``.traj`` file: what the model was told in ``history``, and what it did step by step in ``trajectory``.

Of the history the steps are not taken, for processors shorten what was observed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_content
from reverie.sessions.importers.draft import Draft, EventLog, as_text, content_blocks
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.parts import Called, call_of
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.importers.swe_agent.task import end_of, model_of, run_id, spent, task_of
from reverie.sessions.session import Session

_COMMANDS = frozenset(
    {"open", "goto", "scroll_down", "scroll_up", "create", "edit", "insert", "search_dir", "search_file", "find_file"}
    | {"submit", "str_replace_editor", "exit_forfeit", "exit_cost", "exit_format", "exit_context", "exit_error", "skip"}
    | {
        "filemap",
        "view_image",
        "debug_start",
        "debug_add_breakpoint",
        "debug_continue",
        "debug_step",
        "debug_exec_command",
    }
    | {"decompile", "disassemble", "connect_start", "connect_sendline", "connect_exec", "review_on_submit_m"}
)
"""SWE-agent's own commands; any other line is the shell's."""
_SHELL = "bash"
_SETTINGS = re.compile(r"t-[\d.]+")


def parse_trajectory(row: Mapping[str, Any], record: RawRecord) -> Draft:
    """Read one run; of one that was tried several times, the last attempt that has steps.

    Raises:
        ImportFormatError: it holds no step and no message.
    """
    log = EventLog()
    run = _attempt(row, log)
    history = [item for item in _list(run, "history", log) if isinstance(item, Mapping)]
    steps = _list(run, "trajectory", log)
    if "broken_off" in record.context and steps and not _is_whole(steps[-1]):
        steps = steps[:-1]
    _record_instructions(log, history)
    calls = _calls(history)
    for number, step in enumerate(steps):
        if isinstance(step, Mapping):
            _record_step(log, step, calls[number] if number < len(calls) else {}, f"trajectory[{number}]")
        else:
            log.warn(f"trajectory[{number}] is not an object; it is left out")
    if not log.events:
        raise ImportFormatError("neither history nor trajectory holds anything that can be read")
    info = _object(row.get("info")) or _object(run.get("info"))
    if (usage := spent(info)) is not None:
        log.add("span.model_request_end", usage)
    return Draft(_session(row, info, record, steps), log)


def _attempt(row: Mapping[str, Any], log: EventLog) -> Mapping[str, Any]:
    attempts = row.get("attempts")
    if row.get("trajectory") or not isinstance(attempts, list) or not attempts:
        return row
    tried = [one for one in attempts if isinstance(one, Mapping) and one.get("trajectory")]
    if len(attempts) > 1:
        log.warn(f"{len(attempts)} attempts; only the last is read")
    return tried[-1] if tried else row


def _list(row: Mapping[str, Any], field: str, log: EventLog) -> Sequence[Any]:
    value = row.get(field)
    if value is not None and not isinstance(value, list):
        log.warn(f"{field} is not a list; it is left out")
    return value if isinstance(value, list) else ()


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _record_instructions(log: EventLog, history: Sequence[Mapping[str, Any]]) -> None:
    """What the model was told before its first step: the system's words, demonstrations, the task."""
    for item in history:
        demonstrated = item.get("is_demo") is True or "demo" in _texts(item.get("tags"))
        if item.get("role") == "assistant" and not demonstrated:
            return
        content = content_blocks(item.get("content"))
        if content:
            by_user = item.get("role") == "user" and not demonstrated
            log.add("user.message" if by_user else "system.message", {"content": content})


def _texts(value: Any) -> Sequence[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else ()


def _calls(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The main agent's answers, in which newer versions keep the calls as the model made them."""
    answers = [item for item in history if item.get("role") == "assistant" and item.get("is_demo") is not True]
    main = answers[0].get("agent") if answers else None
    return [item for item in answers if item.get("agent") == main]


def _record_step(log: EventLog, step: Mapping[str, Any], answer: Mapping[str, Any], place: str) -> None:
    same = as_text(answer.get("action")).strip() == as_text(step.get("action")).strip()
    for block in _blocks(answer if same else step):
        log.add("agent.thinking", {"content": text_content(block)})
    thought, action = as_text(step.get("thought")).strip(), as_text(step.get("action"))
    if not thought and not action.strip():
        thought = as_text(step.get("response")).strip()
    if thought:
        log.add("agent.thinking", {"content": text_content(thought)})
    called = _called(answer) if same else None
    call = None
    if called is not None:
        call = log.tool_use(called.name, called.arguments, called.call_id or None)
    elif action.strip():
        call = log.tool_use(_name(action), {"command": action.rstrip("\n")})
    observation = step.get("observation")
    if observation is None and call is None:
        log.warn(f"{place} has neither action nor observation")
    elif call is not None and observation is not None:
        log.tool_result(call, content_blocks(observation), None)
    elif observation:
        log.add("system.message", {"content": content_blocks(observation)})  # of an answer that could not be parsed


def _blocks(holder: Mapping[str, Any]) -> Iterator[str]:
    given = holder.get("thinking_blocks")
    for block in given if isinstance(given, list) else ():
        if isinstance(block, Mapping) and (text := as_text(block.get("thinking"))):
            yield text


def _called(answer: Mapping[str, Any]) -> Called | None:
    given = answer.get("tool_calls")
    found = [part for call in given for part in call_of(call)] if isinstance(given, list) else []
    return found[0] if len(found) == 1 and isinstance(found[0], Called) else None


def _name(action: str) -> str:
    first = action.split(maxsplit=1)[0]
    return first if first in _COMMANDS else _SHELL


def _is_whole(step: Any) -> bool:
    return isinstance(step, Mapping) and {"action", "observation", "thought"} <= step.keys()


def _session(row: Mapping[str, Any], info: Mapping[str, Any], record: RawRecord, steps: Sequence[Any]) -> Session:
    replay = row.get("replay_config")
    if isinstance(replay, str):
        try:
            replay = decode_json(replay)
        except ImportFormatError:
            replay = None
    config = _object(replay)
    agent = _object(config.get("agent"))
    version = as_text(info.get("swe_agent_version"))
    environment = as_text(row.get("environment"))
    folder = record.context.get("folder", "")
    metadata = end_of(info) | ({"environment": environment} if environment else {})
    if _SETTINGS.search(folder):
        metadata["run"] = folder  # model, data and settings, as SWE-agent names the folders of its runs
    task = task_of(record, _object(config.get("problem_statement")), row)
    first = _object(steps[0]) if steps else {}
    return Session(
        id=run_id(task, first) if first.get("execution_time") else "",
        source="swe-agent",
        agent="swe-agent",
        agent_version=version or None,
        model=model_of(record, _object(agent.get("model")).get("name")),
        task_id=task,
        metadata=metadata,
    )
