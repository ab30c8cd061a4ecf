"""A role of a team as a person declares it: who may fill it, what its brief says, and when it is done.

Roles belong to a coordinator. A session keeps to those that stood when it began.
"""

from collections.abc import Mapping
from string import Template
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

BriefPart = Literal["goal", "constraints", "inputs", "done", "format", "limits"]
"""Parts of :data:`reverie.digests.brief.PARTS`."""
Many = Annotated[int, Meta(ge=1, le=25)]
ROLES = "roles"
"""Under this name a coordinator's definition carries them while its turn is run."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a role; unknown fields are mistakes."""


class Criterion(_Part, frozen=True, kw_only=True):
    """What a report has to show, by one of three looks at its text."""

    contains: str | None = None
    """This text, whatever its case."""
    pattern: str | None = None
    """RE2, looked for whatever its case."""
    schema: Mapping[str, Any] | None = None
    """The report is JSON, perhaps within a code fence, that has this shape; see :mod:`reverie.runtime.json_shape`."""
    says: Annotated[str, Meta(max_length=500)] = ""
    """What is told where it does not hold; by default what was looked for."""


class Role(_Part, frozen=True, kw_only=True):
    """What an agent is called in for."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    description: Annotated[str, Meta(max_length=1000)] = ""
    agents: tuple[str, ...] = ()
    """Names of the roster; by default all of it."""
    brief: Annotated[str, Meta(max_length=20_000)] = ""
    """The task with ``$field`` where the coordinator fills something in; ``$$`` is a dollar. Empty: the task alone."""
    fields: Mapping[str, str] = {}
    """What the fields of ``brief`` mean; those that are not explained here are fields all the same."""
    tools: tuple[str, ...] | None = None
    """Of the agent's tools these and no others; ``mcp__SERVER__TOOL`` or ``mcp__SERVER__*`` for those of servers."""
    needs: tuple[BriefPart, ...] = ()
    """What the brief has to say before anybody is called in."""
    done: tuple[Criterion, ...] = ()
    """What the report has to show."""
    reminders: Annotated[int, Meta(ge=0, le=5)] = 1
    """How often an agent is told what its report lacks, for each task."""
    most_running: Many | None = None
    """Threads of the role that run at once in a session; others queue."""

    @property
    def names(self) -> tuple[str, ...]:
        """The fields of the brief, in the order in which they come."""
        return tuple(dict.fromkeys(Template(self.brief).get_identifiers()))


class Roles(_Part, frozen=True, kw_only=True):
    """The roles of a coordinator, and how many threads of each agent may run at once."""

    roles: tuple[Role, ...] = ()
    most_running: Mapping[str, Many] = {}
    """By the agent's name: threads that run at once in a session, whatever their role; others queue."""

    def find(self, name: str) -> Role | None:
        """The role of a name; None where there is none."""
        return next((role for role in self.roles if role.name == name), None)


NO_ROLES = Roles()


def roles_in(agent: Mapping[str, Any]) -> Roles:
    """The roles that a coordinator's definition carries while its turn is run."""
    found: Roles = agent.get(ROLES) or NO_ROLES
    return found


def role_names(role: Role, known: Mapping[str, Any]) -> tuple[str, ...]:
    """Who of a roster may fill a role; those that have left it may not."""
    return tuple(name for name in role.agents or known if name in known)
