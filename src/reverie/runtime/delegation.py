"""Working with other agents: the tools of a coordinator and of those it calls in, and what their calls come to.

Each call is one transition of the session, so that a call that has no result has done nothing and may be run again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from reverie.ids import derived_id
from reverie.runtime.check_threads import MOST_MEMBERS
from reverie.runtime.live_state import ChildThread, PendingCall, Transition
from reverie.runtime.reply_events import result_event
from reverie.runtime.threads import RECEIVED, find_child, post, rest, runs
from reverie.teams import cross_check
from reverie.teams.draw_log import DRAW_FIELD, LoggedChoice, read_wish
from reverie.turn_model import ToolDefinition

MOST_THREADS = 25
"""Threads of agents that were called in, at a time; archived ones do not count."""
AUTO = "auto"
"""Names no agent: one is drawn, where the coordinator's metadata has routing on."""
_TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1}


class DrawnAgent(msgspec.Struct, frozen=True):
    """An agent that was drawn for a task, and the draw as the log keeps it."""

    agent: str
    choice: LoggedChoice


Router = Callable[[str, Sequence[str]], DrawnAgent]
"""Draws for the thread of an id, from a roster."""


def _tool(name: str, description: str, *required: str, **optional: Mapping[str, Any]) -> ToolDefinition:
    properties = {**dict.fromkeys(required, _TEXT), **optional}
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return ToolDefinition(name, description, schema)


COORDINATOR_TOOLS = (
    _tool(
        "create_agent",
        "Call an agent in and give it a task. It works on its own, side by side with you and with others; it sees "
        "nothing of your conversation, so say all it needs. Its report reaches you as a message.",
        "agent",
        "task",
    ),
    _tool(
        "send_to_agent",
        "Send a message to an agent that was called in, by its thread's id. It remembers what it did before.",
        "thread",
        "message",
    ),
    _tool(
        "wait_for_agents",
        "Do nothing until an agent reports; without threads, any that runs. Call it when you cannot go on without one.",
        threads={"type": "array", "items": _TEXT},
    ),
    _tool("list_agents", "List the agents that may be called in, and the threads of those that were."),
)
CROSS_CHECK = _tool(
    cross_check.TOOL,
    "Put one question to several agents at once, each on its own, and get the answer that more than half of them gave; "
    "where there is none, a judge's choice. Ask for one short answer that can be compared (a number, a name, a list, "
    "JSON), and say all that is needed to find it. The result says how often such agreement was right, where that is "
    "known: agents that agree may still be wrong.",
    "question",
    n={"type": "integer", "minimum": 2, "maximum": MOST_MEMBERS, "description": "How many are asked; 3 by default."},
    agents={"type": "array", "items": _TEXT, "description": "Who is asked; by default those with different models."},
)
CHILD_TOOLS = (
    _tool("submit_result", "Hand in the result of your task, whole. Your work ends with it.", "result"),
    _tool("send_to_parent", "Tell the agent that called you in something before you are done.", "message"),
)
_DRAWS = (
    f' With agent "{AUTO}", unless one has that name, one is drawn that does such tasks well: use it where you have no '
    "reason to choose."
)
_LAST = ("wait_for_agents", "submit_result")
"""Tools after whose calls a thread may rest, so that they come after the others of a reply."""


