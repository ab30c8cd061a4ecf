"""What a call of ``create_agent`` asks for: to whom, with what brief; refused where the brief cannot be worked on."""

from collections.abc import Mapping
from string import Template
from typing import Any

import msgspec

from reverie.digests.brief import brief_parts
from reverie.runtime.live_state import ThreadPart
from reverie.runtime.role import Role, Roles, role_names, roles_in

AUTO = "auto"
"""Names no agent: one is drawn, where the coordinator's metadata has routing on."""
HINTS: Mapping[str, str] = {
    "goal": "what is wanted, such as “Goal: …”",
    "constraints": "what must or must not be done, such as “Only …, never …”",
    "inputs": "what to work on, named exactly, such as “`path/to/file.csv`”",
    "done": "when it is done, or how it is checked, such as “Done when …”",
    "format": "the form of the answer, such as “Answer in one line”",
    "limits": "what it may take, such as “At most …”",
}
"""What is told of a part that a brief lacks, in words that :func:`brief_parts` knows."""


class Task(msgspec.Struct, frozen=True):
    """A task as it is given out."""

    brief: str
    candidates: tuple[str, ...]
    """Agents that may be given it, as the roster names them."""
    agent: str | None
    """Who is given it; None: one of the candidates is drawn."""
    role: Role | None = None

    def part(self, roles: Roles, name: str) -> ThreadPart:
        """What the thread of an agent of that name is there for."""
        return part_of(roles, name, self.role)


def part_of(roles: Roles, name: str, role: Role | None = None) -> ThreadPart:
    """What a thread of an agent is there for, and how many like it may run."""
    of_agent = roles.most_running.get(name, 0)
    return ThreadPart(of_agent=of_agent) if role is None else ThreadPart(role.name, role.most_running or 0, of_agent)


def is_left_open(given: Mapping[str, Any]) -> bool:
    """Whether a call leaves to the router who is given the task."""
    return given.get("agent") == AUTO or (given.get("agent") is None and isinstance(given.get("role"), str))


def read_task(
    given: Mapping[str, Any], agent: Mapping[str, Any], known: Mapping[str, Any], *, draws: bool
) -> Task | str:
    """The task of a call; a text is what is wrong with it, in words that the coordinator can act on.

    Args:
        agent: the coordinator, with its roles.
        known: its roster by name.
        draws: whether an agent may be drawn.
    """
    problem = _texts_problem(given)
    if problem:
        return problem
    roles = roles_in(agent)
    role = roles.find(given["role"]) if given.get("role") is not None else None
    if given.get("role") is not None and role is None:
        there = ", ".join(one.name for one in roles.roles)
        return f"role: there is no role {given['role']!r}; " + (f"there are: {there}." if there else "there are none.")
    brief = _plain(given) if role is None else _filled(role, given)
    if isinstance(brief, _Refusal):
        return brief.text
    candidates = tuple(known) if role is None else role_names(role, known)
    chosen = _chosen(given.get("agent"), known, candidates, role, draws=draws)
    return chosen.text if isinstance(chosen, _Refusal) else Task(brief, candidates, chosen, role)


class _Refusal(msgspec.Struct, frozen=True):
    text: str


def _texts_problem(given: Mapping[str, Any]) -> str | None:
    for name in ("agent", "task", "role"):
        value = given.get(name)
        if value is not None and not (isinstance(value, str) and value.strip()):
            return f"{name}: give a text; it is needed." if name != "role" else "role: give the name of a role."
    fields = given.get("fields")
    if fields is not None and not isinstance(fields, Mapping):
        return "fields: give an object with a text for each field of the role."
    if fields and given.get("role") is None:
        return "fields: they belong to a role; name it with role, or say all in task."
    return None


def _plain(given: Mapping[str, Any]) -> "str | _Refusal":
    for name in ("agent", "task"):
        if given.get(name) is None:
            return _Refusal(f"{name}: give a text; it is needed.")
    return str(given["task"])


def _filled(role: Role, given: Mapping[str, Any]) -> "str | _Refusal":
    """The brief of a role's template and task; refused with all that is missing at once."""
    fields: Mapping[str, Any] = given.get("fields") or {}
    missing = [name for name in role.names if not _text(fields.get(name)).strip()]
    unknown = [name for name in fields if name not in role.names]
    if missing or unknown:
        words = [f"missing: {', '.join(missing)}"] if missing else []
        words += [f"unknown: {', '.join(map(str, unknown))}"] if unknown else []
        there = f"its fields are {', '.join(role.names)}" if role.names else "it has none"
        return _Refusal(f"fields: the brief of the role {role.name} cannot be written; {'; '.join(words)} ({there}).")
    rendered = Template(role.brief).substitute({name: _text(fields[name]) for name in role.names})
    brief = "\n\n".join(text for text in (rendered.strip(), given.get("task") or "") if text)
    if not brief:
        return _Refusal("task: give a text; it is needed.")
    lacking = [part for part in role.needs if part not in brief_parts(brief)]
    if lacking:
        listed = "; ".join(f"{part}: {HINTS[part]}" for part in lacking)
        return _Refusal(f"task: nobody was called in, for the brief does not say: {listed}. Say it in task or fields.")
    return brief


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _chosen(
    name: str | None, known: Mapping[str, Any], candidates: tuple[str, ...], role: Role | None, *, draws: bool
) -> "str | _Refusal | None":
    """Who is given a task; None: one of the candidates is drawn."""
    if not candidates:
        assert role is not None
        return _Refusal(f"role: nobody on the roster may fill the role {role.name} now: {', '.join(role.agents)}.")
    if name is None and len(candidates) == 1:
        return candidates[0]
    if draws and (name is None or (name == AUTO and AUTO not in known)):
        return None
    if name in candidates:
        return name
    listed = ", ".join(candidates)
    if name is None:
        return _Refusal(f"agent: several may fill this role. Name one of: {listed}.")
    if name in known and role is not None:
        return _Refusal(f"agent: {name!r} may not fill the role {role.name}. Name one of: {listed}.")
    return _Refusal(f"agent: there is no agent {name!r} to call in. Name one of: {listed}.")
