"""Agents and teams: versions, bounds, changes of their own, rules that held, charters, and whom they call in."""

import asyncio
import difflib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec
from starlette.responses import Response

from reverie.api.records import CharterAlarm, RuleFiringListParams, SelfChange, SessionRuleFiring
from reverie.console.links import at, event_at
from reverie.console.listing import older, page_asked, read_list
from reverie.console.page import page
from reverie.console.team_graph import draw_team
from reverie.console.visit import Visit
from reverie.errors import InputError
from reverie.runtime.charter_report import CharterStanding

if TYPE_CHECKING:
    from anthropic.types.beta import BetaManagedAgentsAgent

_ALL = "/console/agents"
_ONE = "/console/agents/{agent_id}"
_LISTED = 25
_VERSIONS = 20
_FIRINGS = 10
_ALARMS = 50
_CHANGES = 20
_MOST_LINES = 400
"""Of a difference between two versions."""
_NOT_DEFINED = ("id", "type", "version", "created_at", "updated_at", "archived_at")
_OPEN = ("trial", "adopted", "frozen")


class AgentLine(msgspec.Struct, frozen=True):
    """An agent in a list."""

    id: str
    href: str
    name: str
    model: str
    version: int
    updated_at: Any
    team: int
    """How many agents it may call in."""
    alarms: int
    is_paused: bool
    archived: bool


class AlarmLine(msgspec.Struct, frozen=True):
    """An alarm of a charter."""

    alarm: CharterAlarm
    session_href: str
    agent_href: str
    """Empty of agents that run elsewhere, which have no page."""
    acknowledge: str


class FiringLine(msgspec.Struct, frozen=True):
    """A rule that held."""

    firing: SessionRuleFiring
    href: str
    """The event that tells of the call."""


class ChangeLine(msgspec.Struct, frozen=True):
    """A change of an agent by itself."""

    change: SelfChange
    trial_href: str
    lessons: tuple[tuple[str, str], ...]
    """Ids and addresses of the lessons that ask for it."""
    can_revert: bool
    revert: str


class DiffLine(msgspec.Struct, frozen=True):
    """A line of a difference."""

    kind: str
    """``added``, ``removed``, ``place`` or ``same``."""
    text: str


@page("GET", _ALL, "agents")
async def agents(visit: Visit) -> Response:
    """The agents, and the alarms that stand."""
    listed = await visit.client.beta.agents.list(limit=_LISTED, extra_query=page_asked(visit))
    alarms = await _alarms(visit, None)
    return visit.show(
        "agents.html",
        agents=[_agent_line(one, alarms) for one in listed.data],
        alarms=[_alarm_line(one) for one in alarms],
        rules=await visit.client.rules(),
        charter=await visit.client.charter(),
        older=older(visit, listed.next_page),
    )


async def _alarms(visit: Visit, agent_id: str | None) -> list[CharterAlarm]:
    """The latest of the alarms that stand."""
    found: list[CharterAlarm] = []
    async for alarm in visit.client.charter_alarms(agent_id=agent_id, standing=True):
        found.append(alarm)
        if len(found) == _ALARMS:
            break
    return found


def _agent_line(agent: "BetaManagedAgentsAgent", alarms: Sequence[CharterAlarm]) -> AgentLine:
    mine = [alarm for alarm in alarms if alarm.agent == agent.id]
    team = definition_of(agent).get("multiagent") or {}
    return AgentLine(
        agent.id,
        at("agents", agent.id),
        agent.name,
        agent.model.id,
        agent.version,
        agent.updated_at,
        len(team.get("agents") or team.get("subagents") or ()),
        len(mine),
        any(alarm.act == "pause" for alarm in mine),
        agent.archived_at is not None,
    )


def _alarm_line(alarm: CharterAlarm) -> AlarmLine:
    return AlarmLine(
        alarm,
        at("sessions", alarm.session_id),
        at("agents", alarm.agent) if alarm.agent.startswith("agent_") else "",
        at("alarms", alarm.id, "acknowledge"),
    )


