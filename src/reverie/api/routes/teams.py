"""Teams: agents that share a store, each of which may have one of its own."""

from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.pages import answer_page
from reverie.api.records import DeletedTeam, ListParams, StoredTeam, TeamDreamParams, TeamParams
from reverie.api.request_context import RequestContext
from reverie.api.routes.dreams import ask
from reverie.api.wire_type import RecordType, SdkType
from reverie.dreams.dream import DreamRequest
from reverie.errors import InputError
from reverie.storage.service import teams as table
from reverie.teams.membership import Member, Team

_ALL = "/v1/teams"
_ONE = f"{_ALL}/{{team_id}}"
_TEAM = RecordType(StoredTeam)


@endpoint("teams.create", "POST", _ALL, body=RecordType(TeamParams), answer=_TEAM, role="admin", extension=True)
async def create(context: RequestContext) -> StoredTeam:
    """Declare a team: its agents, the store that they share, and the private store of each.

    Stores that are named and not there are made.
    """
    body = context.body
    members = [Member(one["agent"], one.get("memory_store_id")) for one in body["members"]]
    team = await table.create_team(context.connection, body["name"], members, body.get("memory_store_id"), context.now)
    context.resource_id = team.id
    return _wire(team)


@endpoint("teams.list", "GET", _ALL, query=RecordType(ListParams), answer=_TEAM, is_list=True, extension=True)
async def list_all(context: RequestContext) -> dict[str, Any]:
    """List teams, newest first."""
    return await answer_page(
        context.query, _wire, lambda before, limit: table.list_teams(context.connection, before=before, limit=limit)
    )


@endpoint("teams.retrieve", "GET", _ONE, answer=_TEAM, extension=True)
async def retrieve(context: RequestContext) -> StoredTeam:
    """Read a team."""
    return _wire(await table.read_team(context.connection, context.path["team_id"]))


@endpoint("teams.delete", "DELETE", _ONE, answer=RecordType(DeletedTeam), role="admin", extension=True)
async def delete(context: RequestContext) -> DeletedTeam:
    """Have a team be one no more.

    Its stores stay, and private ones stay private.
    """
    await table.delete_team(context.connection, context.path["team_id"])
    return DeletedTeam(context.path["team_id"])


@endpoint(
    "teams.dream",
    "POST",
    f"{_ONE}/dreams",
    body=RecordType(TeamDreamParams),
    answer=SdkType("beta.BetaDream"),
    extension=True,
)
async def dream(context: RequestContext) -> dict[str, Any]:
    """Learn from the sessions of a team's agents into the team's store and the agents' own.

    A server runs the dream as soon as there is room; it is watched as any other.
    """
    team, body = await table.read_team(context.connection, context.path["team_id"]), context.body
    where, ids = (body.get("where") or "").strip() or None, body.get("session_ids")
    if where is not None and ids is not None:
        raise InputError("give where or session_ids, not both")
    if ids is not None and (not ids or len(set(ids)) < len(ids)):
        raise InputError("session_ids: give at least one, and each once")
    named = None if ids is None else tuple(sorted(ids))
    return await ask(context, DreamRequest(team.memory_store_id, where, named, instructions=body.get("instructions")))


def _wire(team: Team) -> StoredTeam:
    return StoredTeam(**msgspec.structs.asdict(team))
