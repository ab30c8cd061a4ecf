"""A run of an agent or a team: from its messages to a session."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.importers.autogen.message import Message, chat_messages, context_messages, is_user, old_messages
from reverie.sessions.importers.draft import Draft, EventLog, as_text, usage_payload
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.messages import record_messages
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.session import Session


def parse_autogen(record: RawRecord) -> Draft:
    """Read one session: a result, state or chat history, or the messages that are a file's lines or elements.

    Raises:
        ImportFormatError: it holds no message that can be read.
    """
    log = EventLog()
    found = list(_values(record.data, log))
    if len(found) == 1 and "content" not in found[0]:
        return _of_run(found[0], log)
    results = [one for one in found if isinstance(one.get("messages"), list)]
    said = [one for one in found if "content" in one]
    known = {as_text(one.get("id")) for one in said}
    if not said or known != {""}:  # a result repeats the messages before it
        told = [one for row in results for one in row["messages"] if isinstance(one, dict)]
        said += [one for one in told if as_text(one.get("id")) not in known]
    if any("source" in one for one in said):
        return _from_messages(log, said, results[-1] if results else {})
    return _draft(log, list(old_messages(said)), "", "messages", {})


def _of_run(row: Mapping[str, Any], log: EventLog) -> Draft:
    if isinstance(row.get("chat_history"), list):
        draft = _draft(log, list(old_messages(row["chat_history"])), "", "chat_history", {})
        if usage := _old_cost(row.get("cost")):
            log.add("span.model_request_end", usage_payload(usage))
        return draft
    if isinstance(row.get("messages"), list):
        return _from_messages(log, row["messages"], row)
    thread = next(_threads(row), None)
    if thread is not None:
        return _from_messages(log, thread, row)
    contexts = [(name, held) for name, held in _contexts(row, "") if held]
    if not contexts:
        raise ImportFormatError("the state holds no messages")
    _, held = max(contexts, key=lambda pair: len(pair[1]))
    if len(contexts) > 1:
        log.warn(f"the state has no thread of all messages; of {len(contexts)} agents the longest context is kept")
    messages = [said for one in held if isinstance(one, dict) for said in context_messages(one)]
    return _draft(log, messages, "", "llm_context.messages", {})


def _values(data: bytes, log: EventLog) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON value, a list or lines."""
    first = data.lstrip().partition(b"\n")[0].rstrip()
    if first in (b"{", b"[") or first.startswith(b"[") or b"\n" not in data.strip():
        value = decode_json(data)
        found = value if isinstance(value, list) else [value]
        yield from (one for one in found if isinstance(one, dict))
        return
    yield from _lines(data, log)


def _lines(data: bytes, log: EventLog) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            value = decode_json(line)
        except ImportFormatError as error:
            log.warn(f"{error}; the line is left out", number)
            continue
        if isinstance(value, dict):
            yield value
        else:
            log.warn("the line is no object; it is left out", number)


def _from_messages(log: EventLog, given: Sequence[Any], row: Mapping[str, Any]) -> Draft:
    unknown: list[str] = []
    once = {as_text(one.get("id")) or f"#{n}": one for n, one in enumerate(given) if isinstance(one, dict)}
    messages = [said for one in once.values() for said in chat_messages(one, unknown)]
    for kind, number in Counter(unknown).items():
        log.warn(f"{number} × a message of type {kind[:60]!r}, not known: kept as what its source said")
    first = next((as_text(one.get("id")) for one in once.values()), "")
    stop = row.get("stop_reason")
    return _draft(log, messages, first, "messages", {"stop_reason": stop} if isinstance(stop, str) else {})


def _draft(log: EventLog, messages: list[Message], first: str, field: str, metadata: dict[str, str]) -> Draft:
    if not messages:
        raise ImportFormatError(f"{field} holds no message")
    agent = next((one["name"] for one in messages if isinstance(one, dict) and _speaks(one)), "")
    record_messages(log, [_of_first(one, agent) for one in messages], field)
    times = [event.at for event in log.events if event.at is not None]
    session = Session(
        id=f"autogen:{first}" if first else "",
        source="autogen",
        agent=agent or "autogen",
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        metadata=metadata,
    )
    return Draft(session, log)


def _of_first(message: Any, agent: str) -> Any:
    """The message; of the agent that speaks first without its name: it has the primary thread, whoever joins later."""
    if isinstance(message, dict) and agent and message.get("role") == "assistant" and message.get("name") == agent:
        return {field: value for field, value in message.items() if field != "name"}
    return message


def _speaks(message: Mapping[str, Any]) -> bool:
    name = message.get("name")
    return message.get("role") == "assistant" and isinstance(name, str) and name != "" and not is_user(name)


def _threads(state: Any) -> Iterator[Sequence[Any]]:
    """The messages that all of a team have, outermost first."""
    if not isinstance(state, dict):
        return
    if isinstance(state.get("message_thread"), list) and state["message_thread"]:
        yield state["message_thread"]
    agents = state.get("agent_states")
    for agent in agents.values() if isinstance(agents, dict) else ():
        yield from _threads(agent)


def _contexts(state: Any, name: str) -> Iterator[tuple[str, Sequence[Any]]]:
    """What each agent's model has before it."""
    if not isinstance(state, dict):
        return
    context = state.get("llm_context")
    if isinstance(context, dict) and isinstance(context.get("messages"), list):
        yield name, context["messages"]
    inner = state.get("agent_state")
    yield from _contexts(inner, name)
    agents = state.get("agent_states")
    for one, agent in agents.items() if isinstance(agents, dict) else ():
        yield from _contexts(agent, one)


def _old_cost(cost: Any) -> dict[str, Any]:
    """The sum of what a chat of version 0.2 used, of all models, without what a cache answered."""
    told = cost.get("usage_excluding_cached_inference", cost) if isinstance(cost, dict) else {}
    models = [one for one in told.values() if isinstance(one, dict)] if isinstance(told, dict) else []
    names = ("prompt_tokens", "completion_tokens", "cost")
    numbers = {name: [one[name] for one in models if isinstance(one.get(name), int | float)] for name in names}
    return {name: sum(found) for name, found in numbers.items() if found}
