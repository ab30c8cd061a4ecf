"""Working with other agents: the tools of a coordinator and of those it calls in, and what their calls come to.

Each call is one transition of the session, so that a call that has no result has done nothing and may be run again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from reverie.ids import derived_id
from reverie.runtime.check_threads import MOST_MEMBERS
from reverie.runtime.criteria import reminder, verdict
from reverie.runtime.live_state import ChildThread, LiveState, PendingCall, ThreadPart, Transition
from reverie.runtime.reply_events import result_event
from reverie.runtime.role import Role, Roles, role_names, roles_in
from reverie.runtime.role_task import AUTO, Task, read_task
from reverie.runtime.threads import RECEIVED, count_reminder, find_child, post, rest, runs
from reverie.teams import cross_check
from reverie.teams.draw_log import DRAW_FIELD, LoggedChoice, read_wish
from reverie.turn_model import ToolDefinition

MOST_THREADS = 25
"""Threads of agents that were called in, at a time; archived ones do not count."""
ROLE_FIELD = "reverie_role"
"""Of a ``session.thread_created`` event as stored; the wire does not know it."""
_NO_PART = ThreadPart()
_TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1}


class DrawnAgent(msgspec.Struct, frozen=True):
    """An agent that was drawn for a task, and the draw as the log keeps it."""

    agent: str
    choice: LoggedChoice


Router = Callable[[str, Sequence[str], LiveState], DrawnAgent]
"""Draws for the thread of an id, from those who may be given its task, as their session stands."""


class Lacking(msgspec.Struct, frozen=True):
    """How the report of a thread that fills a role with criteria was found."""

    missing: tuple[str, ...]
    """What it lacks; nothing where it has all."""
    reminders: int
    """How often the agent may be told."""

    @property
    def note(self) -> str:
        """What whoever asked is told of the report."""
        return verdict(self.missing)


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
_ROLES = (
    " Where a role fits, give role and its fields instead: the brief is written of them, and task is added to it; "
    "agent may then be left out. Without a role, give agent and task."
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
    draws, roles = read_wish(agent.get("metadata") or {}).is_on, roles_in(agent).roles
    first, *others = COORDINATOR_TOOLS
    if roles:
        names = {"type": "string", "enum": [role.name for role in roles]}
        properties = {**first.input_schema["properties"], "role": names, "fields": {"type": "object"}}
        schema = {**first.input_schema, "properties": properties, "required": []}
        first = ToolDefinition(first.name, first.description + _ROLES, schema)
    if draws:
        first = ToolDefinition(first.name, first.description + _DRAWS, first.input_schema)
    return (first, *others)


def may_check(agent: Mapping[str, Any]) -> bool:
    """Whether an agent has enough others on its roster to check answers with."""
    return len(roster(agent)) > 1


def colleagues(agent: Mapping[str, Any]) -> str:
    """Which agents may be called in, for the system prompt; ``''`` for none."""
    known = roster(agent)
    if not known:
        return ""
    lines = [f"- {name}: {entry.get('description') or 'no description'}" for name, entry in known.items()]
    roles = [_about(role, known) for role in roles_in(agent).roles]
    told = ["Roles that you may call them in for:", *roles] if roles else []
    return "\n".join(["You may call in these agents with create_agent, several at a time:", *lines, *told])


def _about(role: Role, known: Mapping[str, Any]) -> str:
    """A role as its coordinator is told of it."""
    fields = [f"{name} ({role.fields[name]})" if name in role.fields else name for name in role.names]
    parts = [
        f"filled by {', '.join(role_names(role, known)) or 'nobody on the roster'}",
        f"fields: {', '.join(fields)}" if fields else "no fields: say all in task",
        f"the brief must say: {', '.join(role.needs)}" if role.needs else "",
    ]
    return f"- {role.name}: {role.description or 'no description'} ({'; '.join(part for part in parts if part)})"


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
    found: Lacking | None = None,
) -> None:
    """Do what a call of a delegation tool asks for, and answer it.

    Args:
        transition: of a session whose thread the call is of; it runs.
        name: the tool.
        given: the call's input.
        agent: the session's own agent.
        router: what draws an agent where the call leaves it open; None where it may not.
        found: of a result that is handed in for a role with criteria, what it lacks.
    """
    problem = _problem(name, given)
    if problem:
        _answer(transition, call, problem, is_error=True)
        return
    match name:
        case "create_agent":
            _create(transition, call, given, agent, router)
        case "send_to_agent":
            _send(transition, call, given["thread"], given["message"])
        case "wait_for_agents":
            _wait(transition, call, given.get("threads") or ())
        case "list_agents":
            _list(transition, call, agent)
        case "submit_result":
            _submit(transition, call, given["result"], found)
        case _:
            post(transition, call.thread_id, None, given["message"])
            _answer(transition, call, "Sent.")


def _problem(name: str, given: Mapping[str, Any]) -> str | None:
    """What is wrong with a call's input, in words that the agent can act on."""
    schema = next(tool for tool in (*COORDINATOR_TOOLS, *CHILD_TOOLS) if tool.name == name).input_schema
    for field in () if name == "create_agent" else schema["required"]:
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