@page("GET", _ONE, "agents")
async def agent(visit: Visit) -> Response:
    """All of one agent."""
    client, agent_id = visit.client, visit.path["agent_id"]
    present = await client.beta.agents.retrieve(agent_id)
    asked = visit.text("version")
    shown = present
    if asked.isdecimal():
        shown = await client.beta.agents.retrieve(agent_id, version=int(asked[:9]))
    versions = await client.beta.agents.versions.list(agent_id, limit=_VERSIONS)
    told = await client.agent_team(agent_id)
    alarms = await _alarms(visit, agent_id)
    firings = await read_list(visit, _firings_of(agent_id), SessionRuleFiring, RuleFiringListParams(limit=_FIRINGS))
    return visit.show(
        "agent.html",
        agent=_agent_line(present, alarms),
        definition=definition_of(shown),
        shown=shown.version,
        versions=[(one.version, one.updated_at) for one in versions.data],
        more_versions=versions.next_page is not None,
        before=before_of(shown.version, [one.version for one in versions.data]),
        difference=await _difference(visit, shown, [one.version for one in versions.data]),
        bounds=await client.agent_bounds(agent_id),
        changes=await _changes(visit, agent_id),
        alarms=[_alarm_line(one) for one in alarms],
        standing=[*map(_standing, (await client.charter_standing(agent_id=agent_id)).behaviours)],
        firings=_firing_lines(firings.data),
        all_firings=at("agents", agent_id, "rules") if firings.next_page else "",
        rules=await client.rules(agent_id=agent_id),
        told=told,
        graphs=draw_team(present.name, told),
        routing=await client.agent_routing(agent_id) if _has_team(present) else None,
    )


def _has_team(agent: "BetaManagedAgentsAgent") -> bool:
    return bool(definition_of(agent).get("multiagent"))


def definition_of(agent: "BetaManagedAgentsAgent") -> dict[str, Any]:
    """What an agent's version says of it."""
    return {name: value for name, value in agent.to_dict(mode="json").items() if name not in _NOT_DEFINED}


def before_of(version: int, listed: Sequence[int]) -> int | None:
    """The version that one is held against: the listed one before it; candidates of trials are not listed."""
    return max((one for one in listed if one < version), default=version - 1) or None


async def _difference(visit: Visit, shown: "BetaManagedAgentsAgent", listed: Sequence[int]) -> list[DiffLine]:
    """What a version changed."""
    before = before_of(shown.version, listed)
    if before is None:
        return []
    earlier = await visit.client.beta.agents.retrieve(shown.id, version=before)
    return await asyncio.to_thread(difference, definition_of(earlier), definition_of(shown))


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[DiffLine]:
    """The lines in which two definitions differ, with those around them; of very many, the first."""
    earlier, later = (json.dumps(one, indent=1, ensure_ascii=False, sort_keys=True) for one in (before, after))
    lines = difflib.unified_diff(earlier.splitlines(), later.splitlines(), lineterm="", n=2)
    found = [*lines][2 : _MOST_LINES + 2]
    kinds = {"+": "added", "-": "removed", "@": "place"}
    return [DiffLine(kinds.get(line[:1], "same"), line) for line in found]


async def _changes(visit: Visit, agent_id: str) -> list[ChangeLine]:
    found: list[ChangeLine] = []
    async for change in visit.client.self_changes(agent_id):
        in_force = change.adopted_version is not None and change.reverted_version is None
        lessons = tuple((one, at("lessons", one)) for one in change.lesson_ids)
        revert = at("agents", agent_id, "changes", change.id, "revert")
        trial = at("trials", change.trial_id)
        found.append(ChangeLine(change, trial, lessons, in_force or change.state in _OPEN, revert))
        if len(found) == _CHANGES:
            break
    return found