def roster(agent: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The agents that an agent may call in, by name; where two have one name, the later is named with its id."""
    multiagent = agent.get("multiagent") or {}
    if multiagent.get("type") == "coordinator":
        entries = multiagent.get("agents") or ()
    else:
        entries = (multiagent.get("subagents") or {}).get("predefined_agents") or ()
    found: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        if "name" in entry:
            name = entry["name"] if entry["name"] not in found else f"{entry['name']} ({entry['id']})"
            found[name] = entry
    return found


def delegation_tools(agent: Mapping[str, Any], thread_id: str | None) -> tuple[ToolDefinition, ...]:
    """The tools to work with other agents of an agent in its thread; a tool of the agent's own name goes before."""
    own = {tool.get("name") for tool in agent.get("tools") or ()}
    offered = (_coordinator_tools(agent) if roster(agent) else ()) if thread_id is None else CHILD_TOOLS
    if thread_id is None and may_check(agent) and cross_check.read_choice(agent.get("metadata") or {}) is not None:
        offered = (*offered, CROSS_CHECK)
    return tuple(tool for tool in offered if tool.name not in own)


def _coordinator_tools(agent: Mapping[str, Any]) -> tuple[ToolDefinition, ...]:
    if not read_wish(agent.get("metadata") or {}).is_on:
        return COORDINATOR_TOOLS
    first, *others = COORDINATOR_TOOLS
    return (msgspec.structs.replace(first, description=first.description + _DRAWS), *others)


def may_check(agent: Mapping[str, Any]) -> bool:
    """Whether an agent has enough others on its roster to check answers with."""
    return len(roster(agent)) > 1


def colleagues(agent: Mapping[str, Any]) -> str:
    """Which agents may be called in, for the system prompt; ``''`` for none."""
    known = roster(agent)
    if not known:
        return ""
    lines = [f"- {name}: {entry.get('description') or 'no description'}" for name, entry in known.items()]
    return "\n".join(["You may call in these agents with create_agent, several at a time:", *lines])


def in_order(names: Sequence[str]) -> list[int]:
    """The places of calls in the order in which they are run: those after which a thread may rest come last."""
    return sorted(range(len(names)), key=lambda place: names[place] in _LAST)


def delegate(
    transition: Transition,
    call: PendingCall,
    name: str,
    given: Mapping[str, Any],
    agent: Mapping[str, Any],
    router: Router | None = None,
) -> None:
    """Do what a call of a delegation tool asks for, and answer it.

    Args:
        transition: of a session whose thread the call is of; it runs.
        name: the tool.
        given: the call's input.
        agent: the session's own agent.
        router: what draws an agent where the call leaves it open; None where it may not.
    """
    problem = _problem(name, given)
    if problem:
        _answer(transition, call, problem, is_error=True)
        return
    match name:
        case "create_agent":
            _create(transition, call, given["agent"], given["task"], agent, router)
        case "send_to_agent":
            _send(transition, call, given["thread"], given["message"])
        case "wait_for_agents":
            _wait(transition, call, given.get("threads") or ())
        case "list_agents":
            _list(transition, call, agent)
        case "submit_result":
            _answer(transition, call, "Handed in.")
            if not rest(transition, call.thread_id, report=given["result"]):
                # A message came meanwhile: the result is handed in, and the work goes on with the message.
                post(transition, call.thread_id, None, given["result"])
        case _:
            post(transition, call.thread_id, None, given["message"])
            _answer(transition, call, "Sent.")


def _problem(name: str, given: Mapping[str, Any]) -> str | None:
    """What is wrong with a call's input, in words that the agent can act on."""
    schema = next(tool for tool in (*COORDINATOR_TOOLS, *CHILD_TOOLS) if tool.name == name).input_schema
    for field in schema["required"]:
        value = given.get(field)
        if not isinstance(value, str) or not value.strip():
            return f"{field}: give a text; it is needed."
    threads = given.get("threads")
    if name == "wait_for_agents" and threads is not None and not _is_texts(threads):
        return "threads: give a list of thread ids, or leave it out."
    return None


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _answer(transition: Transition, call: PendingCall, text: str, *, is_error: bool = False) -> None:
    answer(transition, call, [{"type": "text", "text": text}], is_error=is_error)


def answer(
    transition: Transition, call: PendingCall, content: Sequence[Mapping[str, Any]], *, is_error: bool = False
) -> None:
    """Give a call its result."""
    event = result_event(call.type, call.event_id, content, is_error=is_error)
    transition.add(event.pop("type"), event, thread_id=call.thread_id)
    transition.change(pending=tuple(one for one in transition.state.pending if one.event_id != call.event_id))


def _answer_json(transition: Transition, call: PendingCall, value: Any) -> None:
    _answer(transition, call, msgspec.json.encode(value).decode())


def _create(
    transition: Transition,
    call: PendingCall,
    name: str,
    task: str,
    agent: Mapping[str, Any],
    router: Router | None,
) -> None:
    known = roster(agent)
    draws = router if name == AUTO and name not in known else None
    if name not in known and draws is None:
        known_names = ", ".join(known)
        _answer(
            transition,
            call,
            f"agent: there is no agent {name!r} to call in. Name one of: {known_names}.",
            is_error=True,
        )
        return
    if not has_places(transition, 1):
        text = (
            f"There are {MOST_THREADS} threads already, which is the limit. Give the task to one of them with "
            "send_to_agent, or have an idle thread archived."
        )
        _answer(transition, call, text, is_error=True)
        return
    state = transition.state
    thread_id = derived_id("sthr", state.session_id, str(state.event_count + len(transition.events)))
    drawn = None if draws is None else draws(thread_id, tuple(known))
    about = call_in(transition, thread_id, name if drawn is None else drawn.agent, task, drawn)
    _answer_json(transition, call, {**about, "status": "running"})


def has_places(transition: Transition, count: int) -> bool:
    """Whether so many more agents may be called in."""
    there = sum(not thread.archived and thread.status != "terminated" for thread in transition.state.threads)
    return there + count <= MOST_THREADS


def call_in(
    transition: Transition, thread_id: str, name: str, task: str, drawn: DrawnAgent | None = None
) -> dict[str, str]:
    """Begin a thread of an agent and give it its task; the thread as results name it.

    Args:
        drawn: how the agent was chosen, where the router chose it; kept with the event.
    """
    transition.change(threads=(*transition.state.threads, ChildThread(thread_id, name)))
    transition.threads.append((thread_id, name))
    transition.notices.append("session.thread_created")
    about = {"session_thread_id": thread_id, "agent_name": name}
    payload: dict[str, Any] = {**about, "workflow_run_id": None}
    if drawn is not None:
        payload[DRAW_FIELD] = msgspec.to_builtins(drawn.choice)
    transition.add("session.thread_created", payload, thread_id=thread_id)
    post(transition, None, thread_id, task)
    return about


def _send(transition: Transition, call: PendingCall, thread_id: str, message: str) -> None:
    if find_child(transition.state, thread_id) is None:
        known = ", ".join(one.id for one in transition.state.threads if find_child(transition.state, one.id)) or "none"
        _answer(
            transition,
            call,
            f"thread: there is no thread {thread_id!r} that goes on; there are: {known}.",
            is_error=True,
        )
        return
    post(transition, None, thread_id, message)
    _answer(transition, call, "Sent.")


def _wait(transition: Transition, call: PendingCall, threads: Sequence[str]) -> None:
    """Answered at once; the thread rests until a message wakes it, unless one is there or nobody runs."""
    state = transition.state
    unknown = [thread for thread in threads if find_child(state, thread) is None]
    if unknown:
        _answer(transition, call, f"threads: there is no thread {unknown[0]!r} that goes on.", is_error=True)
        return
    if any(waiting.thread_id is None and waiting.type == RECEIVED for waiting in state.waiting):
        _answer(transition, call, "There are messages already; they follow.")
        return
    awaited = [child.id for child in state.threads if runs(state, child.id) and (not threads or child.id in threads)]
    stuck = [
        child.id for child in state.threads if any(one.thread_id == child.id and one.blocks for one in state.pending)
    ]
    if not awaited:
        waits = f" These wait for the user: {', '.join(stuck)}." if stuck else ""
        _answer(transition, call, f"Nobody is running, so nobody will report.{waits}")
        return
    _answer(transition, call, f"Waiting for {len(awaited)} of your agents. Their messages follow.")
    rest(transition, None)


def _list(transition: Transition, call: PendingCall, agent: Mapping[str, Any]) -> None:
    agents = [{"agent": name, "description": entry.get("description")} for name, entry in roster(agent).items()]
    threads = [
        {"thread": one.id, "agent": one.agent_name, "status": "archived" if one.archived else one.status}
        for one in transition.state.threads
    ]
    _answer_json(transition, call, {"agents": agents, "threads": threads})