def _submit(transition: Transition, call: PendingCall, result: str, found: Lacking | None) -> None:
    """Hand a result in; one that lacks something is given back as often as the role says."""
    child = find_child(transition.state, call.thread_id or "")
    if found is not None and found.missing and child is not None and child.part.reminders < found.reminders:
        count_reminder(transition, child)
        _answer(transition, call, f"Not handed in. {reminder(found.missing)}", is_error=True)
        return
    note = found.note if found is not None else ""
    _answer(transition, call, "Handed in.")
    if not rest(transition, call.thread_id, report=result, note=note):
        # A message came meanwhile: the result is handed in, and the work goes on with the message.
        post(transition, call.thread_id, None, result, note)


def _create(
    transition: Transition,
    call: PendingCall,
    given: Mapping[str, Any],
    agent: Mapping[str, Any],
    router: Router | None,
) -> None:
    task = read_task(given, agent, roster(agent), draws=router is not None)
    if isinstance(task, str):
        _answer(transition, call, task, is_error=True)
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
    drawn = router(thread_id, task.candidates, state) if task.agent is None and router is not None else None
    about = call_in(transition, thread_id, *_whom(task, drawn, roles_in(agent)), drawn)
    begun = runs(transition.state, thread_id)
    role = {} if task.role is None else {"role": task.role.name}
    _answer_json(transition, call, {**about, **role, "status": "running" if begun else "queued"})


def _whom(task: Task, drawn: DrawnAgent | None, roles: Roles) -> tuple[str, str, ThreadPart, tuple[str, ...] | None]:
    """Who is called in, with which brief, for what, and with which tools alone."""
    name = task.agent or (drawn.agent if drawn is not None else task.candidates[0])
    return name, task.brief, task.part(roles, name), None if task.role is None else task.role.tools


def has_places(transition: Transition, count: int) -> bool:
    """Whether so many more agents may be called in."""
    there = sum(not thread.archived and thread.status != "terminated" for thread in transition.state.threads)
    return there + count <= MOST_THREADS


def call_in(
    transition: Transition,
    thread_id: str,
    name: str,
    task: str,
    part: ThreadPart = _NO_PART,
    tools: tuple[str, ...] | None = None,
    drawn: DrawnAgent | None = None,
) -> dict[str, str]:
    """Begin a thread of an agent and give it its task; the thread as results name it.

    Args:
        part: what it is there for, and how many like it may run.
        tools: of the agent's, those that it has there; None for all.
        drawn: how the agent was chosen, where the router chose it; kept with the event.
    """
    placed = msgspec.structs.replace(part, place=transition.state.event_count + len(transition.events))
    transition.change(threads=(*transition.state.threads, ChildThread(thread_id, name, part=placed)))
    transition.threads.append((thread_id, name))
    if tools is not None:
        transition.tools[thread_id] = tools
    transition.notices.append("session.thread_created")
    about = {"session_thread_id": thread_id, "agent_name": name}
    payload: dict[str, Any] = {**about, "workflow_run_id": None}
    if part.role:
        payload[ROLE_FIELD] = part.role
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
    works = any(state.running_children)  # else those that queue wait for the user, too
    awaited = [
        child.id
        for child in state.threads
        if (runs(state, child.id) or (works and child.part.queued is not None)) and (not threads or child.id in threads)
    ]
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
    threads = [{"thread": one.id, "agent": one.agent_name, "status": _stands(one)} for one in transition.state.threads]
    _answer_json(transition, call, {"agents": agents, "threads": threads})


def _stands(thread: ChildThread) -> str:
    if thread.archived:
        return "archived"
    return "queued" if thread.part.queued is not None else thread.status