class StandingLine(msgspec.Struct, frozen=True):
    """How a behaviour of a charter stands."""

    standing: CharterStanding
    shows: str
    allowed: str
    rate: str


def _standing(one: CharterStanding) -> StandingLine:
    low, high = one.allowed
    allowed = f"{low:.0%} to {high:.0%}"
    rate = "" if one.rate is None or one.low is None else f"{one.rate:.0%} ({one.low:.0%} to {one.high:.0%})"
    shows = ", ".join(f"{name} {_plain(value)}" for name, value in one.shows.items())
    return StandingLine(one, shows, allowed, rate)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _firings_of(agent_id: str) -> str:
    return "/v1" + at("agents", agent_id, "rule_firings").removeprefix("/console")


def _firing_lines(firings: Sequence[SessionRuleFiring]) -> list[FiringLine]:
    return [FiringLine(one, event_at(one.session_id, one.sequence)) for one in firings]


@page("GET", f"{_ONE}/rules", "agents")
async def firings(visit: Visit) -> Response:
    """Every call for which a rule held, in the sessions of an agent."""
    present = await visit.client.beta.agents.retrieve(visit.path["agent_id"])
    asked = RuleFiringListParams(limit=_LISTED * 2)
    found = await read_list(visit, _firings_of(present.id), SessionRuleFiring, asked)
    return visit.show(
        "agent_rules.html",
        agent=_agent_line(present, ()),
        firings=_firing_lines(found.data),
        older=older(visit, found.next_page),
    )


@page("POST", f"{_ONE}/bounds", "agents")
async def set_bounds(visit: Visit) -> Response:
    """Set within which bounds an agent may change itself."""
    stored = await visit.client.set_agent_bounds(visit.path["agent_id"], _object(visit, "bounds"))
    return visit.go(at("agents", stored.agent_id), said=f"Version {stored.version} of the bounds stands.")


@page("POST", f"{_ONE}/changes", "agents")
async def propose(visit: Visit) -> Response:
    """Ask for a change of an agent within its bounds."""
    agent_id = visit.path["agent_id"]
    change = await visit.client.propose_self_change(agent_id, _object(visit, "patch"), visit.text("reason"))
    return visit.go(at("agents", agent_id), said=f"{change.title}: {change.told or change.state}")


def _object(visit: Visit, field: str) -> dict[str, Any]:
    """A field that holds JSON.

    Raises:
        InputError: it holds no JSON object.
    """
    try:
        given = msgspec.json.decode(visit.text(field))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"{field}: this is no JSON, or is nested too deeply: {error}") from error
    if not isinstance(given, dict):
        raise InputError(f"{field}: give a JSON object, such as {{}}")
    return cast(dict[str, Any], given)


@page("POST", f"{_ONE}/changes/{{change_id}}/revert", "agents")
async def revert(visit: Visit) -> Response:
    """Take a change of an agent back."""
    agent_id = visit.path["agent_id"]
    change = await visit.client.revert_self_change(agent_id, visit.path["change_id"])
    return visit.go(at("agents", agent_id), said=f"Taken back: {change.title}")


@page("POST", f"{_ONE}/resume", "agents")
async def resume(visit: Visit) -> Response:
    """Let an agent go on that charters paused."""
    agent_id = visit.path["agent_id"]
    await visit.client.resume_agent(agent_id, note=visit.text("note"))
    return visit.go(at("agents", agent_id), said="The agent goes on.")


@page("POST", "/console/alarms/{alarm_id}/acknowledge", "agents")
async def acknowledge(visit: Visit) -> Response:
    """Let an alarm stand no more."""
    alarm = await visit.client.acknowledge_alarm(visit.path["alarm_id"], note=visit.text("note"))
    back = at("agents", alarm.agent) if visit.text("back") == "agent" else _ALL
    return visit.go(back, said=f"The alarm on {alarm.behaviour} is acknowledged.")
