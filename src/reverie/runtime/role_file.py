"""Reading roles: from YAML or from what a request holds, with errors that name role and field."""

from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

import msgspec

from reverie.digests.predicate import searcher
from reverie.errors import InputError
from reverie.lazy_modules import load_module
from reverie.runtime.built_in_tool import BUILT_IN_TOOLS
from reverie.runtime.role import Criterion, Role, Roles
from reverie.runtime.yaml_record import choices_in, convert, load_yaml, near_field, plain_document, refusals

MOST_ROLES = 50
_PAGE = "docs/teams.md"
_CHOICES = choices_in((Role, Criterion))
_LOOKS = ("contains", "pattern", "schema")
_KEPT = frozenset({"const"})
"""Fields of schemas that say something by being null."""


def load_roles(text: str, source: str) -> Roles:
    """The roles that a YAML text describes; JSON is YAML.

    Raises:
        InputError: it describes none; the message names the source, the role and the field.
    """
    return read_roles_document(load_yaml(text, source), source)


def read_roles_document(document: Any, source: str = "roles") -> Roles:
    """The roles that a document describes.

    Raises:
        InputError: it describes none; the message names the source, the role and the field.
    """
    if isinstance(document, list):
        document = {"roles": document}
    if not isinstance(document, Mapping):
        raise InputError(f"{source}: must hold `roles:` with a list of roles")
    given = document.get("roles")
    if given is not None and not isinstance(given, list | tuple):
        raise InputError(f"{source}: roles: must be a list; begin each role with a dash")
    if given and len(given) > MOST_ROLES:
        raise InputError(f"{source}: roles: {len(given)} roles; at most {MOST_ROLES}")
    read = tuple(_read_role(one, f"{source}: {_called(one, place)}") for place, one in enumerate(given or ()))
    names = [role.name.casefold() for role in read]
    for place, role in enumerate(read):
        if role.name.casefold() in names[:place]:
            raise InputError(f"{source}: role {role.name}: name: another role has it; give each its own")
    rest = {name: value for name, value in document.items() if name != "roles" and value is not None}
    roles: Roles = convert(rest, Roles, source, lambda name, _: near_field(name, Roles, _PAGE), _CHOICES)
    return msgspec.structs.replace(roles, roles=read)


def check_roster(roles: Roles, names: Mapping[str, Any], source: str = "roles") -> None:
    """Accept roles that name agents of a roster, and tools that one of those who may fill the role could have.

    Raises:
        InputError: one names another; the message says which, and what there is.
    """
    known = ", ".join(names) or "nobody: the agent is no coordinator"
    for role in roles.roles:
        for name in role.agents:
            if name not in names:
                raise InputError(f"{source}: role {role.name}: agents: {name!r} is not on the roster; known: {known}")
        for tool in role.tools or ():
            may = role.agents or tuple(names)
            if not any(_has(names[name], tool) for name in may):
                raise InputError(
                    f"{source}: role {role.name}: tools: {tool!r} is no tool of {', '.join(may)}; give "
                    f"{', '.join(BUILT_IN_TOOLS)}, a custom tool, mcp__SERVER__TOOL or mcp__SERVER__*"
                )
    for name in roles.most_running:
        if name not in names:
            raise InputError(f"{source}: most_running: {name!r} is not on the roster; known: {known}")


def _has(agent: Mapping[str, Any], tool: str) -> bool:
    """Whether an agent may have a tool of this name; which tools a server has is not known here."""
    servers = (f"mcp__{server['name']}__" for server in agent.get("mcp_servers") or ())
    return (
        tool in BUILT_IN_TOOLS
        or any(one.get("name") == tool for one in agent.get("tools") or () if one["type"] == "custom")
        or any(tool.startswith(prefix) and len(tool) > len(prefix) for prefix in servers)
    )


def roles_document(roles: Roles) -> dict[str, Any]:
    """Roles as they are stored and shown, without what was not said."""
    document: dict[str, Any] = plain_document(msgspec.to_builtins(roles), _KEPT)
    return {"roles": [_said(role) for role in document["roles"]], "most_running": document["most_running"]}


def _said(role: Mapping[str, Any]) -> dict[str, Any]:
    unsaid: tuple[Any, ...] = ("", [], {})
    said = {name: value for name, value in role.items() if value not in unsaid or name == "tools"}
    if said["reminders"] == Role(name="any").reminders:
        del said["reminders"]
    if "done" in said:
        said["done"] = [{name: value for name, value in one.items() if value != ""} for one in said["done"]]
    return said


def _called(given: Any, place: int) -> str:
    """How messages call a role: by its name, else by its place."""
    name = given.get("name") if isinstance(given, Mapping) else None
    return f"role {name}" if isinstance(name, str) and name else f"role number {place + 1}"


def _read_role(given: Any, where: str) -> Role:
    def hint(name: str, field: str) -> str:
        return near_field(name, Criterion if field.startswith("done") else Role, _PAGE)

    if not isinstance(given, Mapping):
        raise InputError(f"{where}: must be a mapping of fields, such as `- name: reader`; see {_PAGE}")
    role: Role = convert(given, Role, where, hint, _CHOICES)
    for field, problem in _problems(role, given):
        raise InputError(f"{where}: {field}: {problem}")
    return role


def _problems(role: Role, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields that are of the right type and say what cannot be, with what is wrong."""
    if not Template(role.brief).is_valid():
        yield "brief", "a $ begins a field, such as $question; write $$ for a dollar"
        return
    for name in role.fields:
        if name not in role.names:
            yield f"fields.{name}", f"brief has no ${name}; its fields are {', '.join(role.names) or 'none'}"
    if len(set(role.agents)) != len(role.agents):
        yield "agents", "names an agent twice"
    if isinstance(given.get("agents"), list | tuple) and not role.agents:
        yield "agents", "nobody may fill the role; name agents of the roster, or leave it out for all of them"
    for number, one in enumerate(role.done):
        place = f"done[{number}]"
        looks = [name for name in _LOOKS if getattr(one, name) is not None]
        if len(looks) != 1:
            yield place, f"give one of {', '.join(_LOOKS)}, not {len(looks)}"
        elif one.contains is not None and not one.contains.strip():
            yield f"{place}.contains", "looks for nothing"
        elif one.pattern is not None:
            yield from refusals(f"{place}.pattern", lambda pattern=one.pattern: searcher(pattern))
        elif one.schema is not None:
            yield from refusals(
                place,
                lambda schema=one.schema: load_module("reverie.runtime.json_shape").check_schema(schema, "schema"),
            )
